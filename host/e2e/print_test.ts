/** The compiled executable answers once: streams, events, exit codes, faults of the endpoint. */
import { deepStrictEqual as equal, doesNotMatch, match, ok } from "node:assert/strict";
import { CANARY, each, type Ended, EVO, openDesk, type RunOptions } from "../testing/evo.ts";
import * as mock from "../testing/mock_server.ts";

const ignore = EVO === undefined;
const STACK = /\n\s+at .*:\d+:\d+/;

/** Runs once against a script; the mock and the desk are gone afterwards. */
async function once(script: mock.MockStep[] | mock.MockStep, args: string[], options: RunOptions = {}) {
  const server = mock.startMock(script);
  const desk = await openDesk(server.url);
  try {
    const ended = await desk.run(args, options);
    const events = await desk.events().catch(() => []);
    return { ...ended, requests: server.requests, closed: server.closed, events };
  } finally {
    await desk.clean();
    await server.stop();
  }
}

Deno.test("-p: the answer is on stdout, the progress on stderr; the first request is small and carries the key", {
  ignore,
}, async () => {
  const script = [mock.calls([{ name: "list_files", arguments: {} }]), mock.say("Grüße 日本 👩‍👩‍👧")];
  const { code, out, err, requests } = await once(script, ["-p", "look"]);
  equal({ code, out }, { code: 0, out: "Grüße 日本 👩‍👩‍👧\n" });
  match(err, /list_files/);
  ok(!err.includes("Grüße"));
  equal(requests.length, 2);
  equal(requests[0]?.headers.authorization, `Bearer ${CANARY}`);
  ok(new TextEncoder().encode(JSON.stringify(requests[0]?.body)).length <= 8192, "the first request is over 8 KB");
});

Deno.test("--json: each line is one event, in order, and the last one says the exit code", { ignore }, async () => {
  const script = [mock.calls([{ name: "list_files", arguments: {} }], "Let me\u2028look"), mock.say("done")];
  const { code, out, err } = await once(script, ["-p", "look", "--json"]);
  equal({ code, err }, { code: 0, err: "" });
  ok(!/[\u2028\u2029]/.test(out));
  const events = out.trimEnd().split("\n").map((line) => JSON.parse(line));
  ok(events.every(({ v, ts }) => v === 1 && !Number.isNaN(Date.parse(ts))));
  const order = ["session", "turn_start", "text_delta", "tool_start", "tool_end", "usage", "turn_end", "result"];
  equal(order.filter((type) => !events.some((event) => event.type === type)), []);
  const places = ["session", "turn_start", "tool_start", "tool_end", "turn_end", "result"].map((type) =>
    events.findIndex((event) => event.type === type)
  );
  equal(places, places.toSorted((a, b) => a - b));
  equal(events.at(-1).exit, 0);
  match(events.map(({ type, text }) => type === "text_delta" ? text : "").join(""), /Let me\u2028look.*done/s);
});

interface Fault {
  name: string;
  script: mock.MockStep[] | mock.MockStep;
  code: number;
  /** How many requests were made: exactly, or at most. */
  requests: number | { most: number };
  says: RegExp;
  out?: string;
  env?: Record<string, string>;
}

const FAULTS: Fault[] = [
  {
    name: "a dead endpoint",
    script: mock.say("never"),
    env: { INFERENCE_BASE_URL: "http://127.0.0.1:9/v1" },
    code: 6,
    requests: 0,
    says: /127\.0\.0\.1:9/,
  },
  { name: "401", script: mock.status(401), code: 3, requests: 1, says: /401/ },
  { name: "403", script: mock.status(403), code: 3, requests: 1, says: /403/ },
  { name: "404 no such model", script: mock.status(404), code: 6, requests: 1, says: /404/ },
  { name: "500 forever", script: mock.status(500, { "retry-after": "0" }), code: 6, requests: { most: 5 }, says: /500/ },
  {
    name: "429 with retry-after 2 is honoured once, and shown",
    script: [mock.status(429, { "retry-after": "2" }), mock.say("then")],
    code: 0,
    requests: 2,
    says: /retry in [23] s .*429/s,
    out: "then\n",
  },
  {
    name: "429 with retry-after 18000 fails at once with the time of the reset",
    script: mock.status(429, { "retry-after": "18000" }),
    code: 6,
    requests: 1,
    says: /it will answer again at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/,
  },
  { name: "an HTML page with 200", script: mock.html(), code: 6, requests: 1, says: /HTML/ },
  { name: "an empty 200", script: mock.empty(), code: 6, requests: 1, says: /empty/ },
  { name: "a redirect", script: mock.redirect("http://127.0.0.1:1/v1"), code: 6, requests: 1, says: /redirect|302/i },
  {
    name: "a cut stream keeps its text and says so",
    script: [mock.events([mock.chunk({ content: "half a thought" }), null])],
    code: 6,
    requests: 1,
    says: /cut|ended|finish/i,
    out: "half a thought\n",
  },
  {
    name: "a connection that breaks keeps its text and says so",
    script: mock.say("the first part and never the second", { cutAfter: 200 }),
    code: 6,
    requests: 1,
    says: /broke|cut|connection/i,
  },
  {
    name: "overflow that cannot be made smaller",
    script: mock.status(400, {}, { error: { message: "This model's maximum context length is 8 tokens" } }),
    code: 7,
    requests: { most: 5 },
    says: /window/,
  },
  {
    name: "the same call for ever is stopped",
    script: () => mock.calls([{ name: "list_files", arguments: {} }]),
    code: 7,
    requests: { most: 5 },
    says: /five times/,
  },
];

Deno.test("every fault of an endpoint has its exit code, its number of requests and one clear sentence", {
  ignore,
}, async () => {
  await each(FAULTS, async ({ script, code, requests, says, out, env = {} }) => {
    const ended = await once(script, ["-p", "hello"], { env });
    equal(ended.code, code, ended.err);
    if (typeof requests === "number") equal(ended.requests.length, requests);
    else ok(ended.requests.length <= requests.most, `${ended.requests.length} requests`);
    match(ended.err, says);
    doesNotMatch(ended.err + ended.out, STACK);
    if (out !== undefined) equal(ended.out, out);
    equal(ended.events.at(-1)?.kind, "session_end");
  });
});

interface Start {
  name: string;
  args: string[];
  code: number;
  says: RegExp;
  env?: Record<string, string>;
  stdin?: string;
}
const STARTS: Start[] = [
  { name: "unknown option", args: ["--jsn"], code: 2, says: /Unknown option "--jsn"; did you mean "--json"/ },
  { name: "unknown command", args: ["lineag"], code: 2, says: /did you mean "evo lineage"/ },
  { name: "empty prompt", args: ["-p", ""], code: 2, says: /empty prompt/ },
  { name: "empty prompt from stdin", args: ["-p", "-"], stdin: "", code: 2, says: /empty prompt/ },
  { name: "no such session", args: ["-p", "x", "--resume", "nope"], code: 2, says: /nope/ },
  { name: "nothing to continue", args: ["-p", "x", "--continue"], code: 2, says: /no earlier session/ },
  { name: "no model", args: ["-p", "x"], env: { INFERENCE_BASE_URL: "", OPENROUTER_API_KEY: "" }, code: 4, says: /^No model is set.*\n.*\n$/ },
  { name: "no model, piped", args: [], env: { INFERENCE_BASE_URL: "", OPENROUTER_API_KEY: "" }, code: 4, says: /^No model is set.*\n.*\n$/ },
  { name: "no model, evolve", args: ["evolve"], env: { INFERENCE_BASE_URL: "", OPENROUTER_API_KEY: "" }, code: 4, says: /^No model is set.*\n.*\n$/ },
  { name: "a bad URL", args: ["-p", "x"], env: { INFERENCE_BASE_URL: "nonsense" }, code: 4, says: /INFERENCE_BASE_URL/ },
  { name: "no such cassette", args: ["-p", "x", "--model", "cassette:/nowhere.jsonl"], code: 4, says: /nowhere\.jsonl/ },
];

Deno.test("what cannot start says why in a sentence, with its own exit code, and sends nothing", { ignore }, async () => {
  await each(STARTS, async ({ args, code, says, env = {}, stdin = "" }) => {
    const ended = await once(mock.say("never"), args, { env, stdin });
    equal(ended.code, code, ended.err);
    match(ended.err, says);
    doesNotMatch(ended.err, STACK);
    equal(ended.requests.length, 0);
    equal(ended.out, "");
  });
});

Deno.test("--help and --version need no model, no directory and no network", { ignore }, async () => {
  const desk = await openDesk();
  const help = await desk.run(["--help"]);
  equal(help.code, 0);
  for (const word of ["--json", "--continue", "evo replay", "OPENROUTER_API_KEY", "130"]) ok(help.out.includes(word), word);
  const version = await desk.run(["--version"]);
  equal(version.code, 0);
  match(version.out, /^evo \d+\.\d+\.\d+\ngeneration .+\nsource [0-9a-f]{64}\ndeno \d.*\nv8 \d/);
  equal(await desk.files(), []);
  await desk.clean();
});

const SIGNALS: { name: string; signal: Deno.Signal; code: number }[] = [
  { name: "SIGINT", signal: "SIGINT", code: 130 },
  { name: "SIGTERM", signal: "SIGTERM", code: 143 },
  { name: "SIGHUP", signal: "SIGHUP", code: 129 },
];

Deno.test("a signal ends a hanging answer with its exit code, keeps the partial text and closes the session", {
  ignore,
}, async () => {
  await each(SIGNALS, async ({ signal, code }) => {
    const asked = Promise.withResolvers<void>();
    const step = () => (setTimeout(asked.resolve, 300), mock.say("partial words and nothing more", { hangAfter: 200 }));
    const kill = (child: Deno.ChildProcess) => void asked.promise.then(() => child.kill(signal));
    const ended = await once(step, ["-p", "hello"], { after: [/hello/, kill] });
    equal(ended.code, code, ended.err);
    ok(ended.out.startsWith("partial"), ended.out);
    equal(ended.events.at(-1)?.kind, "session_end");
    equal(ended.events.at(-1)?.data.exit, code);
    equal(ended.closed, 1);
  });
});

Deno.test("a prompt of 1 MB from stdin arrives whole, CRLF, emoji and all", { ignore }, async () => {
  const prompt = `first\r\n${"日本👩‍👩‍👧 é ".repeat(40_000)}\r\nlast`;
  ok(new TextEncoder().encode(prompt).length > 1_000_000);
  const { code, out, err, requests } = await once(mock.say("read"), ["-p", "-"], {
    stdin: prompt,
    env: { EVO_WINDOW: "2000000" },
  });
  equal({ code, out }, { code: 0, out: "read\n" }, err);
  ok(requests[0]?.text === prompt, `the prompt arrived otherwise: ${requests[0]?.text.slice(0, 100)}`);
});

Deno.test("a prompt that no window holds ends with advice, after few requests", { ignore }, async () => {
  const full = mock.status(400, {}, { error: { message: "maximum context length is 128000 tokens" } });
  const { code, err, requests } = await once(full, ["-p", "-"], { stdin: "word ".repeat(300_000) });
  equal(code, 7, err);
  match(err, /does not fit the model's window/);
  ok(requests.length <= 5, `${requests.length} requests`);
});

Deno.test("secrets in error bodies and addresses reach neither the screen nor the session", { ignore }, async () => {
  const rows: { name: string; step: mock.MockAnswer }[] = [400, 401, 429, 500].map((code) => ({
    name: `${code}`,
    step: mock.status(code, { "retry-after": "0" }, { error: { message: `bad key ${CANARY} at https://u:${CANARY}@h` } }),
  }));
  const server = mock.startMock(mock.say(`You said ${CANARY}`));
  const desk = await openDesk(server.url);
  const said = await desk.run(["-p", `my key is ${CANARY}`]);
  ok(JSON.stringify(server.requests[0]?.headers).includes(CANARY));
  ok(!JSON.stringify(await desk.events()).includes(CANARY), "the session holds the key");
  equal(said.code, 0);
  await desk.clean();
  await server.stop();
  await each(rows, async ({ step }) => {
    const ended: Ended & { events: unknown[] } = await once(step, ["-p", "hello"]);
    ok(ended.code !== 0);
    ok(!(ended.err + ended.out + JSON.stringify(ended.events)).includes("canary0123456789"));
  });
});
