import { deepStrictEqual as equal, doesNotMatch, match, ok } from "node:assert/strict";
import type { Instance, Score, Signatures, Task } from "../../actors/functions.ts";
import { beats, beatsHeldOut, scoreTraining } from "./evaluate.ts";

type Body = () => Record<string, (...values: never[]) => unknown>;
const now = () => 0;

/** An instance made of plain functions; `make` is called for each, so its closures are the instance's memory. */
function fakeInstance(make: Body, fuel = 0): Instance {
  const made = make();
  const counted = Object.entries(made).map(([name, call]) => [name, (...values: never[]) => {
    fuel++;
    return call(...values);
  }]);
  return { functions: Object.fromEntries(counted), fuel: () => fuel, size: 100, fresh: () => fakeInstance(make) };
}

const functions = { f: { parameters: [["n", "i32"]], result: "i32" } } as const satisfies Signatures;
const limits = { fuel: 1, pages: 1, deadlineMs: 1, source: 1 };
function fakeTask(evaluate: Task<typeof functions>["evaluate"], rest: Partial<Task> = {}): Task {
  return { name: "fake", description: "", functions, limits, evaluate: evaluate as Task["evaluate"], ...rest };
}
const sum = fakeTask(({ functions }) => {
  let score = 0;
  for (let n = 0; n < 40; n++) score += functions.f(n);
  return { score, feedback: [`sum ${score}`] };
});
const trap = (kind: string) => Object.assign(new Error(`f ${kind}ped at line 3`), { name: "FunctionTrap", kind });
const run = (task: Task, make: Body, best?: Score[]) => scoreTraining(task, fakeInstance(make), { seed: 1, now, best });

Deno.test("a training run gives score, feedback and the fuel of every instance the evaluator made", () => {
  const task = fakeTask((body, { set, random }) => {
    for (let round = 0; round < 100; round++) body.fresh().functions.f(random.integer(9));
    return { score: body.functions.f(2), metrics: { size: body.size }, feedback: [set] };
  });
  const expected = { score: 2, metrics: { size: 100 }, feedback: ["training"] };
  equal(run(task, () => ({ f: (n: number) => n })), { ok: true, score: expected, fuel: 101, ms: 0 });
});

Deno.test("the same seed gives the same numbers to the evaluator, whatever the body is asked besides", () => {
  const task = fakeTask(({ functions }, { random }) => {
    const drawn = Array.from({ length: 9 }, () => functions.f(random.integer(1e6)));
    return { score: drawn.reduce((a, b) => a + b), feedback: [] };
  });
  const scored = run(task, () => ({ f: (n: number) => n }));
  equal(run(task, () => ({ f: (n: number) => n })), scored);
  equal(run(task, () => ({ f: (n: number) => n }), [{ score: Infinity, feedback: [] }]), scored);
});

const given = (value: unknown, rest: Partial<Task> = {}) => fakeTask(() => value as Score, rest);
const lost: [what: string, task: Task, kind: string, feedback: RegExp][] = [
  ["no result", given(undefined), "missing", /gave no score/],
  ["a promise", given(Promise.resolve({ score: 1, feedback: [] })), "evaluator", /a promise; it must not be async$/],
  [
    "a promise that fails",
    fakeTask(() => Promise.reject(new Error("no")) as never),
    "evaluator",
    /a promise; it must not be async$/,
  ],
  ["a text for a score", given({ score: "9", feedback: [] }), "missing", /gave no score/],
  ["NaN", given({ score: NaN, feedback: ["case 3: got NaN"] }), "nan", /NaN, not a finite number: case 3: got NaN/],
  ["infinity", given({ score: Infinity, feedback: [] }), "nan", /Infinity/],
  ["a metric that is NaN", given({ score: 1, metrics: { size: NaN } }), "nan", /metric "size"/],
  ["an objective that is not there", given({ score: 1 }, { objectives: { error: "lower" } }), "missing", /no "error"/],
  [
    "a trap",
    fakeTask(() => {
      throw trap("trap");
    }),
    "trap",
    /^f trapped at line 3$/,
  ],
  [
    "fuel that ran out",
    fakeTask(() => {
      throw trap("fuel");
    }),
    "fuel",
    /line 3/,
  ],
  [
    "memory that ran out",
    fakeTask(() => {
      throw trap("memory");
    }),
    "memory",
    /line 3/,
  ],
  [
    "an evaluator that throws",
    fakeTask(() => {
      throw new Error("oh\nno");
    }),
    "evaluator",
    /^The evaluator of "fake" failed: oh no$/,
  ],
  [
    "an evaluator that throws a text",
    fakeTask(() => {
      throw "oh";
    }),
    "evaluator",
    /failed: oh$/,
  ],
];
for (const [what, task, kind, feedback] of lost) {
  Deno.test(`a body is rejected with feedback after ${what}`, () => {
    const scored = run(task, () => ({ f: (n: number) => n }));
    ok(!scored.ok);
    equal(scored.kind, kind);
    match(scored.feedback, feedback);
    equal(beatsHeldOut(task, fakeInstance(() => ({ f: () => 1 })), { incumbents: [], seed: 1 }), false);
  });
}

Deno.test("feedback is cut to 20 lines of 300 characters, well-formed and on one line each", () => {
  const lines = Array.from({ length: 50 }, (_, at) => `${at}\u0007\n${"🦊".repeat(400)}\ud800`);
  const scored = run(given({ score: 1, feedback: [...lines, 5] }), () => ({ f: () => 0 }));
  ok(scored.ok);
  equal(scored.score.feedback.length, 20);
  match(scored.score.feedback[19] ?? "", /^and 31 more$/);
  for (const line of scored.score.feedback) {
    ok(line.length <= 300 && line.isWellFormed());
    // deno-lint-ignore no-control-regex
    doesNotMatch(line, /[\u0000-\u001f]|\ufffd/);
  }
});

const stateful: Record<string, Body> = {
  "answers by call count": () => {
    let calls = 0;
    return { f: () => calls++ };
  },
  "remembers its last input": () => {
    let last = 0;
    return { f: (n: number) => [last, last = n][0] };
  },
  "answers only the first call honestly": () => {
    let first = true;
    return { f: (n: number) => first ? (first = false, n) : 7 };
  },
};
for (const [what, make] of Object.entries(stateful)) {
  Deno.test(`a body that ${what} is rejected`, () => {
    const scored = run(sum, make);
    ok(!scored.ok, JSON.stringify(scored));
    equal(scored.kind, "inconsistent");
    match(scored.feedback, /^The answer for the same input changed between calls: f\(\d+\) was .* keep no state/);
    ok(run(sum, make, [{ score: Infinity, feedback: [] }]).ok, "one that beats nothing is not asked again");
  });
}

Deno.test("a body that fills a table at its first call is not taken for one that keeps state", () => {
  const scored = run(sum, () => {
    const table: number[] = [];
    return { f: (n: number) => table[n] ??= n * n };
  });
  ok(scored.ok, JSON.stringify(scored));
});

Deno.test("arrays are compared as the call left them, whatever the evaluator does to them afterwards", () => {
  const sorting = { f: { parameters: [["values", "Float64Array"]], result: "void" } } as const;
  const task: Task = {
    ...fakeTask(() => ({ score: 0, feedback: [] })),
    functions: sorting,
    evaluate(body, { random }) {
      for (let round = 0; round < 12; round++) {
        const values = Float64Array.from({ length: 50 }, random.next);
        body.functions.f?.(values as never);
        values.fill(0);
      }
      return { score: 1, feedback: [] };
    },
  };
  ok(run(task, () => ({ f: (values: Float64Array) => void values.sort() })).ok);
  const scored = run(task, () => {
    let calls = 0;
    return { f: (values: Float64Array) => void values.fill(++calls) };
  });
  ok(!scored.ok);
  match(scored.feedback, /f\(array of 50\) was an array of 50 with hash/);
});

const pareto = { objectives: { size: "lower", speed: "higher" } } as const;
const point = (size: number, speed: number): Score => ({ score: 0, metrics: { size, speed }, feedback: [] });
const front = [point(1, 1), point(3, 3)];
const rules: [what: string, task: object, score: Score, best: Score[], beats: boolean][] = [
  ["a higher score", {}, { score: 2, feedback: [] }, [{ score: 1, feedback: [] }], true],
  ["the same score", {}, { score: 1, feedback: [] }, [{ score: 1, feedback: [] }], false],
  ["a score higher than one of two", {}, { score: 2, feedback: [] }, [{ score: 1, feedback: [] }, {
    score: 3,
    feedback: [],
  }], false],
  ["any score where there is no incumbent", {}, { score: -9, feedback: [] }, [], true],
  ["a point that dominates one of the front", pareto, point(1, 2), front, true],
  ["a point between two of the front", pareto, point(2, 2), front, true],
  ["a point at the end of the front", pareto, point(9, 9), front, true],
  ["a point of the front itself", pareto, point(3, 3), front, false],
  ["a dominated point", pareto, point(4, 3), front, false],
  ["a point without its metrics", pareto, { score: 9, feedback: [] }, front, false],
];
for (const [what, task, score, best, expected] of rules) {
  Deno.test(`${what} ${expected ? "beats" : "does not beat"} the incumbents`, () =>
    equal(beats(task, score, best), expected));
}

Deno.test("a held-out run uses fresh instances and the held-out set for each body, and gives one bit", () => {
  const seen: string[] = [];
  const task = fakeTask(({ functions }, { set, random }) => {
    const value = functions.f(0);
    seen.push(`${set} ${value} ${random.integer(1000)}`);
    return { score: value, feedback: [] };
  });
  const counting = (from: number) =>
    fakeInstance(() => {
      let calls = from;
      return { f: () => calls++ };
    });
  const candidate = counting(5), incumbent = counting(4);
  candidate.functions.f?.(0);
  equal(beatsHeldOut(task, candidate, { incumbents: [incumbent], seed: 9 }), true);
  equal(beatsHeldOut(task, incumbent, { incumbents: [candidate], seed: 9 }), false);
  equal(beatsHeldOut(task, candidate, { incumbents: [candidate], seed: 9 }), false);
  equal(new Set(seen.map((line) => line.split(" ")[2])).size, 1, "all bodies get the same numbers");
  ok(seen.every((line) => /^held_out [45] /.test(line)), `${seen}`);
});

Deno.test("in a held-out run an incumbent that traps is beaten, a candidate that traps does not beat", () => {
  const task = fakeTask(({ functions }) => ({ score: functions.f(1), feedback: [] }));
  const good = fakeInstance(() => ({ f: () => 1 }));
  const bad = fakeInstance(() => ({
    f: () => {
      throw trap("trap");
    },
  }));
  equal(beatsHeldOut(task, good, { incumbents: [bad], seed: 1 }), true);
  equal(beatsHeldOut(task, bad, { incumbents: [good], seed: 1 }), false);
});
