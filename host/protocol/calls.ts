/** Puts the fragments of tool calls together as the many servers send them, and judges which may run. */
import * as z from "zod";
import type { Message, ToolCall } from "../../actors/types.ts";
import { parseJson } from "./trouble.ts";
import { mapStrings, wellFormed } from "./wire.ts";

/** A piece of a tool call in a stream. */
export const Fragment = z.object({
  index: z.number().int().nullish().catch(undefined),
  id: z.union([z.string(), z.number()]).nullish(),
  function: z.object({ name: z.string().nullish(), arguments: z.unknown().optional() }).nullish(),
});
export type Fragment = z.infer<typeof Fragment>;

interface Slot {
  index: number | undefined;
  id: string;
  name: string;
  args: string;
}

const isObject = (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value);
const isWhole = (args: string) => args.trimEnd().endsWith("}") && isObject(parseJson(args));

/** Judges one fragment against the slot it would go to. */
function place(slot: Slot | undefined, { id, name, args }: Slot): "new" | "append" | "replace" | "skip" {
  if (!slot) return name || id || args.trim() ? "new" : "skip";
  if (id && slot.id && id !== slot.id) return "new";
  if (!name) {
    if (id && args && args === slot.args && isWhole(args)) return "skip";
    return slot.args.trim() === "{}" && args.trim() ? "replace" : "append";
  }
  if (!slot.name) return "append";
  const same = name === slot.name && id === slot.id;
  const whole = () => isWhole(slot.args);
  if (same && (id ? !args.trimStart().startsWith("{") || !whole() : slot.args && !whole())) return "append";
  return same && id && args === slot.args && slot.index !== undefined ? "skip" : "new";
}

/** Collects fragments. `size` is the number of characters held. */
export function createCalls() {
  const slots: Slot[] = [];
  let size = 0;

  function add(fragment: Fragment): void {
    const raw = fragment.function?.arguments ?? "";
    const piece: Slot = {
      index: fragment.index ?? undefined,
      id: String(fragment.id ?? ""),
      name: fragment.function?.name ?? "",
      args: typeof raw === "string" ? raw : JSON.stringify(raw),
    };
    const { index, id } = piece;
    const slot = index !== undefined
      ? slots.findLast((slot) => slot.index === index)
      : (id ? slots.findLast((slot) => slot.id === id) : undefined) ?? slots.at(-1);
    size += piece.args.length;
    switch (place(slot, piece)) {
      case "skip":
        return;
      case "new":
        slots.push(piece);
        return;
      case "replace":
        if (slot) slot.args = "";
    }
    if (!slot) return;
    slot.id ||= piece.id;
    slot.name ||= piece.name;
    slot.args += piece.args;
  }

  /** The calls; with `broken` none may run, with `cutOff` none that is not whole. Ids are unique, also against `used`. */
  function finish({ used, broken, cutOff }: { used: Set<string>; broken?: string; cutOff?: boolean }): ToolCall[] {
    return slots.map((slot, at) => {
      const call = settle(slot, { id: uniqueId(slot.id, at, used), whole: !cutOff });
      return broken ? { ...call, fault: broken } : call;
    });
  }

  return { add, finish, count: () => slots.length, size: () => size };
}

/** An id that no other call of the conversation has: nine letters and digits, which every provider takes. */
export function uniqueId(wanted: string, at: number, used: Set<string>): string {
  let id = wanted;
  for (let n = used.size + at; !id || used.has(id); n++) id = `c${n.toString(36).padStart(8, "0")}`;
  used.add(id);
  return id;
}

/** Makes a call of its name and the raw text of its arguments; what cannot be read gets a fault that quotes it. */
export function settle(
  { name, args }: { name: string; args: string },
  { id, whole }: { id: string; whole: boolean },
): ToolCall {
  const faulty = (why: string): ToolCall => {
    const raw = args.length > 2000
      ? `${args.slice(0, 1500)}... (${args.length} characters) ...${args.slice(-300)}`
      : args;
    const unparsed = raw.replace(/\p{Surrogate}/gu, "");
    return {
      id,
      name,
      arguments: JSON.stringify({ unparsed }),
      fault: `${why}; it was not run. Received: ${unparsed || "nothing"}`,
    };
  };
  /** An escaped half of a surrogate pair is legal JSON, but no provider's own parser takes it back. */
  const good = (text: string): ToolCall => {
    const halves = /\\ud[89a-f]/i.test(text);
    return { id, name, arguments: halves ? JSON.stringify(mapStrings(parseJson(text), wellFormed)) : text };
  };
  if (!name) return faulty("The call names no tool");
  const text = args.trim();
  if (!text) return whole ? { id, name, arguments: "{}" } : faulty("The reply ended before the arguments of the call");
  const value = parseJson(text);
  if (isObject(value)) return good(text);
  if (typeof value === "string" && isObject(parseJson(value))) return good(value);
  if (!whole) return faulty("The reply ended in the middle of the arguments");
  if (value === null) return { id, name, arguments: "{}" };
  const repaired = text.replace(/\\([\s\S])/g, (pair, escaped) => escaped === "'" ? "'" : pair);
  if (isObject(parseJson(repaired))) return good(repaired);
  return faulty("The arguments are not a JSON object");
}

/** The ids of the calls in a conversation. */
export function usedIds(messages: Message[]): Set<string> {
  return new Set(messages.flatMap((message) => message.role === "assistant" ? message.calls.map(({ id }) => id) : []));
}
