/** Makes the reply of what was assembled: usage, calls written as text, and the overflows that no error tells of. */
import type { Reply } from "../../actors/types.ts";
import type { createAssembly, StreamEnd } from "../protocol/assemble.ts";
import { usedIds } from "../protocol/calls.ts";
import { type createEstimator, textTokens } from "./estimate.ts";
import type { Ask } from "./negotiate.ts";
import { isLoopback } from "../config/settings.ts";
import { isOpenRouter, type ModelSettings, windowOf } from "./settings.ts";
import { readCalls } from "../protocol/text_tools.ts";
import type { Trouble } from "../protocol/trouble.ts";

/** Where the parts of a reply come from. `onWindow` hears of a window that the endpoint betrayed. */
export interface SettleOptions {
  settings: ModelSettings;
  estimator: ReturnType<typeof createEstimator>;
  end: StreamEnd;
  nonce: string;
  onWindow: (tokens: number) => void;
}

/** The reply, or the overflow that it betrays. */
export function settle(ask: Ask, assembly: ReturnType<typeof createAssembly>, options: SettleOptions): Reply | Trouble {
  const { settings, estimator, end, nonce } = options;
  const used = usedIds(ask.messages);
  const made = assembly.finish(end, used);
  const broken = made.finish === "cut" ? `${made.note}, so this call was not run` : undefined;
  const message = nonce ? readCalls(made.message, nonce, { used, broken }) : made.message;
  const finish = made.finish === "stop" && message.calls.length ? "calls" as const : made.finish;
  const mute = finish === "length" && !assembly.begun() && !message.reasoning;
  const silent = mute ? "it ended at the length limit without a word" : overflow(ask, assembly.tally()?.input, options);
  if (silent) return { kind: "overflow", reason: silent, retry: false };
  const tally = assembly.tally();
  if (tally) estimator.learn(tally.input, estimator.raw(ask.messages, ask.tools));
  const said = [
    message.content,
    ...message.calls.map((call) => call.arguments),
    JSON.stringify(message.reasoning ?? ""),
  ];
  const input = estimator.estimate(ask.messages, ask.tools);
  const usage = tally ?? { input, output: textTokens(said.join("")), cached: 0, cost: undefined };
  const cost = usage.cost ?? (isLoopback(settings.baseUrl) ? 0 : null);
  return { ...made, message, finish, usage: { ...usage, cost, estimated: !tally } };
}

function overflow(ask: Ask, input = 0, { settings, estimator, onWindow }: SettleOptions): string | undefined {
  const window = settings.window ?? windowOf(ask.model) ?? Infinity;
  const counted = estimator.raw(ask.messages, ask.tools);
  if (input > window) return `it read ${input} tokens, more than its window of ${window}`;
  if (isOpenRouter(settings.baseUrl) || !estimator.truncated(input, counted)) return;
  onWindow(input);
  return `it read only ${input} of about ${counted} tokens, so its window is smaller than that (Ollama: raise num_ctx)`;
}
