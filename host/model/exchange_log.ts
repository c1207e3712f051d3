/** What the trajectory keeps of a request and its reply: the prompt's prefix by hash, and the messages that are new. */
import { createHash } from "node:crypto";
import { Aborted, type Log, type ModelRequest } from "../../actors/ports.ts";
import type { Failure, Message, Reply } from "../../actors/types.ts";

function same(a: Message | undefined, b: Message | undefined): boolean {
  return a === b || (a?.content === b?.content && JSON.stringify(a) === JSON.stringify(b));
}

/** Logs each exchange around its running; remembers the last request of each purpose, to write each message once. */
export function createExchangeLog(log: Log) {
  const before = new Map<string, { body: Message[]; head: string; prefix: string }>();

  return async ({ purpose, messages, tools }: ModelRequest, model: string, run: () => Promise<Reply | Failure>) => {
    const system = messages[0]?.role === "system" ? messages[0].content : "";
    const head = system + JSON.stringify(tools), body = system ? messages.slice(1) : [...messages];
    const earlier = before.get(purpose);
    const prefix = earlier?.head === head ? earlier.prefix : createHash("sha256").update(head).digest("hex");
    before.set(purpose, { body, head, prefix });
    const last = earlier?.body.every((message, at) => same(message, body[at])) ? body.slice(earlier.body.length) : body;
    log.write("model_request", { purpose, model, prefix, messages: messages.length, last });
    try {
      const result = await run();
      log.write("model_reply", { purpose, ...("kind" in result ? { failure: result } : result) });
      return result;
    } catch (error) {
      if (error instanceof Aborted) log.write("model_reply", { purpose, aborted: true, partial: error.partial });
      throw error;
    }
  };
}
