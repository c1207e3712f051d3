/** The starting body and the active revision side by side. */
import type { Score } from "../../actors/functions.ts";
import { no, ok, type Outcome } from "../../actors/types.ts";
import type { Workshop } from "../evaluation/types.ts";
import { table } from "../proposers/prompt.ts";
import { type Arena, TRAINING_SEED } from "./arena.ts";
import type { Revision } from "./archive.ts";

/** Scores the two in turn on the training set; a table for people. */
export async function compare(
  arena: Arena,
  { workshop, signal, json }: { workshop: Workshop; signal: AbortSignal; json?: boolean },
): Promise<Outcome<string>> {
  const { entry, archive } = arena, numbers = [...new Set([0, archive.standing().active])];
  const rows: { revision: Revision; wasm: Uint8Array; size: number; fuel: number; ms: number; score?: Score }[] = [];
  for (const number of numbers) {
    const revision = archive.revision(number);
    const built = revision && await arena.built(revision, signal);
    if (!revision || !built) return no(`Cannot find revision ${number} of "${entry.name}"`);
    if (!built.ok) return built;
    const { wasm, plain } = built.value;
    rows.push({ revision, wasm, size: plain.length, fuel: 0, ms: Infinity });
  }
  for (let round = 0; round < 5; round++) { // in turn, the least of each: noise only ever adds
    for (const row of rows) {
      const { wasm: candidate, size } = row;
      const body = { file: entry.file, candidate, size, trainingSeed: TRAINING_SEED };
      const run = await workshop.score(body, signal);
      if (!run.ok) {
        return no(`Cannot score revision ${row.revision.number} of "${entry.name}": ${run.kind}: ${run.feedback}`);
      }
      Object.assign(row, { fuel: run.fuel, ms: Math.min(row.ms, run.ms), score: run.score });
    }
  }
  return ok(table(
    ["revision", "is", "score", "fuel", "ms", "bytes", "characters"],
    rows.map(({ revision: { number, source }, score, fuel, ms, size }) => [
      ...[number, number === 0 ? "start" : "active", score, fuel, Number(ms.toFixed(1)), size, source.length],
    ]),
    json,
  ));
}
