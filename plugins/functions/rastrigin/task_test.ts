import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { declared, scoreOf } from "../../lib/fake_functions.ts";
import rastrigin from "./task.ts";

type Surrogate = (x: number, y: number) => number;
const body = (surrogate: Surrogate) => () => ({ surrogate });
const wave = (x: number) => x * x - 10 * Math.cos(2 * Math.PI * x);
const truth: Surrogate = (x, y) => 20 + wave(x) + wave(y);

const samples = declared(rastrigin).description.matchAll(/^f\((\S+), (\S+)\) = (\S+)$/gm)
  .map((found) => found.slice(1).map(Number)).toArray();

Deno.test("rastrigin declares what its bodies are held to", () => {
  const { description: _, evaluate: __, ...rest } = declared(rastrigin);
  equal(rest, {
    name: "rastrigin",
    functions: { surrogate: { parameters: [["x", "f64"], ["y", "f64"]], result: "f64" } },
    limits: { fuel: 100_000, pages: 16, deadlineMs: 10_000, source: 50_000 },
    goal: 10,
  });
});

Deno.test("rastrigin's samples are those of Park and Miller's generator, in whole numbers, and stay so", () => {
  let state = 20_481n;
  const next = () => {
    state = state * 48_271n % (2n ** 31n - 1n);
    return Number((Number(state) / (2 ** 31 - 1) * 10 - 5).toFixed(4));
  };
  equal(samples.map(([x, y]) => [x, y]), Array.from({ length: 50 }, () => [next(), next()]));
});

Deno.test("rastrigin shows 50 samples, all different and true", () => {
  equal(new Set(samples.map(String)).size, 50);
  for (const [x = NaN, y = NaN, value] of samples) {
    equal(value, truth(x, y));
    ok(Math.abs(x) <= 5 && Math.abs(y) <= 5 && [x, y].every((at) => `${at}`.length <= 7));
  }
  for (const side of [0, 1]) ok(samples.filter((sample) => Math.abs(sample[side] ?? 0) > 2.5).length > 15);
});

Deno.test("rastrigin reaches its goal with the function itself, and not with one that is nearly it", () => {
  const goal = declared(rastrigin).goal ?? NaN;
  ok(scoreOf(rastrigin, body(truth)).score >= 29);
  ok(scoreOf(rastrigin, body((x, y) => truth(x, y) + 2e-5)).score < goal);
});

Deno.test("rastrigin asks for the grid, for 2,000 points off it and for the samples, mixed, elsewhere on another seed", () => {
  const asked = (seed: number) => {
    const points: [number, number][] = [];
    scoreOf(rastrigin, body((x, y) => points.push([x, y])), { seed });
    return points;
  };
  const [one, two] = [asked(1), asked(2)], near = (a: number, b: number) => Math.abs(a - b) < 1e-12;
  equal([one.length, two.length], [12_050, 12_050]);
  ok(one.every(([x, y]) => Math.abs(x) <= 5 && Math.abs(y) <= 5));
  const shared = new Set(two.map(String)), fixed = one.filter((point) => shared.has(String(point)));
  equal(fixed.length, 10_050);
  const places = [...new Set(fixed.map(([x]) => x))].filter((x) =>
    fixed.filter((point) => point[0] === x).length >= 100
  );
  equal(places.length, 100);
  for (const [at, x] of places.sort((a, b) => a - b).entries()) ok(near(x, -5 + at * 10 / 99), `${at}: ${x}`);
  ok(near(Math.min(...fixed.map(([_, y]) => y)), -5) && near(Math.max(...fixed.map(([_, y]) => y)), 5));
  const free = one.filter((point) => !shared.has(String(point)));
  for (const side of [-4, 4]) ok(free.some(([x]) => x * side > 16) && free.some(([_, y]) => y * side > 16));
  ok(!near(one[0]?.[0] ?? -5, two[0]?.[0] ?? -5));
});

Deno.test("rastrigin scores the worse of the grid and the points off it, in powers of ten", () => {
  const score = (surrogate: Surrogate) => scoreOf(rastrigin, body(surrogate)).score.toFixed(6);
  const onGrid = (x: number, y: number) =>
    [x, y].every((at) => Math.abs((at + 5) * 9.9 - Math.round((at + 5) * 9.9)) < 1e-9);
  const off = (grid: number, away: number): Surrogate => (x, y) => truth(x, y) + (onGrid(x, y) ? grid : away);
  equal([score(off(0.1, 0.1)), score(off(0.1, 0)), score(off(0, 0.01))], ["2.000000", "2.000000", "4.000000"]);
  equal([score(off(1, 10)), score(off(10, 1)), score(truth)], ["-2.000000", "-2.000000", "30.000000"]);
});

Deno.test("rastrigin tells the three errors apart", () => {
  const known = new Set(samples.map(([x, y]) => `${x} ${y}`));
  const onGrid = (at: number) => Math.abs((at + 5) * 9.9 - Math.round((at + 5) * 9.9)) < 1e-9;
  const { feedback } = scoreOf(
    rastrigin,
    body((x, y) => truth(x, y) + (known.has(`${x} ${y}`) ? 3 : onGrid(x) && onGrid(y) ? 0.1 : 20)),
  );
  equal(feedback[0], "Mean squared error: 9.00e+0 on the 50 samples, 1.00e-2 on the grid, 4.00e+2 off it");
});

Deno.test("rastrigin asks a fresh instance", () => {
  const instances: number[] = [];
  scoreOf(rastrigin, () => {
    const at = instances.push(0) - 1;
    return { surrogate: () => (instances[at] = (instances[at] ?? 0) + 1) };
  });
  equal(instances, [0, 12_050]);
});

Deno.test("rastrigin is not reached by the samples alone, nor by the grid alone", () => {
  const known = new Map(samples.map(([x, y, value]) => [`${x} ${y}`, value ?? NaN]));
  const onGrid = (x: number) => Math.abs((x + 5) * 9.9 - Math.round((x + 5) * 9.9)) < 1e-9;
  const learned = scoreOf(rastrigin, body((x, y) => known.get(`${x} ${y}`) ?? 36.7));
  match(learned.feedback[0] ?? "", /^Mean squared error: 0\.00e\+0 on the 50 samples/);
  ok(learned.score < -2.2);
  ok(scoreOf(rastrigin, body((x, y) => onGrid(x) && onGrid(y) ? truth(x, y) : 0)).score < -2);
});

Deno.test("rastrigin has no number for a body that answers none", () => {
  for (const bad of [NaN, Infinity]) ok(!Number.isFinite(scoreOf(rastrigin, body(() => bad)).score));
  ok(!Number.isFinite(scoreOf(rastrigin, body((x, y) => x > 4.9 ? NaN : truth(x, y))).score));
});

Deno.test("rastrigin tells of the worst samples, never of another point", () => {
  const { feedback } = scoreOf(rastrigin, body((x, y) => x * x + y * y));
  equal(feedback.length, 7);
  const misses = feedback.slice(1).map((line) => line.match(/expected (\S+), got (\S+)$/)?.slice(1).map(Number) ?? []);
  const gaps = misses.map(([a = NaN, b = NaN]) => Math.abs(a - b));
  equal(gaps, gaps.toSorted((a, b) => b - a));
  const worst = samples.map(([x = NaN, y = NaN]) => Math.abs(truth(x, y) - x * x - y * y)).sort((a, b) => b - a);
  equal(gaps[0]?.toFixed(9), worst[0]?.toFixed(9));
  for (const line of feedback.slice(1)) {
    const [_, x, y] = /^f\((\S+), (\S+)\): expected/.exec(line) ?? [];
    ok(samples.some((sample) => `${sample[0]}` === x && `${sample[1]}` === y), line);
  }
});
