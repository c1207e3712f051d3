/** Plays the cassette of a shipped function against its evaluator with the real compiler, reply by reply. */
import { deepStrictEqual as equal, ok } from "node:assert/strict";
import type { Score } from "../../actors/functions.ts";
import { beats } from "../evaluation/evaluate.ts";
import { parseCassette } from "../model/cassette.ts";
import { canonical, lastBlock } from "../wasm/source.ts";
import { type Audited, judge, type Judged, load } from "./audit.ts";

const SEEDS = { training: 3, heldOut: 77_003 };

/** The text of a file that ships with a function. */
export const shippedText = (name: string, file: string): string =>
  Deno.readTextFileSync(new URL(`../../plugins/functions/${name}/${file}`, import.meta.url));

/** The bodies of a cassette, in order. */
export function bodiesOf(name: string, file: Audited["file"]): string[] {
  const cassette = parseCassette(shippedText(name, "cassette.jsonl"), name);
  if (!cassette.ok) throw new Error(cassette.error);
  return cassette.value.lines.map((line) => {
    if (!("expect" in line) || !("text" in line.reply)) {
      throw new Error(`The cassette of "${name}" has a line without text`);
    }
    equal(line.expect.purpose, "function");
    const found = lastBlock(line.reply.text ?? "", load(file).functions);
    if (!found.ok) throw new Error(found.error);
    return found.value;
  });
}

/**
 * Registers the tests of one shipped function. `told` says what becomes of each reply of its cassette: "better" than all before
 * it, "worse", or how it ends otherwise.
 */
export function shipped(name: string, file: Audited["file"], told: ("better" | "worse" | Judged["ending"])[]): void {
  const task = load(file);

  Deno.test(`${name}: the start has a score below the goal, the same whenever it is asked, and on -O3`, async () => {
    const start = shippedText(name, "function.ts");
    const first = await judge(task, start, { seed: 5, optimize: 1 });
    ok(first.score && (task.goal === undefined || first.score.score < task.goal));
    equal(await judge(task, start, { seed: 5, optimize: 1 }), first);
    equal((await judge(task, start, { seed: 5, optimize: 3 })).score?.score, first.score.score);
  });

  Deno.test(`${name}: the cassette reaches the goal: ${told.join(", ")}`, async () => {
    const bodies = bodiesOf(name, file), seen = new Set<string>();
    const start = (await judge(task, shippedText(name, "function.ts"), { seed: SEEDS.training })).score;
    const best: Score[] = start ? [start] : [];
    const became: string[] = [];
    for (const body of bodies) {
      ok(!seen.has(canonical(body)), "the cassette holds a body twice");
      seen.add(canonical(body));
      const { ending, score } = await judge(task, body, { seed: SEEDS.training });
      const better = score !== undefined && beats(task, score, best);
      became.push(score ? better ? "better" : "worse" : ending);
      if (better) best.push(score);
    }
    equal(became, told);
    if (task.goal !== undefined) ok((best.at(-1)?.score ?? -Infinity) >= task.goal, `it ends at ${best.at(-1)?.score}`);
  });

  Deno.test(`${name}: the cassette's last body beats the start on seeds that nobody saw`, async () => {
    for (const seed of [SEEDS.heldOut, SEEDS.heldOut + 1]) {
      const last = (await judge(task, bodiesOf(name, file).at(-1) ?? "", { seed, set: "held_out" })).score;
      const start = (await judge(task, shippedText(name, "function.ts"), { seed, set: "held_out" })).score;
      ok(last && start && beats(task, last, [start]));
    }
  });
}
