/** The compiled executable when the endpoint fails it, or a signal ends it. */
import { deepStrictEqual as equal, doesNotMatch, match, ok } from "node:assert/strict";
import { CANARY, each, type Ended, EVO, once, openDesk, start } from "../testing/evo.ts";
import * as mock from "../testing/mock_server.ts";

const ignore = EVO === undefined;
const STACK = /\n\s+at .*:\d+:\d+/;

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
  {
    name: "500 forever",
    script: mock.status(500, { "retry-after": "0" }),
    code: 6,
    requests: { most: 5 },
    says: /500/,
  },
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

Deno.test("secrets in error bodies and addresses reach neither the screen nor the session", { ignore }, async () => {
  const rows: { name: string; step: mock.MockAnswer }[] = [400, 401, 429, 500].map((code) => ({
    name: `${code}`,
    step: mock.status(code, { "retry-after": "0" }, {
      error: { message: `bad key ${CANARY} at https://u:${CANARY}@h` },
    }),
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

Deno.test("a redirect to another host is not followed: the key does not go there", { ignore }, async () => {
  const evil = mock.startMock(mock.say("evil"));
  const step = mock.redirect(`${evil.url}/chat/completions`, 307);
  const { code, requests } = await once(step, ["-p", "go"]);
  equal([code, requests.length, evil.requests.length], [6, 1, 0]);
  const good = mock.startMock(step); // what a client does that follows it
  await (await fetch(`${good.url}/chat/completions`, { method: "POST", body: '{"messages":[]}' })).text();
  equal(evil.requests.length, 1);
  await good.stop();
  await evil.stop();
});

Deno.test("the countdown of a retry is abortable", { ignore }, async () => {
  const kill = (child: Deno.ChildProcess) => child.kill("SIGINT");
  const { code, requests } = await once(mock.status(429, { "retry-after": "55" }), ["-p", "go"], {
    after: [/retry in 5\d s/, kill],
  });
  equal([code, requests.length], [130, 1]);
});

Deno.test("SIGINT stops the turn of a piped conversation, and its next line goes on", { ignore }, async () => {
  const step: mock.MockStep = ({ body, text }) => {
    if (!body.tools) return mock.say("CONTINUE");
    return text.endsWith("slow") ? mock.say("partial words and no more", { hangAfter: 200 }) : mock.say("next answer");
  };
  const { code, out, events } = await once(step, [], {
    stdin: "slow\nnext\n",
    after: [/slow/, (child) => void setTimeout(() => child.kill("SIGINT"), 1000)],
  });
  equal(code, 0);
  match(out, /^partial[^]*next answer\n$/);
  equal(events.filter(({ kind }) => kind === "turn_end").map(({ data }) => data.status), ["aborted", "done"]);
});

Deno.test("SIGINT while a piped conversation waits for a line ends it with 130", { ignore }, async () => {
  const desk = await openDesk("http://127.0.0.1:1/v1");
  const child = start([], desk);
  for await (const bytes of child.stderr.values({ preventCancel: true })) {
    if (new TextDecoder().decode(bytes).includes("mock")) break;
  }
  await new Promise((done) => setTimeout(done, 500));
  child.kill("SIGINT");
  equal((await child.status).code, 130);
  equal((await desk.events()).at(-1)?.data, { exit: 130, reason: "SIGINT" });
  await child.stdin.close().catch(() => {});
  await child.stdout.cancel();
  await child.stderr.cancel();
  await desk.clean();
});
