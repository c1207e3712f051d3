/** Fakes for the tests of evolvable functions: no task imports them. */
import type { Callables, Instance, Random, Score, Signatures, Task, TaskFile } from "../../actors/functions.ts";

/** Seeded randomness (mulberry32), good enough to draw cases. */
export function fakeRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const integer = (below: number) => Math.floor(next() * below);
  return {
    next,
    integer,
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
    shuffle: (items) => items.map((item) => ({ item, by: next() })).sort((a, b) => a.by - b.by).map(({ item }) => item),
  };
}

/** A body in TypeScript. `make` is called for each instance; `fuel` says what an instance has spent, nothing unless told. */
export function fakeInstance<F extends Signatures>(
  make: () => Callables<F>,
  fuel: (functions: Callables<F>) => number = () => 0,
): Instance<F> {
  const functions = make();
  return { functions, fuel: () => fuel(functions), size: 100, fresh: () => fakeInstance(make, fuel) };
}

/** What a task file declares. */
export const declared = <F extends Signatures>(file: TaskFile<F>): Task<F> => file({ task: (task) => task });

/** What a run is told: the set, the seed (1 unless told), what of its randomness is not seeded, and the fuel spent. */
type How = Partial<{ set: "training" | "held_out"; seed: number; random: Partial<Random>; fuel: () => number }>;

/** The score of a body in TypeScript. */
export function scoreOf<F extends Signatures>(
  file: TaskFile<F>,
  make: () => Callables<F>,
  { set = "training", seed = 1, random, fuel }: How = {},
): Score {
  return declared(file).evaluate(fakeInstance(make, fuel), { set, random: { ...fakeRandom(seed), ...random } });
}
