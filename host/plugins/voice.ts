/** What is said about plugins: one line each, and one line for many at once. */
import type { Terminal } from "../../actors/ports.ts";
import { oneLine } from "../render/safe.ts";
import { cut } from "../session/files.ts";

const MANY = 5, QUIET_MS = 100;

/** Makes a voice: `warn` says a line at once, `tell` gathers for a moment. */
export function createVoice(show: Terminal["show"]) {
  let lines: string[] = [], timer: number | undefined;
  const say = (level: "info" | "warning", it: string) => show({ type: "notice", level, text: cut(oneLine(it), 500) });
  const flush = () => {
    clearTimeout(timer);
    const more = lines.length > MANY ? `${lines.length - MANY} more changes of plugins: /plugins lists them` : "";
    for (const text of [...lines.slice(0, MANY), more]) if (text) say("info", text);
    [lines, timer] = [[], undefined];
  };
  return {
    warn: (text: string) => (flush(), say("warning", text)),
    tell: (text: string) => (lines.push(text), timer ??= setTimeout(flush, QUIET_MS)),
    end: flush,
  };
}
