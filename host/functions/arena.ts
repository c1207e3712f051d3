/** Where a body meets the incumbent: compiled, scored on training, compared on held-out data, and only then made active. */
import { createHash } from "node:crypto";
import type { Score } from "../../actors/functions.ts";
import { no, ok, type Outcome } from "../../actors/types.ts";
import type { Evaluated, TaskEntry, Workshop } from "../evaluation/types.ts";
import { canonical } from "../wasm/source.ts";
import type { Archive, Body, Built, Origin, Revision, Standing, Verdict } from "./archive.ts";
import type { Rejection } from "../proposers/ladder.ts";

/** The seed of every training run: scores on it can be compared across revisions. */
export const TRAINING_SEED = 1;

/** What a body is compared with. */
export interface Against extends Standing {
  incumbents: Revision[];
}

/** What was found out about a body, not yet stored. */
export interface Measured extends Body {
  against: Against;
  built?: Built;
  evaluated?: Evaluated;
  rejected?: { kind: Rejection; feedback: string[] };
  /** The revision that this body is, if it is known. */
  seen?: Revision | undefined;
  stages: { compileMs: number; evaluateMs: number };
}

/** What became of a body. `revision` is missing where nothing was stored. `active` is true if it is the active one now. */
export interface Judged {
  hash: string;
  revision: number | undefined;
  accepted: boolean;
  active: boolean;
  score: Score | undefined;
  kind?: Rejection;
  feedback: string[];
  stages: Measured["stages"];
}

/** One function's contest. */
export interface Arena {
  entry: TaskEntry;
  archive: Archive;
  /** Scores the starting body, and what an earlier task's archive held, unless that was done before. */
  prepare(signal: AbortSignal): Promise<Outcome<void>>;
  against(): Against;
  /** Changes nothing: many may run side by side. */
  measure(source: string, against: Against, signal: AbortSignal): Promise<Measured>;
  /** Stores what was measured; a winner is compared again if another won meanwhile, and becomes active in the same write. */
  settle(measured: Measured, origin: Origin, signal: AbortSignal): Promise<Judged>;
  /** The compiled form of a revision. */
  built(revision: Revision, signal: AbortSignal): Promise<Outcome<Built>>;
  /** Recompiles the active revision for speed; it must score the same. The value says what came of it. */
  polish(signal: AbortSignal): Promise<Outcome<string>>;
}

/** What an arena needs. */
export interface ArenaOptions {
  entry: TaskEntry;
  archive: Archive;
  workshop: Workshop;
  inherited: () => string[];
  redact: (text: string) => string;
  now: () => number;
}

/** SHA-256 in hex. */
export function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Creates the contest of one function. */
export function createArena(on: ArenaOptions): Arena {
  const { entry, archive, workshop, redact, now } = on;
  const { functions, limits, objectives, file } = entry;
  const against = (): Against => ({ ...archive.standing(), incumbents: archive.incumbents(objectives !== undefined) });
  const compile = (source: string, optimize: 1 | 3, signal: AbortSignal) =>
    workshop.compile({ source, functions, limits, optimize }, signal);

  async function built({ number, source, built: had }: Revision, signal: AbortSignal): Promise<Outcome<Built>> {
    if (had) return ok(had);
    const made = await compile(source, 1, signal);
    if (!made.ok) return no(`Cannot compile revision ${number} of "${entry.name}": ${made.diagnostics}`);
    const fresh: Built = { wasm: made.wasm, plain: made.plain, optimize: 1 };
    archive.build(number, fresh);
    return ok(fresh);
  }

  async function evaluate(
    hash: string,
    { built: made, against }: { built: Built; against: Against },
    signal: AbortSignal,
  ) {
    const incumbents = await Promise.all(against.incumbents.map(async (one) => {
      const module = await built(one, signal);
      if (!module.ok) throw new Error(module.error);
      return { wasm: module.value.wasm, size: module.value.plain.length };
    }));
    return await workshop.evaluate({
      ...{ file, candidate: made.wasm, size: made.plain.length, incumbents, trainingSeed: TRAINING_SEED },
      best: against.incumbents.flatMap(({ score }) => score ?? []),
      heldOutSeed: Number.parseInt(digest(`${against.secret} ${against.looks} ${hash}`).slice(0, 8), 16),
    }, signal);
  }

  async function measure(source: string, against: Against, signal: AbortSignal): Promise<Measured> {
    const stages = { compileMs: 0, evaluateMs: 0 };
    const rejected = (text: string) => ({ kind: "policy" as const, feedback: [text] });
    const refused = (text: string) => ({ source: "", hash: "", against, stages, rejected: rejected(text) });
    if (source.length > limits.source) {
      return refused(`The body has ${source.length} characters, at most ${limits.source} are allowed`);
    }
    if (redact(source) !== source) return refused("The body holds what looks like a secret key; leave it out");
    const hash = digest(canonical(source));
    const seen = archive.byHash(hash);
    const best = against.incumbents.find(({ number }) => number === against.active)?.score?.score ?? -Infinity;
    if (seen && (seen.state === "rejected" || (seen.score?.score ?? -Infinity) <= best)) {
      const said = `It is revision ${seen.number}: ${seen.score ? `score ${seen.score.score}` : seen.kind ?? ""}`;
      return { source, hash, against, seen, stages, rejected: { kind: "seen", feedback: [said, ...seen.feedback] } };
    }
    const start = now();
    const made = await compile(source, 1, signal);
    stages.compileMs = now() - start;
    if (!made.ok) {
      return { source, hash, against, stages, rejected: { kind: made.kind, feedback: [made.diagnostics] } };
    }
    const module: Built = { wasm: made.wasm, plain: made.plain, optimize: 1 };
    const evaluated = await evaluate(hash, { built: module, against }, signal);
    stages.evaluateMs = now() - start - stages.compileMs;
    return { source, hash, against, stages, built: module, evaluated, seen };
  }

  async function settle(measured: Measured, origin: Origin, signal: AbortSignal): Promise<Judged> {
    const { hash, stages, against: met, evaluated, built: module } = measured;
    const looks = evaluated?.beatsHeldOut === undefined ? 0 : 1;
    const lost = rejectionOf(measured);
    if (lost) {
      const verdict: Verdict = { state: "rejected", ...lost, ...measuredBy(evaluated) };
      const known = hash === "" || lost.kind === "seen";
      const revision = known ? measured.seen?.number : archive.reject(measured, { verdict, origin, looks });
      const score = verdict.score ?? measured.seen?.score;
      return { hash, revision, accepted: false, active: false, ...lost, score, stages };
    }
    if (!evaluated?.ok || !module) throw new Error("A body that was not measured cannot win");
    const { score } = evaluated;
    const verdict: Verdict = { state: "accepted", ...measuredBy(evaluated), feedback: score.feedback, built: module };
    const leader = met.incumbents.find(({ number }) => number === met.active)?.score?.score ?? -Infinity;
    const active = !objectives || score.score > leader;
    const beaten = met.incumbents.filter((one) => dominates(score, one.score, objectives));
    const dominated = beaten.map(({ number }) => number);
    const decision = { looks, version: met.version, dominated, active, front: objectives !== undefined };
    const revision = archive.accept(measured, { verdict, origin, decision });
    if (revision !== undefined) {
      return { hash, revision, accepted: true, active, score, feedback: score.feedback, stages };
    }
    const fresh = against();
    const again = await evaluate(hash, { built: module, against: fresh }, signal);
    return await settle({ ...measured, against: fresh, evaluated: again }, origin, signal);
  }

  async function prepare(signal: AbortSignal): Promise<Outcome<void>> {
    if (archive.count() > 0) return ok(undefined);
    const { version } = archive.standing();
    const bad = (why: string) => no(`Cannot evolve "${entry.name}": ${why}; mend its task`);
    const made = await compile(entry.source, 1, signal);
    if (!made.ok) return bad(`its starting body does not compile: ${made.diagnostics}`);
    const on0 = { file, candidate: made.wasm, size: made.plain.length, trainingSeed: TRAINING_SEED };
    const scored = await workshop.score(on0, signal);
    if (!scored.ok) {
      const what = scored.kind === "evaluator" ? "its evaluator failed" : `its starting body failed (${scored.kind})`;
      return bad(`${what}: ${scored.feedback}`);
    }
    const { score, fuel, ms } = scored;
    const module: Built = { wasm: made.wasm, plain: made.plain, optimize: 1 };
    const verdict: Verdict = { state: "accepted", score, fuel, ms, feedback: score.feedback, built: module };
    const body = { source: entry.source, hash: digest(canonical(entry.source)) };
    const decision = { looks: 0, version, dominated: [], active: true, front: objectives !== undefined };
    archive.accept(body, { verdict, origin: { parent: null, run: "start", lane: 0, proposer: "start" }, decision });
    for (const source of on.inherited()) {
      const origin = { parent: 0, run: "start", lane: 0, proposer: "inherited" };
      await settle(await measure(source, against(), signal), origin, signal);
    }
    return ok(undefined);
  }

  async function polish(signal: AbortSignal): Promise<Outcome<string>> {
    const revision = archive.revision(archive.standing().active);
    if (!revision || revision.number === 0 || revision.built?.optimize === 3) return ok("");
    const module = await built(revision, signal);
    if (!module.ok) return module;
    let made = await compile(revision.source, 3, signal);
    if (!made.ok && made.kind === "crash") made = await compile(revision.source, 3, signal); // its process ended with the run
    if (!made.ok) {
      return no(`Revision ${revision.number} stays at -O1: at -O3 it does not compile: ${made.diagnostics}`);
    }
    const on3 = { file, candidate: made.wasm, size: module.value.plain.length, trainingSeed: TRAINING_SEED };
    const scored = await workshop.score(on3, signal);
    const before = revision.score?.score ?? Infinity;
    if (!scored.ok || scored.score.score < before) {
      const now = scored.ok ? String(scored.score.score) : scored.kind;
      return no(`Revision ${revision.number} stays at -O1: at -O3 it scores ${now} instead of ${before}`);
    }
    archive.build(revision.number, { wasm: module.value.wasm, plain: made.plain, optimize: 3 });
    return ok(`revision ${revision.number} is compiled with -O3 and scores the same`);
  }

  return { entry, archive, prepare, against, measure, settle, built, polish };
}

function rejectionOf({ rejected, evaluated }: Measured): { kind: Rejection; feedback: string[] } | undefined {
  if (rejected || !evaluated) return rejected;
  if (!evaluated.ok) return { kind: evaluated.kind, feedback: [evaluated.feedback] };
  const { feedback } = evaluated.score;
  if (!evaluated.beatsTraining) return { kind: "worse", feedback };
  return evaluated.beatsHeldOut ? undefined : { kind: "overfit", feedback };
}

function measuredBy(evaluated: Evaluated | undefined): Pick<Verdict, "score" | "fuel" | "ms"> {
  return evaluated?.ok ? { score: evaluated.score, fuel: evaluated.fuel, ms: evaluated.ms } : {};
}

/** True if `a` is nowhere worse than `b` and somewhere better. */
function dominates(a: Score, b: Score | undefined, objectives: TaskEntry["objectives"]): boolean {
  const gains = Object.entries(objectives ?? {}).map(([name, wanted]) => {
    const gain = (a.metrics?.[name] ?? NaN) - (b?.metrics?.[name] ?? NaN);
    return wanted === "higher" ? gain : -gain;
  });
  return gains.length > 0 && gains.every((gain) => gain >= 0) && gains.some((gain) => gain > 0);
}
