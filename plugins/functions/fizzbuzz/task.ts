import type { FunctionApi, Random } from "../../../actors/functions.ts";

interface Case {
  n: bigint;
  expected: string;
  got: string | undefined;
  /** Begins what is said of a wrong answer. */
  said: string;
}

const makeCase = (n: bigint, expected: string): Case => {
  return { n, expected, got: undefined, said: `n = ${n}: expected "${expected}", got ` };
};

/** Whoever knows only these knows little: most cases are drawn anew. */
const EDGES: Pick<Case, "n" | "expected">[] = [
  { n: 0n, expected: "FizzBuzz" },
  { n: 2n ** 32n - 1n, expected: "FizzBuzz" },
  { n: 2n ** 53n + 1n, expected: "Fizz" },
  { n: 2n ** 63n, expected: "9223372036854775808" },
  { n: 2n ** 64n - 1n, expected: "FizzBuzz" },
];
/** Remainders by 15 of numbers that stay numbers, of Fizz, Buzz and FizzBuzz; half of all cases are of the first kind. */
const KINDS = [[1, 2, 4, 7, 8, 11, 13, 14], [3, 6, 9, 12], [5, 10], [0]];
const WORDS = [undefined, "Fizz", "Buzz", "FizzBuzz"];
const DRAWN = [0, 0, 0, 0, 1, 2, 3];
/** The low and the high half of a number, and the number. */
const halves = new Uint32Array(2), whole = new BigUint64Array(halves.buffer);

/** Seven numbers up to 104, then of 32 bits, then of 64, behind the edges. */
function draw(random: Random): Case[] {
  const cases: Case[] = EDGES.map(({ n, expected }) => makeCase(n, expected));
  const word = () => 15 + random.integer(2 ** 32 - 30);
  for (let at = 0; at < 3 * DRAWN.length; at++) {
    const kind = DRAWN[at % DRAWN.length] ?? 0, rests = KINDS[kind] ?? [];
    const rest = rests[random.integer(rests.length)] ?? 0;
    const some = at < DRAWN.length ? random.integer(100) : word(), more = at < 2 * DRAWN.length ? 0 : word();
    halves[0] = some - (some + more) % 15 + rest; // 2 ** 32 leaves 1
    halves[1] = more;
    const n = whole[0] ?? 0n;
    cases.push(makeCase(n, WORDS[kind] ?? `${n}`));
  }
  return cases;
}

let known = { first: NaN, cases: [] as Case[], order: [] as Case[] };
/** The cases, and the order in which they are asked. All of a training are scored on the same, which are drawn once. */
function casesOf(random: Random): typeof known {
  const first = random.next(); // tells one seed from another
  if (first !== known.first) {
    const cases = draw(random);
    known = { first, cases, order: random.shuffle(cases) };
  }
  return known;
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
      const { cases, order } = casesOf(random), told = new Set<string>();
      for (const one of order) one.got = functions.fizzbuzz(one.n);
      const wrong = cases.filter(({ expected, got }) => got !== expected);
      for (const { said, got } of wrong) if (told.size < 8) told.add(said + quote(got));
      const right = cases.length - wrong.length, sum = `${right} of ${cases.length} cases are right`;
      return { score: right / cases.length, feedback: [...told, sum] };
    },
  });
