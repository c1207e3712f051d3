/** Estimates tokens: about four characters each, one for a character of an unspaced script. */
import type { Message } from "../../actors/types.ts";
import type { ToolSchema } from "../../actors/ports.ts";

/** Estimated tokens of a text. */
export function textTokens(text: string): number {
  let wide = 0;
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) >= 0x2e80) wide++;
  return Math.ceil((text.length - wide) / 4 + wide * 0.9);
}

const TRUNCATED = 0.4;

/** An estimator that remembers what it counted and learns from reported usage. */
export function createEstimator() {
  const counted = new WeakMap<object, number>();
  let ratio = 1, largest = 0;

  function count(item: Message | ToolSchema): number {
    let tokens = counted.get(item);
    if (tokens === undefined) {
      tokens = "role" in item ? messageTokens(item) : textTokens(JSON.stringify(item)) + 4;
      counted.set(item, tokens);
    }
    return tokens;
  }
  const raw = (messages: Message[], tools: ToolSchema[]) =>
    [...messages, ...tools].reduce((sum, item) => sum + count(item), 3);

  return {
    raw,
    /** True if so few of the estimated tokens were read that the rest must have been thrown away, not cached. */
    truncated: (tokens: number, estimated: number) =>
      tokens > Math.max(1024, largest / 2) && tokens < estimated * TRUNCATED,
    estimate: (messages: Message[], tools: ToolSchema[]) => Math.ceil(raw(messages, tools) * ratio),
    /** Learns from a reported input of `tokens` for what was counted as `estimated`. */
    learn(tokens: number, estimated: number) {
      largest = Math.max(largest, tokens);
      if (tokens > estimated * TRUNCATED) ratio = Math.min(2, Math.max(0.5, tokens / estimated));
    },
  };
}

function messageTokens(message: Message): number {
  const base = 4 + textTokens(message.content);
  if (message.role !== "assistant") return base;
  const calls = message.calls.reduce((sum, call) => sum + 8 + textTokens(call.name) + textTokens(call.arguments), 0);
  return base + calls + (message.reasoning ? textTokens(JSON.stringify(message.reasoning)) : 0);
}
