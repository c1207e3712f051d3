/** Reads what happened since the last time and suggests what to change. */
import * as z from "zod";
import { fromPromise } from "xstate";
import { parseJson } from "./context.ts";
import { converse } from "./converse.ts";
import type { DraftStart, Ports } from "./ports.ts";
import { type Failure, NO_USAGE, type Suggestion, Suggestion as Suggested, type Usage } from "./types.ts";

/** The ports of reflection. */
export type ReflectPorts = Pick<
  Ports,
  "model" | "terminal" | "log" | "tools" | "sessions" | "guidance" | "draft" | "journal" | "budget"
>;

/** Ranked suggestions, best first; `error` ends the evolution before it begins. */
export interface ReflectOutput {
  suggestions: Suggestion[];
  usage: Usage;
  start?: DraftStart;
  error?: string;
  failure?: Failure;
}

/** Sessions that one reflection looks at, and characters of each that the first prompt shows. */
const SESSIONS = 8, SHOWN = 8000, MAX_STEPS = 30;

/** Opens the draft first: what cannot be evolved is not worth a model's time. */
export function reflect(ports: ReflectPorts) {
  return fromPromise<ReflectOutput, void>(async ({ signal }) => {
    ports.log.write("evolve_start", {});
    const opened = await ports.draft.open(signal);
    if (!opened.ok) return { suggestions: [], usage: NO_USAGE, error: opened.error };
    const ids = (await ports.sessions.unreflected()).slice(-SESSIONS);
    const summaries = await Promise.all(ids.map((id) => ports.sessions.summary(id, SHOWN)));
    const shown = summaries.flatMap((s, at) => s.ok ? [`<session id="${ids[at]}">\n${s.value}\n</session>`] : []);
    if (shown.length === 0) return { suggestions: [], usage: NO_USAGE, start: opened.value };
    const learned = ports.journal.recent(10).map((e) => `- ${e.observation} -> ${e.action}: ${e.outcome}`).join("\n");
    const content = `${shown.join("\n\n")}\n\nWhat was changed before:\n${learned || "(nothing yet)"}`;
    const turn = await converse(ports, [{ role: "user", content }], {
      purpose: "reflect",
      mode: "reflect",
      system: await ports.guidance.prompt("reflect"),
      tools: await ports.tools.load("reflect"),
      maxSteps: MAX_STEPS,
      maxTokens: ports.budget.tokens,
      signal,
    });
    if (turn.failure) return { suggestions: [], usage: turn.usage, error: turn.failure.message, failure: turn.failure };
    const suggestions = parseJson(turn.text, z.array(Suggested));
    if (!suggestions) {
      ports.terminal.show({
        type: "notice",
        level: "warning",
        text: "Reflection gave no readable suggestions; evolving without",
      });
    }
    await ports.sessions.reflected(ids);
    ports.log.write("reflect_result", { sessions: ids, suggestions: suggestions ?? [] });
    return { suggestions: suggestions ?? [], usage: turn.usage, start: opened.value };
  });
}
