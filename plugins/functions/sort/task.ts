import type { FunctionApi, Random } from "../../../actors/functions.ts";

const LENGTH = 10_000;
const SPECIAL = [0, -0, NaN, Infinity, -Infinity, 5e-324, -5e-324, 1, -1, Number.MAX_VALUE];

interface Case {
  name: string;
  values: Float64Array;
}

const fill = (length: number, value: (at: number) => number) => Float64Array.from({ length }, (_, at) => value(at));

/** The six distributions: what a sort is measured on, each of full length and with values of both signs. */
function distributions(random: Random): Case[] {
  const any = () => random.normal() * 10 ** (random.integer(13) - 6);
  const base = random.normal(), step = 0.5 + random.next();
  const nearly = fill(LENGTH, (at) => base + (at - LENGTH / 2) * step);
  for (let swaps = 0; swaps < LENGTH / 100; swaps++) {
    const [a, b] = [random.integer(LENGTH), random.integer(LENGTH)];
    [nearly[a], nearly[b]] = [nearly[b] ?? 0, nearly[a] ?? 0];
  }
  const few = fill(16, any);
  return [
    { name: "random", values: fill(LENGTH, any) },
    { name: "sorted", values: fill(LENGTH, any).sort() },
    { name: "reversed", values: fill(LENGTH, any).sort().reverse() },
    { name: "few distinct", values: fill(LENGTH, () => few[random.integer(16)] ?? 0) },
    { name: "nearly sorted", values: nearly },
    { name: "organ pipe", values: fill(LENGTH, (at) => base + Math.min(at, LENGTH - at) * step) },
  ];
}

/** Small and nasty arrays: what a sort must not get wrong. */
function corners(random: Random): Case[] {
  const special = () => random.next() < 0.5 ? SPECIAL[random.integer(SPECIAL.length)] ?? 0 : random.normal();
  const made: Case[] = [
    { name: "empty", values: new Float64Array() },
    { name: "only -0 and 0", values: Float64Array.from(random.shuffle([0, -0, 0, -0, -0, 0])) },
    { name: "only NaN", values: Float64Array.of(NaN, NaN, NaN) },
    { name: "all equal", values: new Float64Array(50).fill(random.normal()) },
    { name: "every special value", values: Float64Array.from(random.shuffle([...SPECIAL, ...SPECIAL])) },
    { name: "NaN, -0 and infinities among many", values: fill(LENGTH, special) },
  ];
  for (const length of [1, 2, 2, 3, 3, 3 + random.integer(30), 3 + random.integer(300)]) {
    made.push({ name: `length ${length}`, values: fill(length, special) });
  }
  return made;
}

/** A number as people write it, -0 too. */
const show = (value: number | undefined) => Object.is(value, -0) ? "-0" : `${value}`;

/** Why an array is not the other one sorted, or undefined: first whether anything was lost, then the order. */
function fault(got: Float64Array, { name, values }: Case): string | undefined {
  const wanted = values.toSorted();
  const at = got.length === wanted.length ? wanted.findIndex((value, at) => !Object.is(value, got[at])) : 0;
  if (at < 0) return;
  if (got.length !== wanted.length) return `${name}: expected ${wanted.length} elements, got ${got.length}`;
  const sorted = got.toSorted();
  const lost = wanted.findIndex((value, at) => !Object.is(value, sorted[at]));
  const head = values.length <= 8
    ? `${name}: [${[...values].map(show).join(", ")}]`
    : `${name} (${values.length} elements)`;
  return lost < 0
    ? `${head}: expected ${show(wanted[at])} at index ${at}, got ${show(got[at])}`
    : `${head}: not a permutation of its input: expected ${show(wanted[lost])} where the sorted result has ${
      show(sorted[lost])
    }`;
}

export default ({ task }: FunctionApi) =>
  task({
    name: "sort",
    description:
      `Sort values in place, ascending, in the order of Float64Array.prototype.sort: -0 before 0, every NaN last.
Any length, 0 too. While any case is wrong the score is the share of right cases minus 1 (so below 0). Once all are right the
score is speed: elements sorted for 1,000 units of fuel (function entries and loop iterations) on the worst of six
distributions of ${LENGTH} elements: random, sorted, reversed, few distinct, nearly sorted, organ pipe.`,
    functions: { sort: { parameters: [["values", "Float64Array"]], result: "void" } },
    limits: { fuel: 100_000_000, pages: 64, deadlineMs: 60_000, source: 50_000 },
    goal: 80,
    evaluate(candidate, { random }) {
      const cases = [
        ...corners(random).map((made) => ({ ...made, timed: false })),
        ...distributions(random).map((made) => ({ ...made, timed: true })),
      ];
      const faults: { why: string; length: number }[] = [], metrics: Record<string, number> = {};
      for (const { timed, ...made } of random.shuffle(cases)) {
        const values = made.values.slice(), fresh = candidate.fresh();
        fresh.functions.sort(values);
        const why = fault(values, made);
        if (why) faults.push({ why, length: made.values.length });
        if (timed) metrics[made.name] = fresh.fuel() / LENGTH;
      }
      if (faults.length > 0) {
        const told = faults.sort((a, b) => a.length - b.length).slice(0, 8).map(({ why }) => why);
        const feedback = [...told, `${cases.length - faults.length} of ${cases.length} cases are right`];
        return { score: -faults.length / cases.length, feedback };
      }
      const costs = Object.entries(metrics).sort((a, b) => b[1] - a[1]);
      const [worst, cost] = costs[0] ?? ["nothing", NaN];
      const told = costs.map(([name, cost]) => `${name} ${cost.toFixed(2)}`).join(", ");
      return {
        score: 1_000 / Math.max(cost, 0.01),
        metrics,
        feedback: [`All cases are right; the slowest is "${worst}"`, `Fuel for one element: ${told}`],
      };
    },
  });
