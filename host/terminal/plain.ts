/** Output without a live region: the answer on stdout, progress on stderr, or every event as JSON. */
import type { Shown } from "../../actors/types.ts";
import { progress, toolWords } from "../render/progress.ts";
import { createSafe, oneLine } from "../render/safe.ts";
import type { Paint } from "../render/style.ts";
import type { Writer } from "./writer.ts";

/** What JSON leaves as it is and a reader may take for a line's end, or a terminal for an order. */
const UNSAFE = /[\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g;

/** One event as one JSON line that no reader splits: U+2028 and U+2029 are escaped, lone surrogates too. */
export function jsonLine(event: Shown, now: number): string {
  const line = JSON.stringify({ v: 1, ts: new Date(now).toISOString(), ...event });
  return `${line.replace(UNSAFE, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`)}\n`;
}

/** Where it shows. With `last`, what a model says before it calls a tool is progress: only its last words are the answer. */
export interface PlainOptions {
  stdout: Writer;
  stderr: Writer;
  paint: Paint;
  label: (() => string) | undefined;
  last: boolean;
}

/** Makes the shower of events. `stdout` gets the answer and what was asked to be printed, nothing else. */
export function createPlain({ stdout, stderr, paint, label, last }: PlainOptions): (event: Shown) => void {
  const answer = createSafe();
  let open = false, held = "";
  let thought = 0, queued = 0;
  const text = (piece: string) => {
    if (piece === "") return;
    open = !piece.endsWith("\n");
    if (last) held += piece;
    else stdout.write(piece);
  };
  const say = (line: string) => stderr.write(`${line}\n`);
  /** At a turn's end what is held is the answer; before a tool or a stage of an evolution it was not. */
  const release = (type: Shown["type"]) => {
    if (held === "" || !/^(turn_end|result|queue|tool_start|stage)$/.test(type)) return;
    if (type !== "tool_start" && type !== "stage") stdout.write(held);
    else if (held.trim() !== "") stderr.write(held);
    held = "";
  };
  return (event) => {
    if (event.type === "reasoning_delta") {
      thought += event.text.length;
      return;
    }
    if (thought > 0) (say(paint("dim", `thought, ${thought} characters`)), thought = 0);
    if (event.type === "text_delta") return text(answer.feed(event.text));
    if (event.type === "usage" || event.type === "tool_update") return;
    text(answer.end());
    if (open) text("\n");
    release(event.type);
    const line = progress(event, paint);
    if (event.type === "print" || (event.type === "diff" && event.asked)) stdout.write(`${line}\n`);
    else if (line !== undefined) say(line);
    else if (event.type === "turn_start") label && say(paint("dim", `${label()}> ${oneLine(event.text)}`));
    else if (event.type === "tool_start") say(paint("dim", oneLine(`… ${toolWords(event.name, event.summary)}`)));
    else if (event.type === "retry") {
      const { delayMs, attempt, kind, reason } = event;
      say(oneLine(`retry in ${Math.ceil(delayMs / 1000)} s (attempt ${attempt}): ${kind}, ${reason}`));
    } else if (event.type === "queue") {
      if (event.lines.length > queued) say(paint("dim", `queued: ${oneLine(event.lines.at(-1) ?? "")}`));
      queued = event.lines.length;
    }
  };
}
