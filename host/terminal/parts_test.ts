import { deepStrictEqual as equal, match } from "node:assert/strict";
import { createAsking } from "./asking.ts";
import { complete } from "../editor/complete.ts";
import { createHistory } from "../editor/history.ts";
import { duration, toolWords, usageLine } from "../render/progress.ts";
import { fakeScreen } from "../testing/fake_screen.ts";
import { splitLines } from "./lines.ts";
import { createPlain } from "./plain.ts";
import { createScreen } from "./screen.ts";
import { createTerminal } from "./terminal.ts";
import { createWriter } from "./writer.ts";

const bytes: { decode(value: Uint8Array): string } = new TextDecoder();

Deno.test("history is kept across runs, with newlines, mode 0600, without secret and huge lines", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/state/history`;
  const history = createHistory(path);
  equal(await history.load(), []);
  for (const line of ["one", "two\nlines", " secret", "x".repeat(20_000), "日本\u2028"]) history.append(line);
  equal(await history.load(), ["one", "two\nlines", "日本\u2028"]);
  equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
  await Deno.writeTextFile(path, '"torn', { append: true });
  createHistory(path).append("three");
  await createHistory(path).load();
  await new Promise((resolve) => setTimeout(resolve, 50));
  equal(await createHistory(path).load(), ["one", "two\nlines", "日本\u2028", "three"]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a long history is shortened to its newest thousand; one that cannot be written is no error", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/history`;
  await Deno.writeTextFile(path, Array.from({ length: 2500 }, (_, at) => `"${at}"\n`).join(""));
  equal((await createHistory(path).load()).length, 1000);
  equal((await Deno.readTextFile(path)).split("\n").length, 1001);
  equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
  const broken = createHistory(`${path}/below/a/file`);
  broken.append("x");
  equal(await broken.load(), []);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("writes stay in order, and a slow reader costs no more memory than the limit and is told what is missing", async () => {
  const got: string[] = [];
  let open = () => {};
  const gate = new Promise<void>((resolve) => open = resolve);
  const out = {
    write: async (chunk: Uint8Array) => (await gate, got.push(bytes.decode(chunk)), chunk.length),
    isTerminal: () => false,
  };
  const writer = createWriter(out, { limit: 10, lost: (count) => `[${count} lost]`, gone: () => {} });
  equal(writer.write("12345"), true);
  equal(writer.write("67890"), true);
  equal(writer.write("dropped"), false);
  open();
  await writer.done();
  equal(writer.write("after"), true);
  await writer.done();
  equal(got.join(""), "1234567890[7 lost]after");
});

Deno.test("a write that takes only a part is continued, also in the middle of a character", async () => {
  const got: number[] = [];
  const out = {
    write: (chunk: Uint8Array) => (got.push(...chunk.subarray(0, 1)), Promise.resolve(1)),
    isTerminal: () => false,
  };
  const writer = createWriter(out, { lost: () => "", gone: () => {} });
  writer.write("é中👍");
  await writer.done();
  equal(bytes.decode(Uint8Array.from(got)), "é中👍");
});

Deno.test("without the quiet time, type-ahead would answer: the guard is what stops it", async () => {
  for (const quiet of [true, false]) {
    const asking = createAsking({
      now: () => 1000,
      print: () => {},
      painted: () => Promise.resolve(),
      refresh: () => {},
      quiet,
    });
    const stop = new AbortController();
    const answer = asking.ask("Sure?", { choices: ["yes", "no"], signal: stop.signal }).catch(() => "none");
    await new Promise((resolve) => setTimeout(resolve, 1));
    asking.press({ name: "text", text: "y" });
    await new Promise((resolve) => setTimeout(resolve, 1));
    stop.abort();
    equal(await answer, quiet ? "none" : { ok: true, value: "yes" });
  }
});

Deno.test("someone who goes on typing answers nothing, even after the half second", async () => {
  let time = 0;
  const asking = createAsking({
    now: () => time,
    print: () => {},
    painted: () => Promise.resolve(),
    refresh: () => {},
  });
  const stop = new AbortController();
  const answer = asking.ask("Sure?", { choices: ["yes", "no"], signal: stop.signal }).catch(() => "none");
  await new Promise((resolve) => setTimeout(resolve, 1));
  for (const letter of "yes please say yes") (time += 100, equal(asking.press({ name: "text", text: letter }), false));
  stop.abort();
  equal(await answer, "none");
});

Deno.test("choices with the same first letter are told apart by number", async () => {
  let time = 0;
  const asking = createAsking({
    now: () => time,
    print: () => {},
    painted: () => Promise.resolve(),
    refresh: () => {},
  });
  const answer = asking.ask("Which?", { choices: ["this", "that", "none"], signal: new AbortController().signal });
  await new Promise((resolve) => setTimeout(resolve, 1));
  time = 600;
  equal(asking.view(), { row: "1 = this, 2 = that, n = none" });
  asking.press({ name: "text", text: "2" });
  equal(await answer, { ok: true, value: "that" });
});

const splits: [text: string, lines: string[], rest: string][] = [
  ["", [], ""],
  ["half", [], "half"],
  ["a\nb\nc", ["a", "b"], "c"],
  ["a\r\nb\r", ["a"], "b\r"],
  ["a \\\nb\n", ["a \nb"], ""],
  ["a\\\r\nb\n", ["a\nb"], ""],
  ["a\\\\\nb\n", ["a\\\\", "b"], ""],
  ["\\\n\\\n\n", ["\n\n"], ""],
  ["a\\\n", [], "a\\\n"],
];
Deno.test("lines are the same at every cut of the input", () => {
  const text = "one\r\ntwo \\\nmore\\\r\nend\n\nlast\\\\\nx";
  const whole = splitLines(text);
  for (let cut = 0; cut <= text.length; cut++) {
    const first = splitLines(text.slice(0, cut));
    const second = splitLines(first.rest + text.slice(cut));
    equal({ lines: [...first.lines, ...second.lines], rest: second.rest }, whole, `cut at ${cut}`);
  }
});
for (const [text, lines, rest] of splits) {
  Deno.test(`${JSON.stringify(text)} is ${lines.length} lines and a rest`, () =>
    equal(splitLines(text), { lines, rest }));
}

Deno.test("a slow terminal is told how many lines it missed, and the live region is drawn right afterwards", async () => {
  const fake = fakeScreen(80);
  let open = () => {};
  const gate = new Promise<void>((resolve) => open = resolve);
  const out = { ...fake, write: async (chunk: Uint8Array) => (await gate, fake.write(chunk)) };
  const writer = createWriter(out, { limit: 500, lost: () => "", gone: () => {} });
  const screen = createScreen(writer);
  const live = (text: string) => ({ rows: ["status", text], row: 1, column: text.length });
  screen.paint(["first"], live("> a"));
  for (let at = 0; at < 100; at++) screen.paint([`row ${at} ${"x".repeat(60)}`], live(`> ${at}`));
  open();
  await writer.done();
  screen.paint(["last"], live("> b"));
  await writer.done();
  const rows = fake.rows();
  const told = rows.findIndex((row) => /^\[\d+ lines were not shown/.test(row));
  equal(Number(/\d+/.exec(rows[told] ?? "")?.[0]) + told - 1, 100);
  equal(rows.slice(told + 1), ["last", "status", "> b"]);
});

Deno.test("a question that was drawn anew has to be read anew", async () => {
  let time = 0;
  const asking = createAsking({
    now: () => time,
    print: () => {},
    painted: () => Promise.resolve(),
    refresh: () => {},
  });
  const answer = asking.ask("Sure?", { choices: ["yes", "no"], signal: new AbortController().signal });
  await new Promise((resolve) => setTimeout(resolve, 1));
  time = 5000;
  asking.unread();
  equal(asking.press({ name: "text", text: "y" }), false);
  time = 5600;
  equal(asking.press({ name: "text", text: "n" }), true);
  equal(await answer, { ok: true, value: "no" });
});

Deno.test("keys that come right behind an answer belong to its word or to the editor, never to the next question", async () => {
  const asking = createAsking({
    now: () => 1000,
    print: () => {},
    painted: () => Promise.resolve(),
    refresh: () => {},
    quiet: false,
  });
  const signal = new AbortController().signal;
  const first = asking.ask("One?", { choices: ["yes", "no"], signal });
  asking.ask("Two?", { choices: ["yes", "no"], signal });
  await new Promise((resolve) => setTimeout(resolve, 1));
  equal(["y", "e", "s"].map((text) => asking.press({ name: "text", text })), [true, true, true]);
  equal(asking.press({ name: "enter", text: "" }), true);
  equal(asking.press({ name: "text", text: "y" }), false);
  equal(await first, { ok: true, value: "yes" });
});

Deno.test("completion adds what is shared, a blank after the only choice, and nothing for nothing", async () => {
  const sources = {
    commands: () => ["help", "history", "exit"].map((name) => ({ name, summary: "" })),
    sessions: () => Promise.resolve(["20261121-120000-abcd", "20261121-130000-efgh"]),
    files: (prefix: string) =>
      Promise.resolve(["src/", "src/a.ts", "日本.txt", "日記.txt"].filter((one) => one.startsWith(prefix))),
  };
  equal(await complete("/ex", sources), { text: "/exit ", choices: [] });
  equal(await complete("/h", sources), { text: "/h", choices: ["/help", "/history"] });
  equal(await complete("see @src/a", sources), { text: "see @src/a.ts ", choices: [] });
  equal(await complete("!cat 日", sources), { text: "!cat 日", choices: ["日本.txt", "日記.txt"] });
  equal(await complete("/resume 20261121-13", sources), { text: "/resume 20261121-130000-efgh ", choices: [] });
  equal((await complete("/resume ", sources)).text, "/resume 20261121-1");
  equal(await complete("zzz", sources), { text: "zzz", choices: [] });
});

Deno.test("a path with blanks is completed in quotes, so that @file and a shell read it as one", async () => {
  const all = ["my dir/", "my dir/a b.txt", "my dir/c.txt", "src/a.ts"];
  const files = (prefix: string) =>
    Promise.resolve(all.filter((one) => one.startsWith(prefix) && !/\/./.test(one.slice(prefix.length))));
  const at = async (before: string) =>
    (await complete(before, { commands: () => [], sessions: () => Promise.resolve([]), files })).text;
  equal(await at("see @my"), 'see @"my dir/');
  equal(await at('see @"my dir/a'), 'see @"my dir/a b.txt" ');
  equal(await at('!cat "my dir/c'), '!cat "my dir/c.txt" ');
  equal(await at("!cat my"), '!cat "my dir/');
  equal(await at('he said "look @src/'), 'he said "look @src/a.ts ');
});

Deno.test("without a terminal a diff that was asked for is on stdout, one that is progress on stderr", () => {
  const written: string[] = [];
  const to = (name: string) => ({ write: (text: string) => written.push(`${name} ${text}`) > 0, done: async () => {} });
  const [stdout, stderr] = [to("out"), to("err")];
  const show = createPlain({ stdout, stderr, paint: (_, text) => text, label: undefined, last: false });
  show({ type: "diff", text: "+asked", asked: true });
  show({ type: "diff", text: "+shown" });
  equal(written, ["out +asked\n", "err +shown\n"]);
});

Deno.test("of one answer only the last words are the answer: what was said before a tool is progress, what was cut is kept", () => {
  for (const last of [true, false]) {
    const written: string[] = [];
    const to = (name: string) => ({
      write: (text: string) => written.push(`${name} ${text}`) > 0,
      done: async () => {},
    });
    const show = createPlain({
      stdout: to("out"),
      stderr: to("err"),
      paint: (_, text) => text,
      label: undefined,
      last,
    });
    show({ type: "text_delta", text: "I look." });
    show({ type: "tool_start", id: "1", name: "shell", summary: "$ ls" });
    show({ type: "text_delta", text: "\n" });
    show({ type: "tool_start", id: "2", name: "shell", summary: "$ ls" });
    show({ type: "text_delta", text: "{}" });
    show({ type: "retry", kind: "server", reason: "gone", attempt: 1, delayMs: 0 });
    show({ type: "turn_end", status: "failed" });
    const out = written.filter((text) => text.startsWith("out ")).map((text) => text.slice(4)).join("");
    equal(out, last ? "{}\n" : "I look.\n\n{}\n");
    equal(written.includes("err I look.\n"), last);
  }
});

Deno.test("over a pipe each line that waits is said once, however long the queue", () => {
  const written: string[] = [];
  const err = { write: (text: string) => written.push(text) > 0, done: async () => {} };
  const show = createPlain({ stdout: err, stderr: err, paint: (_, text) => text, label: undefined, last: false });
  for (const lines of [["one"], ["one", "two"], ["two"], [], ["three"]]) show({ type: "queue", lines });
  equal(written, ["queued: one\n", "queued: two\n", "queued: three\n"]);
});

const spoken: [name: string, summary: string, words: string][] = [
  ["read_file", "read a.txt", "read_file a.txt"],
  ["search", 'search "x" src', 'search "x" src'],
  ["read_log", "read log s1 0..9", "read_log s1 0..9"],
  ["shell", "$ ls", "shell $ ls"],
  ["read_file", "readme.md", "read_file readme.md"],
  ["read_file", 'Cannot read "a"', 'read_file Cannot read "a"'],
];
for (const [name, summary, words] of spoken) {
  Deno.test(`a tool's row says nothing twice: ${words}`, () => equal(toolWords(name, summary), words));
}

Deno.test("durations and usage read well", () => {
  equal([0, 999, 1500, 9_960, 61_000].map(duration), ["0 ms", "999 ms", "1.5 s", "10 s", "1 min 1 s"]);
  match(
    usageLine({ input: 1, output: 2, cached: 1, cost: 0.5, estimated: false }),
    /^1 in \(1 cached\), 2 out, \$0\.50$/,
  );
});

const endings: [string, Error, string][] = [
  [
    "an answer that cannot be written is said, and",
    new Error("No space left"),
    "Cannot write all of the answer: No space left\n",
  ],
  ["a reader that has enough", new Deno.errors.BrokenPipe(), ""],
];
for (const [name, why, says] of endings) {
  Deno.test(`${name} ends the turn, and the exit code tells`, async () => {
    const heard: string[] = [], said: string[] = [];
    const terminal = createTerminal({
      ...{ mode: "print", json: false, env: {}, columns: () => 80, promptLabel: () => "evo 0", commands: () => [] },
      stdin: { readable: new ReadableStream(), isTerminal: () => false, setRaw() {} },
      stdout: { write: () => Promise.reject(why), isTerminal: () => false },
      stderr: {
        write: (text) => Promise.resolve((said.push(bytes.decode(text)), text.length)),
        isTerminal: () => false,
      },
      history: createHistory("/nowhere"),
      files: () => Promise.resolve([]),
      sessions: () => Promise.resolve([]),
    });
    terminal.listen(({ type }) => heard.push(type));
    terminal.show({ type: "text_delta", text: "an answer" });
    await terminal.close();
    equal([Deno.exitCode, heard, said.join("")], [1, ["interrupt"], says]);
    Deno.exitCode = 0;
  });
}
