import type { FunctionApi } from "../../../actors/functions.ts";

const SAMPLES = 10_000, FEWEST = 16, MOST = 256;
/** Where outputs are counted besides at the samples: a level that no sample hit is a level all the same. */
const REACH = 40, SWEEP = 8_000;
/** What is dominated by everything. */
const FLOOR = { levels: SAMPLES, error: 1e9 };

/** The mean squared error of the best quantizer of a Laplacian of scale 1, within 5 % for every number of levels. */
const best = (levels: number) => 9 / (levels + 1.05) ** 2;

export default ({ task }: FunctionApi) =>
  task({
    name: "quantize",
    description:
      `Quantize the Laplacian distribution with mean 0 and scale 1, density exp(-|x|) / 2: return the level that
stands for x. A body may have ${FEWEST} to ${MOST} levels: every different output is one, over ${SAMPLES} samples and a sweep
of [-${REACH}, ${REACH}]. Two things count, few levels and a small mean squared error between x and its level: a body is better
when no other is as good in both. The score is the error of the best quantizer of as many levels, 9 / (levels + 1.05)^2,
divided by this one's: 1 is as good as it gets, below 0.1 is worth nothing.`,
    functions: { quantize: { parameters: [["x", "f64"]], result: "f64" } },
    limits: { fuel: 100_000, pages: 16, deadlineMs: 10_000, source: 50_000 },
    goal: 0.99,
    objectives: { levels: "lower", error: "lower" },
    evaluate(candidate, { random }) {
      const { functions: { quantize } } = candidate.fresh();
      const levels = new Set<number>(), cells = [0, 0, 0, 0];
      let sum = 0, weights = 0;
      const floor = (why: string) => ({ score: 0, metrics: FLOOR, feedback: [why] });
      const points: { x: number; weight: number }[] = [];
      // One sample in each of as many equally likely parts of a Laplacian twice as wide, weighted back, sides in turn: an error at
      // the rim, that a plain sample meets once in a while, is seen in every run.
      for (let at = 0; at < SAMPLES; at++) {
        const size = -2 * Math.log(1 - (at + random.next()) / SAMPLES);
        points.push({ x: at % 2 === 0 ? -size : size, weight: Math.exp(-size / 2) });
      }
      for (let at = 0; at < SWEEP; at++) points.push({ x: (2 * random.next() - 1) * REACH, weight: 0 });
      for (const { x, weight } of random.shuffle(points)) {
        const level = quantize(x);
        if (!Number.isFinite(level)) return floor(`x = ${x}: expected a finite number, got ${level}`);
        levels.add(level);
        if (levels.size > MOST) return floor(`More than ${MOST} different outputs: at most ${MOST} levels are allowed`);
        const squared = weight * (x - level) ** 2, cell = Math.min(3, Math.floor(Math.abs(x)));
        sum += squared;
        weights += weight;
        cells[cell] = (cells[cell] ?? 0) + squared;
      }
      const count = levels.size, error = sum / weights;
      if (count < FEWEST) return floor(`${count} different outputs: at least ${FEWEST} levels are asked for`);
      if (!(error < 10 * best(count))) {
        return floor(`${count} levels, mean squared error ${error}: ${best(count)} is possible`);
      }
      const shares = cells.map((part, at) =>
        `${at === 3 ? "3 and more" : `${at} to ${at + 1}`}: ${percent(part / sum)}`
      );
      const feedback = [
        `${count} levels, mean squared error ${error.toExponential(3)}; the best with ${count} levels reaches ${
          best(count).toExponential(3)
        }`,
        `Where the error comes from, by |x|: ${shares.join(", ")}`,
      ];
      return { score: best(count) / error, metrics: { levels: count, error }, feedback };
    },
  });

const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
