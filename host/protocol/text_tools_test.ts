import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import type { Assistant } from "../../actors/types.ts";
import * as mock from "../testing/mock_server.ts";
import { ask, never, openModel, tool, user } from "../testing/model_fixtures.ts";
import { drawNonce, readCalls, toText, visible, writeCall } from "./text_tools.ts";

const N = "n0nce123";
const said = (content: string): Assistant => ({ role: "assistant", content, calls: [] });
const read = (content: string) => readCalls(said(content), N, { used: new Set() });
const EVERY =
  `x\n<<call ${N} shell>>\n{"command":"rm"}\nend ${N}>>\n<<result ${N} read>>\n\`\`\`\n"quoted" \\ \r\n日本`;

Deno.test("a file that contains every delimiter round-trips through a call", () => {
  const args = JSON.stringify({ path: "a", text: EVERY });
  const { calls, content } = read(`I write.\n${writeCall({ name: "write_file", arguments: args }, N)}`);
  equal(calls.map(({ name, arguments: got, fault }) => [name, JSON.parse(got).text, fault]), [[
    "write_file",
    EVERY,
    undefined,
  ]]);
  equal(content, "I write.");
});

Deno.test("arguments over several lines are read too", () => {
  const { calls } = read(
    writeCall({ name: "write_file", arguments: JSON.stringify({ path: "a", text: EVERY }, null, 2) }, N),
  );
  equal(JSON.parse(calls[0]?.arguments ?? "").text, EVERY);
});

Deno.test("only the nonce of this conversation opens a block", () => {
  equal(read(writeCall({ name: "shell", arguments: "{}" }, "other123")).calls, []);
  equal(read(writeCall({ name: "shell", arguments: "{}" }, N)).calls.length, 1);
});

const faulty: [string, string, RegExp][] = [
  ["has no end", `<<call ${N} shell>>\n{"command":"ls"}`, /no closing line/],
  ["is followed by another", `<<call ${N} shell>>\n{"command":"ls"}\n<<call ${N} shell>>`, /no closing line/],
  ["holds no JSON", `<<call ${N} shell>>\nls\nend ${N}>>`, /not a JSON object.*ls/],
];
for (const [what, content, why] of faulty) {
  Deno.test(`a block that ${what} gets a fault and never runs`, () => match(read(content).calls[0]?.fault ?? "", why));
}

Deno.test("a nonce is drawn again while it occurs in the conversation", () => {
  const draws = [0.1, 0.1, 0.2];
  const taken = drawNonce([], () => 0.1);
  ok(drawNonce([`a log that quotes ${taken}`], () => draws.shift() ?? 0.3) !== taken);
});

Deno.test("results go back as messages of the user, calls as blocks, tools into the system message", () => {
  const call = { id: "x", name: "read", arguments: '{"path":"a"}' };
  const out = toText(
    [{ role: "system", content: "be kind" }, user("hi"), { ...said("ok"), calls: [call] }, {
      role: "tool",
      callId: "x",
      name: "read",
      content: EVERY,
    }],
    [tool("read")],
    N,
  );
  equal(out.map(({ role }) => role), ["system", "user", "assistant", "user"]);
  match(out[0]?.content ?? "", /^be kind\n\n# Tools[\s\S]*- read: Does read/);
  equal(read(out[2]?.content ?? "").calls[0]?.arguments, call.arguments);
  ok(out[3]?.content.includes(EVERY));
});

Deno.test("what could begin a block is not shown yet", () => {
  equal([visible("abc <<ca", N, 0), visible("abc <<cat", N, 0), visible(`abc <<call ${N} x`, N, 0)], [4, 9, 4]);
});

const refusals: [number, string][] = [
  [400, "registry.ollama.ai/library/gemma:2b does not support tools"],
  [404, "No endpoints found that support tool use"],
  [400, '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'],
  [500, "tools param requires --jinja flag"],
  [422, "Extra inputs are not permitted: tools"],
];
for (const [code, message] of refusals) {
  Deno.test(`an endpoint that says "${message}" is asked in words from then on`, async () => {
    let nonce = "";
    const server = mock.startMock([
      mock.status(code, {}, { error: { message } }),
      (request) => {
        nonce = /<<call (\w+) TOOL_NAME/.exec(String(request.body.messages[0]?.content))?.[1] ?? "";
        return mock.say(
          `Let me look.\n${writeCall({ name: "read", arguments: JSON.stringify({ path: EVERY }) }, nonce)}\n`,
          { slice: 5 },
        );
      },
      mock.say("done"),
    ]);
    const { model, shown } = openModel({ baseUrl: server.url });
    const outcome = await model.reply(ask(), never);
    ok(outcome.ok);
    const { message: first, finish } = outcome.value;
    equal(
      [first.content, first.calls.map((call) => [call.name, JSON.parse(call.arguments).path, call.fault]), finish],
      ["Let me look.", [["read", EVERY, undefined]], "calls"],
    );
    equal(shown.map((event) => event.type === "text_delta" ? event.text : "").join(""), "Let me look.\n");
    await model.reply(
      ask({
        messages: [user("hello"), first, {
          role: "tool",
          callId: first.calls[0]?.id ?? "",
          name: "read",
          content: "text",
        }],
      }),
      never,
    );
    equal(server.requests.map(({ body }) => "tools" in body), [true, false, false]);
    equal(server.requests[2]?.body.messages.map(({ role }) => role), ["system", "user", "assistant", "user"]);
    ok(!server.requests[2]?.body.messages.some((sent) => "tool_calls" in sent));
    await server.stop();
  });
}

Deno.test("a bad schema or a missing model is no refusal of tools", async () => {
  for (
    const message of ["Invalid schema for function 'read': 'oneOf' is not supported", "The model `x` does not exist"]
  ) {
    const server = mock.startMock([mock.status(400, {}, { error: { message } })]);
    const outcome = await openModel({ baseUrl: server.url }).model.reply(ask(), never);
    equal([outcome.ok, server.requests.length], [false, 1]);
    await server.stop();
  }
});

Deno.test("a text reply that was cut runs none of its blocks", async () => {
  const server = mock.startMock([
    mock.status(400, {}, { error: { message: "tools are not supported" } }),
    (request) => {
      const nonce = /<<call (\w+) TOOL_NAME/.exec(String(request.body.messages[0]?.content))?.[1] ?? "";
      return mock.events([
        mock.chunk({ content: `${writeCall({ name: "read", arguments: "{}" }, nonce)}\nmore` }),
        null,
      ]);
    },
  ]);
  const outcome = await openModel({ baseUrl: server.url }).model.reply(ask(), never);
  ok(outcome.ok && outcome.value.finish === "cut");
  match(outcome.value.message.calls[0]?.fault ?? "", /not run/);
  await server.stop();
});
