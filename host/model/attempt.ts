/** One request and the reading of its answer: no retries here. */
import type OpenAI from "openai";
import type { Clock } from "../../actors/ports.ts";
import type { createAssembly, StreamEnd } from "../protocol/assemble.ts";
import { createReader, type ReaderOptions } from "../protocol/read_stream.ts";
import type { ModelSettings } from "./settings.ts";
import { oneLine, StatusError, type Trouble } from "../protocol/trouble.ts";

export type Body = OpenAI.ChatCompletionCreateParamsStreaming;

/** What an attempt needs. */
export interface AttemptOptions extends ReaderOptions {
  settings: ModelSettings;
  clock: Clock;
  signal: AbortSignal;
}

const ERROR_BYTES = 64 << 10;
/** How long an endpoint may take from its last event to the end of its answer; longer, and the connection is not used again. */
const LINGER_MS = 50;
const NO_ENV = { adminAPIKey: null, organization: null, project: null, webhookSecret: null };
const PLAIN = { maxRetries: 0, logLevel: "off" as const, timeout: 2 ** 31 - 1 };

async function readError(body: ReadableStream<Uint8Array> | null): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of body ?? []) {
    text += decoder.decode(bytes, { stream: true });
    if (text.length >= ERROR_BYTES) break;
  }
  return text.slice(0, ERROR_BYTES);
}

/**
 * Sends one request. The headers are ours, so that nothing of the environment is sent, and no redirect is followed. Throws
 * `StatusError` (as a cause) or the connection's error.
 */
async function open(settings: ModelSettings, body: Body, signal: AbortSignal): Promise<Response> {
  await ending.get(settings);
  const client = clients.get(settings) ?? await connect(settings);
  clients.set(settings, client);
  return await client.chat.completions.create(body, { signal }).asResponse();
}

const clients = new WeakMap<ModelSettings, OpenAI>();
/** The rest of the last answer: whoever waits for the reply does not wait for it, the next request does, to take its connection. */
const ending = new WeakMap<ModelSettings, Promise<void>>();

/** The client with a way of its own to build and send: of its merging of headers, timeouts and signals nothing is used, and it is half of a turn. */
async function connect({ baseUrl, apiKey }: ModelSettings): Promise<OpenAI> {
  const { default: OpenAI } = await import("openai");
  const baseURL = baseUrl.replace(/\/+$/, ""), url = `${baseURL}/chat/completions`;
  const headers = new Headers({ "content-type": "application/json", accept: "text/event-stream", "user-agent": "evo" });
  if (apiKey) headers.set("authorization", `Bearer ${apiKey}`);
  class Client extends OpenAI {
    override buildRequest({ body, signal }: Parameters<OpenAI["buildRequest"]>[0]) {
      const req = { method: "POST", headers, body: JSON.stringify(body), signal: signal ?? null };
      return Promise.resolve({ req, url, timeout: PLAIN.timeout });
    }
    override async fetchWithTimeout(to: RequestInfo, init: RequestInit | undefined) {
      const response = await fetch(to, { ...init, redirect: "manual" });
      if (response.ok) return response;
      throw new StatusError(response.status, response.headers, await readError(response.body));
    }
  }
  return new Client({ ...NO_ENV, ...PLAIN, baseURL, apiKey: apiKey || "none" });
}

/** Reads on after the last event, so that the connection is free for the next request. */
async function readOut(body: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  let late: number | undefined;
  const lingering = new Promise<void>((done) => late = setTimeout(done, LINGER_MS));
  const ended = (async () => {
    while (!(await body.read()).done);
  })().catch(() => {}); // the connection may be ended while it is read
  await Promise.race([ended, lingering]);
  clearTimeout(late);
}

/** Watches a connection: ends it when nothing was heard for too long, or when `signal` aborts. */
function createWatch({ limits, clock, signal }: AttemptOptions) {
  const connection = new AbortController();
  const end = () => connection.abort();
  let heardAt = clock.now(), first = true, silence = "";
  const limit = () => first ? limits.firstByteMs : limits.idleMs;
  if (signal.aborted) end();
  signal.addEventListener("abort", end, { once: true });
  void (async () => {
    while (!connection.signal.aborted) {
      const left = heardAt + limit() - clock.now();
      const nap = Math.min(left, limits.idleMs); // what is heard meanwhile may make the limit shorter
      if (left > 0) await clock.sleep(nap, connection.signal).catch(() => {}); // it ends with the connection
      else end(), silence = `nothing came for ${limit() / 1000} s`;
    }
  })();
  return {
    signal: connection.signal,
    heard: () => (heardAt = clock.now(), first = false),
    silence: () => ({ silence, first }),
    close: () => (signal.removeEventListener("abort", end), connection.abort("over")), // a word: an error would cost its stack
  };
}

/**
 * Makes one request and feeds its answer to the assembly. Returns how the stream ended, or the trouble if nothing worth
 * keeping came; throws `StatusError`. On an abort the connection is ended, and it throws what the connection threw.
 */
export async function attempt(
  body: Body,
  assembly: ReturnType<typeof createAssembly>,
  options: AttemptOptions,
): Promise<StreamEnd | Trouble> {
  const watch = createWatch(options);
  let rest: Promise<void> | undefined;
  try {
    const response = await open(options.settings, body, watch.signal);
    const reader = createReader(assembly, options), answer = response.body?.getReader();
    for (let read = await answer?.read(); answer && read && !read.done; read = await answer.read()) {
      watch.heard();
      const stop = reader.feed(read.value);
      if (stop && "how" in stop && stop.how === "done") rest = readOut(answer).finally(watch.close);
      if (stop) return stop;
    }
    watch.signal.throwIfAborted();
    return reader.end(response.headers.get("content-type") ?? "no content type");
  } catch (error) {
    if (options.signal.aborted) throw error;
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    if (cause instanceof StatusError) throw cause;
    const { silence, first } = watch.silence();
    const why = silence || oneLine(cause instanceof Error ? cause.message : String(cause));
    if (silence && assembly.settled("eof")) return { how: "eof" }; // it was whole: only its end was never said
    if (assembly.begun()) return { how: "broken", why };
    const hopeless = (silence && first) || /certificate|UnknownIssuer|invalid url/i.test(why);
    const requests = why.includes("before message completed") ? 2 : 1; // such a request, fetch itself sends again once
    return { kind: "unreachable", reason: why, retry: !hopeless, requests };
  } finally {
    if (rest) ending.set(options.settings, rest);
    else watch.close();
  }
}
