import { deepStrictEqual as equal, match, ok, rejects } from "node:assert/strict";
import type { Reply } from "../../actors/types.ts";
import { Aborted } from "../../actors/ports.ts";
import * as mock from "../testing/mock_server.ts";
import { ask, fakeClock, never, openModel, tool, user } from "../testing/model_fixtures.ts";
import { probe } from "./model.ts";

type Step = mock.MockStep;
type Outcome = Awaited<ReturnType<ReturnType<typeof openModel>["model"]["reply"]>>;

/** Runs one request against a script; everything that happened comes back. */
async function run(script: Step[], request = ask(), settings: Parameters<typeof openModel>[0] = {}) {
  const server = mock.startMock(script);
  const opened = openModel({ baseUrl: server.url, ...settings });
  try {
    const outcome = await opened.model.reply(request, never);
    return { ...opened, outcome, requests: server.requests };
  } finally {
    await server.stop();
  }
}
function value(outcome: Outcome): Reply {
  if (!outcome.ok) throw new Error(`not a reply: ${outcome.error}`);
  return outcome.value;
}
function failure(outcome: Outcome) {
  if (outcome.ok || !("failure" in outcome)) throw new Error(`not a failure: ${JSON.stringify(outcome)}`);
  equal(outcome.error, outcome.failure.message);
  ok(!/[.\n]$/.test(outcome.error), outcome.error);
  return outcome.failure;
}
const brief = (outcome: Outcome) =>
  value(outcome).message.calls.map((call) => `${call.name} ${call.arguments}${call.fault ? " FAULT" : ""}`);

const A = '{"path":"a"}', B = '{"path":"b"}';
const f = (more: Record<string, unknown>, name?: string, args?: unknown) => ({
  ...more,
  function: { ...(name === undefined ? {} : { name }), ...(args === undefined ? {} : { arguments: args }) },
});
const two = [`read ${A}`, `read ${B}`];
const shapes: { shape: string; step: mock.MockAnswer; calls: string[]; finish?: string }[] = [
  {
    shape: "fragments interleaved by index",
    step: mock.calls([{ name: "read", arguments: { path: "a" } }, { name: "read", arguments: { path: "b" } }]),
    calls: two,
  },
  {
    shape: "both calls at index 0 with different ids",
    step: mock.fragments([f({ index: 0, id: "x" }, "read", A), f({ index: 0, id: "y" }, "read", B)]),
    calls: two,
  },
  {
    shape: "indexes that are strings, of the choice too",
    step: mock.events([
      { choices: [{ index: "0", delta: { tool_calls: [f({ index: "0", id: "x" }, "read", A)] } }] },
      {
        choices: [{
          index: "0",
          delta: { tool_calls: [f({ index: "1", id: "y" }, "read", B)] },
          finish_reason: "tool_calls",
        }],
      },
    ]),
    calls: two,
  },
  {
    shape: "both at index 0, different ids, in fragments",
    step: mock.fragments([
      f({ index: 0, id: "x" }, "read", '{"path"'),
      f({ index: 0 }, undefined, ':"a"}'),
      f({ index: 0, id: "y" }, "read", '{"path"'),
      f({ index: 0 }, undefined, ':"b"}'),
    ]),
    calls: two,
  },
  {
    shape: "no index, arguments in fragments",
    step: mock.fragments([
      f({ id: "x" }, "read", ""),
      f({}, undefined, '{"path"'),
      f({}, undefined, ':"a"}'),
      f({ id: "y" }, "read", '{"pa'),
      f({}, undefined, 'th":"b"}'),
    ]),
    calls: two,
  },
  {
    shape: "no index, ids on every fragment, interleaved",
    step: mock.fragments([
      f({ id: "x" }, "read", '{"path"'),
      f({ id: "y" }, "read", '{"path"'),
      f({ id: "x" }, undefined, ':"a"}'),
      f({ id: "y" }, undefined, ':"b"}'),
    ]),
    calls: two,
  },
  { shape: "no ids", step: mock.fragments([f({ index: 0 }, "read", A), f({ index: 1 }, "read", B)]), calls: two },
  {
    shape: "neither index nor id",
    step: mock.fragments([f({}, "read", '{"path"'), f({}, undefined, ':"a"}'), f({}, "read", B)]),
    calls: two,
  },
  {
    shape: "empty ids",
    step: mock.fragments([f({ index: 0, id: "" }, "read", A), f({ index: 1, id: "" }, "read", B)]),
    calls: two,
  },
  {
    shape: "the same id on two indexes",
    step: mock.fragments([f({ index: 0, id: "x" }, "read", A), f({ index: 1, id: "x" }, "read", B)]),
    calls: two,
  },
  {
    shape: "id and name repeated on every fragment",
    step: mock.fragments([f({ index: 0, id: "x" }, "read", '{"path"'), f({ index: 0, id: "x" }, "read", ':"a"}')]),
    calls: [`read ${A}`],
  },
  {
    shape: "id and name repeated on an empty last fragment",
    step: mock.fragments([f({ index: 0, id: "x" }, "read", A), f({ index: 0, id: "x" }, "read", "")]),
    calls: [`read ${A}`],
  },
  {
    shape: "the whole call sent twice",
    step: mock.fragments([f({ index: 0, id: "x" }, "read", A), f({ index: 0, id: "x" }, "read", A)]),
    calls: [`read ${A}`],
  },
  {
    shape: "the same two calls without index, id given twice",
    step: mock.fragments([f({ id: "x" }, "read", A), f({ id: "x" }, "read", A)]),
    calls: [`read ${A}`, `read ${A}`],
  },
  {
    shape: "{} first, then the real arguments",
    step: mock.fragments([f({ index: 0, id: "x" }, "read", "{}"), f({ index: 0 }, undefined, A)]),
    calls: [`read ${A}`],
  },
  {
    shape: 'finish_reason "stop" with calls',
    step: mock.fragments([f({ index: 0, id: "x" }, "read", A)], "stop"),
    calls: [`read ${A}`],
  },
  {
    shape: "arguments with an escaped apostrophe",
    step: mock.fragments([f({ index: 0, id: "x" }, "read", `{"path":"it\\'s"}`)]),
    calls: [`read {"path":"it's"}`],
  },
  {
    shape: "an escaped backslash before an apostrophe",
    step: mock.fragments([f({ index: 0, id: "x" }, "read", `{"path":"a\\\\'s"}`)]),
    calls: [`read {"path":"a\\\\'s"}`],
  },
  {
    shape: "arguments truncated by length",
    step: mock.fragments([f({ index: 0, id: "x" }, "shell", `{"command":"rm -rf a`)], "length"),
    calls: [`shell ${JSON.stringify({ unparsed: `{"command":"rm -rf a` })} FAULT`],
    finish: "length",
  },
  {
    shape: "no arguments yet when the length ended",
    step: mock.fragments([f({ index: 0, id: "x" }, "shell", "")], "length"),
    calls: [`shell {"unparsed":""} FAULT`],
    finish: "length",
  },
  {
    shape: "arguments as an object",
    step: mock.fragments([f({ index: 0, id: "x" }, "read", { path: "a" })]),
    calls: [`read ${A}`],
  },
  {
    shape: "arguments as text in a text",
    step: mock.fragments([f({ index: 0, id: "x" }, "read", JSON.stringify(A))]),
    calls: [`read ${A}`],
  },
  { shape: "empty arguments", step: mock.fragments([f({ index: 0, id: "x" }, "list", "")]), calls: ["list {}"] },
  { shape: "null arguments", step: mock.fragments([f({ index: 0, id: "x" }, "list", null)]), calls: ["list {}"] },
  {
    shape: "arguments that are a list",
    step: mock.fragments([f({ index: 0, id: "x" }, "read", "[1]")]),
    calls: [`read {"unparsed":"[1]"} FAULT`],
  },
  {
    shape: "arguments that are no JSON",
    step: mock.fragments([f({ index: 0, id: "x" }, "read", "path=a")]),
    calls: [`read {"unparsed":"path=a"} FAULT`],
  },
  {
    shape: "a call without a name",
    step: mock.fragments([f({ index: 0, id: "x" }, undefined, A)]),
    calls: [` ${JSON.stringify({ unparsed: A })} FAULT`],
  },
  {
    shape: "no finish_reason, then [DONE]",
    step: mock.fragments([f({ index: 0, id: "x" }, "read", A)], null),
    calls: [`read ${A}`],
  },
  {
    shape: "no finish_reason, usage, end without [DONE]",
    step: mock.events([mock.chunk({ tool_calls: [f({ index: 0, id: "x" }, "read", A)] }), mock.usageChunk(9, 9), null]),
    calls: [`read ${A}`],
  },
  {
    shape: "no finish_reason, no usage, orderly end without [DONE]",
    step: mock.events([mock.chunk({ tool_calls: [f({ index: 0, id: "x" }, "read", A)] }), null]),
    calls: [`read ${A} FAULT`],
    finish: "cut",
  },
  {
    shape: "a legacy function_call",
    step: mock.events([
      mock.chunk({ function_call: { name: "read", arguments: "" } }),
      mock.chunk({ function_call: { arguments: A } }),
      mock.chunk({}, { finish_reason: "function_call" }),
    ]),
    calls: [`read ${A}`],
  },
  {
    shape: "a body that is not a stream",
    step: mock.body(
      JSON.stringify({
        choices: [{
          message: {
            role: "assistant",
            content: null,
            tool_calls: [f({ id: "x" }, "read", A), f({ id: "y" }, "read", B)],
          },
          finish_reason: "tool_calls",
        }],
        usage: { prompt_tokens: 3, completion_tokens: 4 },
      }),
    ),
    calls: two,
  },
  {
    shape: "CRLF, comments, metadata-only chunks",
    step: mock.events([
      { id: "m", choices: [] },
      { object: "meta" },
      mock.chunk({ tool_calls: [f({ index: 0, id: "x" }, "read", A)] }),
      mock.chunk({}, { finish_reason: "tool_calls" }),
    ], { crlf: true, comments: true }),
    calls: [`read ${A}`],
  },
];
for (const { shape, step, calls, finish = "calls" } of shapes) {
  Deno.test(`a reply is assembled from ${shape}`, async () => {
    const { outcome, requests } = await run([step]);
    equal([brief(outcome), value(outcome).finish, requests.length], [calls, finish, 1]);
    const ids = value(outcome).message.calls.map(({ id }) => id);
    ok(ids.every(Boolean) && new Set(ids).size === ids.length, `ids ${ids}`);
    for (const call of value(outcome).message.calls) equal(typeof JSON.parse(call.arguments), "object");
  });
}

Deno.test("a call's id is new in the whole conversation", async () => {
  const earlier = { role: "assistant" as const, content: "", calls: [{ id: "x", name: "read", arguments: A }] };
  const request = ask({ messages: [user("a"), earlier, { role: "tool", callId: "x", name: "read", content: "" }] });
  const { outcome } = await run([mock.fragments([f({ index: 0, id: "x" }, "read", A)])], request);
  ok(value(outcome).message.calls[0]?.id !== "x");
});

const TEXT = "日本語 and 👩‍👩‍👧 emoji, naïve";
for (
  const [name, framing] of Object.entries<mock.Framing>({
    plain: {},
    crlf: { crlf: true, slice: 7 },
    bytes: { slice: 1 },
    comments: { comments: true, slice: 3 },
  })
) {
  Deno.test(`a text arrives whole and is shown as it comes, framing ${name}`, async () => {
    const { outcome, shown, logged } = await run([mock.say(TEXT, framing)]);
    equal([value(outcome).message.content, value(outcome).finish], [TEXT, "stop"]);
    equal(shown.map((event) => event.type === "text_delta" ? event.text : "").join(""), TEXT);
    equal(shown.at(-1), { type: "usage", usage: value(outcome).usage });
    equal(logged.map(({ kind }) => kind), ["model_request", "model_reply"]);
  });
}

Deno.test("purposes without an audience show no text", async () => {
  const { shown } = await run([mock.say("NEW")], ask({ purpose: "task" }));
  equal(shown.map(({ type }) => type), ["usage"]);
});

const one = mock.chunk({ content: "hi" }, { finish_reason: "stop" });
const usages: [string, mock.MockAnswer, Record<string, unknown>][] = [
  [
    "in the last chunk",
    mock.events([one, mock.usageChunk(20, 3, { prompt_tokens_details: { cached_tokens: 7 }, cost: 0.5 })]),
    { input: 20, output: 3, cached: 7, cost: 0.5, estimated: false },
  ],
  [
    "inside the choice",
    mock.events([
      mock.chunk({ content: "hi" }, { finish_reason: "stop", usage: { prompt_tokens: 20, completion_tokens: 3 } }),
    ]),
    { input: 20, output: 3, cached: 0, cost: 0, estimated: false },
  ],
  ["with cached_tokens at the top", mock.events([one, mock.usageChunk(20, 3, { cached_tokens: 5 })]), {
    input: 20,
    output: 3,
    cached: 5,
    cost: 0,
    estimated: false,
  }],
  ["with cached_tokens beside it", mock.events([one, { ...mock.usageChunk(20, 3), cached_tokens: 6 }]), {
    input: 20,
    output: 3,
    cached: 6,
    cost: 0,
    estimated: false,
  }],
  ["nowhere, so estimated", mock.events([one]), { cost: 0, estimated: true }],
  ["as nonsense, so estimated", mock.events([one, { choices: [], usage: { prompt_tokens: "many" } }]), {
    cost: 0,
    estimated: true,
  }],
];
for (const [where, step, expected] of usages) {
  Deno.test(`usage is found ${where}`, async () => {
    const { usage } = value((await run([step])).outcome);
    ok(usage.input > 0 && usage.output > 0);
    equal({ ...usage, ...expected }, usage);
  });
}

for (const field of ["reasoning_content", "reasoning", "reasoning_text"]) {
  Deno.test(`${field} is kept under its name and sent back verbatim`, async () => {
    const server = mock.startMock([
      mock.events([
        mock.chunk({ [field]: "thi" }),
        mock.chunk({ [field]: "nk" }),
        mock.chunk({ content: "hi" }, { finish_reason: "stop" }),
      ]),
      mock.say("ok"),
    ]);
    const { model, shown } = openModel({ baseUrl: server.url });
    const first = value(await model.reply(ask(), never));
    equal(first.message.reasoning, { [field]: "think" });
    equal(shown.filter(({ type }) => type === "reasoning_delta").length, 2);
    await model.reply(ask({ messages: [user("hello"), first.message, user("on")] }), never);
    equal(server.requests[1]?.body.messages[1], { [field]: "think", role: "assistant", content: "hi" });
    await server.stop();
  });
}

Deno.test("reasoning_details are merged by index and sent back, and left out once the endpoint refuses them", async () => {
  const detail = (more: Record<string, unknown>) =>
    mock.chunk({ reasoning_details: [{ type: "reasoning.text", index: 0, ...more }] });
  const server = mock.startMock([
    mock.events([
      detail({ text: "th" }),
      detail({ text: "ink" }),
      detail({ signature: "s" }),
      mock.chunk({ content: "hi" }, { finish_reason: "stop" }),
    ]),
    mock.status(400, {}, { error: { message: "property 'messages.1.reasoning_details' is unsupported" } }),
    mock.say("ok"),
  ]);
  const { model } = openModel({ baseUrl: server.url });
  const { message } = value(await model.reply(ask(), never));
  const kept = { reasoning_details: [{ type: "reasoning.text", index: 0, text: "think", signature: "s" }] };
  equal(message.reasoning, kept);
  value(await model.reply(ask({ messages: [user("hello"), message, user("on")] }), never));
  equal(server.requests.slice(1).map(({ body }) => body.messages[1]), [{ ...kept, role: "assistant", content: "hi" }, {
    role: "assistant",
    content: "hi",
  }]);
  await server.stop();
});

const quota = { error: { message: "You exceeded your current quota", code: "insufficient_quota" } };
const overflowTexts = [
  "prompt is too long: 208310 tokens > 200000 maximum",
  "Your input exceeds the context window of this model",
  "the request exceeds the available context size, try increasing it",
  "tokens to keep from the initial prompt is greater than the context length",
  "This model's maximum context length is 8192 tokens. However, you requested 9000",
  "Prompt contains 40000 tokens, too large for model with 32768 maximum context length",
  "This model's maximum prompt length is 131072 but the request contains 537812 tokens",
  "Please reduce the length of the messages or completion",
  "The input (50000 tokens) is longer than the model's context length (32768 tokens)",
  "This endpoint's maximum context length is 128000 tokens",
  "Invalid request: Your request exceeded model token limit: 262144",
  "invalid params, context window exceeds limit",
  "The input token count (1196265) exceeds the maximum number of tokens allowed",
];
const faults: { fault: string; script: Step[]; kind: string; requests: number; says: RegExp }[] = [
  { fault: "401", script: [mock.status(401)], kind: "auth", requests: 1, says: /mock error 401.*OPENROUTER_API_KEY/ },
  { fault: "403", script: [mock.status(403)], kind: "auth", requests: 1, says: /403/ },
  {
    fault: "429 that asks for five hours",
    script: [mock.status(429, { "retry-after": "18000" })],
    kind: "rate_limited",
    requests: 1,
    says: /2026-11-21T05:00:00Z/,
  },
  {
    fault: "429 that names a far date",
    script: [mock.status(429, { "retry-after": "Sat, 21 Nov 2026 02:00:00 GMT" })],
    kind: "rate_limited",
    requests: 1,
    says: /2026-11-21T02:00:00Z/,
  },
  {
    fault: "429 that resets far off",
    script: [mock.status(429, { "x-ratelimit-reset": String(Date.parse("2026-11-21T03:00:00Z")) })],
    kind: "rate_limited",
    requests: 1,
    says: /03:00:00Z/,
  },
  {
    fault: "429 of a spent quota",
    script: [mock.status(429, {}, quota)],
    kind: "rate_limited",
    requests: 1,
    says: /quota/,
  },
  {
    fault: "402",
    script: [mock.status(402, {}, { error: { message: "Insufficient credits" } })],
    kind: "rate_limited",
    requests: 1,
    says: /HTTP 402: Insufficient credits; try again later, or choose another model/,
  },
  {
    fault: "429 forever",
    script: [mock.status(429, { "retry-after": "2" })],
    kind: "rate_limited",
    requests: 5,
    says: /5 requests/,
  },
  { fault: "500 forever", script: [mock.status(500)], kind: "server", requests: 5, says: /mock error 500.*5 requests/ },
  {
    fault: "503 that asks for an hour",
    script: [mock.status(503, { "retry-after": "3600" })],
    kind: "server",
    requests: 1,
    says: /01:00:00Z/,
  },
  { fault: "408 forever", script: [mock.status(408)], kind: "server", requests: 5, says: /408/ },
  {
    fault: "a connection that breaks before the first byte (sent again once by fetch itself)",
    script: [mock.broken()],
    kind: "unreachable",
    requests: 4,
    says: /4 requests/,
  },
  {
    fault: "a stream that ends after a comment",
    script: [mock.body(": hello\n\n", "text/event-stream")],
    kind: "unreachable",
    requests: 5,
    says: /ended early/,
  },
  { fault: "an HTML page", script: [mock.html()], kind: "malformed", requests: 1, says: /HTML page/ },
  { fault: "an empty answer", script: [mock.empty()], kind: "malformed", requests: 1, says: /empty/ },
  {
    fault: "words with status 200",
    script: [mock.body("Not found: no such route\n", "text/plain")],
    kind: "malformed",
    requests: 1,
    says: /not a chat completion: Not found: no such route;/,
  },
  {
    fault: "a list",
    script: [mock.body('[{"choices":[]}]')],
    kind: "malformed",
    requests: 1,
    says: /not a chat completion: \[\{"choices"/,
  },
  { fault: "[DONE] alone", script: [mock.events([])], kind: "malformed", requests: 1, says: /no message/ },
  {
    fault: "a stream of something else",
    script: [mock.events(["hello"])],
    kind: "malformed",
    requests: 1,
    says: /not a chat completion/,
  },
  {
    fault: "a 404",
    script: [mock.status(404, {}, { error: { message: "No such model\nsk-secret" } })],
    kind: "refused",
    requests: 1,
    says: /HTTP 404: No such model \[redacted\];/,
  },
  {
    fault: "a 422 with a detail",
    script: [mock.status(422, {}, { detail: "bad field" })],
    kind: "refused",
    requests: 1,
    says: /bad field/,
  },
  {
    fault: "a 502 with an HTML page",
    script: [mock.status(502, {}, "<html>")],
    kind: "server",
    requests: 5,
    says: /HTML page/,
  },
  {
    fault: "an error inside the stream",
    script: [mock.events([{ error: { message: "key revoked", code: 401 } }])],
    kind: "auth",
    requests: 1,
    says: /key revoked/,
  },
  {
    fault: "an overload inside the stream",
    script: [mock.events([{ error: { message: "Overloaded", code: 502 } }])],
    kind: "server",
    requests: 5,
    says: /Overloaded/,
  },
  {
    fault: "too many tokens, please wait",
    script: [mock.status(400, {}, { error: { message: "Too many tokens, please wait" } })],
    kind: "rate_limited",
    requests: 5,
    says: /please wait/,
  },
  {
    fault: "a length of nothing",
    script: [mock.events([mock.chunk({}, { finish_reason: "length" })])],
    kind: "overflow",
    requests: 1,
    says: /length limit/,
  },
  ...overflowTexts.map((message) => ({
    fault: `"${message}"`,
    script: [mock.status(400, {}, { error: { message } })],
    kind: "overflow",
    requests: 1,
    says: /HTTP 400/,
  })),
];
for (const { fault, script, kind, requests, says } of faults) {
  Deno.test(`${fault} ends as ${kind} after ${requests} request(s)`, async () => {
    const result = await run(script);
    equal([failure(result.outcome).kind, result.requests.length], [kind, requests]);
    match(failure(result.outcome).message, says);
    equal(result.shown.filter(({ type }) => type === "retry").length, requests === 4 ? 1 : requests - 1);
    equal(result.logged.at(-1), { kind: "model_reply", data: { purpose: "chat", failure: failure(result.outcome) } });
  });
}

const retries: [string, Step[], number[]][] = [
  ["Retry-After in seconds", [mock.status(429, { "retry-after": "2" }), mock.say("ok")], [2125]],
  ["Retry-After as a date", [mock.status(429, { "retry-after": "Sat, 21 Nov 2026 00:00:30 GMT" }), mock.say("ok")], [
    30125,
  ]],
  ["backoff after 500", [mock.status(500), mock.status(500), mock.status(503), mock.say("ok")], [1000, 2000, 4000]],
  ["a broken connection (sent again once by fetch itself)", [mock.broken(), mock.broken(), mock.say("ok")], [1000]],
  ["a cut while thinking", [mock.events([mock.chunk({ reasoning: "hmm" }), null]), mock.say("ok")], [1000]],
];
for (const [what, script, slept] of retries) {
  Deno.test(`the retry owner waits for ${what}`, async () => {
    const { outcome, clock, shown } = await run(script);
    equal([value(outcome).message.content, clock.slept], ["ok", slept]);
    equal(shown.flatMap((event) => event.type === "retry" ? [event.delayMs] : []), slept);
  });
}

for (
  const [how, framing] of Object.entries<mock.Framing>({ breaks: { cutAfter: 260 }, "just ends": { endAfter: 260 } })
) {
  Deno.test(`a stream that ${how} after text keeps the text, says so, and is not asked again`, async () => {
    const { outcome, requests } = await run([mock.say("abcdefghijkl", framing)]);
    const { message, finish, note } = value(outcome);
    ok(message.content && "abcdefghijkl".startsWith(message.content), message.content);
    equal([finish, requests.length], ["cut", 1]);
    match(note ?? "", /cut before its end/);
  });
}

Deno.test("a whole call in a cut reply never runs, while the same call in a whole reply does", async () => {
  const parts = mock.fragments([f({ index: 0, id: "x" }, "shell", '{"command":"ls"}')]);
  const cut = mock.fragments([f({ index: 0, id: "x" }, "shell", '{"command":"ls"}')], null, { endAfter: 200 });
  const size = new TextEncoder().encode(
    String(cut.parts.map((part) => part instanceof Uint8Array ? new TextDecoder().decode(part) : "")),
  ).length;
  ok(size <= 200);
  equal(brief((await run([parts])).outcome), ['shell {"command":"ls"}']);
  const broken = value(
    (await run([
      mock.events([mock.chunk({ tool_calls: [f({ index: 0, id: "x" }, "shell", '{"command":"ls"}')] }), null]),
    ])).outcome,
  );
  match(broken.message.calls[0]?.fault ?? "", /not run/);
});

Deno.test("a stream that ends at any byte never leaves a call that runs, unless all of it came", async () => {
  const whole = mock.fragments([f({ index: 0, id: "x" }, "shell", '{"command":"rm -rf build/tmp"}')]);
  const bytes = whole.parts[0] instanceof Uint8Array ? whole.parts[0] : new Uint8Array();
  const text = new TextDecoder().decode(bytes);
  const settled = text.indexOf("\n", text.indexOf('"finish_reason":"tool_calls"'));
  ok(settled > 0);
  const server = mock.startMock((request) => ({ ...whole, parts: [bytes.slice(0, Number(request.text))] }));
  for (let end = 0; end < bytes.length; end += 7) {
    const { model } = openModel({ baseUrl: server.url });
    const outcome = await model.reply(ask({ messages: [user(String(end))] }), never);
    const runnable = outcome.ok ? outcome.value.message.calls.filter((call) => !call.fault) : [];
    equal(
      runnable.map((call) => call.arguments),
      end >= settled ? ['{"command":"rm -rf build/tmp"}'] : [],
      `cut at ${end}`,
    );
  }
  await server.stop();
});

for (
  const [reason, content, says] of [["stop", " ", /holds no words/], [
    "content_filter",
    "so",
    /ended it: content_/,
  ]] as const
) {
  Deno.test(`a reply that ends with ${reason} and "${content}" is told with a note`, async () => {
    const { outcome } = await run([mock.events([mock.chunk({ content }, { finish_reason: reason })])]);
    match(value(outcome).note ?? "", says);
  });
}

Deno.test("an error in mid-stream keeps the text and names the error", async () => {
  const { outcome } = await run([
    mock.events([mock.chunk({ content: "half" }), { error: { message: "upstream died", code: 502 } }]),
  ]);
  equal([value(outcome).message.content, value(outcome).finish], ["half", "cut"]);
  match(value(outcome).note ?? "", /upstream died/);
});

for (
  const [name, step] of Object.entries<mock.MockAnswer>({
    "before the first byte": mock.hang(),
    "in mid-stream": mock.say("abcdefghijkl", { hangAfter: 260 }),
    "after a comment": { ...mock.empty(), parts: [": hi\n\n", "hang"] },
  })
) {
  Deno.test(`a silence ${name} is cut`, async () => {
    const server = mock.startMock([step, mock.say("second")]);
    const { model, clock, logged } = openModel({ baseUrl: server.url });
    const pending = model.reply(ask(), never);
    while (!server.requests.length) await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise((resolve) => setTimeout(resolve, 60));
    clock.pass(name === "before the first byte" ? 150_000 : 15_000);
    await new Promise((resolve) => setTimeout(resolve, 20));
    equal(logged.length, 1, "not yet");
    clock.pass(300_000);
    const outcome = await pending;
    if (name === "before the first byte") {
      equal([failure(outcome).kind, server.requests.length], ["unreachable", 1]);
      match(failure(outcome).message, /nothing came for 300 s/);
    } else if (name === "in mid-stream") {
      equal(value(outcome).finish, "cut");
      match(value(outcome).note ?? "", /nothing came for 60 s/);
    } else equal(value(outcome).message.content, "second");
    await server.stop();
  });
}

Deno.test("a reply without end is bounded and kept as cut", async () => {
  const { outcome } = await run(
    [mock.events(Array.from({ length: 400 }, () => mock.chunk({ content: "x".repeat(50) })))],
    ask(),
    { limits: { maxReplyChars: 1000 } },
  );
  ok(value(outcome).message.content.length < 4000);
  equal(value(outcome).finish, "cut");
  const whole = await run([
    mock.events([...Array.from({ length: 400 }, () => mock.chunk({ content: "x".repeat(50) })), one]),
  ]);
  equal(value(whole.outcome).message.content.length, 20_002);
});

Deno.test("an abort ends the connection, keeps the partial text, and is logged", async () => {
  const server = mock.startMock([mock.say("abcdefghijkl", { hangAfter: 300 })]);
  const { model, logged, shown } = openModel({ baseUrl: server.url });
  const stop = new AbortController();
  const pending = model.reply(ask(), stop.signal);
  while (!shown.some(({ type }) => type === "text_delta")) await new Promise((resolve) => setTimeout(resolve, 5));
  stop.abort();
  const partial = shown.map((event) => event.type === "text_delta" ? event.text : "").join("");
  await rejects(pending, (error) => error instanceof Aborted && error.partial === partial && partial !== "");
  equal(logged.at(-1), { kind: "model_reply", data: { purpose: "chat", aborted: true, partial } });
  for (let n = 0; n < 200 && server.closed === 0; n++) await new Promise((resolve) => setTimeout(resolve, 10));
  equal(server.closed, 1);
  await rejects(model.reply(ask(), stop.signal), Aborted);
  equal(server.requests.length, 1);
  await server.stop();
});

Deno.test("an abort during the countdown ends it", async () => {
  const server = mock.startMock([mock.status(429, { "retry-after": "50" })]);
  const { model, shown } = openModel({ baseUrl: server.url }, { clock: fakeClock(10_000) });
  const stop = new AbortController();
  const pending = model.reply(ask(), stop.signal);
  while (!shown.length) await new Promise((resolve) => setTimeout(resolve, 5));
  stop.abort();
  await rejects(pending, Aborted);
  equal(server.requests.length, 1);
  await server.stop();
});

Deno.test("a key is sent to the endpoint, and never across a redirect to another host", async () => {
  const other = mock.startMock([mock.say("stolen")]);
  const server = mock.startMock([mock.redirect(`${other.url}/chat/completions`, 307)]);
  const { model, logged } = openModel({ baseUrl: server.url, apiKey: "sk-secret" });
  const { kind, message } = failure(await model.reply(ask(), never));
  equal([kind, server.requests[0]?.headers.authorization, other.requests.length], ["refused", "Bearer sk-secret", 0]);
  match(message, new RegExp(new URL(other.url).host));
  ok(!JSON.stringify(logged).includes("sk-secret"));
  const followed = await fetch(`${server.url}/chat/completions`, { method: "POST", body: '{"messages":[]}' });
  await followed.body?.cancel();
  equal(other.requests.length, 1, "a client that follows does reach the other host");
  await Promise.all([server.stop(), other.stop()]);
});

Deno.test("nothing of the environment is sent, and a loopback endpoint needs no key", async () => {
  const names = ["OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_CUSTOM_HEADERS", "OPENAI_BASE_URL"];
  for (const name of names) Deno.env.set(name, name === "OPENAI_CUSTOM_HEADERS" ? "X-Canary: canary-1" : "canary-1");
  try {
    const { requests } = await run([mock.say("hi")]);
    equal(Object.values(requests[0]?.headers ?? {}).filter((header) => /canary|Bearer/.test(header)), []);
  } finally {
    for (const name of names) Deno.env.delete(name);
  }
});

Deno.test("secrets and halves of surrogate pairs do not leave", async () => {
  const messages = [user("key sk-secret \ud83d end"), {
    role: "assistant" as const,
    content: "",
    calls: [{ id: "x", name: "read me", arguments: '{"a":"sk-secret"}' }],
  }, { role: "tool" as const, callId: "x", name: "read", content: "\udc00sk-secret" }];
  const { requests } = await run([mock.say("hi")], ask({ messages }));
  const sent = JSON.stringify(requests[0]?.body);
  ok(!/sk-secret|\\ud83d|\\udc00/.test(sent) && sent.includes("[redacted]") && sent.includes("read_me"), sent);
});

Deno.test("the endpoint is left alone after three dead calls, and asked again later", async () => {
  const server = mock.startMock([...Array.from({ length: 15 }, () => mock.status(500)), mock.say("back")]);
  const { model, clock } = openModel({ baseUrl: server.url });
  for (let n = 0; n < 3; n++) equal(failure(await model.reply(ask(), never)).kind, "server");
  const { kind, message } = failure(await model.reply(ask(), never));
  equal([kind, server.requests.length], ["unreachable", 15]);
  match(message, /left alone for 30 s/);
  clock.advance(30_001);
  equal(value(await model.reply(ask(), never)).message.content, "back");
  await server.stop();
});

Deno.test("stream_options and tools: [] are sent until a refusal names them", async () => {
  const request = ask({
    tools: [],
    messages: [user("a"), { role: "assistant", content: "", calls: [{ id: "x", name: "read", arguments: "{}" }] }, {
      role: "tool",
      callId: "x",
      name: "read",
      content: "r",
    }],
  });
  const { outcome, requests } = await run([
    mock.status(400, {}, { error: { message: "Unknown field: stream_options" } }),
    mock.status(400, {}, { error: { message: "Invalid 'tools': empty array" } }),
    mock.say("ok"),
  ], request);
  equal(value(outcome).message.content, "ok");
  equal(requests.map(({ body }) => ["stream_options" in body, "tools" in body]), [[true, true], [false, true], [
    false,
    false,
  ]]);
});

Deno.test("a Mistral model gets names, short ids and an assistant between result and user", async () => {
  const messages = [
    user("a"),
    { role: "assistant" as const, content: "", calls: [{ id: "call_0123456789", name: "read", arguments: "{}" }] },
    { role: "tool" as const, callId: "call_0123456789", name: "read", content: "r" },
    user("b"),
  ];
  const { requests } = await run([mock.say("ok")], ask({ messages }), { model: "mistralai/devstral" });
  const sent = requests[0]?.body.messages ?? [];
  equal(sent.map(({ role }) => role), ["user", "assistant", "tool", "assistant", "user"]);
  match(sent[2]?.tool_call_id ?? "", /^[a-z0-9]{9}$/);
  equal(sent[2]?.name, "read");
});

Deno.test("silent overflows are recognised: more than the window, and far less than was sent", async () => {
  const long = ask({ messages: [user("word ".repeat(12_000))] });
  const more = await run([mock.events([one, mock.usageChunk(9000, 1)])], ask(), { window: 8000 });
  equal(failure(more.outcome).kind, "overflow");
  const less = await run([mock.events([one, mock.usageChunk(4096, 1)])], long);
  match(failure(less.outcome).message, /read only 4096/);
  equal(less.model.window(), 4096);
  equal(value((await run([mock.events([one, mock.usageChunk(14_000, 1)])], long)).outcome).finish, "stop");
});

Deno.test("a server that counts only what it has not cached is not taken for one that truncates", async () => {
  const usage = (tokens: number) => mock.events([one, mock.usageChunk(tokens, 1)]);
  const server = mock.startMock([usage(14_000), usage(1200)]);
  const { model } = openModel({ baseUrl: server.url });
  const request = ask({ messages: [user("word ".repeat(12_000))] });
  ok((await model.reply(request, never)).ok && (await model.reply(request, never)).ok);
  await server.stop();
});

Deno.test("an error that quotes the key does not show it, even if nobody else redacts it", async () => {
  const settings = { apiKey: "key-0123456789" };
  const step = mock.status(401, {}, { error: { message: "Incorrect API key provided: key-0123456789" } });
  const { outcome, logged } = await run([step], ask(), settings);
  match(failure(outcome).message, /provided: \[redacted\]/);
  ok(!JSON.stringify(logged).includes(settings.apiKey));
});

Deno.test("a window that a refusal names is learned", async () => {
  const { model } = await run([
    mock.status(400, {}, { error: { message: "This model's maximum context length is 8192 tokens" } }),
  ]);
  equal(model.window(), 8192);
});

Deno.test("the estimate weighs CJK, and learns from reported usage within bounds", async () => {
  const { model } = openModel({});
  ok(model.estimate([user("字".repeat(400))], []) > 3 * model.estimate([user("a".repeat(400))], []));
  const request = ask({ messages: [user("a".repeat(4000))], tools: [] });
  const after = await run([mock.events([one, mock.usageChunk(1500, 1)])], request);
  equal(Math.abs(after.model.estimate(request.messages, []) - 1500) <= 1, true);
  const wild = await run([mock.events([one, mock.usageChunk(90_000, 1)])], request);
  equal(Math.round(wild.model.estimate(request.messages, []) / model.estimate(request.messages, [])), 2);
});

Deno.test("requests are logged with each message once, and a hash of what does not change", async () => {
  const server = mock.startMock([mock.say("ok")]);
  const { model, logged } = openModel({ baseUrl: server.url });
  const system = { role: "system" as const, content: "be kind" };
  const first = await model.reply(ask({ messages: [system, user("a")] }), never);
  await model.reply(ask({ messages: [system, user("a"), value(first).message, user("b")] }), never);
  const data = logged.filter(({ kind }) => kind === "model_request").map((entry) =>
    JSON.parse(JSON.stringify(entry.data))
  );
  equal(data.map(({ messages, last }) => [messages, last.map(({ content }: { content: string }) => content)]), [[2, [
    "a",
  ]], [4, ["ok", "b"]]]);
  equal(data[0].prefix, data[1].prefix);
  match(data[0].prefix, /^[0-9a-f]{64}$/);
  await server.stop();
});

Deno.test("use() changes the model, fast requests take the fast one, and a bad name is refused", async () => {
  const server = mock.startMock([mock.say("ok")]);
  const { model } = openModel({ baseUrl: server.url, fastModel: "quick" });
  equal([model.use("other/big").ok, model.use("no such").ok, model.use("").ok, model.name()], [
    true,
    false,
    false,
    "other/big",
  ]);
  await model.reply(ask(), never);
  await model.reply(ask({ fast: true, tools: [tool("x")] }), never);
  equal(server.requests.map(({ body }) => body.model), ["other/big", "quick"]);
  await server.stop();
});

Deno.test("probe() asks once and says what is wrong", async () => {
  const server = mock.startMock([mock.say("ok"), mock.status(500)]);
  const settings = { baseUrl: server.url, model: "mock", fastModel: "mock" };
  equal(await probe(settings, never), { ok: true, value: '"mock" answered' });
  const bad = await probe(settings, never);
  ok(!bad.ok && /500/.test(bad.error));
  equal(server.requests.length, 2);
  await server.stop();
  ok(!(await probe({ ...settings, baseUrl: "nonsense" }, never)).ok);
});
