/** Builds one reply out of the chunks of a stream, whatever shape a server gives them. */
import * as z from "zod";
import type { Assistant, Reply } from "../../actors/types.ts";
import { createCalls, Fragment } from "./calls.ts";

const Count = z.number().nonnegative().nullish().catch(undefined);
const Reported = z.object({
  prompt_tokens: Count,
  completion_tokens: Count,
  prompt_tokens_details: z.object({ cached_tokens: Count }).nullish().catch(undefined),
  cached_tokens: Count,
  prompt_cache_hit_tokens: Count,
  cost: Count,
}).nullish().catch(undefined);

const Delta = z.looseObject({
  content: z.union([z.string(), z.array(z.unknown())]).nullish(),
  refusal: z.string().nullish().catch(undefined),
  tool_calls: z.array(Fragment).nullish(),
  function_call: Fragment.shape.function,
});

/** A chunk of a stream, or a whole completion. */
export const Chunk = z.object({
  choices: z.array(z.object({
    index: z.number().nullish().catch(undefined),
    delta: Delta.nullish(),
    message: Delta.nullish(),
    finish_reason: z.string().nullish(),
    usage: Reported,
  })).nullish(),
  usage: Reported,
  cached_tokens: Count,
  error: z.unknown().optional(),
});
export type Chunk = z.infer<typeof Chunk>;

/** Usage as an endpoint reported it. */
export interface Tally {
  input: number;
  output: number;
  cached: number;
  cost: number | undefined;
}

const Details = z.array(z.record(z.string(), z.unknown())).catch(() => []);
const TextPart = z.object({ text: z.string() });
const TEXT_FIELDS = ["reasoning_content", "reasoning", "reasoning_text"];

/** How a stream ended: by `[DONE]` or as a whole body, by an orderly end without it, or broken. */
export type StreamEnd = { how: "done" | "eof" } | { how: "broken"; why: string };

/** Collects chunks; `take` returns what is new to show. */
export function createAssembly() {
  const calls = createCalls();
  let text = "", reason: string | undefined, size = 0, usageLast = false;
  let tally: Tally | undefined;
  const reasoning: Record<string, unknown> = {};

  function take(chunk: Chunk): { text: string; reasoning: string } {
    const choice = chunk.choices?.find(({ index }) => !index);
    const delta = choice?.delta ?? choice?.message ?? {};
    const usage = chunk.usage ?? choice?.usage;
    const fresh = contentText(delta.content) || (delta.refusal ?? "");
    const thought = think(reasoning, delta);
    for (const fragment of delta.tool_calls ?? []) calls.add(fragment);
    if (delta.function_call) calls.add({ index: 0, function: delta.function_call });
    text += fresh;
    size += fresh.length + thought.length;
    reason = choice?.finish_reason || reason;
    usageLast = usage !== undefined && usage !== null && !fresh && !thought && !delta.tool_calls?.length;
    if (usage?.prompt_tokens) {
      const cached = usage.prompt_tokens_details?.cached_tokens ?? usage.cached_tokens ?? usage.prompt_cache_hit_tokens;
      tally = {
        input: usage.prompt_tokens,
        output: usage.completion_tokens ?? 0,
        cached: cached ?? chunk.cached_tokens ?? 0,
        cost: usage.cost ?? undefined,
      };
    } else if (tally && chunk.cached_tokens) tally.cached = chunk.cached_tokens;
    return { text: fresh, reasoning: thought };
  }

  const isWhole = (how: StreamEnd["how"]) => reason !== undefined || how === "done" || (how === "eof" && usageLast);

  /** The reply so far. `used` holds the ids of the conversation's earlier calls. */
  function finish(end: StreamEnd, used: Set<string>): Pick<Reply, "message" | "finish" | "note"> {
    const whole = isWhole(end.how);
    const cutOff = /^(length|max_tokens|model_length)$/i.test(reason ?? "");
    const why = end.how === "broken" ? end.why : "the stream ended early";
    const broken = whole ? undefined : `The reply was cut before its end (${why}), so this call was not run`;
    const list = calls.finish({ used, cutOff: cutOff || !whole, ...(broken ? { broken } : {}) });
    const message: Assistant = { role: "assistant", content: text, calls: list };
    if (Object.keys(reasoning).length) message.reasoning = reasoning;
    if (!whole) return { message, finish: "cut", note: `The reply was cut before its end: ${why}` };
    if (cutOff) return { message, finish: "length", note: "The reply reached the length limit" };
    const ended = /content_filter|error|safety/i.test(reason ?? "") && `The endpoint ended it: ${reason}`;
    const note = ended || (text.trim() || list.length ? "" : "The reply holds no words");
    return { message, finish: list.length ? "calls" : "stop", ...(note && { note }) };
  }

  return {
    take,
    finish,
    text: () => text,
    size: () => size + calls.size(),
    tally: () => tally,
    /** True if anything came that must not be lost: text or a call. */
    begun: () => text !== "" || calls.count() > 0,
    /** True if a stream that ended so is a reply, though perhaps one without a word. */
    settled: (how: StreamEnd["how"]) => isWhole(how) && (reason !== undefined || Object.keys(reasoning).length > 0),
  };
}

function contentText(content: string | unknown[] | null | undefined): string {
  if (!Array.isArray(content)) return content ?? "";
  return content.map((part) => TextPart.safeParse(part).data?.text ?? "").join("");
}

/** Adds the reasoning of a delta under its own field names; returns the words to show. */
function think(reasoning: Record<string, unknown>, delta: Record<string, unknown>): string {
  let shown = "";
  for (const field of TEXT_FIELDS) {
    const piece = delta[field];
    if (typeof piece !== "string" || piece === "") continue;
    reasoning[field] = `${reasoning[field] ?? ""}${piece}`;
    shown ||= piece;
  }
  const details = delta.reasoning_details === undefined ? [] : Details.parse(delta.reasoning_details);
  if (!details.length) return shown;
  const kept = Details.parse(reasoning.reasoning_details);
  for (const detail of details) {
    const last = kept.at(-1);
    const grows = detail.index !== undefined && last?.index === detail.index && last?.type === detail.type;
    if (last && grows) merge(last, detail);
    else kept.push({ ...detail });
    shown ||= String(detail.text ?? detail.summary ?? "");
  }
  reasoning.reasoning_details = kept;
  return shown;
}

function merge(into: Record<string, unknown>, piece: Record<string, unknown>): void {
  for (const [key, value] of Object.entries(piece)) {
    const grows = ["text", "summary", "data"].includes(key) && typeof value === "string";
    into[key] = grows ? `${into[key] ?? ""}${value}` : value ?? into[key];
  }
}
