/** What a generation's commit says. */
import type { Candidate, Step, Usage } from "../../actors/types.ts";

/** Why a candidate was accepted, as the machine hands it over. */
export interface Evidence {
  steps: Step[];
  usage: Usage;
  decision: string;
}

/** The commit message of a generation: subject, prediction, decision, and trailers that no text of the model can forge. */
export function messageOf(
  { goal }: Candidate,
  { steps, usage, decision }: Evidence,
  ids: { number: number; parent: number; previous: string },
): string {
  const gate = steps.map(({ name, pass, ms }) => `${name} ${pass ? "" : "failed "}${Math.round(ms)} ms`).join(", ");
  return [
    `evolve(${pad(ids.number)}): ${oneLine(goal.title).slice(0, 100)}`,
    "",
    `Predicted: ${oneLine(goal.predicted)}`,
    `Decision: ${oneLine(decision)}`,
    "",
    `Generation: ${ids.number}`,
    `Parent: ${ids.parent}`,
    `Goal: ${oneLine(goal.title)}`,
    `Gate: ${oneLine(gate)}`,
    `Cost: ${usage.cost === null ? "unknown" : `${usage.cost.toFixed(4)} USD`}, ${usage.input + usage.output} tokens`,
    `Lineage: ${ids.previous}`,
    "",
  ].join("\n");
}

/** A text without line breaks. */
export const oneLine = (text: string) => text.replaceAll(/\s+/g, " ").trim();
const pad = (number: number) => String(number).padStart(4, "0");
