import { deepStrictEqual as equal } from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { chunk } from "../testing/mock_server.ts";
import { ask, never, openModel } from "../testing/model_fixtures.ts";

/** The ports that three requests came from, by an endpoint that ends its answers so long after `[DONE]`. */
async function portsOf(lingerMs: number): Promise<number[]> {
  const ports: number[] = [], ends: number[] = [];
  const data = [chunk({ role: "assistant", content: "fine" }), chunk({}, { finish_reason: "stop" })].map((one) =>
    `data: ${JSON.stringify(one)}\n\n`
  );
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (_, { remoteAddr }) => {
    if ("port" in remoteAddr) ports.push(remoteAddr.port);
    const parts = [...data, "data: [DONE]\n\n"];
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const part = parts.shift();
        if (part !== undefined) return controller.enqueue(new TextEncoder().encode(part));
        await new Promise((done) => ends.push(setTimeout(done, lingerMs)));
        controller.close();
      },
      cancel: () => ends.forEach((end) => clearTimeout(end)),
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  });
  try {
    const { model } = openModel({ baseUrl: `http://127.0.0.1:${server.addr.port}/v1` });
    for (let at = 0; at < 3; at++) equal((await model.reply(ask(), never)).ok, true);
    return ports;
  } finally {
    await server.shutdown();
  }
}

const SILENT: [title: string, last: object[], expected: unknown[]][] = [
  ["and cuts a stream that fell silent", [], ["cut", "nothing came for 0.1 s"]],
  ["and a reply that is whole is one, though its end is never said", [chunk({}, { finish_reason: "stop" })], [
    "stop",
    undefined,
  ]],
];
for (const [title, last, expected] of SILENT) {
  Deno.test(`after the first byte the shorter limit counts, ${title}`, async () => {
    const event = [chunk({ role: "assistant", content: "half" }), ...last].map((one) =>
      `data: ${JSON.stringify(one)}\n\n`
    ).join("");
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => {
      const body = new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode(event)) });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    });
    try {
      const limits = { firstByteMs: 600_000, idleMs: 100 };
      const sleep = (ms: number, signal: AbortSignal) => delay(ms, undefined, { signal });
      const clock = { now: Date.now, sleep };
      const { model } = openModel({ baseUrl: `http://127.0.0.1:${server.addr.port}/v1`, limits }, { clock });
      const reply = await model.reply(ask(), never), value = reply.ok ? reply.value : undefined;
      equal([value?.finish, value?.note?.match(/nothing came for .* s/)?.[0]], expected);
    } finally {
      await server.shutdown();
    }
  });
}

Deno.test("requests share one connection, though the answer ends after its last event", async () => {
  equal(new Set(await portsOf(2)).size, 1);
});

Deno.test("an endpoint that does not end its answers costs a connection each, and no more than a moment", async () => {
  equal(new Set(await portsOf(60_000)).size, 3);
});
