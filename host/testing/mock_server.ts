/**
 * A loopback server that speaks OpenAI's streaming chat completions, and misbehaves on command.
 *
 *     const mock = startMock([say("hi"), calls([{ name: "shell", arguments: { command: "ls" } }]), status(429, { "retry-after": "2" })]);
 *     // point INFERENCE_BASE_URL at mock.url, run, then look at mock.requests
 *     await mock.stop();
 *
 * Each request takes the next step of the script; the last step repeats when the script has ended, unless `strict` is set
 * (then HTTP 599). A step may be a function of the request: `(request) => request.text.includes("x") ? say("y") : say("z")`.
 * `mock.url` is the base URL (it ends in /v1). `mock.requests` holds what was asked, in order; `mock.closed` counts the
 * connections that the client ended before the answer had ended.
 */

/** What was asked. `text` is the last message's content. */
export interface MockRequest {
  path: string;
  headers: Record<string, string>;
  body: MockBody;
  text: string;
}

/** The body of a chat completion, as far as tests look at it. */
export interface MockBody {
  model?: string;
  stream?: boolean;
  messages: { role: string; content?: unknown; tool_calls?: unknown; tool_call_id?: string; [key: string]: unknown }[];
  tools?: { function: { name: string; description?: string } }[];
  [key: string]: unknown;
}

/** One answer. `parts` are written one after the other; the number of a pause is milliseconds, `hang` waits for the client to go. */
export interface MockAnswer {
  status?: number;
  headers?: Record<string, string>;
  parts: (string | Uint8Array | { pause: number } | "hang" | "break")[];
  /** Waits for the client to go before a single byte, headers included. */
  silent?: boolean;
}

/** One step of a script. */
export type MockStep = MockAnswer | ((request: MockRequest) => MockAnswer | Promise<MockAnswer>);

/** A running mock. */
export interface Mock {
  url: string;
  requests: MockRequest[];
  closed: number;
  stop(): Promise<void>;
}

/** How a mock differs from the plain one. */
export interface MockOptions {
  /** Answer HTTP 599 after the end of the script, instead of repeating its last step. */
  strict?: boolean;
  port?: number;
}

/** How chunks are written on the wire. */
export interface Framing {
  /** CRLF instead of LF. */
  crlf?: boolean;
  /** A comment line before each event. */
  comments?: boolean;
  /** Cuts the stream into pieces of so many bytes, through the middle of characters. */
  slice?: number;
  /** Stops after so many bytes, by breaking the connection. */
  cutAfter?: number;
  /** Stops after so many bytes, and stays silent. */
  hangAfter?: number;
  /** Stops after so many bytes, in an orderly way. */
  endAfter?: number;
}

/** Starts a mock on a free loopback port. */
export function startMock(script: MockStep[] | MockStep, options: MockOptions = {}): Mock {
  const steps = Array.isArray(script) ? script : [script];
  const mock = { url: "", requests: [] as MockRequest[], closed: 0 };
  const hanging = new Set<() => void>();

  async function handle(raw: Request): Promise<Response> {
    const body: MockBody = raw.method === "POST" ? await raw.json() : { messages: [] };
    const last = body.messages.at(-1)?.content;
    const request: MockRequest = {
      path: new URL(raw.url).pathname,
      headers: Object.fromEntries(raw.headers),
      body,
      text: typeof last === "string" ? last : JSON.stringify(last ?? ""),
    };
    const at = mock.requests.push(request) - 1;
    const step = steps[at] ?? (options.strict ? status(599) : steps.at(-1)) ?? status(599);
    const answer = typeof step === "function" ? await step(request) : step;
    if (answer.silent) await gone(raw.signal);
    return new Response(write(answer, raw.signal, { gone, closed: () => void mock.closed++ }), {
      status: answer.status ?? 200,
      headers: answer.headers ?? EVENTS,
    });
  }

  const gone = (signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      const end = () => (hanging.delete(end), resolve());
      hanging.add(end);
      signal.addEventListener("abort", end, { once: true });
    });

  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: options.port ?? 0,
    onListen() {},
    onError: () => new Response("mock", { status: 599 }),
  }, handle);
  mock.url = `http://127.0.0.1:${server.addr.port}/v1`;
  return Object.assign(mock, {
    async stop() {
      for (const end of [...hanging]) end();
      await server.shutdown();
    },
  });
}

/** Writes the parts of an answer as they are asked for. */
function write(
  { parts, status = 200 }: MockAnswer,
  signal: AbortSignal,
  { gone, closed }: { gone: (signal: AbortSignal) => Promise<void>; closed: () => void },
): ReadableStream<Uint8Array> | null {
  if ([204, 205, 304].includes(status)) return null;
  let at = 0, ended = false;
  signal.addEventListener("abort", () => ended || closed(), { once: true });
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      for (;;) {
        const part = parts[at++];
        ended ||= part === undefined || part === "break";
        if (part === undefined) return controller.close();
        if (part === "break") return controller.error(new Error("broken on command"));
        if (part === "hang") await gone(signal);
        else if (typeof part === "string") return controller.enqueue(new TextEncoder().encode(part));
        else if (part instanceof Uint8Array) return controller.enqueue(part);
        else await new Promise((resolve) => setTimeout(resolve, part.pause));
      }
    },
  });
}

const EVENTS = { "content-type": "text/event-stream" };

/** A chunk with a delta; `more` is put beside it in the choice, `top` beside the choices. */
export function chunk(
  delta: Record<string, unknown>,
  more: Record<string, unknown> = {},
  top: Record<string, unknown> = {},
): Record<string, unknown> {
  return {
    id: "mock",
    object: "chat.completion.chunk",
    model: "mock",
    choices: [{ index: 0, delta, finish_reason: null, ...more }],
    ...top,
  };
}

/** The usage chunk that most servers send last. */
export function usageChunk(input: number, output: number, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    id: "mock",
    choices: [],
    usage: { prompt_tokens: input, completion_tokens: output, total_tokens: input + output, ...more },
  };
}

/** An event stream of these chunks (a string is sent as it is, as data), with `[DONE]` at the end unless the last chunk is `null`. */
export function events(chunks: (Record<string, unknown> | string | null)[], framing: Framing = {}): MockAnswer {
  const data = chunks.filter((item) => item !== null).map((item) =>
    typeof item === "string" ? item : JSON.stringify(item)
  );
  if (chunks.at(-1) !== null) data.push("[DONE]");
  const text = data.map((item) => `${framing.comments ? ": keep-alive\n\n" : ""}data: ${item}\n\n`).join("");
  return {
    headers: EVENTS,
    parts: cut(new TextEncoder().encode(framing.crlf ? text.replaceAll("\n", "\r\n") : text), framing),
  };
}

function cut(bytes: Uint8Array, { slice, cutAfter, hangAfter, endAfter }: Framing): MockAnswer["parts"] {
  const kept = bytes.subarray(0, cutAfter ?? hangAfter ?? endAfter ?? bytes.length);
  const size = slice ?? kept.length;
  const parts: MockAnswer["parts"] = [];
  for (let at = 0; at < kept.length; at += size) parts.push(kept.slice(at, at + size));
  if (cutAfter !== undefined) parts.push({ pause: 20 }, "break");
  if (hangAfter !== undefined) parts.push("hang");
  return parts;
}

/** Says a text in three pieces, with usage at the end. */
export function say(text: string, framing: Framing = {}): MockAnswer {
  const third = Math.ceil(text.length / 3) || 1;
  const pieces = [0, 1, 2].map((n) => text.slice(n * third, (n + 1) * third)).filter(Boolean);
  return events([
    ...pieces.map((content) => chunk({ role: "assistant", content })),
    chunk({}, { finish_reason: "stop" }),
    usageChunk(10, 5),
  ], framing);
}

/** Calls tools, the arguments in two fragments each, interleaved by index; `text` comes first. */
export function calls(
  list: { name: string; arguments: Record<string, unknown>; id?: string }[],
  text = "",
  framing: Framing = {},
): MockAnswer {
  const heads = list.map(({ name, arguments: args, id }, index) =>
    chunk({
      tool_calls: [{
        index,
        id: id ?? `call_${crypto.randomUUID().slice(0, 8)}`,
        type: "function",
        function: { name, arguments: JSON.stringify(args).slice(0, 4) },
      }],
    })
  );
  const tails = list.map(({ arguments: args }, index) =>
    chunk({ tool_calls: [{ index, function: { arguments: JSON.stringify(args).slice(4) } }] })
  );
  return events([
    ...(text ? [chunk({ content: text })] : []),
    ...heads,
    ...tails,
    chunk({}, { finish_reason: "tool_calls" }),
    usageChunk(10, 5),
  ], framing);
}

/** Fragments of tool calls exactly as given, one chunk each, then `finish_reason`. */
export function fragments(
  list: Record<string, unknown>[],
  finish: string | null = "tool_calls",
  framing: Framing = {},
): MockAnswer {
  return events([
    ...list.map((item) => chunk({ tool_calls: [item] })),
    ...(finish ? [chunk({}, { finish_reason: finish })] : []),
  ], framing);
}

/** An error answer, with a message in OpenAI's form unless `body` is given. */
export function status(code: number, headers: Record<string, string> = {}, body?: unknown): MockAnswer {
  const text = typeof body === "string" ? body : JSON.stringify(body ?? { error: { message: `mock error ${code}` } });
  return { status: code, headers: { "content-type": "application/json", ...headers }, parts: [text] };
}

/** A whole body with a status of 200, as from a proxy or a server that does not stream. */
export function body(text: string, type = "application/json"): MockAnswer {
  return { headers: { "content-type": type }, parts: text ? [text] : [] };
}

/** An HTML page with status 200. */
export const html = (): MockAnswer => body("<!DOCTYPE html><html><title>Sign in</title></html>", "text/html");
/** An empty answer with status 200. */
export const empty = (): MockAnswer => body("", "text/event-stream");
/** A redirect. */
export const redirect = (to: string, code = 302): MockAnswer => ({
  status: code,
  headers: { location: to },
  parts: [""],
});
/** No answer at all until the client goes. */
export const hang = (): MockAnswer => ({ silent: true, parts: [] });
/** The connection breaks before a byte of the body. */
export const broken = (): MockAnswer => ({ headers: EVENTS, parts: ["break"] });
/** A text of which only the first `bytes` bytes of the stream arrive before the connection breaks. */
export const cutText = (text: string, bytes = 160): MockAnswer => say(text, { cutAfter: bytes });
