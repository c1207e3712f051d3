/** The compiled executable answers once: streams, events, exit codes. */
import { deepStrictEqual as equal, doesNotMatch, match, ok } from "node:assert/strict";
import { at, CANARY, each, EVO, once, openDesk, start } from "../testing/evo.ts";
import * as mock from "../testing/mock_server.ts";

const ignore = EVO === undefined;
const STACK = /\n\s+at .*:\d+:\d+/;

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

Deno.test("-p: what is piped in goes below the prompt, and an answer in steps leaves only its last words on stdout", {
  ignore,
}, async () => {
  const script = [mock.calls([{ name: "list_files", arguments: {} }], "I look first."), mock.say('{"ok": true}')];
  const { code, out, err, requests } = await once(script, ["-p", "review"], { stdin: "line 1\nline 2 日本\n" });
  equal({ code, out }, { code: 0, out: '{"ok": true}\n' });
  match(err, /I look first\./);
  match(JSON.stringify(requests[0]?.body), /review \\n\\nline 1\\nline 2 日本"/);
});

Deno.test("-p: a pipe that is only left open is not waited for, and that is said", { ignore }, async () => {
  const server = mock.startMock(() => mock.say("done")), desk = await openDesk(server.url);
  const child = start(["-p", "look"], desk);
  const [out, err] = await Promise.all([child.stdout, child.stderr].map((stream) => new Response(stream).text()));
  equal({ code: (await child.status).code, out }, { code: 0, out: "done\n" });
  match(err ?? "", /^Nothing came over stdin within a second/);
  await child.stdin.close();
  await desk.clean();
  await server.stop();
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
  {
    name: "no model",
    args: ["-p", "x"],
    env: { INFERENCE_BASE_URL: "", OPENROUTER_API_KEY: "" },
    code: 4,
    says: /^No model is set.*\n.*\n$/,
  },
  {
    name: "no model, piped",
    args: [],
    env: { INFERENCE_BASE_URL: "", OPENROUTER_API_KEY: "" },
    code: 4,
    says: /^No model is set.*\n.*\n$/,
  },
  {
    name: "no model, evolve",
    args: ["evolve"],
    env: { INFERENCE_BASE_URL: "", OPENROUTER_API_KEY: "" },
    code: 4,
    says: /^No model is set.*\n.*\n$/,
  },
  {
    name: "a bad URL",
    args: ["-p", "x"],
    env: { INFERENCE_BASE_URL: "nonsense" },
    code: 4,
    says: /INFERENCE_BASE_URL/,
  },
  {
    name: "no such cassette",
    args: ["-p", "x", "--model", "cassette:/nowhere.jsonl"],
    code: 4,
    says: /nowhere\.jsonl/,
  },
];

Deno.test(
  "what cannot start says why in a sentence, with its own exit code, and sends nothing",
  { ignore },
  async () => {
    await each(STARTS, async ({ args, code, says, env = {}, stdin = "" }) => {
      const ended = await once(mock.say("never"), args, { env, stdin });
      equal(ended.code, code, ended.err);
      match(ended.err, says);
      doesNotMatch(ended.err, STACK);
      equal(ended.requests.length, 0);
      equal(ended.out, "");
    });
  },
);

Deno.test("--help and --version need no model, no directory and no network", { ignore }, async () => {
  const desk = await openDesk();
  const help = await desk.run(["--help"]);
  equal(help.code, 0);
  for (const word of ["--json", "--continue", "evo replay", "OPENROUTER_API_KEY", "130"]) {
    ok(help.out.includes(word), word);
  }
  const version = await desk.run(["--version"]);
  equal(version.code, 0);
  match(version.out, /^evo \d+\.\d+\.\d+\ngeneration .+\nsource [0-9a-f]{64}\ndeno \d.*\nv8 \d/);
  equal(await desk.files(), []);
  await desk.clean();
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

Deno.test("--json tells a failure too, and its last line the exit code", { ignore }, async () => {
  const { code, out, err } = await once(mock.status(401), ["-p", "x", "--json"]);
  equal({ code, err }, { code: 3, err: "" });
  const events = out.trimEnd().split("\n").map((line) => JSON.parse(line));
  ok(events.some(({ type, level, text }) => type === "notice" && level === "error" && /401/.test(text)));
  equal(events.slice(-2).map(({ type, status, exit }) => [type, status ?? exit]), [["turn_end", "failed"], [
    "result",
    3,
  ]]);
});

Deno.test("a reader that goes away ends the run quietly", { ignore }, async () => {
  await at(mock.say("words ".repeat(100_000)), async (desk) => {
    const child = start(["-p", "go"], desk);
    await child.stdin.close();
    await child.stdout.cancel();
    const err = await new Response(child.stderr).text();
    ok((await child.status).code < 128);
    doesNotMatch(err, /error|panic|\n\s+at /i);
  });
});
