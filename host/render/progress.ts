/** Events of the mind as single lines for people: the same words on a terminal, on stderr and in a dumb terminal. */
import type { Shown, Usage } from "../../actors/types.ts";
import { oneLine, safe } from "./safe.ts";
import type { Paint } from "./style.ts";

/** A duration for people. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 9950 ? 1 : 0)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.floor(ms % 60_000 / 1000)} s`;
}

/** A count with thousands marked. */
export function count(number: number): string {
  return number.toLocaleString("en-US");
}

/** Tokens and cost; `~` marks an estimate, an unknown cost is not shown as nothing. */
export function usageLine(usage: Usage): string {
  const mark = usage.estimated ? "~" : "";
  const cached = usage.cached > 0 ? ` (${count(usage.cached)} cached)` : "";
  const cost = usage.cost === null ? "cost unknown" : `$${usage.cost.toFixed(usage.cost < 0.1 ? 4 : 2)}`;
  return `${mark}${count(usage.input)} in${cached}, ${mark}${count(usage.output)} out, ${cost}`;
}

/** A unified diff with its added and removed lines coloured. */
export function paintDiff(text: string, paint: Paint): string {
  return safe(text).trimEnd().split("\n").map((line) => {
    if (/^(diff |index |--- |\+\+\+ )/.test(line)) return paint("bold", line);
    if (line.startsWith("@@")) return paint("cyan", line);
    if (line.startsWith("+")) return paint("green", line);
    return line.startsWith("-") ? paint("red", line) : line;
  }).join("\n");
}

/** A tool and what it was asked, nothing said twice: `read_file` and "read a.txt" are "read_file a.txt". */
export function toolWords(name: string, summary: string): string {
  const said = [name.replaceAll("_", " "), name.split("_")[0]].find((words) => summary.startsWith(`${words} `));
  return `${name} ${summary.slice(said === undefined ? 0 : said.length + 1)}`;
}

/** What is left of an event in the output; nothing for what is only worth a moment's notice. */
export function progress(event: Shown, paint: Paint): string | undefined {
  switch (event.type) {
    case "session":
      return paint(
        "dim",
        oneLine(`evo ${event.generation} · ${event.model} · ${event.id}${event.resumed ? " (resumed)" : ""}`),
      );
    case "tool_end": {
      const size = event.bytes > 0
        ? paint("dim", ` · ${count(event.bytes)} bytes${event.truncated ? ", cut" : ""}`)
        : "";
      const mark = event.ok ? paint("green", "✓") : paint("red", "✗");
      return `${mark} ${oneLine(toolWords(event.name, event.summary))}${size}`;
    }
    case "compact":
      return paint("dim", `compacted (${event.trigger}): ${count(event.before)} → ${count(event.after)} tokens`);
    case "task":
      return paint("dim", oneLine(`task ${event.number} · ${event.folder}`));
    case "stage":
      return `${paint("bold", oneLine(event.stage))} ${oneLine(event.detail)}`.trimEnd();
    case "step": {
      if (event.status === "started") return undefined;
      const mark = event.status === "passed" ? paint("green", "✓") : paint("red", "✗");
      const note = event.note === "" ? "" : ` · ${safe(event.note).trimEnd()}`;
      return `  ${mark} ${oneLine(event.name)} ${paint("dim", duration(event.ms))}${note}`;
    }
    case "diff":
      return paintDiff(event.text, paint);
    case "promoted":
      return paint("green", oneLine(`generation ${event.generation}: ${event.goal}`));
    case "notice": {
      const text = safe(event.text).trimEnd();
      if (event.level === "info") return paint("dim", text);
      return paint(event.level === "error" ? "red" : "yellow", `${event.level}: ${text}`);
    }
    case "print":
      return safe(event.text).trimEnd();
    case "turn_end":
      return event.status === "done" ? undefined : paint("yellow", event.status === "aborted" ? "stopped" : "failed");
    default:
      return undefined;
  }
}
