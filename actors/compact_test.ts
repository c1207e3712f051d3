import { deepStrictEqual as equal, ok } from "node:assert/strict";
import { compact } from "./compact.ts";
import { call, fakePorts } from "./fakes_test.ts";
import type { Message } from "./types.ts";

const signal = new AbortController().signal;
const work = (count: number, size: number): Message[] =>
  Array.from({ length: count }, (_, at): Message[] => [
    { role: "assistant", content: "", calls: [call(`c${at}`, "read")] },
    { role: "tool", callId: `c${at}`, name: "read", content: "x".repeat(size) },
  ]).flat();
const valid = (messages: Message[]): boolean =>
  messages.every((m, at) =>
    m.role !== "tool" ||
    messages.slice(0, at).some((a) => a.role === "assistant" && a.calls.some((c) => c.id === m.callId))
  );

Deno.test("compact() leaves out old tool results before it asks the model", async () => {
  const { ports, seen } = fakePorts([]);
  const done = await compact(ports, [{ role: "user", content: "keep me" }, ...work(20, 2000)], {
    trigger: "limit",
    room: 8000,
    signal,
  });
  ok(done.ok && valid(done.messages));
  equal(seen.requests.length, 0);
  equal(done.messages[0], { role: "user", content: "keep me" });
});

Deno.test("compact() summarises when that is not enough, and never cuts a call from its result", async () => {
  for (let count = 6; count < 30; count++) {
    const { ports } = fakePorts([{ content: "Goal: x" }]);
    const past: Message[] = [{ role: "user", content: "y".repeat(9000) }, {
      role: "assistant",
      content: "done",
      calls: [],
    }];
    const history: Message[] = [...past, { role: "user", content: "the present request" }, ...work(count, 600)];
    const done = await compact(ports, history, { trigger: "limit", room: 1500, signal });
    ok(done.ok && valid(done.messages), `${count}`);
    ok(done.messages[0]?.content.includes("Goal: x"));
    ok(done.messages.some((m) => m.content.includes("the present request")), "it stays verbatim");
  }
});

Deno.test("compact() never summarises the present request away, and sends none that is larger than the window", async () => {
  for (const size of [30_000, 900_000]) {
    const { ports, seen } = fakePorts([{ content: "short" }]);
    const done = await compact(ports, [{ role: "user", content: "y".repeat(size) }], {
      trigger: "limit",
      room: 5000,
      signal,
    });
    equal([done.ok, seen.requests.length], [false, size > 400_000 ? 0 : 1]);
  }
});

Deno.test("compact() fails when it does not free enough, instead of looping", async () => {
  const { ports, seen } = fakePorts([{ content: "z".repeat(20_000) }]);
  const done = await compact(ports, [{ role: "user", content: "y".repeat(9000) }, ...work(8, 100)], {
    trigger: "limit",
    room: 500,
    signal,
  });
  equal([done.ok, seen.requests.length, seen.logged.length], [false, 1, 0]);
});

Deno.test("compact() writes the whole new history to the trajectory", async () => {
  const { ports, seen } = fakePorts([]);
  const done = await compact(ports, work(20, 2000), { trigger: "asked", room: 0, signal });
  equal(seen.logged[0]?.kind, "compact");
  equal((seen.logged[0]?.data as { messages: Message[] }).messages, done.messages);
});
