/** What goes on right now, as one row: known from the events so far, gone when they are over. */
import type { Shown } from "../../actors/types.ts";
import { count, duration, toolWords } from "./progress.ts";
import { oneLine } from "./safe.ts";

/** The present activity. */
export interface Activity {
  note(event: Shown): void;
  /** Work begins, of whatever kind. */
  begin(): void;
  /** The row at a time, in words; `tail` is the answer's unfinished last line. */
  row(now: number, tail: string): string;
}

/** Makes an activity that knows nothing yet. */
export function createActivity(now: () => number): Activity {
  const running = new Map<string, { words: string; since: number }>();
  let words = "working";
  let since = now();
  let until = 0;
  let thought = 0;
  const begin = (next: string) => (words = oneLine(next), since = now(), until = 0);
  const start = (id: string, next: string) => (begin(next), running.set(id, { words, since }));
  /** What still runs comes back, with the time it has taken since its own start. */
  const end = (id: string) => {
    running.delete(id);
    begin("working");
    const last = [...running.values()].at(-1);
    if (last !== undefined) ({ words, since } = last);
  };
  return {
    begin: () => (running.clear(), begin("working")),
    note(event) {
      if (event.type !== "reasoning_delta") thought = 0;
      if (event.type === "turn_start") (running.clear(), begin("working"));
      else if (event.type === "reasoning_delta") {
        if (thought === 0) begin("thinking");
        thought += event.text.length;
        words = `thinking, ${count(thought)} characters`;
      } else if (event.type === "tool_start") start(event.id, toolWords(event.name, event.summary));
      else if (event.type === "tool_update") words = oneLine(event.text.trimEnd().split("\n").at(-1) ?? "");
      else if (event.type === "tool_end") end(event.id);
      else if (event.type === "retry") {
        begin(`${event.kind}, attempt ${event.attempt}: ${event.reason}`);
        until = now() + event.delayMs;
      } else if (event.type === "stage") (running.clear(), begin(`${event.stage} ${event.detail}`));
      else if (event.type === "step" && event.status === "started") start(`step ${event.name}`, event.name);
      else if (event.type === "step") end(`step ${event.name}`);
      else if (event.type === "text_delta" && until > 0) begin("working");
    },
    row(at, tail) {
      if (until > 0) return `retry in ${Math.max(0, Math.round((until - at) / 1000))} s · ${words}`;
      const more = running.size > 1 ? ` (+${running.size - 1})` : "";
      const seconds = at - since >= 1000 ? ` · ${duration(Math.floor((at - since) / 1000) * 1000)}` : "";
      return tail !== "" ? tail : `${words}${more}${seconds}`;
    },
  };
}
