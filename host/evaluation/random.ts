import type { Random } from "../../actors/functions.ts";

const MASK = (1n << 64n) - 1n;

/** splitmix64 (Steele, Lea, Flood 2014; Vigna's reference at prng.di.unimi.it): expands one seed into 64-bit words. */
export function splitmix64(seed: bigint): () => bigint {
  let state = seed & MASK;
  return () => {
    state = (state + 0x9e3779b97f4a7c15n) & MASK;
    let word = state;
    word = ((word ^ (word >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
    word = ((word ^ (word >> 27n)) * 0x94d049bb133111ebn) & MASK;
    return word ^ (word >> 31n);
  };
}

const rotate = (word: number, by: number) => (word << by) | (word >>> (32 - by));

/** xoshiro128** 1.1 (Blackman and Vigna 2018, prng.di.unimi.it): unsigned 32-bit words from four words of state, not all zero. */
export function xoshiro128(a: number, b: number, c: number, d: number): () => number {
  return () => {
    const word = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return word;
  };
}

/**
 * Makes the randomness of one evaluation: xoshiro128** seeded by splitmix64, with nothing in it that differs between machines.
 * `seed` is any finite number; its whole part counts, up to 2^53.
 */
export function createRandom(seed: number): Random {
  let words: (() => number) | undefined;
  let spare: number | undefined;
  const word = () => (words ??= seeded(seed))();
  const next = () => ((word() >>> 5) * 0x4000000 + (word() >>> 6)) / 0x20000000000000;
  const integer = (below: number) => {
    if (!(below >= 1)) throw new RangeError(`Cannot draw a whole number below ${below}: give one of at least 1`);
    if (below > 0xffffffff) return Math.floor(next() * below);
    const whole = Math.floor(below) >>> 0, least = (-whole >>> 0) % whole; // 2 ** 32 % whole, in whole numbers
    for (;;) {
      const drawn = word() >>> 0;
      if (drawn < 0x100000000 - least) return drawn % whole;
    }
  };
  return {
    next,
    integer,
    normal() {
      if (spare !== undefined) {
        const kept = spare;
        spare = undefined;
        return kept;
      }
      for (;;) { // Marsaglia's polar method: two values a round
        const x = 2 * next() - 1, y = 2 * next() - 1, square = x * x + y * y;
        if (square >= 1 || square === 0) continue;
        const scale = Math.sqrt(-2 * Math.log(square) / square);
        spare = y * scale;
        return x * scale;
      }
    },
    shuffle<T>(items: readonly T[]): T[] {
      const shuffled = [...items];
      for (let at = shuffled.length - 1; at > 0; at--) {
        const other = integer(at + 1);
        const drawn = shuffled[other] as T;
        shuffled[other] = shuffled[at] as T;
        shuffled[at] = drawn;
      }
      return shuffled;
    },
  };
}

/** The words of the last seed: training has only one. */
let expanded = { seed: NaN, words: [0, 0, 0, 0] as [number, number, number, number] };
function seeded(given: number): () => number {
  const seed = Math.trunc(Number.isFinite(given) ? given : 0);
  if (expanded.seed !== seed) {
    const next = splitmix64(BigInt(seed)), [first, second] = [next(), next()];
    const halves = [first >> 32n, first & 0xffffffffn, second >> 32n, second & 0xffffffffn];
    expanded = { seed, words: halves.map(Number) as [number, number, number, number] };
  }
  return xoshiro128(...expanded.words);
}
