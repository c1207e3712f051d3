import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { scoreOf } from "../../lib/fake_functions.ts";
import sort from "./task.ts";

const body = (sort: (values: Float64Array) => void) => () => ({ sort });
const right = (values: Float64Array) => void values.sort();

Deno.test("sort scores a right body by the fuel of its worst distribution", () => {
  const { score, metrics, feedback } = scoreOf(sort, body(right), { fuel: () => 200_000 });
  equal(score, 50);
  equal(Object.keys(metrics ?? {}).sort(), [
    ..."few distinct,nearly sorted,organ pipe,random,reversed,sorted".split(","),
  ]);
  match(feedback[0] ?? "", /^All cases are right/);
});

Deno.test("sort takes the worst distribution, whichever it is, not the mean", () => {
  for (let slow = 0; slow < 6; slow++) {
    let asked = 0;
    const fuel = () => asked++ === slow ? 1_000_000 : 100_000;
    equal(scoreOf(sort, body(right), { fuel }).score, 10);
  }
});

const wrong: [name: string, sort: (values: Float64Array) => void, says: RegExp][] = [
  ["does nothing", () => {}, /expected .* at index \d+, got/],
  ["compares with <", (values) => void values.set([...values].sort((a, b) => a - b)), /NaN|-0/],
  ["gives one value to all", (values) => void values.fill(values[0] ?? 0), /not a permutation/],
  ["invents a sorted array", (values) => values.forEach((_, at) => values[at] = at), /not a permutation/],
  ["drops the last", (values) => void values.subarray(0, -1).sort(), /expected/],
  ["sorts backwards", (values) => void values.sort().reverse(), /expected/],
  ["forgets that -0 is before 0", (values) => {
    values.sort().forEach((value, at) => values[at] = value === 0 ? 0 : value);
  }, /-0/],
  ["gives the array away", ({ buffer }) => void (buffer instanceof ArrayBuffer && buffer.transfer()), /got 0$/],
];
for (const [name, change, says] of wrong) {
  Deno.test(`sort scores below 0 for a body that ${name}, and says why`, () => {
    const { score, metrics, feedback } = scoreOf(sort, body(change), { fuel: () => 1 });
    ok(score < 0);
    equal(metrics, undefined);
    ok(feedback.some((line) => says.test(line)), feedback.join("\n"));
  });
}

Deno.test("sort scores below 0 for a single wrong case", () => {
  const { score, feedback } = scoreOf(
    sort,
    body((values) => values.length === 50 ? void values.fill(1) : right(values)),
  );
  equal([score, feedback.length], [-1 / 19, 2]);
});

Deno.test("sort asks for 0, 1 and 2 elements, for NaN, -0 and infinities, and seven times for 10,000", () => {
  const lengths: number[] = [], seen = new Set<string>();
  scoreOf(
    sort,
    body((values) => {
      lengths.push(values.length);
      for (const value of values) {
        if (!(Math.abs(value) < 1e300) || value === 0) seen.add(Object.is(value, -0) ? "-0" : `${value}`);
      }
      right(values);
    }),
  );
  for (const length of [0, 1, 2, 3]) ok(lengths.includes(length));
  equal(lengths.filter((length) => length === 10_000).length, 7);
  for (const value of ["NaN", "-0", "0", "Infinity", "-Infinity"]) ok(seen.has(value));
});

/** The arrays of one run by the name of their distribution. */
function distributions(seed: number): Map<string, number[]> {
  const long: Float64Array[] = [];
  const { metrics } = scoreOf(
    sort,
    body((values) => {
      if (values.length === 10_000 && !values.includes(NaN)) long.push(values.slice());
      right(values);
    }),
    { seed },
  );
  return new Map(Object.keys(metrics ?? {}).map((name, at) => [name, [...long[at] ?? []]]));
}

Deno.test("sort has six distributions that are what their names say, mixed, others on another seed", () => {
  const [one, two] = [distributions(1), distributions(2)];
  const of = (name: string) => one.get(name) ?? [];
  const falls = (values: number[]) => values.filter((value, at) => value < (values[at - 1] ?? -Infinity)).length;
  const signs = (
    values: number[],
  ) => [values.filter((value) => value < 0).length, values.filter((value) => value > 0).length];
  equal([falls(of("sorted")), falls(of("sorted").toReversed())], [0, 9_999]);
  equal([falls(of("reversed")), falls(of("reversed").toReversed())], [9_999, 0]);
  equal(new Set(of("few distinct")).size, 16);
  ok(falls(of("nearly sorted")) > 100 && falls(of("nearly sorted")) <= 400);
  equal(new Set(of("nearly sorted")).size, 10_000);
  equal([falls(of("organ pipe").slice(0, 5_001)), falls(of("organ pipe").slice(5_000))], [0, 4_999]);
  ok(falls(of("random")) > 4_500 && falls(of("random")) < 5_500);
  for (const name of ["random", "sorted", "reversed", "nearly sorted"]) {
    const [negative = 0, positive = 0] = signs(of(name));
    ok(negative > 4_000 && positive > 4_000, `${name}: ${negative} and ${positive}`);
  }
  const sizes = of("random").map(Math.abs);
  ok(Math.min(...sizes) < 1e-7 && Math.max(...sizes) > 1e6);
  for (const [name, values] of one) {
    equal(values.length, 10_000);
    ok(values.some((value, at) => value !== two.get(name)?.[at]), name);
    ok(Math.max(...values.map(Math.abs)) > 100, name);
  }
  ok([...one.keys()].join() !== [...two.keys()].join());
});

Deno.test("sort shows a short array whole, a long one by its length, each fault once and eight at most", () => {
  const reverse = scoreOf(sort, body((values) => void values.sort().reverse()));
  ok(
    reverse.feedback.some((line) => /^length 3: \[\S+, \S+, \S+\]: expected \S+ at index \d, got \S+$/.test(line)),
    reverse.feedback.join("\n"),
  );
  equal(reverse.feedback.length, 9);
  const last = /^(\d+) of 19 cases are right$/.exec(reverse.feedback.at(-1) ?? "");
  equal(reverse.score, Number(last?.[1]) / 19 - 1);
  const lost = scoreOf(sort, body((values) => values.length > 9_999 ? void values.fill(7) : right(values)));
  match(lost.feedback.join("\n"), /\(10000 elements\): not a permutation/);
});

Deno.test("sort runs each case in a fresh instance and takes its fuel alone", () => {
  const calls: number[] = [];
  const make = () => {
    const at = calls.push(0) - 1;
    return {
      sort: (values: Float64Array) => {
        calls[at] = (calls[at] ?? 0) + 1;
        right(values);
      },
    };
  };
  scoreOf(sort, make);
  equal(calls, [0, ...Array(19).fill(1)]);
});
