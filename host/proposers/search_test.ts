import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { createRandom } from "../evaluation/random.ts";
import { canonical } from "../wasm/source.ts";
import { bodyOf, DECLARED, fakeWorkshop } from "../testing/fake_workshop.ts";
import { withFunctions } from "../testing/functions_fixtures.ts";
import { MUTATIONS, readTask, split } from "./mutate.ts";

const RICH = `/** A comment; with "words" and 1.5 */
const TABLE: StaticArray<f64> = [0.25, -0.5, 1e-3];
export function f(x: f64, n: i32): f64 {
  let sum: f64 = (-2.5) * x; // 7
  for (let i = 0; i < n; i++) {
    sum += <f64>i * TABLE[i % 3] + Math.sqrt(x * x + 0.5);
  }
  return sum > 3.0 ? sum / 2.0 : sum - 1.0;
}
`;

const told = readTask({
  description: "",
  functions: { f: { parameters: [["x", "f64"], ["n", "i32"]], result: "f64" } },
});

Deno.test("splitting a body into words loses nothing", () => {
  for (const source of [RICH, "", "a >>>= 1", "'x", "`${a}`", "f(-1)", "(-1)", "((-1))", "😀 \ud800"]) {
    equal(split(source).join(""), source);
  }
  ok(split("y = (-2.5)").includes("(-2.5)"));
  ok(!split("f(-2.5)").includes("(-2.5)"));
});

for (const [name, mutate] of Object.entries(MUTATIONS)) {
  Deno.test(`the mutation ${name} changes a body, never the head of its function`, () => {
    const random = createRandom(1), other = split(RICH.replace("0.25", "0.75").replaceAll("sum", "total"));
    let changed = 0;
    for (let n = 0; n < 200; n++) {
      const words = mutate(split(RICH), { random, step: 0.3, other, told });
      if (!words) continue;
      const source = words.join("");
      match(source, /export function f\(x: f64, n: i32\): f64 \{/);
      equal(source.split("(").length - source.split(")").length, 0, source);
      if (canonical(source) !== canonical(RICH)) changed++;
    }
    ok(changed > 100, `${changed} of 200`);
  });
}

Deno.test("a body without anything to change is left alone", () => {
  const random = createRandom(1), other = split("");
  for (const mutate of Object.values(MUTATIONS)) {
    equal(mutate(split("export function f(): void {}"), { random, step: 1, other, told }), undefined);
  }
});

Deno.test("a task tells its numbers, and its words if a function gives a string", () => {
  const functions = (result: "string" | "i32") => ({ f: { parameters: [["n", "u64"]], result } }) as const;
  const description = 'Return "Fizz" for 3 and "Buzz" for 5, "Fizz" again; up to 18446744073709551615.';
  const numbers = ["0", "1", "2", "10", "3", "5"], divisors = ["2", "10", "3", "5"];
  equal(readTask({ description, functions: functions("string") }), {
    ...{ float: false, numbers, divisors, texts: ['"Fizz"', '"Buzz"'] },
  });
  equal(readTask({ description, functions: functions("i32") }), { float: false, numbers, divisors, texts: [] });
  equal(told.float, true);
});

Deno.test("bodies of whole numbers and of words grow by such, and by nothing that is of another type", () => {
  const functions = { f: { parameters: [["n", "u64"]], result: "string" } } as const;
  const told = readTask({ description: 'Return "Fizz" for 3, "Buzz" for 5.', functions });
  const start = "export function f(n: u64): string {\n  return n.toString();\n}\n", random = createRandom(1);
  const found = new Set<string>();
  for (let n = 0; n < 2_000; n++) {
    const words = MUTATIONS.grow?.(split(start), { random, step: 0.3, other: split(start), told }) ?? [];
    const body = words.join("").split("\n")[1]?.trim() ?? "";
    found.add(body);
    ok(!/\d\.\d|Math/.test(body), body);
  }
  ok(found.has('return (n % 3 == 0 ? "Fizz" : n.toString());'), [...found].join("\n"));
});

const NEAR = { ...DECLARED, goal: -1e-3 };
/** Worth most where the returned constant is 42. */
const near = () =>
  fakeWorkshop(NEAR, (source) => -Math.abs(Number(/return \(?(-?[\d.e-]+)\)?;/.exec(source)?.[1] ?? NaN) - 42));

Deno.test("the search finds a constant without a model, says so in one line, and tries no body twice", () =>
  withFunctions(async ({ run, lines, workshop }) => {
    const done = await run("evolve line --rounds 400");
    ok(done.ok, JSON.stringify(done));
    match(done.value, /the goal is reached/);
    equal(lines[0], "no model is set: searching without one (--proposer search)");
    ok(lines.some((line) => /^search: revision \d+ wins with/.test(line)));
    const bodies = workshop.compiled.slice(0, -1).map(canonical); // the last is the winner at -O3
    equal(new Set(bodies).size, bodies.length);
  }, { workshop: heldAsTraining(near()), start: bodyOf("3.5") }));

Deno.test("the same seed and the same store give the same bodies, another seed gives others", async () => {
  const tried: string[][] = [];
  for (const seed of [7, 7, 8]) {
    await withFunctions(async ({ run, workshop }) => {
      const done = await run(`evolve line --proposer search --rounds 6 --seed ${seed}`);
      ok(done.ok && !done.value.includes("goal is reached"));
      tried.push(workshop.compiled);
    }, { workshop: heldAsTraining(near()), start: RICH_LINE });
  }
  equal([...tried[0] ?? []].sort(), [...tried[1] ?? []].sort());
  ok((tried[0]?.length ?? 0) > 100);
  const first = new Set(tried[0]);
  ok((tried[2] ?? []).filter((body) => first.has(body)).length < (tried[2]?.length ?? 0) / 2);
});

Deno.test("an abort ends the search between two bodies, and the next run goes on with what is stored", () =>
  withFunctions(async ({ run }) => {
    const stop = new AbortController();
    const running = run("evolve line --proposer search --rounds 100000", { signal: stop.signal });
    setTimeout(() => stop.abort(), 300);
    const done = await running;
    ok(done.ok && /interrupted/.test(done.value), JSON.stringify(done));
    const history = await run("history line");
    ok(history.ok && /search/.test(history.value));
  }, { workshop: fakeWorkshop({ ...DECLARED, goal: 1e9 }), start: bodyOf("0.5") }));

/** On held-out data a body is worth what it is on training. */
function heldAsTraining(workshop: ReturnType<typeof fakeWorkshop>): ReturnType<typeof fakeWorkshop> {
  return {
    ...workshop,
    async evaluate(on, signal) {
      const { beatsHeldOut: _, ...told } = await workshop.evaluate(on, signal);
      return told.beatsTraining ? { ...told, beatsHeldOut: true } : told;
    },
  };
}

const RICH_LINE = `export function f(x: f64): f64 {
  const slope: f64 = 0.5;
  return 3.5 + slope * (x - 1.25) * 2.0;
}
`;
