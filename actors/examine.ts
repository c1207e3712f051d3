/** The examiner's steps as actors: they ask the host, and decide nothing. */
import { fromPromise } from "xstate";
import { type Context, mayGoOn } from "./context.ts";
import type { Ports } from "./ports.ts";
import type { Candidate, Generation, Outcome, Step, Usage, Verdict } from "./types.ts";

/** The proof; it may reformat the draft, so the candidate is read again. */
export function prove({ gate, draft, terminal }: Pick<Ports, "gate" | "draft" | "terminal">) {
  return fromPromise<{ verdict: Verdict; candidate: Candidate }, Candidate>(async ({ input, signal }) => {
    terminal.show({ type: "diff", text: input.diff });
    const verdict = await gate.prove(input, signal);
    const now = await draft.candidate(input.goal);
    return { verdict, candidate: now.ok ? now.value : input };
  });
}

/** Policy again on the final tree, compile, canary. */
export function build({ gate }: Pick<Ports, "gate">) {
  return fromPromise<Verdict, Candidate>(({ input, signal }) => gate.build(input, signal));
}

/** What promotion rests on. */
export interface PromoteInput {
  candidate: Candidate;
  steps: Step[];
  usage: Usage;
  decision: string;
}

/** Makes the candidate the next generation and writes it to the journal. */
export function promote({ lineage, journal, log, terminal }: Pick<Ports, "lineage" | "journal" | "log" | "terminal">) {
  return fromPromise<Outcome<Generation>, PromoteInput>(async ({ input }) => {
    const { goal } = input.candidate;
    const done = await lineage.promote(input.candidate, input);
    if (!done.ok) return done;
    const { number } = done.value;
    log.write("promotion", { generation: number, goal: goal.title });
    journal.add({
      observation: goal.suggestion ?? goal.title,
      action: goal.title,
      outcome: `promoted as generation ${number}`,
      lessons: [`predicted: ${goal.predicted}`],
    });
    terminal.show({ type: "promoted", generation: number, goal: goal.title });
    return done;
  });
}

/** Throws the change away and remembers why; closes the draft when the evolution is over. */
export function discard(ports: Pick<Ports, "draft" | "journal" | "log" | "terminal" | "budget" | "clock">) {
  const { draft, journal, log, terminal } = ports;
  return fromPromise<void, Context>(async ({ input }) => {
    await draft.discard();
    const { reason, candidate } = input;
    if (candidate) {
      const change = candidate.goal.title;
      journal.fail({ change, reason, rolledBack: true });
      const why = reason.replaceAll(/\s+/g, " ").slice(0, 300).toWellFormed();
      terminal.show({ type: "notice", level: "warning", text: `Gave up "${change}": ${why}` });
    }
    log.write("discard", { goal: candidate?.goal.title, reason });
    if (!mayGoOn(input, ports)) await draft.close();
  });
}
