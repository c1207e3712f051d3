/** What the model is shown of a trajectory: a stripped summary, and pages of the full log. */
import type { LogEvent } from "../../actors/types.ts";
import { cut } from "./files.ts";

const LONGEST_PAGE = 16_000;
const LEFT_OUT = new Set(["content", "preview", "messages", "last", "prefix"]);

/** One line an event (`index kind data`), content left out, strings cut to 120; the newest that fit in `limit` characters. */
export function summaryOf(events: LogEvent[], { limit, from }: { limit: number; from: number }): string {
  const note = (count: number) => count > 0 ? `(events 0..${count - 1} are not shown here; page them)\n` : "";
  const lines: string[] = [];
  let room = limit - note(events.length).length;
  let index = events.length;
  for (const event of events.toReversed()) {
    const line = `${index - 1} ${event.kind} ${JSON.stringify(stripped(event.data))}\n`;
    if (event.seq < from || line.length > room) break;
    room -= line.length;
    index -= 1;
    lines.unshift(line);
  }
  return cut(note(index) + lines.join(""), Math.max(0, limit)).toWellFormed();
}

function stripped(value: unknown): unknown {
  if (typeof value === "string") return cut(value, 120);
  if (Array.isArray(value)) return value.map(stripped);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([name]) => !LEFT_OUT.has(name));
  return Object.fromEntries(kept.map(([name, item]) => [name, stripped(item)]));
}

/** Events `from..to` (both included, counted from 0, clamped) as JSON lines, cut to 16,000 characters with a note. */
export function pageOf(events: LogEvent[], { from, to }: { from: number; to: number }): string {
  const first = Math.max(0, from);
  const asked = events.slice(first, Math.max(first, to) + 1);
  if (asked.length === 0) return `(no event there: this session has ${events.length}, counted from 0)`;
  let text = "";
  for (const [offset, event] of asked.entries()) {
    text += `${JSON.stringify({ index: first + offset, ts: event.ts, kind: event.kind, data: event.data })}\n`;
    const rest = `
(cut in event ${first + offset} of ${events.length}; ask for fewer)`;
    if (text.length > LONGEST_PAGE) return (cut(text, LONGEST_PAGE - rest.length) + rest).toWellFormed();
  }
  return text.toWellFormed();
}
