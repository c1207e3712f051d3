import { deepStrictEqual as equal, notDeepStrictEqual as unequal, ok, throws } from "node:assert/strict";
import { createRandom, splitmix64, xoshiro128 } from "./random.ts";

const take = <T>(count: number, draw: () => T) => Array.from({ length: count }, draw);

Deno.test("splitmix64 gives the numbers of the reference for the seed 1234567", () => {
  equal(take(5, splitmix64(1234567n)), [
    6457827717110365317n,
    3203168211198807973n,
    9817491932198370423n,
    4593380528125082431n,
    16408922859458223821n,
  ]);
});

Deno.test("xoshiro128** gives the numbers of the reference for the state 1, 2, 3, 4", () => {
  equal(take(7, xoshiro128(1, 2, 3, 4)), [11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034]);
});

Deno.test("the same seed gives the same numbers, another seed others, also beyond 32 bits", () => {
  const draw = (seed: number) => take(20, createRandom(seed).next);
  equal(draw(42), draw(42));
  const seeds = [0, 1, -1, 42, 2 ** 32, 2 ** 32 + 42, 2 ** 52, Number.NaN];
  const first = seeds.map((seed) => createRandom(seed).next());
  equal(new Set(first).size, seeds.length - 1); // what is not finite counts as 0
  unequal(draw(1), draw(2));
});

Deno.test("draws stay in range, and each tenth gets its share", () => {
  const random = createRandom(7), tenths = new Array<number>(10).fill(0), sevens = new Array<number>(7).fill(0);
  for (let round = 0; round < 70_000; round++) {
    const value = random.next(), whole = random.integer(7);
    ok(value >= 0 && value < 1 && Number.isInteger(whole) && whole >= 0 && whole < 7);
    tenths[Math.floor(value * 10)] = (tenths[Math.floor(value * 10)] ?? 0) + 1;
    sevens[whole] = (sevens[whole] ?? 0) + 1;
  }
  const square = (counts: number[], expected: number) =>
    counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  ok(square(tenths, 7_000) < 27.9, `${tenths}`); // chi-squared, 9 degrees, 0.1 %
  ok(square(sevens, 10_000) < 22.5, `${sevens}`); // 6 degrees
  ok(take(1000, () => random.integer(2 ** 40)).some((value) => value > 2 ** 32));
});

Deno.test("normal numbers have mean 0 and variance 1, and come in independent pairs", () => {
  const values = take(100_000, createRandom(3).normal);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  const together = values.slice(1).reduce((sum, value, at) => sum + value * (values[at] ?? 0), 0) / values.length;
  ok(Math.abs(mean) < 0.02 && Math.abs(variance - 1) < 0.03 && Math.abs(together) < 0.02);
  ok(values.filter((value) => Math.abs(value) > 3).length > 150);
});

Deno.test("shuffle gives a permutation, leaves its input alone, and every order about as often", () => {
  const random = createRandom(5), counts = new Map<string, number>(), items = ["a", "b", "c"];
  for (let round = 0; round < 6_000; round++) {
    const order = random.shuffle(items).join("");
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  equal(items, ["a", "b", "c"]);
  equal(counts.size, 6);
  for (const count of counts.values()) ok(count > 850 && count < 1150, `${count}`);
});

Deno.test("integer() throws RangeError for a bound below 1", () => {
  for (const below of [0, -1, Number.NaN]) throws(() => createRandom(1).integer(below), RangeError);
});
