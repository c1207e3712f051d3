/** Reads an answer's bytes as an event stream, or as one JSON body; judges HTML, empty answers, errors and excess. */
import { createParser } from "eventsource-parser";
import type { Clock } from "../../actors/ports.ts";
import type { Limits } from "../model/settings.ts";
import { Chunk, type createAssembly, type StreamEnd } from "./assemble.ts";
import { judgeStream, oneLine, parseJson, type Trouble } from "./trouble.ts";

/** What a line of an event stream begins with. */
const FIELDS = [":", "data", "event", "id", "retry"];
type Stop = StreamEnd | Trouble | undefined;
const malformed = (reason: string): Trouble => ({ kind: "malformed", reason, retry: false });
const notChat = (text: string) => malformed(`the answer is not a chat completion: ${oneLine(text).slice(0, 120)}`);
const early = (what: string): Trouble => ({ kind: "unreachable", reason: `the ${what} ended early`, retry: true });

/** What a reader needs; `onDelta` hears what is new. */
export interface ReaderOptions {
  limits: Limits;
  clock: Pick<Clock, "now">;
  onDelta: (fresh: { text: string; reasoning: string }) => void;
}

/** Feeds an assembly. `feed` returns the end once it is known, `end` when the bytes are over. */
export function createReader(assembly: ReturnType<typeof createAssembly>, { limits, clock, onDelta }: ReaderOptions) {
  const decoder = new TextDecoder();
  let kind: "unknown" | "json" | "events" = "unknown";
  let held = "", alien = "", size = 0, done = false, over = false, stop: Stop;

  const fail = (trouble: Trouble) => stop = assembly.begun() ? { how: "broken", why: trouble.reason } : trouble;
  function take(data: string): void {
    const value = parseJson(data);
    if (value === undefined && over) return;
    const chunk = Chunk.safeParse(value);
    if (!chunk.success) fail(notChat(data));
    else if (chunk.data.error) fail(judgeStream(chunk.data.error, clock.now()));
    else onDelta(assembly.take(chunk.data));
  }
  const parser = createParser({
    onEvent({ data }) {
      if (data.trim() === "[DONE]") done = true;
      else if (!stop && !done && data.trim()) take(data);
    },
  });
  function feedText(text: string): void {
    if (kind === "events") return parser.feed(text);
    held += text;
    const start = kind === "unknown" ? held.trimStart()[0] : undefined;
    if (start === "<") stop = malformed("the answer is an HTML page, not a chat completion");
    else if (start) kind = start === "{" ? "json" : "events";
    if (kind !== "events") return;
    const head = held.trimStart();
    if (!FIELDS.some((field) => head.startsWith(field) || field.startsWith(head))) alien = head;
    parser.feed(held);
  }
  function finish(): Stop {
    const how = done ? "done" : "eof";
    if (stop || assembly.begun() || assembly.settled(how)) return stop ?? { how };
    if (alien && !done) return notChat(alien);
    return done ? malformed("the answer holds no message") : early("stream");
  }

  return {
    feed(bytes: Uint8Array): Stop {
      size += bytes.length;
      feedText(decoder.decode(bytes, { stream: true }));
      const excess = size > limits.maxStreamBytes || assembly.size() > limits.maxReplyChars;
      if (excess && !stop) fail(malformed("the reply is larger than what is accepted"));
      return stop ?? (done ? finish() : undefined);
    },
    end(type: string): StreamEnd | Trouble {
      over = true;
      if (kind === "events") parser.feed("\n\n");
      if (kind === "json" && parseJson(held) === undefined) return early("answer");
      if (kind === "json") done = true, take(held);
      return (kind === "unknown" ? undefined : finish()) ?? malformed(`the answer is empty (${oneLine(type)})`);
    },
  };
}
