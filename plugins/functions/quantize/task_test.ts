import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { declared, scoreOf } from "../../lib/fake_functions.ts";
import quantize from "./task.ts";

const body = (quantize: (x: number) => number) => () => ({ quantize });
const grid = (step: number, reach: number) => (x: number) =>
  Math.max(-reach, Math.min(reach, Math.round(x / step) * step));
const compand = (side: number) => (x: number) => {
  const cell = Math.min(side - 1, Math.floor((1 - Math.exp(-Math.abs(x) / 3)) * side));
  return (x < 0 ? 3 : -3) * Math.log(1 - (cell + 0.5) / side);
};

Deno.test("quantize declares what its bodies are held to", () => {
  const { description: _, evaluate: __, ...rest } = declared(quantize);
  equal(rest, {
    name: "quantize",
    functions: { quantize: { parameters: [["x", "f64"]], result: "f64" } },
    limits: { fuel: 100_000, pages: 16, deadlineMs: 10_000, source: 50_000 },
    goal: 0.99,
    objectives: { levels: "lower", error: "lower" },
  });
});

Deno.test("quantize samples each of 10,000 parts of the wide Laplacian, sides in turn, and weighs the errors back", () => {
  const asked: number[] = [], answer = grid(0.25, 3);
  const { score, metrics, feedback } = scoreOf(quantize, body((x) => (asked.push(x), answer(x))), {
    random: { next: () => 0.25, shuffle: (items) => [...items] },
  });
  const samples = Array.from({ length: 10_000 }, (_, at) => (at % 2 ? -2 : 2) * Math.log(1 - (at + 0.25) / 10_000));
  equal(asked.length, 18_000);
  ok(asked.every((x, at) => x === (samples[at] ?? -20)));
  const weights = samples.map((x) => Math.exp(-Math.abs(x) / 2));
  const sum = (part: (x: number) => boolean, of: (x: number) => number) =>
    samples.reduce((sum, x, at) => sum + (part(x) ? of(x) * (weights[at] ?? 0) : 0), 0);
  const squared = (x: number) => (x - answer(x)) ** 2, error = sum(() => true, squared) / sum(() => true, () => 1);
  ok(Math.abs((metrics?.error ?? 0) / error - 1) < 1e-12);
  ok(Math.abs(score * 26.05 ** 2 / 9 * error - 1) < 1e-12);
  const shares = [0, 1, 2, 3].map((cell) =>
    (sum((x) => Math.min(3, Math.floor(Math.abs(x))) === cell, squared) / sum(() => true, squared) * 100).toFixed(0)
  );
  equal(feedback, [
    `25 levels, mean squared error ${error.toExponential(3)}; the best with 25 levels reaches 1.326e-2`,
    `Where the error comes from, by |x|: ${
      ["0 to 1", "1 to 2", "2 to 3", "3 and more"].map((name, at) => `${name}: ${shares[at]} %`).join(", ")
    }`,
  ]);
});

const floor: [name: string, quantize: (x: number) => number, says: RegExp][] = [
  ["a constant", () => 0, /1 different outputs/],
  ["a sign", (x) => Math.sign(x), /at least 16/],
  ["x itself", (x) => x, /More than 256/],
  ["NaN far out", (x) => x > 30 ? NaN : grid(0.25, 8)(x), /expected a finite number, got NaN/],
  ["infinity", (x) => x / 0, /expected a finite number/],
  ["levels at random", (x) => Math.round(1e6 * Math.abs(Math.sin(x))) % 40, /is possible/],
];
for (const [name, answer, says] of floor) {
  Deno.test(`quantize gives the floor to a body that answers ${name}, dominated by every other`, () => {
    const { score, metrics, feedback } = scoreOf(quantize, body(answer));
    equal([score, metrics], [0, { levels: 10_000, error: 1e9 }]);
    match(feedback[0] ?? "", says);
  });
}

Deno.test("quantize counts the levels and the error itself", () => {
  const { metrics, score } = scoreOf(quantize, body(grid(0.25, 8)));
  equal(metrics?.levels, 65);
  const error = metrics?.error ?? NaN;
  ok(error > 0.005 && error < 0.02, `${error}`);
  equal(score, 9 / 66.05 ** 2 / error);
});

Deno.test("quantize scores a companding body near 1, with as many levels as it was made with", () => {
  for (const side of [12, 24, 32]) {
    const { metrics, score } = scoreOf(quantize, body(compand(side)), { set: "held_out" });
    equal(metrics?.levels, 2 * side);
    ok(score > 0.85 && score < 1.1, `${score}`);
  }
});

Deno.test("quantize counts levels that no sample hits", () => {
  const { metrics } = scoreOf(quantize, body((x) => x > 30 ? 31 : x < -30 ? -31 : grid(0.25, 8)(x)));
  equal(metrics?.levels, 67);
});

/** The expected squared error of a body under the density exp(-|x|) / 2, by the midpoint rule. */
function expectedError(answer: (x: number) => number): number {
  const step = 1e-4;
  let sum = 0;
  for (let x = -40 + step / 2; x < 40; x += step) sum += (x - answer(x)) ** 2 * Math.exp(-Math.abs(x)) / 2 * step;
  return sum;
}
const lopsided = (x: number) => x < 0 ? grid(0.5, 12)(x) : grid(0.25, 6)(x);

for (
  const [name, answer] of [["a grid", grid(0.25, 8)], ["companding", compand(24)], ["two halves", lopsided]] as const
) {
  Deno.test(`quantize measures ${name} as the Laplacian would, within a hundredth`, () => {
    const expected = expectedError(answer);
    for (const seed of [1, 2, 3]) {
      const { metrics } = scoreOf(quantize, body(answer), { seed });
      const ratio = (metrics?.error ?? NaN) / expected;
      ok(Math.abs(ratio - 1) < 0.01, `${ratio}`);
    }
  });
}

Deno.test("quantize reaches its goal with the mean of each cell as its level, and not without", () => {
  const goal = declared(quantize).goal ?? NaN, side = 24, edge = (at: number) => -3 * Math.log(1 - at / (side + 0.5));
  const means = (x: number) => {
    let at = 0;
    while (at < side - 1 && Math.abs(x) >= edge(at + 1)) at++;
    const low = edge(at), width = edge(at + 1) - low;
    return Math.sign(x) * (low + 1 - (at < side - 1 ? width / Math.expm1(width) : 0));
  };
  ok(scoreOf(quantize, body(means)).score >= goal);
  ok(scoreOf(quantize, body(compand(32))).score < goal);
});

Deno.test("quantize takes 16 and 256 levels, neither fewer nor more, and no error ten times the best", () => {
  const even = (levels: number) => (x: number) => {
    const reach = levels > 100 ? 10 : 5, step = 2 * reach / levels;
    return (Math.min(levels - 1, Math.max(0, Math.floor((x + reach) / step))) + 0.5) * step - reach;
  };
  const levels = (count: number) => scoreOf(quantize, body(even(count))).metrics?.levels;
  equal([15, 16, 256, 257].map(levels), [10_000, 16, 256, 10_000]);
  const shifted = (by: number) => scoreOf(quantize, body((x) => compand(24)(x) + by)).score;
  const best = 9 / 49.05 ** 2, unmoved = expectedError(compand(24));
  const by = (times: number) => Math.sqrt(best * times - unmoved);
  ok(shifted(by(9.9)) > 0.1 && shifted(by(10.1)) === 0);
});

Deno.test("quantize asks a fresh instance 10,000 samples and a sweep from -40 to 40, mixed", () => {
  const asked: number[][] = [];
  scoreOf(quantize, () => {
    const own: number[] = [];
    asked.push(own);
    return { quantize: (x) => (own.push(x), grid(0.25, 8)(x)) };
  });
  equal(asked.map(({ length }) => length), [0, 18_000]);
  const points = asked[1] ?? [], far = (values: number[]) => values.filter((x) => Math.abs(x) > 20).length;
  ok(points.every((x) => Math.abs(x) <= 40));
  ok(Math.min(...points) < -39.5 && Math.max(...points) > 39.5);
  ok(far(points.slice(0, 9_000)) > 1_500 && far(points.slice(9_000)) > 1_500);
  ok(Math.abs(points.filter((x) => x < 0).length - 9_000) < 300);
});

Deno.test("quantize says where the error comes from", () => {
  const off = (from: number, to: number) => (x: number) =>
    compand(60)(x) +
    (Math.abs(x) >= from && Math.abs(x) < to ? Math.sqrt(0.003 / (Math.exp(-from) - Math.exp(-to))) : 0);
  const shares = (from: number, to: number) => {
    const line = scoreOf(quantize, body(off(from, to))).feedback[1] ?? "";
    const found =
      /^Where the error comes from, by \|x\|: 0 to 1: (\d+) %, 1 to 2: (\d+) %, 2 to 3: (\d+) %, 3 and more: (\d+) %$/;
    return (found.exec(line) ?? []).slice(1).map(Number);
  };
  for (const at of [0, 1, 2, 3]) {
    const told = shares(at, at === 3 ? 6 : at + 1);
    ok((told[at] ?? 0) >= 75, `${told}`);
    ok(Math.abs(told.reduce((sum, share) => sum + share, 0) - 100) <= 2, `${told}`);
  }
  match(
    scoreOf(quantize, body(compand(24))).feedback[0] ?? "",
    /^48 levels, mean squared error 3\.\d{3}e-3; the best with 48 levels reaches 3\.741e-3$/,
  );
});
