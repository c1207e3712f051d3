import { deepStrictEqual as equal, ok } from "node:assert/strict";
import { call } from "./fakes_test.ts";
import { restore } from "./resume.ts";
import { type LogEvent, type Message, NO_USAGE } from "./types.ts";

const log = (...events: [string, unknown][]): LogEvent[] =>
  events.map(([kind, data], seq) => ({ v: 1, seq, ts: "2026-01-01T00:00:00Z", kind, data }));
const reply = (content: string, calls: ReturnType<typeof call>[] = [], purpose = "chat"): [string, unknown] => [
  "model_reply",
  { purpose, message: { role: "assistant", content, calls }, usage: { ...NO_USAGE, input: 3 }, finish: "stop" },
];
const roles = (messages: Message[]) => messages.map((m) => m.role[0]).join("");
const turn: [string, unknown][] = [
  ["turn_start", { content: "hello" }],
  reply("NEW", [], "task"),
  reply("", [call("1", "echo")]),
  ["tool_result", { id: "1", name: "echo", ok: true, text: "r" }],
  reply("done"),
  ["turn_end", { status: "done", answered: true }],
];

Deno.test("restore() folds a session's events into its history", () => {
  const { messages, usage, task } = restore(log(["task_boundary", { task: 2, folder: "o" }], ...turn, ...turn));
  equal([roles(messages), usage.input, task], ["uatauata", 18, 2]);
});

Deno.test("restore() gives a valid history wherever the log ends", () => {
  const events = log(...turn, ...turn);
  for (let end = 0; end <= events.length; end++) {
    const { messages } = restore(events.slice(0, end));
    const calls = messages.flatMap((m) => m.role === "assistant" ? m.calls.map((c) => c.id) : []).length;
    equal(messages.filter((m) => m.role === "tool").length, calls, `${end}`);
    ok(messages.at(-1)?.role !== "user", `${end}`);
  }
});

Deno.test("restore() leaves out a turn without any answer", () => {
  const { messages } = restore(
    log(...turn, ["turn_start", { content: "lost" }], ["turn_end", { status: "failed", answered: false }]),
  );
  equal(messages.some((m) => m.content === "lost"), false);
});

Deno.test("restore() starts from the last compaction", () => {
  const small: Message[] = [{ role: "user", content: "summary" }];
  equal(restore(log(...turn, ["compact", { messages: small }])).messages, small);
});

Deno.test("restore() ignores what reflection and evolution said", () => {
  const events = log(...turn, reply("I suggest", [], "reflect"), ["tool_result", {
    id: "9",
    name: "read_log",
    ok: true,
    text: "r",
  }]);
  equal(roles(restore(events).messages), "uata");
});
