/** What can go wrong with a request, from statuses, headers and the words of providers. */
import * as z from "zod";
import type { FailureKind } from "../../actors/types.ts";

/** A failed attempt. `retry`: another can help; `afterMs`: how long to wait is asked for; `requests`: how many were made. */
export interface Trouble {
  kind: FailureKind;
  reason: string;
  retry: boolean;
  afterMs?: number;
  requests?: number;
}

/** An answer with another status than 2xx; thrown through the client, caught by the attempt. */
export class StatusError extends Error {
  constructor(readonly status: number, readonly headers: Headers, readonly text: string) {
    super(`HTTP ${status}`);
    this.name = "StatusError";
  }
}

const OVERFLOW = [
  /(prompt|input) (is )?too (long|large)/i, // Anthropic, Bedrock, Ollama
  /exceeds? (the |your |this )?(model'?s )?(available |maximum )?context/i, // OpenAI, llama.cpp, LiteLLM, vLLM
  /(greater|longer) than the (model'?s )?context/i, // LM Studio, Together
  /maximum context length|maximum prompt length/i, // vLLM, Mistral, OpenRouter, DeepSeek, xAI
  /reduce the length of the (messages|prompt|input)|input token count.*exceeds/i, // Groq, Google
  /context window exceeds limit|exceeded model token limit|token limit exceeded/i, // MiniMax, Kimi
  /context[_ ](length|window|size)[_ ]?exceeded|request_too_large/i, // z.ai, error codes
  /exceeds the limit of \d+|too many tokens/i,
];
const LIMITED = /rate.?limit|too many requests|tokens? per (min|day)|please wait|throttl|slow down/i;
const SPENT = /insufficient_quota|exceeded your current quota|billing|out of credits|spend(ing)? limit/i;
const WINDOW = /(?:maximum context length is|context (?:length|size|window)\D{0,40})\s*(\d{4,7})/i;
const TOOLS = /\b(tools?|tool_choice|functions?|function.calling)\b/i;
const UNSUPPORTED =
  /(not|no|n't) (\w+ )?support|unsupported|that support tool|requires? --|not (available|allowed|permitted|enabled)|unrecognized|unknown (field|param|arg)|extra (inputs|fields)/i;
const MINUTE = 60_000;

/** Makes one line of at most 300 characters out of words from outside. */
export function oneLine(text: string): string {
  // deno-lint-ignore no-control-regex
  const line = text.replace(/\x1b\[[0-9;]*[A-Za-z]/g, "").replace(/[\s\x00-\x1f\x7f-\x9f]+/g, " ").trim();
  return line.length > 300 ? `${line.slice(0, 300).replace(/\p{Surrogate}/gu, "")}...` : line;
}

/** Parses JSON; undefined if it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // what is no JSON is judged by the caller
  }
}

const Message = z.object({ message: z.string(), metadata: z.object({ raw: z.string() }).optional().catch(undefined) })
  .transform(({ message, metadata }) => metadata ? `${message}: ${metadata.raw}` : message);
const Said = z.union([
  z.object({ error: z.union([Message, z.string()]) }).transform(({ error }) => error),
  Message,
  z.object({ detail: z.string() }).transform(({ detail }) => detail),
  z.tuple([z.object({ error: Message })], z.unknown()).transform(([{ error }]) => error),
]);

function providerMessage(body: string): string {
  if (/^\s*</.test(body)) return "the answer is an HTML page";
  const said = Said.safeParse(parseJson(body));
  return oneLine(said.success ? said.data : body) || "no message";
}

/** How long the endpoint asks to wait, in milliseconds, by its headers. */
export function retryAfter(headers: Headers, now: number): number | undefined {
  const number = (name: string) => Number(headers.get(name) || NaN);
  const after = headers.get("retry-after")?.trim() ?? "";
  const reset = number("x-ratelimit-reset");
  const at = reset > 1e11 ? reset - now : reset > 1e9 ? reset * 1000 - now : reset * 1000;
  const waits = [number("retry-after-ms"), number("retry-after") * 1000, Date.parse(after) - now, at];
  const wait = waits.find(Number.isFinite);
  return wait === undefined ? undefined : Math.max(0, wait);
}

/** Judges an error answer. `now` is in milliseconds since the epoch. */
export function judge({ status, headers, text }: StatusError, now: number): Trouble {
  const reason = `HTTP ${status}: ${providerMessage(text)}`;
  const final = (kind: FailureKind, why = reason): Trouble => ({ kind, reason: why, retry: false });
  if (status >= 300 && status < 400) {
    const to = headers.get("location") ?? "";
    const host = URL.canParse(to) ? new URL(to).host : oneLine(to);
    return final("refused", `it redirects to "${host}", and a key is never sent elsewhere`);
  }
  if (status === 401 || status === 403) return final("auth");
  const spent = status === 402 || SPENT.test(text), limited = status === 429 || LIMITED.test(text);
  if (!limited && (status === 413 || OVERFLOW.some((pattern) => pattern.test(text)))) return final("overflow");
  const kind = limited || status === 402 ? "rate_limited" : status >= 500 || status === 408 ? "server" : "refused";
  if (kind === "refused" || spent) return final(kind);
  const afterMs = retryAfter(headers, now);
  if (afterMs === undefined) return { kind, reason, retry: true };
  if (afterMs <= MINUTE) return { kind, reason, retry: true, afterMs };
  const at = new Date(Math.min(now + afterMs, 8.64e15)).toISOString().replace(/\.\d+/, "");
  return final(kind, `${reason}; it will answer again at ${at}`);
}

const Label = z.union([z.string(), z.number()]).transform(String).catch("");
const StreamError = z.object({ message: z.string().catch("no message"), code: Label, type: Label });

/** Judges an error object inside a stream that began well. */
export function judgeStream(error: unknown, now: number): Trouble {
  const told = StreamError.parse(typeof error === "object" ? error : { message: String(error) });
  const label = told.type + told.code;
  const named = /auth|api.?key|permission/i.test(label) ? 401 : /invalid|not_found/i.test(label) ? 400 : 500;
  const status = /^[45]\d\d$/.test(told.code) ? Number(told.code) : named;
  return judge(new StatusError(status, new Headers(), JSON.stringify({ error: told })), now);
}

/** The window that an overflow names, in tokens. */
export const overflowSize = (reason: string): number | undefined => Number(WINDOW.exec(reason)?.[1]) || undefined;

/** True if a refusal says that this endpoint or model takes no tools. */
export function refusesTools({ status, text }: StatusError): boolean {
  const fits = [400, 404, 405, 422, 500, 501].includes(status) && !/schema|overloaded/i.test(text);
  return fits && TOOLS.test(text) && UNSUPPORTED.test(text);
}
