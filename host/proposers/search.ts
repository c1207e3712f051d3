/** The proposer that needs no model: mutations of the incumbents, seeded, so that the same seed and store give the same bodies. */
import type { Random } from "../../actors/functions.ts";
import { NO_USAGE } from "../../actors/types.ts";
import { createRandom } from "../evaluation/random.ts";
import { reason } from "../session/files.ts";
import { canonical } from "../wasm/source.ts";
import { type Arena, digest, type Judged } from "../functions/arena.ts";
import type { Revision } from "../functions/archive.ts";
import type { Ended, Run } from "./lanes.ts";
import { MUTATIONS, readTask, split } from "./mutate.ts";
import { scored, short } from "./prompt.ts";

/** How far and from which seed. Each lane has chance, step size and preferences of its own. */
export interface Searching {
  rounds: number;
  lanes: number;
  seed: number;
}

/** Bodies that a lane proposes in one round; fixed, so that the number of cores changes nothing. */
export const BATCH = 8;
const STEP = { first: 0.3, least: 1e-9, most: 3 };

interface Chain {
  number: number;
  random: Random;
  step: number;
  weights: Map<string, number>;
}

interface Proposed {
  chain: Chain;
  source: string;
  parent: Revision;
  by: string;
}

/** Evolves without a model until the goal, the rounds or the signal end it. What was found is stored by then. */
export async function evolveBySearch(run: Run, { rounds, lanes, seed }: Searching): Promise<Ended> {
  const { arena, signal, update, clock } = run;
  const ended: Ended = { why: "", attempts: 0, won: [], usage: NO_USAGE };
  const chains = Array.from({ length: lanes }, (_, number): Chain => ({
    ...{ number, random: createRandom((seed * 7919 + number * 104729) >>> 0), step: STEP.first },
    weights: new Map(Object.keys(MUTATIONS).map((name) => [name, 1])),
  }));
  const unlessStopped = (error: unknown) => {
    if (!signal.aborted) throw error;
  };
  let said = clock.now();
  try {
    for (let round = 1; round <= rounds; round++) {
      signal.throwIfAborted();
      const fresh = new Set<string>();
      const proposed = chains.flatMap((chain) => propose(arena, chain, fresh));
      if (proposed.length === 0) return { ...ended, why: "no body is left to try" };
      const against = arena.against();
      const measure = ({ source }: Proposed) => arena.measure(source, against, signal).catch(unlessStopped);
      const measured = await Promise.all(proposed.map(measure)); // an abort keeps what was measured by then
      for (const [at, one] of proposed.entries()) {
        const body = measured[at];
        if (!body) continue;
        const origin = { parent: one.parent.number, run: run.id, lane: one.chain.number, proposer: "search" };
        const judged = await arena.settle(body, origin, signal);
        learn(one, judged);
        record(run, one, { judged, seq: ended.attempts++ });
        if (!judged.accepted || judged.revision === undefined) continue;
        ended.won.push(judged.revision);
        update(`search: revision ${judged.revision} wins with ${scored(judged.score)} (${one.by})`);
        const { goal } = arena.entry;
        if (goal !== undefined && judged.score && judged.score.score >= goal) {
          return { ...ended, why: "the goal is reached" };
        }
      }
      if (clock.now() - said >= 5_000) {
        said = clock.now();
        update(`search: ${ended.attempts} bodies tried, ${ended.won.length} won`);
      }
    }
    return { ...ended, why: rounds === 1 ? "the round is over" : `the ${rounds} rounds are over` };
  } catch (error) {
    if (!signal.aborted) throw error;
    return { ...ended, why: reason(signal.reason) };
  }
}

/** Bodies that nobody tried. Where hardly anything new is found, fewer. */
function propose({ archive, entry }: Arena, chain: Chain, fresh: Set<string>): Proposed[] {
  const incumbents = archive.incumbents(entry.objectives !== undefined);
  const different = new Map(archive.list("best", 64).reverse().map((one) => [one.score?.score, one]));
  const pool = [...different.values()].reverse().slice(0, 8), bodies: Proposed[] = [];
  const { random } = chain, told = readTask(entry);
  const one = (from: Revision[]) => from[random.integer(Math.max(from.length, 1))];
  for (let tries = 0; tries < BATCH * 20 && bodies.length < BATCH; tries++) {
    const parent = one(random.next() < (chain.number === 0 ? 0.9 : 0.7) ? incumbents : pool) ?? incumbents[0];
    const mate = one(pool) ?? parent;
    if (!parent || !mate) break;
    const other = split(mate.source), used: string[] = [];
    let words = split(parent.source);
    do {
      const name = choose(chain);
      const next = MUTATIONS[name]?.(words, { random, step: chain.step, other, told });
      if (next) [words] = [next, used.push(name)];
    } while (random.next() < 0.3);
    const source = words.join(""), hash = digest(canonical(source));
    if (used.length === 0 || source.length > entry.limits.source || fresh.has(hash) || archive.byHash(hash)) continue;
    fresh.add(hash);
    bodies.push({ chain, source, parent, by: used.join("+") });
  }
  return bodies;
}

function choose({ random, weights }: Chain): string {
  let at = random.next() * [...weights.values()].reduce((sum, weight) => sum + weight, 0);
  for (const [name, weight] of weights) if ((at -= weight) < 0) return name;
  return "constant";
}

/** What made a body better is done more often, with larger steps; what failed, a little less. */
function learn({ chain, by, parent }: Proposed, { accepted, score, kind }: Judged): void {
  const better = accepted || (score?.score ?? -Infinity) > (parent.score?.score ?? -Infinity);
  for (const name of by.split("+")) {
    const had = chain.weights.get(name) ?? 1,
      weight = better ? had * 1.5 + 0.2 : had * (kind === "compile" ? 0.97 : 0.995);
    chain.weights.set(name, Math.min(8, Math.max(0.15, weight)));
  }
  if (!/constant|drift/.test(by)) return;
  chain.step = better ? Math.min(STEP.most, chain.step * 1.6) : chain.step * 0.97;
  if (chain.step < STEP.least) chain.step = STEP.first;
}

function record(
  { arena, id, clock }: Run,
  { chain, parent, by }: Proposed,
  { judged, seq }: { judged: Judged; seq: number },
) {
  const { kind, revision = null, score, stages } = judged;
  arena.archive.trace({
    ...{ type: "attempt", at: new Date(clock.now()).toISOString(), run: id, lane: chain.number, seq, attempt: 1 },
    ...{ proposer: "search", prompt: null, reply: null, usage: null, parent: parent.number, mutation: by, stages },
    ladder: judged.accepted ? { event: "registered" } : { event: "self_heal", kind },
    ...{ step: short(chain.step), revision, score: score?.score ?? null },
  });
}
