import { deepStrictEqual as equal, match, ok, rejects } from "node:assert/strict";
import type { ToolResult } from "../../actors/types.ts";
import { declare, fakeClock, SELF, until, using, write } from "./fixture_test.ts";
import { createToolWorker } from "./worker.ts";
import { LIMITS } from "./wire.ts";

const still = new AbortController().signal;
const quiet = { signal: still, update: () => {} };

Deno.test("a plugin is called with what its schema makes of the arguments, in any script, up to a megabyte", async () => {
  const source = write(`return typeof act === "string" ? act.length + act.slice(-15) : JSON.stringify(act)`, {
    input: `z.union([z.string(), z.object({ n: z.number().default(7) })])`,
  });
  await using(source, async ({ say, worker }) => {
    equal(await say({}), { ok: true, text: `{"n":7}` });
    equal(await say("日本\u0000\n👩‍👩‍👧 e\u0301"), { ok: true, text: `15日本\u0000\n👩‍👩‍👧 e\u0301` });
    equal(await say("x".repeat(1_000_000)), { ok: true, text: `1000000${"x".repeat(15)}` });
    const large = await say("x".repeat(LIMITS.frame));
    match(large.text, /over 1 MB/);
    const bad = await say(3);
    ok(!bad.ok);
    match(bad.text, /The arguments do not fit "probe"/);
    equal([worker.calls, worker.failures, worker.state()], [5, 2, "running"]);
  });
});

Deno.test("what a call throws, returns wrongly or says too much becomes a result", async () => {
  const source = write(`
    if (act === "throw") throw new Error("no\\nluck");
    if (act === "stack") { const f = (): number => f() + 1; f(); }
    if (act === "number") return 5;
    if (act === "result") return { ok: false, text: "by itself" };
    if (act === "long") return "é".repeat(300_000);
    if (act === "escapes") return "\\u0001".repeat(300_000);
    return "fine"`);
  await using(source, async ({ say }) => {
    match((await say("throw")).text, /^"probe" failed: no\nluck \(line 6\)$/);
    match((await say("stack")).text, /call stack/);
    match((await say("number")).text, /neither a text nor/);
    equal(await say("result"), { ok: false, text: "by itself" });
    const long = (await say("long")).text, escapes = (await say("escapes")).text;
    match(long, /^é+\n\[cut: 168928 more characters of the result are not shown\]/);
    ok(escapes.startsWith("\u0001") && escapes.includes("\n[cut: "));
    equal(await say("fine"), { ok: true, text: "fine" });
  });
});

Deno.test("updates and what the plugin prints are shown while it runs, and bounded", async () => {
  const source = write(`console.log("printed"); for (let i = 0; i < 100_000; i++) context.update("step " + i);
    context.update("x".repeat(10_000)); return "done"`);
  await using(source, async ({ worker }) => {
    const shown: string[] = [];
    const result = await worker.call({ act: 1 }, { signal: still, update: (text) => void shown.push(text) });
    equal(result.text, "done");
    ok(shown.includes("printed\n") && shown.length < 100, `${shown.length} updates`);
    ok(shown.every((text) => text.length <= LIMITS.update));
  });
});

const CRASHES: [name: string, run: string, why: RegExp][] = [
  ["prints without end", `for (;;) console.log("x".repeat(10_000))`, /wrote more than 1 MB/],
  ["posts without end", `for (;;) postMessage({ type: "update", id: 1, text: "x" })`, /more than 2,000 messages/],
  ["posts what is no frame", `postMessage({ type: "update", id: "x" })`, /no frame/],
  ["fills its heap", `const all: unknown[] = []; for (;;) all.push({ at: all.length })`, /memory/],
  ["fills buffers", `const all: unknown[] = []; for (;;) all.push(new Uint8Array(1e7).fill(1))`, /memory/],
  ["calls Deno.exit", `Deno.exit(0)`, /called Deno\.exit/],
  ["calls process.exit", `(globalThis as any).process.exit(0)`, /called process\.exit/],
  ["closes its worker", `close()`, /called close/],
  ["throws outside of its call", `setTimeout(() => { throw new Error("later") }, 1)`, /later/],
  ["rejects outside of its call", `void Promise.reject(new Error("lost"))`, /lost/],
];

Deno.test("a plugin that crashes is ended with one sentence, harms no other, and comes back", async () => {
  const source = write(`if (act === "well") return "well";
    ${CRASHES.map(([name, run]) => `if (act === "${name}") { ${run} }`).join("\n")}
    await new Promise(() => {});`);
  const rows = CRASHES.values();
  const work = async () => {
    const clock = fakeClock();
    await using(source, async ({ say, worker, notices }) => {
      for (const [name, , why] of rows) {
        const result = await say(name);
        ok(!result.ok, name);
        match(result.text, why, name);
        equal(result.text.split("\n").length, 1, name);
        match(notices.pop() ?? "", /^Plugin "probe" crashed, because .*; it starts again in 100 ms$/);
        equal(notices, []);
        clock.pass(100);
        ok(await until(() => worker.state() === "running"), name);
        equal(await say("well"), { ok: true, text: "well" }, name);
        clock.pass(LIMITS.healthMs);
      }
    }, { clock });
  };
  await Promise.all([work(), work()]);
});

Deno.test("an endless loop is killed at its deadline with all it started, while others go on", async () => {
  const source = write(
    `if (act === "well") return "well";
     const child = new Deno.Command("sleep", { args: ["1000"] }).spawn(); context.update("pid " + child.pid); for (;;);`,
    { more: "deadlineMs: 1200, readOnly: true," },
  );
  await using(source, async ({ worker }) => {
    let pid = 0, ticks = 0;
    const timer = setInterval(() => ticks++, 20);
    const update = (text: string) => void (pid ||= Number(/^pid (\d+)/.exec(text)?.[1] ?? 0));
    const result = await worker.call({ act: "loop" }, { signal: still, update });
    clearInterval(timer);
    equal(result, { ok: false, text: `"probe" was stopped: it was not done after 1.2 s` });
    ok(ticks > 10, `only ${ticks} ticks`);
    ok(pid > 0);
    ok(await until(() => !alive(pid)));
    equal(worker.state(), "running");
    equal(await worker.call({ act: "well" }, quiet), { ok: true, text: "well" });
  }, { granted: { run: ["sleep"] } });
});

Deno.test("a program that left its group does not hold up the answer, and holds no pipe to Evo", {
  sanitizeResources: false, // What it holds of ours is read until it ends.
  sanitizeOps: false,
}, async () => {
  const source = write(
    `const { stdout } = await new Deno.Command("setsid", { args: ["sh", "-c", "sleep 20 & echo $!; ls -l /proc/self/fd"], stderr: "inherit" }).output();
     context.update(new TextDecoder().decode(stdout)); for (;;);`.replace("sleep 20 &", "sleep 20 >&2 &"),
    { more: "deadlineMs: 1500," },
  );
  await using(source, async ({ worker }) => {
    let said = "";
    const result = await worker.call({ act: 1 }, { signal: still, update: (text) => void (said += text) });
    match(result.text, /was not done after 1.5 s/);
    const pid = Number(/^\d+/.exec(said)?.[0]);
    ok(alive(pid), said);
    Deno.kill(pid, "SIGKILL");
    ok(await until(() => !alive(pid)));
    await new Promise((done) => setTimeout(done, 100));
    ok(!/^lr.* pipe:/m.test(said), said); // What Evo says is for Evo's half of the process only.
  }, { granted: { run: ["setsid"], read: ["."] }, landlock: false });
});

Deno.test("a plugin that was unloaded answers, and a directory that is gone is said", async () => {
  const cwd = await Deno.makeTempDir();
  const place = { self: SELF, file: "/x/a.ts", source: write(`return "fine"`), cwd }, known = await declare(place);
  ok(known.ok);
  const on = { ...place, granted: {}, declared: known.value };
  const made = await createToolWorker({ ...on, call: () => Promise.reject(new Error()) });
  ok(made.ok);
  const [first] = await Promise.all([made.value.call({ act: 1 }, quiet), made.value.end()]);
  match(first.text, /unloaded|crashed/);
  match((await made.value.call({ act: 1 }, quiet)).text, /^Plugin "probe" is stopped: it was unloaded/);
  const again = await createToolWorker({ ...on, call: () => Promise.reject(new Error()) });
  ok(again.ok);
  await Deno.remove(cwd);
  match((await again.value.call({ act: 1 }, quiet)).text, /the directory is gone/);
  const declared = await declare(place);
  ok(!declared.ok && /the directory is gone/.test(declared.error));
  await again.value.end();
});

Deno.test("an interrupted call is told so, and killed if it does not listen; either way it rejects", async () => {
  const source = write(
    `context.update("here");
    if (act === "listens") return await new Promise((done) => context.signal.onabort = () => done("heard"));
    for (;;);`,
    { top: "let count = 0;" },
  ).replace('context.update("here")', 'context.update("here " + ++count)');
  await using(source, async ({ worker, notices }) => {
    const seen: string[] = [];
    for (const act of ["listens", "listens", "not", "listens"]) {
      const stop = new AbortController();
      const update = (text: string) => (seen.push(text), stop.abort(new Error("enough")));
      await rejects(worker.call({ act }, { signal: stop.signal, update }), /enough/);
    }
    equal(seen, ["here 1", "here 2", "here 3", "here 1"]); // The process lived through the first two, not through the third.
    equal(notices, []);
  });
});

Deno.test("calls run side by side if the plugin only reads, one after the other if not", async () => {
  const source = (more: string) =>
    write(`most = Math.max(most, ++now); await new Promise((done) => setTimeout(done, 30)); now--; return "" + most`, {
      top: "let now = 0, most = 0;",
      more,
    });
  for (const [more, most] of [["readOnly: true,", "6"], ["", "1"]] as const) {
    await using(source(more), async ({ say }) => {
      equal((await Promise.all([1, 2, 3, 4, 5, 6].map(say))).at(-1)?.text, most);
    });
  }
});

Deno.test("a plugin calls another through the host, and a circle ends eight deep", async () => {
  const source = write(
    `const { ok, text } = await context.call("probe", { act: act + 1 }); return { ok, text: act + " " + text }`,
  );
  const chains: string[][] = [];
  let call: (input: unknown, chain: string[]) => Promise<ToolResult> = () => Promise.reject(new Error("not yet"));
  await using(source, async ({ worker }) => {
    call = (input, chain) => worker.call(input, { ...quiet, chain });
    const { ok: good, text } = await worker.call({ act: 1 }, quiet);
    ok(!good);
    match(text, /^1 2 3 4 5 6 7 8 Cannot call "probe": plugins already wait for each other 8 deep \(probe > /);
    equal(chains.map(({ length }) => length), [1, 2, 3, 4, 5, 6, 7]);
  }, {
    call: (tool, input, { chain }) => {
      equal(tool, "probe");
      chains.push(chain);
      return call(input, chain);
    },
  });
});

Deno.test("after each crash it waits twice as long, says why, and after the sixth in a row it is stopped", async () => {
  const clock = fakeClock();
  await using(write(`Deno.exit(1)`), async ({ say, worker, notices }) => {
    for (const ms of [100, 200, 400, 800, 1600]) {
      match((await say(1)).text, /crashed: it called Deno\.exit/);
      equal(worker.state(), "restarting");
      match((await say(1)).text, new RegExp(`starts again in ${ms} ms, because it called Deno.exit`));
      clock.pass(ms - 1);
      equal(worker.state(), "restarting");
      clock.pass(1);
      ok(await until(() => worker.state() === "running"));
    }
    match((await say(1)).text, /crashed/);
    equal(worker.state(), "stopped");
    match((await say(1)).text, /^Plugin "probe" is stopped: it crashed 6 times in a row/);
    equal(notices.length, 6);
  }, { clock });
});

Deno.test("a minute of health forgives earlier crashes, and an idle process ends and comes back", async () => {
  const clock = fakeClock();
  const source = write(`if (act) Deno.exit(1); return "" + ++count`, { top: "let count = 0;" });
  await using(source, async ({ say, notices }) => {
    for (const ms of [100, 200]) {
      await say(true);
      clock.pass(ms);
    }
    equal([(await say(false)).text, (await say(false)).text], ["1", "2"]);
    clock.pass(LIMITS.healthMs);
    await say(true);
    match(notices.at(-1) ?? "", /starts again in 100 ms/);
    clock.pass(100);
    equal([(await say(false)).text, (await say(false)).text], ["1", "2"]);
    clock.pass(LIMITS.idleMs);
    equal((await say(false)).text, "1");
    equal(notices.length, 3);
  }, { clock });
});

Deno.test("a plugin that fails when it is loaded again is a crash, too", async () => {
  const change = <T extends { code: string }>(declared: T) => ({ ...declared, code: `throw new Error("at the top");` });
  await using(write(""), async ({ say, worker }) => {
    match((await say(1)).text, /did not start: .*at the top/);
    equal(worker.state(), "restarting");
  }, { change, clock: fakeClock() });
});

Deno.test("when Evo is killed, neither the plugin nor what it started is left", async () => {
  for (const granted of ["{}", `{ run: ["sleep"] }`]) {
    const cwd = await Deno.makeTempDir();
    const source = write(`
      const pids = act ? [new Deno.Command("sleep", { args: ["1000"] }).spawn().pid] : [];
      context.update("up " + pids); for (;;);`);
    const script = `
      import { createToolWorker } from ${JSON.stringify(new URL("./worker.ts", import.meta.url).href)};
      import { declare } from ${JSON.stringify(new URL("./fixture_test.ts", import.meta.url).href)};
      const place = { self: ${JSON.stringify(SELF)}, file: "/x/probe.ts", cwd: ${JSON.stringify(cwd)} };
      const { value: declared } = await declare({ ...place, source: ${JSON.stringify(source)} });
      const made = await createToolWorker({ ...place, declared, granted: ${granted}, call: () => Promise.reject() });
      await made.value.call({ act: ${
      granted.length > 2
    } }, { signal: new AbortController().signal, update: console.log });`;
    const evo = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--no-check",
        "--ext=ts",
        "--config",
        new URL("../../deno.json", import.meta.url).pathname,
        "-",
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const writer = evo.stdin.getWriter();
    await writer.write(new TextEncoder().encode(script));
    await writer.close();
    let out = "";
    for await (const text of evo.stdout.pipeThrough(new TextDecoderStream()).values({ preventCancel: true })) {
      if (/up.*\n/.test(out += text)) break;
    }
    const before = await inFolder(cwd);
    ok(before.length >= 1, "nothing was running");
    evo.kill("SIGKILL");
    await evo.status;
    await evo.stdout.cancel().catch(() => {});
    ok(await until(async () => (await inFolder(cwd)).length === 0), "something was left");
    await Deno.remove(cwd);
  }
});

const REFUSED: [name: string, file: string, source: string, why: RegExp][] = [
  ["an empty file", "a.ts", "", /it is empty/],
  ["a syntax error", "a.ts", "export default ({ z }) => {", /line 1|Expected|Unexpected/],
  ["an import of a value", "a.ts", `\nimport { z } from "zod";`, /line 2 imports a value; only type imports/],
  ["an import that is called", "a.js", "export default async () => await import ('node:fs')", /only type imports/],
  ["an enum", "a.ts", "enum A { b } export default () => A", /enum/i],
  ["a throw at the top", "a.ts", `\n\nthrow new Error("early")`, /early \(line 3\)/],
  ["a top that leaves", "a.ts", `Deno.exit(0)`, /Deno\.exit was called|called Deno\.exit/],
  ["a top that never ends", "a.ts", `await new Promise(() => {})`, /not ready|Promise|never/],
  ["a wrong name", "a.ts", write("").replace('"probe"', '"Probe-1"'), /name: must be lower snake case/],
  ["no description", "a.ts", write("").replace('"A plugin under test"', '" "'), /description: must say/],
  [
    "an input that is no object",
    "a.ts",
    write("").replace("z.object({ act: z.any() })", "z.string()"),
    /parameters.*z\.object/,
  ],
  ["an input of its own kind", "a.ts", write("").replace("z.object({ act: z.any() })", "{}"), /not a schema made with/],
  ["an input without JSON Schema", "a.ts", write("", { input: "z.bigint()" }), /BigInt/i],
  [
    "a permission that does not exist",
    "a.ts",
    write("", { more: "permissions: { ffi: ['x'] }," }),
    /permissions: .*ffi/,
  ],
  ["a host that is none", "a.ts", write("", { more: "permissions: { net: ['http://a/b'] }," }), /not a host/],
  ["a deadline without end", "a.ts", write("", { more: "deadlineMs: 600001," }), /deadlineMs: /],
  ["a megabyte of source", "a.ts", `// ${"x".repeat(1_200_000)}`, /over 1 MB/],
  ["permission to read at the top", "a.ts", `Deno.readTextFileSync("/etc/hostname")`, /Requires read access/],
];

Deno.test("what is no plugin is refused in one sentence that names the file and the reason", async () => {
  const limit = LIMITS.startMs;
  LIMITS.startMs = 8_000;
  const cwd = await Deno.makeTempDir();
  const rows = REFUSED.values();
  const work = async () => {
    for (const [name, file, source, why] of rows) {
      const declared = await declare({ self: SELF, file: `/x/${file}`, source, cwd });
      ok(!declared.ok, name);
      match(declared.error, why, name);
      match(declared.error, /^Cannot load "\/x\/a\.[tj]s": [^\n]+[^.\n]$/, name);
    }
  };
  await Promise.all([work(), work(), work()]);
  LIMITS.startMs = limit;
  await Deno.remove(cwd);
});

Deno.test("an executable that is gone is said, and nothing hangs", async () => {
  const cwd = await Deno.makeTempDir();
  const on = { self: ["/nowhere/evo"], file: "/x/a.ts", source: write(""), cwd };
  const declared = await declare(on);
  ok(!declared.ok);
  match(declared.error, /^Cannot load "\/x\/a\.ts": its process cannot start/);
  await Deno.remove(cwd);
});

function alive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch {
    return false;
  }
}

async function inFolder(cwd: string): Promise<number[]> {
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", `for p in /proc/[0-9]*; do [ "$(readlink $p/cwd)" = "${cwd}" ] && echo \${p#/proc/}; done; true`],
  }).output();
  return new TextDecoder().decode(stdout).split("\n").filter(Boolean).map(Number);
}
