/** Scoring of one body by its task: pure over the task and an instance of the body. */
import type { Instance, Score, Task } from "../../actors/functions.ts";
import { watch } from "./consistency.ts";
import { createRandom } from "./random.ts";
import type { Declaration, Fault, Scored } from "./types.ts";

const LINES = 20, CHARACTERS = 300;

/**
 * Runs the task on its training set. Whatever the body or the evaluator does wrong is a value with feedback, never an
 * exception; what loops must be ended from outside. Whether it keeps state is asked of a body that beats `best`, or of any
 * body without it. `now` is a clock in milliseconds.
 */
export function scoreTraining(
  task: Task,
  body: Instance,
  { seed, best, now }: { seed: number; best?: readonly Score[] | undefined; now: () => number },
): Scored {
  const started = now();
  try {
    const watched = watch(body, task.functions, seed);
    const parsed = parseScore(task.evaluate(watched.instance, { set: "training", random: createRandom(seed) }), task);
    if (!parsed.ok) return parsed;
    const fuel = watched.fuel();
    const changed = beats(task, parsed.score, best ?? []) ? watched.recheck() : undefined;
    if (changed) return { ok: false, kind: "inconsistent", feedback: cutLine(changed) };
    return { ok: true, score: parsed.score, fuel, ms: now() - started };
  } catch (error) {
    return faultOf(error, task.name);
  }
}

/** What a throw out of an evaluation means: a trap of the body, or a fault of the evaluator. */
function faultOf(error: unknown, name: string): Scored & { ok: false } {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof Error && error.name === "FunctionTrap") {
    const kind = "kind" in error && (error.kind === "fuel" || error.kind === "memory") ? error.kind : "trap";
    return { ok: false, kind, feedback: cutLine(message) };
  }
  return { ok: false, kind: "evaluator", feedback: cutLine(`The evaluator of "${name}" failed: ${message}`) };
}

/**
 * True if the candidate beats all incumbents on the held-out set of this seed, each in a fresh instance. A candidate that
 * traps or has no score does not; an incumbent that does is beaten. Nothing else of this run is told to anyone.
 */
export function beatsHeldOut(task: Task, candidate: Instance, { incumbents, seed }: {
  incumbents: readonly Instance[];
  seed: number;
}): boolean {
  const scoreOf = (body: Instance): Score | undefined => {
    try {
      const parsed = parseScore(task.evaluate(body.fresh(), { set: "held_out", random: createRandom(seed) }), task);
      return parsed.ok ? parsed.score : undefined;
    } catch {
      return undefined; // a trap: not even its name may leave a held-out run
    }
  };
  const reached = scoreOf(candidate);
  if (!reached) return false;
  return beats(task, reached, incumbents.map(scoreOf).filter((score) => score !== undefined));
}

/**
 * Whether a score beats the incumbents' on the same seed. With objectives: no incumbent is as good in every one of them, so
 * that the candidate dominates a point of their front or adds one; without: its score is higher than each.
 */
export function beats({ objectives }: Pick<Declaration, "objectives">, score: Score, best: readonly Score[]): boolean {
  const named = Object.entries(objectives ?? {});
  if (named.length === 0) return best.every((other) => score.score > other.score);
  const asGood = (other: Score) =>
    named.every(([metric, direction]) => {
      const theirs = other.metrics?.[metric], own = score.metrics?.[metric];
      if (theirs === undefined || own === undefined) return own === undefined;
      return direction === "lower" ? theirs <= own : theirs >= own;
    });
  return !best.some(asGood);
}

type Parsed = { ok: true; score: Score } | { ok: false; kind: Fault; feedback: string };

/** Reads what an evaluator returned: numbers that are not finite or not there reject the body; feedback is cut. */
function parseScore(given: unknown, { objectives }: Pick<Task, "objectives">): Parsed {
  const reject = (kind: Fault, feedback: string): Parsed => ({ ok: false, kind, feedback });
  if (given instanceof Promise) {
    given.catch(() => {}); // whatever it comes to, it is no score
    return reject("evaluator", "evaluate returned a promise; it must not be async");
  }
  const { score, metrics, feedback } = isRecord(given) ? given : {};
  if (typeof score !== "number") return reject("missing", "The evaluation gave no score");
  const said = Array.isArray(feedback) ? feedback.filter((line) => typeof line === "string") : [];
  const because = said.length > 0 ? `: ${cutLine(said[0] ?? "")}` : "";
  if (!Number.isFinite(score)) return reject("nan", `The score is ${score}, not a finite number${because}`);
  const read: Record<string, number> = {};
  for (const [name, value] of Object.entries(isRecord(metrics) ? metrics : {})) {
    if (typeof value !== "number" || !Number.isFinite(value)) {
      return reject("nan", `The metric "${name}" is ${String(value)}, not a finite number${because}`);
    }
    read[name] = value;
  }
  const absent = Object.keys(objectives ?? {}).find((name) => read[name] === undefined);
  if (absent !== undefined) return reject("missing", `The evaluation gave no "${absent}"`);
  const lines = said.slice(0, LINES).map(cutLine);
  if (said.length > LINES) lines[LINES - 1] = `and ${said.length - LINES + 1} more`;
  return { ok: true, score: { score, ...(metrics ? { metrics: read } : {}), feedback: lines } };
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

// deno-lint-ignore no-control-regex -- what a body returns may hold any of them
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g,
  UNUSUAL = new RegExp(`${CONTROL.source}|[\\ud800-\\udfff]`);

/** One printable line of at most 300 characters, well-formed. */
function cutLine(line: string): string {
  const flat = UNUSUAL.test(line) ? line.replace(CONTROL, " ").toWellFormed() : line;
  return flat.length <= CHARACTERS ? flat : `${flat.slice(0, CHARACTERS - 1).toWellFormed().replace(/\ufffd$/, "")}…`;
}
