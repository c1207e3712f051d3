/** What the tests of the model share: a model on a mock, with a clock that never waits. */
import type { Message, Shown } from "../../actors/types.ts";
import type { ModelRequest, ToolSchema } from "../../actors/ports.ts";
import { createModel } from "../model/model.ts";
import type { ModelSettings } from "../model/settings.ts";

export const user = (content: string): Message => ({ role: "user", content });
export const tool = (name: string): ToolSchema => ({
  name,
  description: `Does ${name}`,
  parameters: { type: "object", properties: {} },
});
export const ask = (more: Partial<ModelRequest> = {}): ModelRequest => ({
  purpose: "chat",
  messages: [user("hello")],
  tools: [tool("read")],
  ...more,
});

/** A clock whose short sleeps are over at once; a sleep of a limit or more waits until `pass` is called. */
export function fakeClock(limit = 40_000) {
  let now = Date.parse("2026-11-21T00:00:00Z");
  const waiting: (() => void)[] = [];
  const slept: number[] = [];
  return {
    slept,
    now: () => now,
    sleep(ms: number, signal: AbortSignal): Promise<void> {
      signal.throwIfAborted();
      if (ms < limit) {
        slept.push(ms);
        now += ms;
        return Promise.resolve();
      }
      return new Promise((resolve, reject) => {
        waiting.push(resolve);
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
    },
    pass(ms: number) {
      now += ms;
      for (const wake of waiting.splice(0)) wake();
    },
    advance: (ms: number) => void (now += ms),
  };
}

/** A model with everything it said and logged. */
export function openModel(settings: Partial<ModelSettings>, more: Partial<Parameters<typeof createModel>[0]> = {}) {
  const shown: Shown[] = [];
  const logged: { kind: string; data: unknown }[] = [];
  const clock = fakeClock();
  const model = createModel({
    settings: { baseUrl: "http://127.0.0.1:9/v1", model: "mock", fastModel: "mock", ...settings },
    log: { write: (kind, data) => void logged.push({ kind, data: structuredClone(data) }) },
    show: (event) => void shown.push(event),
    clock,
    redact: (text) => text.replaceAll("sk-secret", "[redacted]"),
    random: () => 0.5,
    ...more,
  });
  return { model, shown, logged, clock };
}

/** A signal that never aborts. */
export const never = new AbortController().signal;
