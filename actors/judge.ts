/** One call with a fresh context, after the proof; it may only veto. */
import * as z from "zod";
import { fromPromise } from "xstate";
import { parseJson } from "./context.ts";
import { fenced } from "./evolve.ts";
import type { Ports } from "./ports.ts";
import { type Candidate, NO_USAGE, type Usage, type Verdict } from "./types.ts";

/** The judge's decision with its reason. */
export interface Judgement {
  veto: boolean;
  reason: string;
  usage: Usage;
}

const Opinion = z.object({ veto: z.boolean(), reason: z.string() });

/** Sees goal, diff and evidence. An error or an unreadable reply is a veto. */
export function judge({ model, guidance, log }: Pick<Ports, "model" | "guidance" | "log">) {
  return fromPromise<Judgement, { candidate: Candidate; verdict: Verdict }>(async ({ input, signal }) => {
    const { candidate, verdict } = input;
    const evidence = verdict.steps.map((s) =>
      `${s.name}: ${s.pass ? "passed" : "FAILED"}${s.note ? ` (${s.note})` : ""}`
    ).join("\n");
    const content =
      `Goal: ${candidate.goal.title}\nPredicted: ${candidate.goal.predicted}\n\nEvidence of the gate:\n${evidence}\n\nDiff:\n${
        fenced(candidate.diff)
      }`;
    const got = await model.reply({
      purpose: "judge",
      messages: [{ role: "system", content: await guidance.prompt("judge") }, { role: "user", content }],
      tools: [],
    }, signal);
    const opinion = got.ok && got.value.finish !== "cut" ? parseJson(got.value.message.content, Opinion) : undefined;
    const usage = got.ok ? got.value.usage : NO_USAGE;
    const why = got.ok ? "its reply could not be read" : got.error;
    const judgement = opinion
      ? { ...opinion, usage }
      : { veto: true, reason: `The judge gave no verdict: ${why}`, usage };
    log.write("judgement", { veto: judgement.veto, reason: judgement.reason });
    return judgement;
  });
}
