/** Turns a conversation into the body of a chat completion. */
import type OpenAI from "openai";
import type { Message, ToolCall } from "../../actors/types.ts";
import type { ToolSchema } from "../../actors/ports.ts";
import type { Compat } from "../model/settings.ts";

export type WireMessage = OpenAI.ChatCompletionMessageParam;

/** Takes out halves of surrogate pairs, which JSON parsers elsewhere refuse. */
export function wellFormed(text: string): string {
  return text.isWellFormed() ? text : text.replace(/\p{Surrogate}/gu, "");
}

/** Applies `change` to every string in a JSON value. */
export function mapStrings(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === "string") return change(value);
  if (Array.isArray(value)) return value.map((item) => mapStrings(item, change));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [change(key), mapStrings(item, change)]));
}

/** Shortens an id to what the endpoint takes; the same id always becomes the same. */
export function wireId(id: string, length: number): string {
  if (id.length <= length && (length > 9 || /^[a-zA-Z0-9]{9}$/.test(id))) return id;
  let hash = 7;
  for (const char of id) hash = (hash * 131 + (char.codePointAt(0) ?? 0)) % 0x1fffffffffff;
  return hash.toString(36).padStart(9, "0").slice(-9);
}

function wireCall(call: ToolCall, compat: Compat, clean: (text: string) => string) {
  const name = call.name.replace(/[^a-zA-Z0-9_-]/g, "_").slice(0, 64) || "unknown";
  return {
    id: wireId(call.id, compat.idLength),
    type: "function" as const,
    function: { name, arguments: clean(call.arguments) },
  };
}

/** Translates one message; undefined for one that says nothing. `clean` is applied to every text. */
export function wireMessage(
  message: Message,
  compat: Compat,
  clean: (text: string) => string,
): WireMessage | undefined {
  switch (message.role) {
    case "tool": {
      const id = wireId(message.callId, compat.idLength);
      const content = clean(message.content) || "(empty)";
      return { role: "tool", tool_call_id: id, content, ...(compat.strictTurns ? { name: message.name } : {}) };
    }
    case "assistant": {
      const content = clean(message.content);
      const extra = compat.reasoning ? Object(mapStrings(message.reasoning ?? {}, clean)) : {};
      if (message.calls.length === 0) return content ? { ...extra, role: "assistant", content } : undefined;
      const tool_calls = message.calls.map((call) => wireCall(call, compat, clean));
      return { ...extra, role: "assistant", content: content || null, tool_calls };
    }
    default:
      return { role: message.role, content: clean(message.content) };
  }
}

/** Puts an assistant message between a tool's result and a user's message, for endpoints that insist on it. */
export function bridge(messages: WireMessage[]): WireMessage[] {
  return messages.flatMap((message, at) =>
    message.role === "user" && messages[at - 1]?.role === "tool"
      ? [{ role: "assistant" as const, content: "Done." }, message]
      : [message]
  );
}

/** The tools as the endpoint is told of them. */
export function wireTools(tools: ToolSchema[]): OpenAI.ChatCompletionTool[] {
  return tools.map((tool) => ({
    type: "function",
    function: { name: tool.name, description: wellFormed(tool.description), parameters: tool.parameters },
  }));
}
