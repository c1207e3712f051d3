import { deepStrictEqual as equal, match, ok, rejects } from "node:assert/strict";
import * as z from "zod";
import { startAsked } from "./ask.ts";
import { startChild } from "./process.ts";

/** A child that says hello, then does what it is told; `wire`, `write` and `told` are there for that. */
const CHILD = `
import { createWire } from ${JSON.stringify(new URL("./frames.ts", import.meta.url).href)};
const wire = createWire(1_000_000);
const write = (text) => Deno.stdout.writeSync(typeof text === "string" ? new TextEncoder().encode(text) : text);
const answer = (value) => write(wire.encode(value));
for await (const piece of Deno.stdin.readable) {
  for (const told of wire.read(piece)) await (0, eval)("(async (answer, write) => {" + told.run + "})")(answer, write);
}`;
const start = () => ({
  command: [Deno.execPath(), "eval", "--no-lock", CHILD],
  env: {
    PATH: Deno.env.get("PATH") ?? "",
    HOME: Deno.env.get("HOME") ?? "",
    DENO_DIR: Deno.env.get("DENO_DIR") ?? "",
    NO_COLOR: "1",
  },
  most: 1 << 20,
});
const signal = new AbortController().signal, answer = z.number();

Deno.test("a process is heard by its frames, not by what it prints, and says how it ended", async () => {
  const rows: [run: string, heard: unknown[], printed: RegExp, ended: RegExp][] = [
    ["answer(1); answer({ two: '\\n' }); Deno.exit(3)", [1, { two: "\n" }], /^$/, /^its process ended with code 3$/],
    ["write('noise'); write('{}\\n'); answer(1); Deno.exit()", [1], /^$/, /ended with code 0/],
    ["console.error('said'); Deno.exit(1)", [], /^said\n$/, /ended with code 1: said$/],
    ["throw new Error('odd')", [], /odd/, /^its process ended with code 1: error: .*Error: odd/],
    ["write('x'.repeat(2e6)); for (;;);", [], /^$/, /^it sent more than 1 MB at once$/],
    ["for (;;) console.error('x'.repeat(1e5))", [], /x/, /^it wrote more than 1 MB of output$/],
    ["new Deno.Command('sh', { args: ['-c', 'kill -ALRM $PPID'] }).outputSync()", [], /^$/, /^it was not ready$/],
  ];
  for (const [run, said, printed, why] of rows) {
    const heard: unknown[] = [];
    let text = "";
    const child = startChild(start(), { hear: (it) => void heard.push(it), print: (it) => void (text += it) });
    ok(child.send({ run }) && child.alive());
    match(await child.ended, why, run);
    equal(heard, said, run);
    match(text, printed, run);
    ok(!child.alive());
    child.kill("it is gone already");
    match(await child.ended, why, run);
  }
});

Deno.test("a process is killed with all that it started", async () => {
  const heard = Promise.withResolvers<unknown>();
  const child = startChild(start(), { hear: heard.resolve, print: () => {} });
  child.send({ run: "answer(new Deno.Command('sleep', { args: ['1000'] }).spawn().pid); for (;;);" });
  const pid = Number(await heard.promise);
  const there = async () => !/\) [ZX]|^$/.test(await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => ""));
  ok(await there());
  child.kill("it is enough");
  equal(await child.ended, "it is enough");
  for (let tries = 0; tries < 200 && await there(); tries++) await new Promise((done) => setTimeout(done, 25));
  ok(!await there());
});

Deno.test("a question has one answer, a deadline and an abort, and a child that is gone is a crash", async () => {
  const rows: [run: string, kind: string, detail: RegExp][] = [
    ["for (;;);", "timeout", /^$/],
    ["Deno.exit(5)", "crash", /ended with code 5/],
    ["answer('no number')", "crash", /its answer was malformed/],
    ["x".repeat(2e6), "crash", /the question is too large/],
  ];
  for (const [run, kind, detail] of rows) {
    const asked = startAsked(start());
    equal(await asked.ask({ run: "answer(1)", withinMs: 60_000 }, { answer, signal }), { kind: "answer", answer: 1 });
    const told = await asked.ask({ run, withinMs: 1_000 }, { answer, signal });
    equal(told.kind, kind, run.slice(0, 50));
    match(told.kind === "crash" ? told.detail : "", detail, run.slice(0, 50));
    ok(!asked.alive());
    equal((await asked.ask({ run: "answer(1)", withinMs: 60_000 }, { answer, signal })).kind, "crash");
  }
  const asked = startAsked(start()), stop = new AbortController();
  setTimeout(() => stop.abort(new Error("enough")), 50);
  await rejects(asked.ask({ run: "for (;;);", withinMs: 60_000 }, { answer, signal: stop.signal }), /enough/);
  ok(!asked.alive());
  await asked.end();
});
