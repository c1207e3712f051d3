/** The compiled executable against a mock that is not ours, so that the protocol is not judged by our own fixture alone. */
import { deepStrictEqual as equal, match } from "node:assert/strict";
import { LLMock } from "@copilotkit/aimock";
import { EVO, openDesk } from "../testing/evo.ts";

const title = "an independent mock: an answer, and a tool call whose result is answered";
// that mock leaves a timer of its own behind
Deno.test(title, { ignore: EVO === undefined, sanitizeOps: false, sanitizeResources: false }, async () => {
  const mock = new LLMock({ host: "127.0.0.1", port: 0 });
  mock.onMessage("hello", { content: "Hi there 日本!" });
  mock.on({ toolResultContains: "Created a.txt" }, { content: "It is written." });
  mock.onMessage("write", { toolCalls: [{ name: "write_file", arguments: '{"path":"a.txt","content":"made"}' }] });
  await mock.start();
  const desk = await openDesk(`${mock.url}/v1`);
  try {
    const hello = await desk.run(["-p", "hello"]);
    equal({ code: hello.code, out: hello.out }, { code: 0, out: "Hi there 日本!\n" }, hello.err);
    const write = await desk.run(["-p", "write"]);
    equal({ code: write.code, files: await desk.files() }, { code: 0, files: ["a.txt"] }, write.err);
    equal(await desk.read("a.txt"), "made");
    match(write.out, /It is written/);
  } finally {
    await desk.clean();
    await mock.stop();
  }
});
