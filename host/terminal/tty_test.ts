// deno-lint-ignore-file no-control-regex
import { deepStrictEqual as equal, ok, rejects } from "node:assert/strict";
import { fakeTty as open } from "../testing/fake_tty.ts";
import { loadLexer } from "../render/markdown.ts";
import { width } from "../render/width.ts";

await loadLexer();

Deno.test("a line is typed, edited, submitted, heard, kept and stays in the output", async () => {
  const evo = open();
  await evo.listen();
  equal(evo.screen.rows(), ["evo 3>"]);
  await evo.type("helo\x1b[Dl");
  equal(evo.screen.rows(), ["evo 3> hello"]);
  equal(evo.screen.cursor().before, "evo 3> hell");
  await evo.type("\r");
  equal(evo.heard, [{ type: "line", text: "hello" }]);
  equal(evo.kept, ["hello"]);
  await evo.show({ type: "turn_start", text: "hello" }, { type: "text_delta", text: "Hi!\n" }, {
    type: "turn_end",
    status: "done",
  });
  equal(evo.screen.rows(), ["evo 3> hello", "Hi!", "evo 3>"]);
  await evo.terminal.close();
  equal(evo.raw, [true, false]);
  ok(evo.screen.raw().endsWith("\x1b[?2004l\x1b[?25h"));
  equal(evo.screen.rows(), ["evo 3> hello", "Hi!", ""]);
});

for (const columns of [20, 40, 80]) {
  Deno.test(`at ${columns} columns a person sees all of the answer, the prompt below it, and the caret in place`, async () => {
    const evo = open(columns);
    await evo.listen();
    const text =
      "# 標題 heading\n\nEin längerer Absatz mit 漢字かな交じり文 und 👩‍👩‍👧 emoji, e\u0301 und sehrlangeswortohneleerzeichenundende.\n\n" +
      "- one\n- two\n\n```ts\nconst a = '中文中文中文中文中文中文';\n```\n";
    for (const piece of text.match(/[\s\S]{1,3}/gu) ?? []) evo.terminal.show({ type: "text_delta", text: piece });
    await evo.show({ type: "turn_end", status: "done" });
    await evo.type("中文👍x");
    const seen = evo.screen.rows();
    for (const row of seen) ok(width(row) <= columns, `${row} is wider than ${columns}`);
    const squeeze = (one: string) => one.replace(/\s/g, "");
    equal(squeeze(seen.join("")), squeeze(text) + "evo3>中文👍x");
    equal(evo.screen.cursor().before, "evo 3> 中文👍x");
    equal(evo.screen.cursor().column, 14);
    await evo.type("\x1b[D\x1b[D");
    equal(evo.screen.cursor().column, 11);
    await evo.terminal.close();
  });
}

Deno.test("no screen is ever cleared and the cursor only moves inside the live region", async () => {
  const evo = open(30);
  await evo.listen();
  evo.terminal.busy(true);
  for (let at = 0; at < 50; at++) {
    await evo.type("long text that needs rows ");
    await evo.show({ type: "text_delta", text: `line ${at}\n\n` }, { type: "queue", lines: ["a", "b"] });
  }
  await evo.terminal.close();
  const sequences = evo.screen.raw().match(/\x1b(\[[0-?]*[@-~]|.)/g) ?? [];
  equal([...new Set(sequences)].filter((one) => /[JHfc]$|\x1b[78cM]|S$|T$/.test(one)), ["\x1b[J"]);
  const ups = sequences.filter((one) => one.endsWith("A")).map((one) => Number(one.slice(2, -1)));
  ok(Math.max(...ups) <= 2, "the cursor left the three rows of the live region");
  const rows = evo.screen.rows();
  for (let at = 0; at < 50; at++) equal(rows.filter((row) => row === `line ${at}`).length, 1);
});

Deno.test("the live region is at most three rows and holds the caret, whatever is typed", async () => {
  const evo = open(20);
  await evo.listen();
  await evo.type("\x1b[200~a\nb\nc\nd\x1b[201~");
  equal(evo.screen.rows(), ["evo 3> b", "       c", "       d"]);
  await evo.type("x".repeat(100));
  equal(evo.screen.rows().length, 3);
  await evo.type("\x01\x1b[A\x1b[A\x1b[A");
  equal(evo.screen.cursor(), { row: 0, column: 7, before: "evo 3> " });
  await evo.terminal.close();
});

Deno.test("a narrower window shows the prompt anew and loses no output", async () => {
  const evo = open(80);
  await evo.listen();
  await evo.show({ type: "print", text: "before" });
  await evo.type("some words that are long enough");
  await evo.resize(24);
  equal(evo.screen.rows(), ["before", "evo 3> some words that", "       are long enough"]);
  const drawn = evo.screen.raw().length;
  await evo.resize(24);
  ok(
    evo.screen.raw().length > drawn,
    "a resize that changes no row must still be drawn: the terminal may have moved them",
  );
  await evo.terminal.close();
});

Deno.test("tools, reasoning, retry and usage each take their one line", async () => {
  const evo = open(70);
  await evo.listen();
  evo.terminal.busy(true);
  await evo.show({ type: "reasoning_delta", text: "hm".repeat(700) });
  equal(evo.screen.rows(), ["thinking, 1,400 characters", "evo 3>"]);
  await evo.show({ type: "tool_start", id: "1", name: "shell", summary: "npm test" });
  evo.pass(2500);
  await evo.show();
  equal(evo.screen.rows(), ["thought, 1,400 characters", "shell npm test · 2.0 s", "evo 3>"]);
  await evo.show(
    { type: "tool_end", id: "1", name: "shell", ok: false, summary: "exit 1", bytes: 1234, truncated: false },
    { type: "retry", kind: "server", reason: "503", attempt: 2, delayMs: 5000 },
  );
  evo.pass(1500);
  await evo.show();
  equal(evo.screen.rows().slice(1), [
    "✗ shell npm test · exit 1 · 1,234 bytes",
    "retry in 4 s · server, attempt 2: 503",
    "evo 3>",
  ]);
  evo.terminal.busy(false);
  await evo.show({ type: "usage", usage: { input: 1200, output: 5, cached: 0, cost: null, estimated: true } }, {
    type: "turn_end",
    status: "aborted",
  });
  equal(evo.screen.rows().slice(2), ["stopped", "~1,200 in, ~5 out, cost unknown", "evo 3>"]);
  await evo.terminal.close();
});

Deno.test("escape sequences in any event never reach the terminal", async () => {
  const evil = "a\x1b]52;c;ZXZpbA==\x07\x1b[2Jb\x9b31mc\u202ed\x07";
  const evo = open();
  await evo.listen();
  evo.terminal.busy(true);
  await evo.show(
    { type: "turn_start", text: evil },
    { type: "text_delta", text: evil.slice(0, 5) },
    { type: "text_delta", text: `${evil.slice(5)}\n\n` },
    { type: "tool_start", id: evil, name: evil, summary: evil },
    { type: "tool_update", id: evil, text: evil },
    { type: "tool_end", id: evil, name: evil, ok: true, summary: evil, bytes: 1, truncated: false },
    { type: "stage", stage: evil, detail: evil },
    { type: "step", name: evil, status: "failed", ms: 1, note: evil },
    { type: "diff", text: `+${evil}` },
    { type: "promoted", generation: 1, goal: evil },
    { type: "notice", level: "error", text: evil },
    { type: "print", text: evil },
    { type: "task", number: 1, folder: evil },
    { type: "queue", lines: [evil] },
    { type: "retry", kind: "server", reason: evil, attempt: 1, delayMs: 1000 },
  );
  const question = evo.terminal.ask(evil, { choices: ["yes", "no"], signal: AbortSignal.timeout(30) });
  await rejects(question);
  await evo.terminal.close();
  const left = evo.screen.raw().replace(/\x1b\[(\?(2026|2004|25|7)[hl]|J|\d+[AC])|[\r\n]/g, "");
  equal(left.match(/[\x00-\x1f\x7f-\x9f\u202e]|52;c/g), null);
  ok(evo.screen.rows().includes("evo 3> abcd"));
});

Deno.test("when the terminal is gone, showing does not throw and the end is heard once", async () => {
  const evo = open(80, { stdout: { write: () => Promise.reject(new Error("EPIPE")), isTerminal: () => true } });
  await evo.listen();
  await evo.show({ type: "print", text: "x" }, { type: "print", text: "y" });
  equal(evo.heard, [{ type: "end" }]);
  await evo.terminal.close();
});

Deno.test("closing shows what was held back and leaves the cursor on an empty row", async () => {
  const evo = open();
  await evo.listen();
  await evo.show({ type: "text_delta", text: "half a para" });
  equal(evo.screen.rows(), ["evo 3>"]);
  await evo.terminal.close();
  equal(evo.screen.rows(), ["half a para", ""]);
  evo.terminal.show({ type: "print", text: "last words" });
  await evo.terminal.done();
  equal(evo.screen.rows(), ["half a para", "last words", ""]);
});

Deno.test("a hundred thousand rows at once are all shown", async () => {
  const evo = open();
  await evo.listen();
  await evo.show({ type: "print", text: Array.from({ length: 150_000 }, (_, at) => `${at}`).join("\n") });
  await evo.terminal.close();
  equal(evo.screen.rows().length, 150_001);
});

Deno.test("idle, nothing is drawn and no timer runs", async () => {
  const evo = open();
  await evo.listen();
  evo.terminal.busy(true);
  evo.terminal.busy(false);
  await evo.settle();
  const before = evo.screen.raw().length;
  await new Promise((resolve) => setTimeout(resolve, 1200));
  equal(evo.screen.raw().length, before);
  await evo.terminal.close();
});
