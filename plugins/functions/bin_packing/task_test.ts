import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { declared, fakeRandom, scoreOf } from "../../lib/fake_functions.ts";
import bin_packing from "./task.ts";

type Priority = (item: number, remaining: number) => number;
const body = (priority: Priority) => () => ({ priority });
const near = (value: number, expected: number, by: number) => ok(Math.abs(value - expected) < by, `${value}`);

const bestFit: Priority = (item, remaining) => item - remaining;
/** What FunSearch found for instances of this kind (Romera-Paredes and others, 2024). */
const funSearch: Priority = (item, remaining) => {
  const gap = remaining - item;
  const found = [[2, 4], [3, 3], [5, 2], [7, 1], [9, 0.9], [12, 0.95], [15, 0.97], [21, 0.98]]
    .find(([most = 0]) => gap <= most);
  return found?.[1] ?? 0.99;
};

/** Few tiers, so that many bins are equal. */
const tiers: Priority = (item, remaining) => remaining - item < 7 ? 2 : remaining - item < 20 ? 0 : 1;

Deno.test("bin_packing declares what its bodies are held to", () => {
  const { description: _, evaluate: __, ...rest } = declared(bin_packing);
  equal(rest, {
    name: "bin_packing",
    functions: { priority: { parameters: [["item", "f64"], ["remaining", "f64"]], result: "f64" } },
    limits: { fuel: 100_000, pages: 4, deadlineMs: 10_000, source: 20_000 },
    goal: -3.1,
  });
});

Deno.test("bin_packing asks for each case of an item and a bin with room, once an instance, in an order of its own", () => {
  const runs: string[][] = [];
  scoreOf(bin_packing, () => {
    const asked: string[] = [];
    runs.push(asked);
    return { priority: (item, remaining) => (asked.push(`${item} ${remaining}`), item - remaining) };
  });
  const [one = [], other = []] = runs.filter((asked) => asked.length > 0);
  equal([one.length, new Set(one).size, other.length], [7371, 7371, 7371]);
  equal([...one].sort(), [...other].sort());
  ok(one.join() !== other.join());
});

const wrong: [name: string, make: () => { priority: Priority }, says: RegExp][] = [
  ["answers NaN once", body((item, remaining) => item === 50 && remaining === 51 ? NaN : 0), /priority\(50, 51\).*NaN/],
  ["counts its calls", () => (((at) => ({ priority: () => at++ }))(0)), /and then .* arguments alone/],
  ["answers nothing", body(() => undefined as unknown as number), /got undefined/],
  ["answers text", body(() => "1" as unknown as number), /compared, got 1/],
];
for (const [name, make, says] of wrong) {
  Deno.test(`bin_packing has the floor for a body that ${name}, and says why`, () => {
    const { score, feedback } = scoreOf(bin_packing, make);
    equal(score, -1000);
    match(feedback.join("\n"), says);
  });
}

Deno.test("bin_packing packs as the rule says: all bins, the empty one last, the first of the highest", () => {
  for (const priority of [tiers, () => -Infinity]) {
    const random = fakeRandom(7);
    const all = Array.from({ length: 7371 }, (_, at) => at);
    random.shuffle(all);
    random.shuffle(all); // as often as the evaluator asks for its table
    let sum = 0, worst = 0, least = Infinity;
    const left: number[] = [];
    for (let instance = 0; instance < 200; instance++) {
      const items = Array.from({ length: 500 }, () => 20 + random.integer(81));
      const bins = Array.from({ length: 500 }, () => 150);
      for (const item of items) {
        let chosen = -1, highest = 0;
        for (let at = 0; at < bins.length; at++) {
          const remaining = bins[at] ?? 0;
          if (remaining < item) continue;
          const value = priority(item, remaining);
          if (chosen < 0 || value > highest) [chosen, highest] = [at, value];
          if (remaining === 150) break; // one new bin is offered
        }
        bins[chosen] = (bins[chosen] ?? 0) - item;
      }
      const bound = Math.ceil(items.reduce((all, item) => all + item, 0) / 150);
      const excess = (bins.filter((left) => left < 150).length - bound) / bound * 100;
      [sum, worst, least] = [sum + excess, Math.max(worst, excess), Math.min(least, excess)];
      left.push(...bins.filter((left) => left < 150));
    }
    const { score, metrics, feedback } = scoreOf(bin_packing, body(priority), { seed: 7 });
    near(score, -sum / 200, 1e-9);
    equal(metrics, { worst: -worst });
    const space = (from: number, to: number) =>
      left.filter((space) => space >= from && space < to).reduce((sum, space) => sum + space, 0);
    const [a, b, c, d] = [space(0, 10), space(10, 20), space(20, 60), space(60, 150)].map((part) =>
      Math.round(part / space(0, 150) * 100)
    );
    equal(feedback, [
      `mean excess over the bound: expected at most 3.1 %, got ${(sum / 200).toFixed(3)} % (best instance ${
        least.toFixed(2)
      } %, worst ${worst.toFixed(2)} %)`,
      `of the space left over at the end, ${a} % is in bins with less than 10 left, ${b} % in bins with 10 to 19 left (no ` +
      `item is that small), ${c} % with 20 to 59, ${d} % with 60 or more`,
    ]);
  }
});

Deno.test("bin_packing says how much is missing, and where the space went, to the last unit", () => {
  /** Items of 75 in pairs, but for some: the gap to the capacity is all that is left over. */
  const shares = (...smaller: number[]) => {
    let drawn = 0;
    const integer = () => 55 - (smaller[drawn++ / 2] ?? 0);
    const { feedback: [first, second = ""] } = scoreOf(bin_packing, body(bestFit), { random: { integer } });
    match(
      first ?? "",
      /^mean excess over the bound: expected at most 3\.1 %, got 0\.000 % \(best instance 0\.00 %, worst 0\.00 %\)$/,
    );
    return [...second.matchAll(/(\d+) %/g)].map(([text]) => parseFloat(text));
  };
  equal(shares(), [0, 0, 0, 0]);
  equal([1, 9, 10, 19, 20].map((gap) => shares(gap).indexOf(100)), [0, 0, 1, 1, 2]);
  equal(shares(9, 11, 55, 1), [13, 14, 72, 0]);
});

Deno.test("bin_packing says which bins stay half empty", () => {
  const ends = [59, 60, 130].map((left) => {
    const { feedback } = scoreOf(bin_packing, body((_, remaining) => remaining), {
      random: { integer: () => 130 - left },
    });
    return [...(feedback[1] ?? "").matchAll(/(\d+) %/g)].map(([text]) => parseFloat(text));
  });
  equal(ends, [[0, 0, 100, 0], [0, 0, 0, 100], [0, 0, 0, 100]]);
});

Deno.test("bin_packing names the first case that a fresh instance answers otherwise, and the one that is no number", () => {
  let made = 0;
  const moody = () => {
    const at = made++;
    return { priority: (item: number, remaining: number) => item === 57 && remaining === 93 ? at : item - remaining };
  };
  equal(scoreOf(bin_packing, moody).feedback, [
    "priority(57, 93) was 1 and then 2: the answer must depend on the arguments alone",
  ]);
  for (const broken of [1, 2]) {
    let made = 0;
    const { score, feedback } = scoreOf(bin_packing, () => {
      const value = made++ === broken ? NaN : 1;
      return { priority: () => value };
    });
    equal(score, -1000);
    match(feedback[0] ?? "", /^priority\(\d+, \d+\): expected a number that can be compared, got NaN$/);
  }
});

const known: [name: string, priority: Priority, excess: number][] = [
  ["best fit", bestFit, 5.1],
  ["first fit", () => 0, 5.5],
  ["FunSearch's heuristic", funSearch, 3],
  ["always a new bin", (_, remaining) => remaining, 149],
];
for (const [name, priority, excess] of known) {
  Deno.test(`bin_packing gives ${name} an excess of about ${excess} %, on every seed and set`, () => {
    near(scoreOf(bin_packing, body(priority)).score, -excess, excess / 20);
    near(scoreOf(bin_packing, body(priority), { seed: 2, set: "held_out" }).score, -excess, excess / 20);
  });
}
