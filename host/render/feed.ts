/** Events as rows for a terminal with a live region. */
import type { Shown, Usage } from "../../actors/types.ts";
import { addUsage, NO_USAGE } from "../../actors/types.ts";
import type { Page } from "./markdown.ts";
import { count, progress, usageLine } from "./progress.ts";
import { createSafe, safe } from "./safe.ts";
import { createMarkdown } from "./stream.ts";
import { fold } from "./width.ts";

/** Turns events into finished rows, in order. */
export interface Feed {
  show(event: Shown): string[];
  /** What was held back because its end had not come. */
  rest(): string[];
  /** The last line of the answer that is not finished. */
  tail(): string;
  /** A line that the person sent, as it stays in the output. Sent again as `turn_start` it is not repeated. */
  echo(text: string): string[];
}

/** Makes the feed. */
export function createFeed(page: Page, label: () => string): Feed {
  const markdown = createMarkdown(page);
  const answer = createSafe();
  const echoed: string[] = [];
  const begun = new Map<string, string>();
  let thought = 0;
  let usage: Usage = NO_USAGE;
  const echo = (text: string) => {
    const rows = fold(`${page.paint("bold", `${label()}>`)} ${safe(text)}`, page.columns());
    const more = page.paint("dim", `… ${count(rows.length - 20)} more rows`);
    return rows.length > 40 ? [...rows.slice(0, 20), more] : rows;
  };
  /** What a tool was asked, beside what came of it: a command that ran without a question is seen here only. */
  const whole = (event: Extract<Shown, { type: "tool_end" }>): Shown => {
    const asked = begun.get(event.id);
    begun.delete(event.id);
    return asked === undefined ? event : { ...event, summary: `${asked} · ${event.summary}` };
  };
  const rest = (): string[] => {
    const rows = [...markdown.feed(answer.end()), ...markdown.end()];
    if (thought > 0) rows.unshift(page.paint("dim", `thought, ${count(thought)} characters`));
    thought = 0;
    return rows;
  };
  const row = (event: Shown): string[] => {
    if (event.type === "usage") return (usage = addUsage(usage, event.usage), []);
    if (event.type === "turn_start") {
      usage = NO_USAGE;
      const at = echoed.indexOf(event.text.trim());
      return at === -1 ? echo(event.text) : (echoed.splice(0, at + 1), []);
    }
    if (event.type === "tool_start") begun.set(event.id, event.summary);
    const line = progress(event.type === "tool_end" ? whole(event) : event, page.paint);
    const rows = line === undefined ? [] : fold(line, page.columns());
    if (event.type === "turn_end" && usage.input + usage.output > 0) {
      rows.push(...fold(page.paint("dim", usageLine(usage)), page.columns()));
    }
    return rows;
  };
  return {
    show(event) {
      if (event.type === "reasoning_delta") {
        const rows = thought === 0 ? rest() : [];
        thought += event.text.length;
        return rows;
      }
      if (event.type === "text_delta") {
        return [...(thought > 0 ? rest() : []), ...markdown.feed(answer.feed(event.text))];
      }
      if (event.type === "tool_update" || event.type === "queue" || event.type === "retry") return [];
      return [...rest(), ...row(event)];
    },
    rest,
    tail: markdown.tail,
    echo(text) {
      echoed.push(text.trim());
      if (echoed.length > 20) echoed.shift();
      return echo(text);
    },
  };
}
