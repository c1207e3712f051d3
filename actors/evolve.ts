/** Makes one change in the draft (`evolve`), mends it (`refine`), brings the docs up to it (`document`). */
import { fromPromise } from "xstate";
import { parseGoal } from "./context.ts";
import { converse, type Turn } from "./converse.ts";
import type { Ports } from "./ports.ts";
import {
  addUsage,
  type Candidate,
  type Failure,
  type Goal,
  type Message,
  NO_USAGE,
  type Suggestion,
  type Usage,
  type Verdict,
} from "./types.ts";

/** The ports of a change. */
export type EvolvePorts = Pick<
  Ports,
  "model" | "terminal" | "log" | "tools" | "guidance" | "draft" | "journal" | "budget"
>;

/** A candidate, or why there is none. A `failure` of the endpoint ends the evolution. */
export type Change =
  | { kind: "candidate"; candidate: Candidate; work: Message[]; usage: Usage }
  | { kind: "skip"; reason: string; usage: Usage }
  | { kind: "failed"; reason: string; usage: Usage; failure?: Failure };

const MAX_STEPS = 60;

/** One change, or SKIP. */
export function evolve(ports: EvolvePorts) {
  return fromPromise<Change, { suggestions: Suggestion[]; sourceMap: string; spent: number }>(
    async ({ input, signal }) => {
      const turn = await work(ports, [{ role: "user", content: await briefing(ports, input) }], input.spent, signal);
      const given = endOf(turn);
      if (given) return given;
      const goal = parseGoal(turn.text);
      if (goal) return await settled(ports, goal, turn);
      const nudge: Message = {
        role: "user",
        content: "State the goal of the change as the JSON object that the instructions ask for, or answer SKIP.",
      };
      const next = await work(ports, [...turn.messages, nudge], input.spent, signal);
      const again = { ...next, usage: addUsage(turn.usage, next.usage) };
      return endOf(again) ??
        await settled(ports, parseGoal(again.text) ?? inWords(turn.text, input.suggestions), again);
    },
  );
}

/** What ends a change before it is one: a failure, or SKIP. */
function endOf({ failure, text, usage }: Turn): Change | undefined {
  if (failure) return { kind: "failed", reason: failure.message, usage, failure };
  const skip = /^\W*SKIP\b[:.\s]*(.*)/s.exec(text);
  return skip ? { kind: "skip", reason: skip[1]?.trim() || "nothing worth changing", usage } : undefined;
}

/** Mends a candidate that the gate rejected; the conversation of the change goes on. */
export function refine(ports: EvolvePorts) {
  return fromPromise<Change, { work: Message[]; candidate: Candidate; verdict: Verdict; spent: number }>(
    async ({ input, signal }) => {
      const { verdict, candidate } = input;
      const prompt = await ports.guidance.prompt("refine");
      const content = `${prompt.trimEnd()}\n\nStep that failed: ${verdict.step ?? "unknown"}\n\n${
        verdict.diagnostics ?? ""
      }`;
      const turn = await work(ports, [...input.work, { role: "user", content }], input.spent, signal, "refine");
      const given = endOf(turn);
      if (given?.kind === "skip") return { ...given, kind: "failed", reason: `given up: ${given.reason}` };
      return given ?? await settled(ports, parseGoal(turn.text) ?? candidate.goal, turn);
    },
  );
}

/** Brings README.md, AGENTS.md and ARCHITECTURE.md up to a proven change. A failure leaves the docs as they are. */
export function document(ports: EvolvePorts) {
  return fromPromise<{ candidate: Candidate; usage: Usage }, { candidate: Candidate; spent: number }>(
    async ({ input, signal }) => {
      const { candidate } = input;
      const content = `The change: ${candidate.goal.title}\n\n${fenced(candidate.diff)}`;
      const turn = await converse(ports, [{ role: "user", content }], {
        purpose: "document",
        mode: "evolve",
        system: await ports.guidance.prompt("document"),
        tools: await ports.tools.load("evolve"),
        maxSteps: MAX_STEPS,
        maxTokens: Math.max(0, ports.budget.tokens - input.spent),
        signal,
      });
      if (turn.failure) {
        ports.terminal.show({
          type: "notice",
          level: "warning",
          text: `The docs stay as they are: ${turn.failure.message}`,
        });
      }
      const now = await ports.draft.candidate(candidate.goal);
      return { candidate: now.ok ? now.value : candidate, usage: turn.usage };
    },
  );
}

async function work(
  ports: EvolvePorts,
  messages: Message[],
  spent: number,
  signal: AbortSignal,
  purpose: "evolve" | "refine" = "evolve",
): Promise<Turn> {
  return await converse(ports, messages, {
    purpose,
    mode: "evolve",
    system: await ports.guidance.prompt("evolve"),
    tools: await ports.tools.load("evolve"),
    maxSteps: MAX_STEPS,
    maxTokens: Math.max(0, ports.budget.tokens - spent),
    signal,
  });
}

/** The goal of a model that does not write JSON: its first line; what it predicts is what the best suggestion did. */
function inWords(text: string, [first]: Suggestion[]): Goal {
  const line = text.split("\n").find((one) => one.trim() !== "")?.trim() ?? "A change without a stated goal";
  const title = line.slice(0, 120).toWellFormed();
  return { title, predicted: first?.predicted ?? "not stated", ...(first && { suggestion: first.title }) };
}

async function settled({ draft }: EvolvePorts, goal: Goal, turn: Turn): Promise<Change> {
  const candidate = await draft.candidate(goal);
  if (candidate.ok) return { kind: "candidate", candidate: candidate.value, work: turn.messages, usage: turn.usage };
  return { kind: "failed", reason: candidate.error, usage: turn.usage ?? NO_USAGE };
}

async function briefing(
  { guidance, journal, draft }: EvolvePorts,
  { suggestions, sourceMap }: { suggestions: Suggestion[]; sourceMap: string },
): Promise<string> {
  const rules = await draft.workspace().read("AGENTS.md");
  const failed = journal.failures(10).map((f) => `- ${f.change}: ${f.reason.slice(0, 500).toWellFormed()}`);
  const ranked = suggestions.map((s, at) =>
    `${at + 1}. ${s.title}\n   evidence: ${s.evidence}\n   predicted: ${s.predicted}\n   verify: ${s.verify}`
  );
  return [
    `Suggestions of reflection, best first:\n${ranked.join("\n") || "(none: choose yourself, or SKIP)"}`,
    `Memory notes:\n${await guidance.memory() || "(none)"}`,
    `AGENTS.md:\n${rules.ok ? rules.value.text : "(none)"}`,
    `Files of the source:\n${sourceMap}`,
    `Changes that failed lately, do not repeat them:\n${failed.join("\n") || "(none)"}`,
  ].join("\n\n");
}

/** A block whose fence is longer than any fence inside. */
export function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map((m) => m[0].length));
  const fence = "`".repeat(longest + 1);
  return `${fence}\n${text}\n${fence}`;
}
