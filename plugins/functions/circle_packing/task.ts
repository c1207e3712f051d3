/**
 * 26 circles in the unit square, the sum of their radii as large as can be. The record is 2.6359830849.
 *
 * The body gives the centres only. The radii are the evaluator's: for given centres the largest sum under
 * r[i] + r[j] <= distance(i, j) and r[i] <= distance to the border is a linear program whose dual is an assignment of circles to
 * circles (distance as cost, twice the border's distance with itself), which the Hungarian method solves in 26^3 steps; r is
 * half the sum of the potentials of row and column. So nothing that a body says of itself is believed, and a small move of a
 * centre is a small change of the score.
 *
 * The tolerance is zero. Centres are rounded to multiples of 2^-50 and radii down to them; then each pair and each border is
 * checked in whole numbers, (x1 - x2)^2 + (y1 - y2)^2 >= (r1 + r2)^2, and radii shrink until all holds. What is added up is
 * thus a packing that exists, exactly; the rounding takes less than 1e-12 of the sum.
 *
 * There is one instance, so a held-out run has no other cases: it has another array. It comes filled with noise, to two fresh
 * instances, and both must leave the same centres: what does not write its own answer, or answers by what it was given, gets
 * the floor. To write down a good table of centres is no cheat here: it is an answer.
 *
 * The starting body lets circles push each other apart, each of a size of its own: every change of a size leads to another
 * packing. A plain table of centres is a trap for a search that changes one number at a time: a grid is a local optimum.
 */
import type { Callable, FunctionApi, Random } from "../../../actors/functions.ts";

const CIRCLES = 26, BITS = 50, UNIT = 2 ** BITS, RECORD = 2.6359830849, HINTS = 4;
const PACK = { parameters: [["centres", "Float64Array"]], result: "void" } as const;

type Pack = Callable<typeof PACK>;
/** A circle; what is told of its radius is only a start. */
export interface Circle {
  x: number;
  y: number;
  radius: number;
}

/** The centres that a body writes over noise. */
function centresOf(pack: Pack, random: Random): Float64Array {
  const centres = Float64Array.from({ length: 2 * CIRCLES }, () => random.next());
  pack(centres);
  return centres;
}

/** What is wrong with the answer, or empty. */
function fault(centres: Float64Array, again: Float64Array): string {
  if (centres.length !== 2 * CIRCLES) return `expected ${2 * CIRCLES} numbers, got ${centres.length}`;
  for (let at = 0; at < centres.length; at++) {
    const value = centres[at] ?? NaN, name = `${at % 2 ? "y" : "x"} of circle ${at >> 1} (centres[${at}])`;
    if (!(value > 0 && value < 1)) return `${name}: expected a number between 0 and 1, got ${value}`;
    if (!Object.is(value, again[at])) {
      return `${name} was ${value} and then ${again[at]}: write every number, and the same ones each time`;
    }
  }
  return "";
}

/** Row potentials, then column potentials, of the cheapest assignment. */
function assign(cost: (row: number, column: number) => number): [Float64Array, Float64Array] {
  const rows = new Float64Array(CIRCLES + 1), columns = new Float64Array(CIRCLES + 1);
  const rowOf = new Int32Array(CIRCLES + 1), before = new Int32Array(CIRCLES + 1);
  for (let row = 1; row <= CIRCLES; row++) {
    const least = new Float64Array(CIRCLES + 1).fill(Infinity), used = new Uint8Array(CIRCLES + 1);
    let column = 0;
    rowOf[0] = row;
    do {
      used[column] = 1;
      const from = rowOf[column] ?? 0;
      let step = Infinity, next = 0;
      for (let to = 1; to <= CIRCLES; to++) {
        if (used[to]) continue;
        const slack = cost(from - 1, to - 1) - (rows[from] ?? 0) - (columns[to] ?? 0);
        if (slack < (least[to] ?? 0)) [least[to], before[to]] = [slack, column];
        if ((least[to] ?? 0) < step) [step, next] = [least[to] ?? 0, to];
      }
      for (let to = 0; to <= CIRCLES; to++) {
        const owner = rowOf[to] ?? 0;
        if (!used[to]) least[to] = (least[to] ?? 0) - step;
        else [rows[owner], columns[to]] = [(rows[owner] ?? 0) + step, (columns[to] ?? 0) - step];
      }
      column = next;
    } while (rowOf[column] !== 0);
    for (; column !== 0; column = before[column] ?? 0) rowOf[column] = rowOf[before[column] ?? 0] ?? 0;
  }
  return [rows.subarray(1), columns.subarray(1)];
}

const toBorder = ({ x, y }: Circle) => Math.min(x, 1 - x, y, 1 - y);
const apart = (one: Circle, other: Circle) => Math.hypot(one.x - other.x, one.y - other.y);

/** Circles of the largest sum of radii about these centres, up to rounding. */
function inflate(centres: Float64Array): Circle[] {
  const round = (value = 0) => Math.round(value * UNIT) / UNIT;
  const circles = Array.from({ length: CIRCLES }, (_, at): Circle => {
    return { x: round(centres[2 * at]), y: round(centres[2 * at + 1]), radius: 0 };
  });
  const costs = circles.flatMap((one) => circles.map((other) => one === other ? 2 * toBorder(one) : apart(one, other)));
  const [rows, columns] = assign((row, column) => costs[row * CIRCLES + column] ?? 0);
  circles.forEach((circle, at) => circle.radius = Math.max(0, ((rows[at] ?? 0) + (columns[at] ?? 0)) / 2));
  return circles;
}

/** Makes a packing exist: radii in whole multiples of 2^-50, rounded down and shrunk until nothing overlaps, exactly. */
export function certify(claimed: readonly Circle[]): bigint[] {
  const whole = (value: number) => BigInt(Math.floor(value * UNIT));
  const least = (a: bigint, b: bigint) => a < b ? a : b;
  const cells = claimed.map(({ x, y, radius }) => ({ x: whole(x), y: whole(y), radius: whole(Math.max(0, radius)) }));
  const one = BigInt(UNIT);
  for (const cell of cells) cell.radius = [cell.x, cell.y, one - cell.x, one - cell.y].reduce(least, cell.radius);
  for (const [at, a] of cells.entries()) {
    for (const b of cells.slice(0, at)) {
      const square = (a.x - b.x) ** 2n + (a.y - b.y) ** 2n;
      const over = a.radius + b.radius - root(square);
      if (over <= 0n) continue;
      const share = least(a.radius, over / 2n);
      a.radius -= share;
      b.radius -= over - share;
      if (b.radius < 0n) [a.radius, b.radius] = [a.radius + b.radius, 0n];
    }
  }
  return cells.map(({ radius }) => radius);
}

/** The whole square root, rounded down. The guess is never too small: roundings keep order, and whole roots are exact. */
function root(square: bigint): bigint {
  let guess = BigInt(Math.floor(Math.sqrt(Number(square))));
  while (guess * guess > square) guess--;
  return guess;
}

/** Where there is room, for the model: the smallest circles with those that hem them in. */
function hints(circles: readonly Circle[]): string[] {
  const touching = (one: Circle) =>
    circles.flatMap((other, at) => other !== one && apart(one, other) - one.radius - other.radius < 1e-9 ? [at] : []);
  const smallest = circles.map((circle, at) => ({ circle, at })).sort((a, b) => a.circle.radius - b.circle.radius);
  return smallest.slice(0, HINTS).map(({ circle, at }) => {
    const border = toBorder(circle) - circle.radius < 1e-9 ? ["the border"] : [];
    const place = `(${circle.x.toFixed(4)}, ${circle.y.toFixed(4)})`;
    const held = [...touching(circle), ...border].join(", ");
    return `circle ${at} at ${place} has only radius ${circle.radius.toFixed(4)}: it touches ${held}`;
  });
}

export default ({ task }: FunctionApi) =>
  task({
    name: "circle_packing",
    description:
      "Place 26 circles in the unit square so that the sum of their radii is as large as can be. Write the centres: " +
      "centres[2 * i] is x and centres[2 * i + 1] is y of circle i, each greater than 0 and less than 1. The array has length 52 " +
      "and comes filled with noise. The radii are not yours to give: for your centres, those of the largest sum without any " +
      "overlap are computed, exactly. The sum is the score. A grid of 5 by 5 and one more has 2.5414; the best known packing " +
      "has 2.6359830849; go to 2.635. You may write down a table, or compute within the fuel; the result must be the same each " +
      "time.",
    functions: { pack: PACK },
    limits: { fuel: 200_000_000, pages: 16, deadlineMs: 20_000, source: 20_000 },
    goal: 2.635,
    evaluate(candidate, { random }) {
      const centres = centresOf(candidate.fresh().functions.pack, random);
      const wrong = fault(centres, centresOf(candidate.fresh().functions.pack, random));
      if (wrong) return { score: 0, feedback: [wrong] };
      const circles = inflate(centres);
      const radii = certify(circles);
      const score = Number(radii.reduce((sum, radius) => sum + radius, 0n)) / UNIT;
      const told = `sum of radii: expected at least 2.635 (the record is ${RECORD}), got ${score.toFixed(10)}`;
      return {
        score,
        metrics: { smallest: Math.min(...radii.map(Number)) / UNIT },
        feedback: [told, ...hints(circles)],
      };
    },
  });
