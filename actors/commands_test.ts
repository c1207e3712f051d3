import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { createActor, toPromise } from "xstate";
import { command, COMMANDS, isCommand, lineageTable } from "./commands.ts";
import { fresh } from "./context.ts";
import { fakePorts, type Scripted } from "./fakes_test.ts";
import type { Ports } from "./ports.ts";
import { elapsed, type LogEvent, type Message, type Shown } from "./types.ts";

async function run(
  line: string,
  { script = [], over = {}, messages = [] }: { script?: Scripted[]; over?: Partial<Ports>; messages?: Message[] } = {},
) {
  const { ports, seen } = fakePorts(script, over);
  const actor = createActor(command(ports), { input: { ...fresh(), line, messages, task: 2, queue: ["next"] } });
  const done = toPromise(actor);
  actor.start();
  return { done: await done, seen, text: seen.shown.map(textOf).join("\n") };
}

const textOf = (event: Shown): string => "text" in event ? event.text : "";

const answers: [string, RegExp][] = [
  ["/", /\/rollback/],
  ["/help", /\/rollback\s+return to a generation/],
  ["/model", /fake, window 100000 tokens/],
  ["/tools", /echo\s+says it again/],
  ["/cost", /0 tokens in .*\$0\.0000/],
  ["/context", /tokens \(0 %\)[^]*history/],
  ["/tasks", /queued: next/],
  ["/undo", /restored/],
  ["/diff", /No file has changed/],
  ["/sessions", /No earlier session/],
  ["/resume", /no earlier session/],
  ["/lineage", /1 {2}2026-01-01 00:00 {2}unconfirmed .* a goal/],
  ["/why 1", /why 1/],
  ["/why", /Say \/why N/],
  ["/rollback", /Say \/rollback N/],
  ["/doctor", /all is well/],
  ["/compact", /could not be made smaller/],
  ["/moddel", /did you mean "\/model"/],
  ["/EXIT", /no command "\/EXIT"; did you mean "\/exit"/],
  ["/xyzzy", /\/help lists them/],
];

for (const [line, expected] of answers) {
  Deno.test(`${line} answers`, async () => {
    const { text, done } = await run(line);
    match(text, expected);
    equal(done.relaunch, false);
  });
}

Deno.test("every command has an answer or belongs to the machine", () => {
  for (const [name, { when, run }] of Object.entries(COMMANDS)) ok(when === "machine" || run, name);
  equal([
    isCommand("/exit"),
    isCommand("/cost", "now"),
    isCommand("/model x", "now"),
    isCommand("/usr/bin"),
    isCommand("hi /help"),
    isCommand("/Help"),
  ], [false, true, false, false, false, true]);
});

const times: [string, { at?: number; ms: number }[], number][] = [
  ["nothing", [], 0],
  ["one after the other", [{ at: 1000, ms: 100 }, { at: 5000, ms: 20 }], 120],
  ["side by side", [{ at: 1000, ms: 100 }, { at: 1000, ms: 300 }, { at: 1200, ms: 150 }], 350],
  ["out of order", [{ at: 5000, ms: 20 }, { at: 1000, ms: 100 }], 120],
  ["from before they said when they began", [{ ms: 100 }, { ms: 300 }], 400],
];
for (const [what, steps, expected] of times) {
  Deno.test(`The time of steps is by the clock: ${what}`, () => {
    equal(elapsed(steps.map((step) => ({ name: "types", pass: true, ...step }))), expected);
  });
}

Deno.test("/lineage says that the gate's times were added up where no step says when it began", async () => {
  const { ports } = fakePorts([]);
  const [one] = await ports.lineage.list();
  ok(one);
  const table = (at: object) => lineageTable([{ ...one, steps: [{ name: "types", pass: true, ms: 100, ...at }] }]);
  match(table({}), / gate steps 0\.1 s/);
  match(table({ at: 1000 }), / gate 0\.1 s/);
});

Deno.test("/diff is asked for, so that it is shown where answers are", async () => {
  const { ports } = fakePorts([]);
  const undo = { ...ports.undo, diff: () => Promise.resolve({ ok: true as const, value: "+new" }) };
  const { seen } = await run("/diff", { over: { undo } });
  equal(seen.shown, [{ type: "diff", text: "+new", asked: true }]);
});

Deno.test("/rollback N relaunches only when it worked", async () => {
  equal((await run("/rollback 0")).done.relaunch, true);
  const { ports } = fakePorts([]);
  const lineage = {
    ...ports.lineage,
    rollback: () => Promise.resolve({ ok: false as const, error: "no such generation" }),
  };
  const refused = await run("/rollback 7", { over: { lineage } });
  equal([refused.done.relaunch, refused.text], [false, "no such generation"]);
});

Deno.test("/resume takes the newest session that has turns, and brings its history", async () => {
  const events: LogEvent[] = [
    { kind: "turn_start", data: { content: "old question" } },
    {
      kind: "model_reply",
      data: {
        purpose: "chat",
        message: { role: "assistant", content: "old answer", calls: [] },
        usage: { input: 1, output: 1, cached: 0, cost: 0, estimated: false },
      },
    },
    { kind: "turn_end", data: { status: "done", answered: true } },
  ].map((event, seq) => ({ v: 1, seq, ts: "2026-01-01T00:00:00Z", ...event }));
  const { ports } = fakePorts([]);
  const info = (id: string, turns: number) => ({ id, startedAt: "", first: "", turns, reflected: false });
  const resumed: string[] = [];
  const sessions = {
    ...ports.sessions,
    list: () => Promise.resolve([info("a", 1), info("b", 3), info("empty", 0), info("now", 2)]),
    resume: (id: string) => (resumed.push(id), Promise.resolve({ ok: true as const, value: events })),
  };
  const { done } = await run("/resume", { over: { sessions } });
  equal([resumed, done.patch.messages?.map((m) => m.content)], [["b"], ["old question", "old answer"]]);
});

Deno.test("/compact makes the history smaller and counts what it cost", async () => {
  const messages: Message[] = Array.from(
    { length: 20 },
    (_, at) => ({ role: at % 2 ? "assistant" : "user", content: "x".repeat(2000), calls: [] }) as Message,
  );
  const { done } = await run("/compact", { script: [{ content: "short" }], messages });
  ok(done.patch.messages && done.patch.messages.length < messages.length);
  equal(done.usage?.input, 10);
});
