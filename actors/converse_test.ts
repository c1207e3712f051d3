import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { CEILING, converse, cut, heal } from "./converse.ts";
import { call, echo, fakePorts, type Scripted } from "./fakes_test.ts";
import { Aborted, type Ports, tool, type ToolPlugin } from "./ports.ts";
import type { Message } from "./types.ts";

const said: Message = { role: "user", content: "do it" };
const how = (over: { signal?: AbortSignal; tools?: ToolPlugin[]; maxTokens?: number; maxSteps?: number } = {}) => ({
  purpose: "chat" as const,
  mode: "chat" as const,
  system: "be brief",
  tools: [echo],
  maxSteps: 50,
  signal: new AbortController().signal,
  ...over,
});
const calls = (...list: ReturnType<typeof call>[]): Scripted => ({ calls: list });
const results = (messages: Message[]) => messages.flatMap((m) => m.role === "tool" ? [m.content] : []);

Deno.test("converse() ends with the first reply that calls no tool", async () => {
  const { ports, seen } = fakePorts([{ content: "done" }]);
  const turn = await converse(ports, [said], how());
  equal([turn.status, turn.text, turn.messages.length, turn.usage.input], ["done", "done", 2, 10]);
  equal(seen.requests[0]?.messages[0], { role: "system", content: "be brief" });
});

Deno.test("converse() hands every tool failure to the model as a result", async () => {
  const rows: [ReturnType<typeof call>, RegExp][] = [
    [call("1", "ecko", { text: "x" }), /no tool "ecko"; did you mean "echo"/],
    [call("2", "echo", { words: "x" }), /bad arguments/],
    [call("3", "echo", { text: "throw" }), /"echo" failed: thrown/],
    [
      { ...call("4", "echo", { text: "x" }), fault: "the arguments were cut off" },
      /was not run: the arguments were cut off/,
    ],
    [call("5", "echo", { text: "fine" }), /^fine$/],
  ];
  const { ports } = fakePorts([calls(...rows.map(([c]) => c)), { content: "I see" }]);
  const turn = await converse(ports, [said], how());
  equal(turn.status, "done");
  results(turn.messages).forEach((text, at) => match(text, rows[at]?.[1] ?? /never/));
  equal(results(turn.messages).length, rows.length);
});

Deno.test("converse() logs a call before it runs and its result before the model sees it", async () => {
  const order: string[] = [];
  const spy = tool({ ...echo, run: () => (order.push("run"), Promise.resolve({ ok: true, text: "r" })) });
  const { ports } = fakePorts([
    calls(call("1", "echo", { text: "x" })),
    () => (order.push("request"), { content: "" }),
  ]);
  const log: Ports["log"] = { write: (kind) => order.push(kind) };
  await converse({ ...ports, log }, [said], how({ tools: [spy] }));
  equal(order, ["tool_call", "run", "tool_result", "request"]);
});

Deno.test("converse() runs read-only calls side by side, and others alone and in order", async () => {
  let running = 0;
  const most: number[] = [];
  const slow = tool({
    ...echo,
    async run(input: unknown) {
      most.push(++running);
      await new Promise((done) => setTimeout(done, 5));
      running--;
      return { ok: true, text: String((input as { text: string }).text) };
    },
  });
  const list = ["a", "b", "write 1", "write 2", "c"].map((text) => call(text, "echo", { text }));
  const { ports } = fakePorts([calls(...list), { content: "done" }]);
  const turn = await converse(ports, [said], how({ tools: [slow] }));
  equal(most, [1, 2, 1, 1, 1]);
  equal(results(turn.messages), ["a", "b", "write 1", "write 2", "c"]);
});

Deno.test("converse() spills a result above the ceiling and keeps head and tail", async () => {
  const text = `head${"😀".repeat(CEILING)}tail`;
  const { ports, seen } = fakePorts([calls(call("big", "echo", { text })), { content: "done" }]);
  const turn = await converse(ports, [said], how());
  const [shown = ""] = results(turn.messages);
  ok(
    seen.calls.includes("spill") && shown.startsWith("head") && shown.endsWith("tail") &&
      shown.includes('"outputs/big.txt"'),
  );
  ok(shown.isWellFormed() && shown.length < CEILING);
});

Deno.test("converse() nudges at the third and stops at the fifth same call with the same result", async () => {
  let count = 0;
  const again = () => calls(call(`${count++}`, "echo", { text: "same" }));
  const { ports, seen } = fakePorts([again, again, again, again, again, again]);
  const turn = await converse(ports, [said], how());
  equal([turn.status, turn.failure?.kind, seen.requests.length], ["failed", "limit", 5]);
  ok(seen.requests[3]?.messages.at(-1)?.content.includes("same call three times"));
});

Deno.test("converse() does not take the same call with other results for a loop", async () => {
  let count = 0;
  const changing = tool({ ...echo, run: () => Promise.resolve({ ok: true, text: `${count++}` }) });
  const script = Array.from({ length: 8 }, (_, at) => calls(call(`${at}`, "echo", { text: "same" })));
  const { ports } = fakePorts([...script, { content: "done" }]);
  equal((await converse(ports, [said], how({ tools: [changing] }))).status, "done");
});

Deno.test("converse() takes results for the same that differ in how long they took and in where they were spilled", async () => {
  let count = 0;
  const timed = tool({
    ...echo,
    run: () =>
      Promise.resolve({
        ok: true,
        text: `exit code 1 after 1.${count++} s\nIn outputs/s/spill/x_${count}.txt\n# duration_ms ${count}.5`,
      }),
  });
  const again = Array.from({ length: 6 }, (_, at) => calls(call(`${at}`, "echo", { text: "same" })));
  const { ports, seen } = fakePorts(again);
  const turn = await converse(ports, [said], how({ tools: [timed] }));
  equal([turn.failure?.kind, seen.requests.length], ["limit", 5]);
});

Deno.test("converse() takes the same check after ever other changes for no loop, and after the same changes for one", async () => {
  const change = tool({ ...echo, name: "change", readOnly: () => false });
  const rounds = (what: (at: number) => string) =>
    Array.from({ length: 12 }, (_, at) => calls(call(`${at}`, at % 2 ? "echo" : "change", { text: what(at) })));
  for (
    const [status, what] of [["done", (at: number) => at % 2 ? "same" : `${at}`], ["failed", () => "same"]] as const
  ) {
    const { ports } = fakePorts([...rounds(what), { content: "done" }]);
    equal((await converse(ports, [said], how({ tools: [echo, change] }))).status, status);
  }
});

Deno.test("converse() keeps the text of a cut reply and runs none of its calls", async () => {
  const { ports, seen } = fakePorts([{ content: "half", calls: [call("1", "echo", { text: "x" })], finish: "cut" }]);
  const turn = await converse(ports, [said], how());
  equal([turn.status, turn.text, turn.failure?.kind], ["failed", "half", "unreachable"]);
  equal(turn.messages.at(-1), { role: "assistant", content: "half", calls: [] });
  ok(!seen.logged.some((e) => e.kind === "tool_call"));
});

Deno.test("converse() keeps the partial text of an aborted reply and leaves a valid history", async () => {
  const stop = new AbortController();
  const { ports } = fakePorts([calls(call("1", "echo", { text: "x" })), () => {
    stop.abort();
    throw new Aborted("I was about to");
  }]);
  const turn = await converse(ports, [said], how({ signal: stop.signal }));
  equal([turn.status, turn.answered, turn.text], ["aborted", true, "I was about to"]);
  match(turn.messages.at(-1)?.content ?? "", /^I was about to\n\[interrupted/);
});

Deno.test("converse() answers the calls that an abort cut off", async () => {
  const stop = new AbortController();
  const hang = tool({
    ...echo,
    readOnly: () => false,
    run: () => (stop.abort(), Promise.reject(new DOMException("stop", "AbortError"))),
  });
  const { ports } = fakePorts([calls(call("1", "echo", { text: "x" }), call("2", "echo", { text: "y" }))]);
  const turn = await converse(ports, [said], how({ signal: stop.signal, tools: [hang] }));
  equal(turn.messages.filter((m) => m.role === "tool").length, 2);
});

Deno.test("converse() compacts once on an overflow, and stops with advice on the second", async () => {
  const overflow: Scripted = { failure: { kind: "overflow", message: "too long" } };
  const long: Message[] = Array.from(
    { length: 30 },
    (_, at) => ({ role: at % 2 ? "assistant" : "user", content: "x".repeat(500), calls: [] }) as Message,
  );
  const good = fakePorts([overflow, { content: "summary" }, { content: "done" }]);
  equal((await converse(good.ports, [...long, said], how())).status, "done");
  const bad = fakePorts([overflow, { content: "summary" }, overflow]);
  const turn = await converse(bad.ports, [...long, said], how());
  equal([turn.failure?.kind, bad.seen.requests.length], ["overflow", 3]);
  match(turn.failure?.message ?? "", /start anew/);
});

Deno.test("converse() stops at its token budget and at its steps", async () => {
  const script = Array.from({ length: 5 }, (_, at) => calls(call(`${at}`, "echo", { text: `${at}` })));
  equal((await converse(fakePorts(script).ports, [said], how({ maxTokens: 20 }))).failure?.kind, "limit");
  equal((await converse(fakePorts(script).ports, [said], how({ maxSteps: 2 }))).failure?.kind, "limit");
});

Deno.test("cut() never cuts a character", () => {
  for (let limit = 2; limit < 40; limit++) ok(cut("😀家".repeat(20), limit, "more").isWellFormed());
});

Deno.test("heal() gives each unanswered call one result, in its place", () => {
  const messages: Message[] = [
    said,
    { role: "assistant", content: "", calls: [call("1", "echo"), call("2", "echo")] },
    { role: "tool", callId: "1", name: "echo", content: "r" },
    said,
  ];
  heal(messages);
  equal(messages.map((m) => m.role), ["user", "assistant", "tool", "tool", "user"]);
  const before = messages.length;
  heal(messages);
  equal(messages.length, before);
});
