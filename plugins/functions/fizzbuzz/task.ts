import type { FunctionApi, Random } from "../../../actors/functions.ts";

/** Whoever knows only these knows little: most cases are drawn anew. */
const EDGES = [0n, 2n ** 32n - 1n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n];
/** Remainders by 15 of numbers that stay numbers, of Fizz, Buzz and FizzBuzz; half of all cases are of the first kind. */
const KINDS = [[1n, 2n, 4n, 7n, 8n, 11n, 13n, 14n], [3n, 6n, 9n, 12n], [5n, 10n], [0n]];
const DRAWN = [0, 0, 0, 0, 1, 2, 3];

const expected = (n: bigint) => n % 15n === 0n ? "FizzBuzz" : n % 3n === 0n ? "Fizz" : n % 5n === 0n ? "Buzz" : `${n}`;

function draw(random: Random): bigint[] {
  const numbers = [...EDGES], word = () => BigInt(random.integer(2 ** 32 - 15));
  for (const kind of DRAWN) {
    for (const some of [BigInt(random.integer(100)), word(), word() << 32n | word()]) {
      const rests = KINDS[kind] ?? [];
      numbers.push(some - some % 15n + (rests[random.integer(rests.length)] ?? 0n));
    }
  }
  return random.shuffle(numbers);
}

/** An answer of the body, quoted, and short whatever it is. */
const quote = (text: unknown) => JSON.stringify(`${text}`.slice(0, 40));

export default ({ task }: FunctionApi) =>
  task({
    name: "fizzbuzz",
    description:
      `Return "Fizz" if n is divisible by 3, "Buzz" if it is divisible by 5, "FizzBuzz" if by both, else n in decimal.
0 is divisible by both. n is any unsigned 64-bit integer, up to 18446744073709551615.
The score is the share of 26 cases that are exactly right: 5 edges, 7 numbers up to 104, 7 of 32 and 7 of 64 bits.`,
    functions: { fizzbuzz: { parameters: [["n", "u64"]], result: "string" } },
    limits: { fuel: 10_000, pages: 1, deadlineMs: 2_000, source: 20_000 },
    goal: 1,
    evaluate({ functions }, { random }) {
      const wrong: { n: bigint; got: string }[] = [];
      const numbers = draw(random);
      for (const n of numbers) {
        const got = functions.fizzbuzz(n);
        if (got !== expected(n)) wrong.push({ n, got });
      }
      wrong.sort((a, b) => a.n < b.n ? -1 : 1);
      const told = wrong.slice(0, 12).map(({ n, got }) =>
        `n = ${n}: expected ${quote(expected(n))}, got ${quote(got)}`
      );
      const right = numbers.length - wrong.length, sum = `${right} of ${numbers.length} cases are right`;
      return { score: right / numbers.length, feedback: [...[...new Set(told)].slice(0, 8), sum] };
    },
  });
