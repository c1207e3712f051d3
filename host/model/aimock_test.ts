/** The happy paths against a mock that is not ours, so that the protocol is not judged by our own fixture alone. */
import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { LLMock } from "@copilotkit/aimock";
import { ask, never, openModel, tool, user } from "../testing/model_fixtures.ts";

const title = "text, a tool call with its result, and an error against an independent mock";
// that mock leaves a timer of its own behind
Deno.test(title, { sanitizeOps: false, sanitizeResources: false }, async () => {
  const mock = new LLMock({ host: "127.0.0.1", port: 0 });
  mock.onMessage("hello", { content: "Hi there 日本!" });
  mock.onMessage("look", { toolCalls: [{ name: "read", arguments: '{"path":"a"}' }] });
  mock.onMessage("then", { content: "Done." });
  await mock.start();
  try {
    const { model, shown } = openModel({ baseUrl: `${mock.url}/v1`, apiKey: "key" });
    const hello = await model.reply(ask(), never);
    ok(hello.ok && hello.value.finish === "stop");
    equal(hello.value.message.content, "Hi there 日本!");
    equal(shown.map((event) => event.type === "text_delta" ? event.text : "").join(""), "Hi there 日本!");
    const look = await model.reply(ask({ messages: [user("look")], tools: [tool("read")] }), never);
    ok(look.ok && look.value.finish === "calls");
    equal(look.value.message.calls.map((call) => [call.name, call.arguments]), [["read", '{"path":"a"}']]);
    const result = {
      role: "tool" as const,
      callId: look.value.message.calls[0]?.id ?? "",
      name: "read",
      content: "text",
    };
    const then = await model.reply(ask({ messages: [user("look"), look.value.message, result, user("then")] }), never);
    ok(then.ok && then.value.message.content === "Done.");
    const unknown = await model.reply(ask({ messages: [user("nothing like that")] }), never);
    ok(!unknown.ok);
    match(unknown.error, /HTTP 404: No fixture matched/);
  } finally {
    await mock.stop();
  }
});
