/** The retry ladder: what comes after an attempt. A pure function of where a lane stands and of what happened. */
import type { Failure } from "../../actors/types.ts";

/** Why a body did not win. `seen`: the archive has it; `worse`: on training; `overfit`: better there, not on held-out data. */
export const REJECTIONS = [
  ...["no_code", "parse", "signature", "policy", "compile", "trap", "fuel", "memory", "timeout"] as const,
  ...["nan", "missing", "inconsistent", "crash", "evaluator", "seen", "worse", "overfit"] as const,
] as const;
export type Rejection = typeof REJECTIONS[number];

/** Where a lane stands in its round. `history` is true while the conversation holds more than the first prompt. */
export interface Rung {
  attempts: number;
  transients: number;
  resets: number;
  history: boolean;
  /** Hash of the body that was rejected last. */
  last: string | undefined;
}

/** What an attempt came to. */
export type Happened =
  | { type: "accepted" }
  | { type: "rejected"; kind: Rejection; hash: string; detail: string[] }
  | { type: "failed"; failure: Failure };

/** What to do next. `nudge` is said to the model; `delayMs` is waited. */
export type Next =
  | { event: "registered" }
  | { event: "self_heal"; kind: Rejection; nudge: string }
  | { event: "transient_retry"; delayMs: number }
  | { event: "context_reset" }
  | { event: "repeat_reset"; nudge: string }
  | { event: "terminal"; reason: string };

/** Attempts of one lane in one round, retries of a failed request (the model port has retried by then; where nobody answered, none), emptied contexts. */
export const LADDER = { attempts: 10, transients: 3, resets: 3 };
/** A lane at the start of a round. */
export const BOTTOM: Rung = { attempts: 0, transients: 0, resets: 0, history: false, last: undefined };

const TRANSIENT = new Set<Failure["kind"]>(["rate_limited", "server", "malformed"]);
const HEAL: Record<Rejection, string> = {
  no_code: "Your reply held no usable code block. Answer with exactly one fenced block that holds the whole body.",
  parse: "The body cannot be parsed. Mend the syntax at the place named below and send the whole body again.",
  signature: "The exported functions do not have the required signature. Keep names, types and their order exactly.",
  policy: "The body uses something that is not allowed. Do without it: no imports, no host, no raw memory.",
  compile: "The body does not compile. AssemblyScript is stricter than TypeScript: give every type, cast explicitly.",
  trap: "The body trapped while it ran. Check indices, divisions and casts where the message points.",
  fuel: "The body used up its fuel: a loop does not end, or does far too much work. Find a cheaper way.",
  memory: "The body used more memory than it may. Allocate less, and nothing inside a loop.",
  timeout: "The body took too long and was stopped. Find a cheaper way.",
  nan: "The body's score is not a number. Guard divisions, roots, logarithms and empty input.",
  missing: "The body gave no usable result. Return what the signature promises, for every input.",
  inconsistent: "The body answered one input in two ways. Keep no state between calls.",
  crash: "The process that ran the body died. Use less memory and less recursion.",
  evaluator: "The body's answer could not be scored. Return well-formed values within the promised ranges.",
  seen: "This body was tried before. Do not send it again: try an idea that is different.",
  worse: "The body works but is no better than the best one. Use the feedback below; keep what the best one does well.",
  overfit:
    "The body is better on the examples it was shown, but not on others. Solve the general problem, not these cases.",
};
const REPEAT = "You sent the same body twice although it was rejected. Do not repeat it: take another way.";

/** The next rung and what to do there. Attempts and resets are counted; a transient failure costs only a retry. */
export function climb(rung: Rung, happened: Happened): { rung: Rung; next: Next } {
  if (happened.type === "failed") return fall(rung, happened.failure);
  const attempts = rung.attempts + 1;
  const here: Rung = { ...rung, attempts, transients: 0 };
  if (happened.type === "accepted") return { rung: here, next: { event: "registered" } };
  const { kind, hash, detail } = happened;
  if (attempts >= LADDER.attempts) {
    const reason = `all ${attempts} attempts were rejected, the last: ${kind}`;
    return { rung: here, next: { event: "terminal", reason } };
  }
  if (hash !== "" && hash === rung.last) {
    return { rung: { ...here, history: false }, next: { event: "repeat_reset", nudge: REPEAT } };
  }
  const nudge = [HEAL[kind], ...detail].join("\n");
  return { rung: { ...here, history: true, last: hash }, next: { event: "self_heal", kind, nudge } };
}

function fall(rung: Rung, failure: Failure): { rung: Rung; next: Next } {
  const ends = (reason: string) => ({ rung, next: { event: "terminal" as const, reason } });
  if (TRANSIENT.has(failure.kind)) {
    if (rung.transients >= LADDER.transients) return ends(failure.message);
    const delayMs = Math.min(2 ** rung.transients * 1000, 30_000);
    return { rung: { ...rung, transients: rung.transients + 1 }, next: { event: "transient_retry", delayMs } };
  }
  if (failure.kind !== "overflow") return ends(failure.message);
  if (!rung.history) return ends(`${failure.message}; even the first prompt is too long`);
  if (rung.resets >= LADDER.resets || rung.attempts + 1 >= LADDER.attempts) return ends(failure.message);
  const here = { ...rung, attempts: rung.attempts + 1, resets: rung.resets + 1, history: false };
  return { rung: here, next: { event: "context_reset" } };
}
