import { deepStrictEqual as equal, ok, throws } from "node:assert/strict";
import { declared, scoreOf } from "../../lib/fake_functions.ts";
import fizzbuzz from "./task.ts";

const right = (n: bigint) => `${n % 3n === 0n ? "Fizz" : ""}${n % 5n === 0n ? "Buzz" : ""}` || `${n}`;
const body = (fizzbuzz: (n: bigint) => string) => () => ({ fizzbuzz });

Deno.test("fizzbuzz declares what its bodies are held to", () => {
  const { description: _, evaluate: __, ...rest } = declared(fizzbuzz);
  equal(rest, {
    name: "fizzbuzz",
    functions: { fizzbuzz: { parameters: [["n", "u64"]], result: "string" } },
    limits: { fuel: 10_000, pages: 1, deadlineMs: 2_000, source: 20_000 },
    goal: 1,
  });
});

Deno.test("fizzbuzz is all right for a right body, on every seed and set", () => {
  for (const seed of [1, 2, 3]) {
    for (const set of ["training", "held_out"] as const) {
      const { score, feedback } = scoreOf(fizzbuzz, body(right), { seed, set });
      equal([score, feedback], [declared(fizzbuzz).goal, ["26 of 26 cases are right"]]);
      equal(score, 1);
    }
  }
});

Deno.test("fizzbuzz says which case is wrong, the edges and then the smallest first, each once", () => {
  const { score, feedback } = scoreOf(fizzbuzz, body((n) => right(n).replace("FizzBuzz", "Fizz")));
  ok(score < 1);
  equal(feedback[0], 'n = 0: expected "FizzBuzz", got "Fizz"');
  equal(feedback[2], 'n = 18446744073709551615: expected "FizzBuzz", got "Fizz"');
  const drawn = /^n = (\d+):/.exec(feedback[3] ?? "")?.[1] ?? "";
  ok(drawn !== "" && Number(drawn) < 105, drawn);
  ok(feedback.length <= 9);
  equal(new Set(feedback).size, feedback.length);
});

const asked = (seed: number) => {
  const numbers: bigint[] = [];
  scoreOf(fizzbuzz, body((n) => `${numbers.push(n)}`), { seed });
  return numbers;
};

Deno.test("fizzbuzz asks for the edges, and for as many numbers of each kind below 105, of 32 and of 64 bits", () => {
  const all = new Set(Array.from({ length: 20 }, (_, at) => asked(at)).flat());
  for (let rest = 0n; rest < 15n; rest++) ok([...all].some((n) => n < 105n && n % 15n === rest), `${rest}`);
  for (const seed of [1, 2, 3]) {
    const numbers = asked(seed), drawn = [...numbers];
    for (const edge of [0n, 4294967295n, 9007199254740993n, 9223372036854775808n, 18446744073709551615n]) {
      ok(drawn.includes(edge));
      drawn.splice(drawn.indexOf(edge), 1);
    }
    ok(numbers.every((n) => n >= 0n && n < 2n ** 64n));
    const sizes = [0n, 105n, 2n ** 32n, 2n ** 64n];
    for (const [at, size] of sizes.slice(1).entries()) {
      const words = drawn.filter((n) => n >= (sizes[at] ?? 0n) && n < size).map(right);
      equal(words.filter((word) => /z$/.test(word)).sort(), ["Buzz", "Fizz", "FizzBuzz"]);
      equal(words.length, 7);
    }
  }
});

let runs = 0;
/** The numbers of one run, in the order of the cases, when of each range the number that `pick` says is drawn. */
function drawn(pick: (below: number) => number) {
  const numbers: bigint[] = [], ranges: number[] = [];
  const integer = (below: number) => (ranges.push(below), pick(below));
  const random = { next: () => ++runs, integer, shuffle: <T>(items: readonly T[]) => [...items] };
  scoreOf(fizzbuzz, body((n) => `${numbers.push(n)}`), { random });
  return { numbers: numbers.slice(5), ranges };
}

Deno.test("fizzbuzz draws from the whole of each range: a remainder, and a multiple of 15 beside it", () => {
  const high = 2n ** 32n, from = (base: bigint, rests: bigint[]) => rests.map((rest) => base + rest);
  const least = [1n, 1n, 1n, 1n, 3n, 5n, 0n], most = [14n, 14n, 14n, 14n, 12n, 10n, 0n];
  const picks: [pick: (below: number) => number, numbers: bigint[]][] = [
    [() => 0, [0n, 15n, 15n * high + 15n].flatMap((base) => from(base, least))],
    [(below) => Math.min(14, below - 1), [0n, 15n, 29n * high + 16n].flatMap((base) => from(base, most))],
    [(below) => below - 1, [90n, high - 16n, (high - 16n) * (high + 1n)].flatMap((base) => from(base, most))],
  ];
  for (const [pick, numbers] of picks) equal(drawn(pick).numbers, numbers);
  const rests = [8, 8, 8, 8, 4, 2, 1];
  const widths = [[100], [2 ** 32 - 30], [2 ** 32 - 30, 2 ** 32 - 30]];
  equal(drawn(() => 0).ranges, widths.flatMap((width) => rests.flatMap((rest) => [rest, ...width])));
});

Deno.test("fizzbuzz asks in another order and for other numbers on another seed", () => {
  const [one, two] = [asked(1), asked(2)];
  ok(one.filter((n) => two.includes(n)).length < 12);
  ok(one.indexOf(0n) !== two.indexOf(0n) || one.indexOf(2n ** 63n) !== two.indexOf(2n ** 63n));
  ok(one.slice(0, 5).some((n) => n !== 0n && n % (2n ** 31n) > 1n && n < 2n ** 31n));
});

Deno.test("fizzbuzz asks and scores the same on the same seed, whatever was scored before, and whatever trapped", () => {
  const [one, again, two, last] = [asked(1), asked(1), asked(2), asked(1)];
  equal([again, last], [one, one]);
  ok(one.join() !== two.join());
  const traps = body(() => {
    throw new Error("a trap");
  });
  throws(() => scoreOf(fizzbuzz, traps, { seed: 1 }), /a trap/);
  const half = body((n) => `${n}`);
  equal(scoreOf(fizzbuzz, half, { seed: 1 }), scoreOf(fizzbuzz, half, { seed: 1 }));
  equal(scoreOf(fizzbuzz, body(right), { seed: 1 }).score, 1);
});

Deno.test("fizzbuzz is half right for a body that only knows numbers, on every seed", () => {
  for (let seed = 1; seed < 30; seed++) equal(scoreOf(fizzbuzz, body((n) => `${n}`), { seed }).score, 0.5);
});

Deno.test("fizzbuzz shows a long or strange answer short and quoted", () => {
  const { score, feedback } = scoreOf(fizzbuzz, body(() => `\n"${"x".repeat(1_000)}`));
  equal(score, 0);
  equal(feedback.length, 9);
  equal(feedback[0], `n = 0: expected "FizzBuzz", got ${JSON.stringify(`\n"${"x".repeat(38)}`)}`);
});
