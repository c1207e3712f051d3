import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import type { Random } from "../../../actors/functions.ts";
import { declared, scoreOf } from "../../lib/fake_functions.ts";
import sort from "./task.ts";

type Sort = (values: Float64Array) => void;
const body = (sort: Sort) => () => ({ sort });
const right: Sort = (values) => void values.sort();

Deno.test("sort declares what its bodies are held to", () => {
  const { description: _, evaluate: __, ...rest } = declared(sort);
  equal(rest, {
    name: "sort",
    functions: { sort: { parameters: [["values", "Float64Array"]], result: "void" } },
    limits: { fuel: 100_000_000, pages: 64, deadlineMs: 60_000, source: 50_000 },
    goal: 80,
  });
});

/** A run in which nothing is mixed and randomness is what it is said to be: its score, and what it asked for. */
function scripted(random: Partial<Random>, { sort: change = right, fuel = () => 1 as number } = {}) {
  const given: number[][] = [], ranges: number[] = [];
  const { integer = (below: number) => below - 1, next = () => 0.5, normal = () => 1.5 } = random;
  const score = scoreOf(sort, body((values) => (given.push([...values]), change(values))), {
    fuel,
    random: {
      ...{ next, normal, integer: (below) => (ranges.push(below), integer(below)) },
      shuffle: random.shuffle ?? ((items) => [...items]),
    },
  });
  return { ...score, given, ranges };
}
/** Whether arrays of arrays are the same, -0 and NaN too: a table of differences of long arrays takes minutes. */
const same = (some: number[][], others: number[][]) =>
  ok(
    some.length === others.length && some.every((values, at) => {
      const other = others[at] ?? [];
      return values.length === other.length && values.every((value, at) => Object.is(value, other[at]));
    }),
  );
const many = <T>(length: number, value: (at: number) => T) => Array.from({ length }, (_, at) => value(at));

Deno.test("sort makes its corners of special values and normal ones, as many as their names say", () => {
  const special = [0, -0, NaN, Infinity, -Infinity, 5e-324, -5e-324, 1, -1, Number.MAX_VALUE];
  const corners = (value: number, lengths: number[]) => [
    [],
    [0, -0, 0, -0, -0, 0],
    [NaN, NaN, NaN],
    many(50, () => 1.5),
    [...special, ...special],
    ...[10_000, ...lengths].map((length) => many(length, () => value)),
  ];
  const long = scripted({ next: () => 0.499 });
  same(long.given.slice(0, 13), corners(Number.MAX_VALUE, [1, 2, 2, 3, 3, 32, 302]));
  equal(new Set(long.ranges), new Set([30, 300, 10, 10_000, 16, 13]));
  same(scripted({ integer: () => 0 }).given.slice(0, 13), corners(1.5, [1, 2, 2, 3, 3, 3, 3]));
});

Deno.test("sort mixes its cases, and the special values within two of them", () => {
  const plain = scripted({}).given, mixed = scripted({ shuffle: (items) => items.toReversed() }).given.toReversed();
  same(mixed, plain.map((values, at) => at === 1 || at === 4 ? values.toReversed() : values));
});

Deno.test("sort makes its distributions from a normal number over 13 orders of magnitude, and from even steps", () => {
  for (const [integer, any] of [[(below: number) => below - 1, 1.5 * 10 ** 6], [() => 0, 1.5 * 10 ** -6]] as const) {
    const { given, ranges } = scripted({ integer, next: () => 0.25 });
    same(given.slice(13), [
      ...many(4, () => many(10_000, () => any)),
      many(10_000, (at) => 1.5 + (at - 5_000) * 0.75),
      many(10_000, (at) => 1.5 + Math.min(at, 10_000 - at) * 0.75),
    ]);
    equal(ranges.filter((below) => below === 10_000).length, 200); // a hundred swaps
    equal(ranges.filter((below) => below === 16).length, 10_000);
  }
});

Deno.test("sort tells of each fault with numbers that are right, the shortest arrays first", () => {
  const told = (lengths: number[], change: Sort) => {
    let next = 10_000;
    const { score, feedback } = scripted({ normal: () => next--, integer: (below) => below === 30 ? 5 : 6 }, {
      sort: (values) => lengths.includes(values.length) ? change(values) : right(values),
    });
    equal(feedback.at(-1), `${Math.round((score + 1) * 19)} of 19 cases are right`);
    return feedback.slice(0, -1);
  };
  const reverse: Sort = (values) => void values.sort().reverse();
  const give: Sort = ({ buffer }) => void (buffer instanceof ArrayBuffer && buffer.transfer());
  equal(told([9, 8], reverse), [
    "length 8: [-12, -13, -14, -15, -16, -17, -18, -19]: expected -19 at index 0, got -12",
    "length 9 (9 elements): expected -28 at index 0, got -20",
  ]);
  equal(told([8], (values) => values.set([7, 6], values.sort().length - 2)), [
    "length 8: [-12, -13, -14, -15, -16, -17, -18, -19]: not a permutation of its input: " +
    "expected -13 where the sorted result has 6",
  ]);
  equal(told([8], (values) => values.sort().subarray(3, 5).reverse()), [
    "length 8: [-12, -13, -14, -15, -16, -17, -18, -19]: expected -16 at index 3, got -15",
  ]);
  equal(told([20], (values) => values.sort().set([7], 12)), [
    "every special value (20 elements): not a permutation of its input: expected 1 where the sorted result has 7",
  ]);
  equal(told([6], (values) => values.forEach((value, at) => values[at] = value || 0)), [
    "only -0 and 0: [0, -0, 0, -0, -0, 0]: not a permutation of its input: expected -0 where the sorted result has 0",
  ]);
  equal(told([6, 10_000], give), [
    "only -0 and 0: expected 6 elements, got 0",
    ...[
      "NaN, -0 and infinities among many",
      "random",
      "sorted",
      "reversed",
      "few distinct",
      "nearly sorted",
      "organ pipe",
    ]
      .map((name) => `${name}: expected 10000 elements, got 0`),
  ]);
  equal(told([0, 1, 2, 3, 50, 10_000], (values) => void values.fill(7)).map((line) => line.split(/[: ]/)[1]), [
    ...["1", "2", "2", "NaN", "3", "3", "equal", "-0"],
  ]);
});

Deno.test("sort tells what each distribution cost for one element, the slowest first", () => {
  let asked = 0;
  const { score, metrics, feedback } = scripted({}, { fuel: () => 1e4 * ++asked });
  equal(score, 1_000 / 6);
  const names = ["random", "sorted", "reversed", "few distinct", "nearly sorted", "organ pipe"];
  equal(Object.entries(metrics ?? {}), names.map((name, at) => [name, at + 1]));
  equal(feedback, [
    'All cases are right; the slowest is "organ pipe"',
    `Fuel for one element: ${names.map((name, at) => `${name} ${at + 1}.00`).reverse().join(", ")}`,
  ]);
  equal([0, 100].map((fuel) => scripted({}, { fuel: () => fuel }).score), [100_000, 100_000]);
});

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

const wrong: [name: string, sort: Sort, says: RegExp][] = [
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
