import type { FunctionApi } from "../../../actors/functions.ts";

interface Point {
  x: number;
  y: number;
}

const REACH = 5, SIDE = 100, OFF_GRID = 2_000, SEED = 20_481;

const wave = (x: number) => x * x - 10 * Math.cos(2 * Math.PI * x);
const truth = ({ x, y }: Point) => 20 + wave(x) + wave(y);

/** The 50 samples that a body is made from: always the same, drawn by a generator of Park and Miller. */
const samples: Point[] = [];
for (let at = 0, state = SEED; at < 50; at++) {
  const next = () => Math.round(((state = state * 48_271 % 2_147_483_647) / 2_147_483_647 * 2 - 1) * REACH * 1e4) / 1e4;
  samples.push({ x: next(), y: next() });
}

const grid: Point[] = [];
for (let row = 0; row < SIDE; row++) {
  const place = (at: number) => (2 * at / (SIDE - 1) - 1) * REACH;
  for (let column = 0; column < SIDE; column++) grid.push({ x: place(column), y: place(row) });
}

const show = ({ x, y }: Point) => `(${x}, ${y})`;

export default ({ task }: FunctionApi) =>
  task({
    name: "rastrigin",
    description:
      `Find the function behind these 50 samples, on [-${REACH}, ${REACH}] x [-${REACH}, ${REACH}]; it is smooth and has a closed form:
${samples.map((point) => `f${show(point)} = ${truth(point)}`).join("\n")}
The score is -log10 of the mean squared error, on a grid of ${SIDE} x ${SIDE} points or on random points off the grid, whichever
is worse. It is capped at 30; 10 is the goal.`,
    functions: { surrogate: { parameters: [["x", "f64"], ["y", "f64"]], result: "f64" } },
    limits: { fuel: 100_000, pages: 16, deadlineMs: 10_000, source: 50_000 },
    goal: 10,
    evaluate(candidate, { random }) {
      const { functions: { surrogate } } = candidate.fresh();
      const away = () => (2 * random.next() - 1) * REACH;
      const points = [
        ...grid.map((point) => ({ point, set: "grid" as const })),
        ...Array.from({ length: OFF_GRID }, () => ({ point: { x: away(), y: away() }, set: "off" as const })),
        ...samples.map((point) => ({ point, set: "sample" as const })),
      ];
      const sums = { grid: 0, off: 0, sample: 0 };
      const misses: { point: Point; got: number; miss: number }[] = [];
      for (const { point, set } of random.shuffle(points)) {
        const got = surrogate(point.x, point.y), miss = (got - truth(point)) ** 2;
        sums[set] += miss;
        if (set === "sample") misses.push({ point, got, miss });
      }
      const error = { grid: sums.grid / grid.length, off: sums.off / OFF_GRID, sample: sums.sample / samples.length };
      misses.sort((a, b) => b.miss - a.miss);
      const told = misses.slice(0, 6).map(({ point, got }) => `f${show(point)}: expected ${truth(point)}, got ${got}`);
      const feedback = [
        `Mean squared error: ${error.sample.toExponential(2)} on the 50 samples, ${
          error.grid.toExponential(2)
        } on the grid, ${error.off.toExponential(2)} off it`,
        ...told,
      ];
      return { score: -Math.log10(Math.max(error.grid, error.off) + 1e-30), feedback };
    },
  });
