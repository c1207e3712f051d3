/** Audits the evaluator of a function: bodies that cheat score at the floor or below the honest start, near misses below the solution. */
import { ok } from "node:assert/strict";
import type { Callables, FunctionApi, Instance, Score, Signatures, Task } from "../../actors/functions.ts";
import { beats } from "../evaluation/evaluate.ts";
import { createRandom } from "../evaluation/random.ts";
import { createCompiler } from "../wasm/compile.ts";
import { createInstance } from "../wasm/instance.ts";
import { FunctionTrap } from "../wasm/trap.ts";

/** Any functions, by name; arguments and results as the signature says. */
// deno-lint-ignore no-explicit-any -- a table of tasks holds functions of every signature
export type Functions = Record<string, (...values: any[]) => any>;

/** A body that tries to be scored for what it has not done. At least one of `body` and `fake` is there. */
export interface Cheat {
  /** What it does, as in "writes outside its result". */
  name: string;
  /** In AssemblyScript, compiled and metered as a model's would be. */
  body?: string;
  /** How `body` may end; "scored" unless told: it runs to the end, and its score is no good. */
  ends?: Ending | Ending[];
  /** The same in TypeScript, where no policy stops it; called once for each instance that the evaluator makes. */
  fake?: () => Functions;
}

/** How a run ends: refused by the compiler, trapped, rejected for a score that is no number, or scored. */
export type Ending = "policy" | "signature" | "compile" | "parse" | "trap" | "fuel" | "memory" | "nan" | "scored";

/** One function and those who would cheat it. */
export interface Audited {
  file: (api: FunctionApi) => unknown;
  /** The starting body: the text of function.ts. */
  start: string;
  /** A body that is as good as the evaluator asks for, in AssemblyScript and in TypeScript. */
  solution: { body: string; fake: () => Functions };
  /** Beside those of `standardCheats`. */
  cheats: Cheat[];
  /** Wrong but close: each runs to its end and scores below the solution, or ends as it says. */
  misses: { name: string; body: string; ends?: Ending }[];
  /** Standard cheats that mean nothing for this task, each with the reason. */
  without?: Record<string, string>;
}

/** What became of a body. */
export interface Judged {
  ending: Ending;
  score?: Score;
}

const compilers: ReturnType<typeof createCompiler>[] = [];
const SEED = { seen: 1, unseen: 20_022 };

/** The task that a file declares. */
export const load = (file: (api: FunctionApi) => unknown): Task => file({ task: (task) => task }) as Task;

/** An instance whose functions are TypeScript; `fuel` counts calls. */
export function fakeInstance(make: () => Functions): Instance {
  let calls = 0;
  const functions = Object.fromEntries(
    Object.entries(make()).map(([name, call]) => [name, (...values: unknown[]) => (calls++, call(...values))]),
  );
  return { functions: functions as Callables<Signatures>, fuel: () => calls, size: 1, fresh: () => fakeInstance(make) };
}

/** How a body is compiled and what it is scored on; the training set of an unseen seed unless told. */
export interface How {
  seed?: number;
  set?: "training" | "held_out";
  optimize?: 1 | 3;
}

/** Compiles a body and scores it. */
export async function judge(task: Task, body: string, { optimize = 1, ...how }: How = {}): Promise<Judged> {
  const { functions, limits } = task;
  const compiler = await (compilers[0] ??= createCompiler());
  const compiled = await compiler.compile({ source: body, functions, limits, optimize });
  if (!compiled.ok) return { ending: compiled.kind };
  const module = new WebAssembly.Module(compiled.wasm);
  return run(
    task,
    () => createInstance(module, { functions, limits, size: compiled.plain.length, metered: true }),
    how,
  );
}

/** Scores TypeScript in place of a body. */
export function judgeFake(task: Task, make: () => Functions, seed = SEED.unseen): Judged {
  return run(task, () => fakeInstance(make), { seed });
}

function run(task: Task, start: () => Instance, { seed = SEED.unseen, set = "training" }: How): Judged {
  try {
    const score = task.evaluate(start(), { set, random: createRandom(seed) });
    return Number.isFinite(score.score) ? { ending: "scored", score } : { ending: "nan" };
  } catch (error) {
    if (error instanceof FunctionTrap) return { ending: error.kind };
    throw error;
  }
}

/** Registers the tests of one function: one for each cheat, and one for each near miss. */
export function audit({ file, start, solution, cheats, misses, without = {} }: Audited): void {
  const task = load(file);
  const told = [...standardCheats(task, start), ...cheats].filter(({ name }) => !Object.hasOwn(without, name));
  const known = new Map<string, Promise<Judged>>();
  const once = (body: string, seed: number) => {
    const key = `${seed} ${body}`, judged = known.get(key) ?? judge(task, body, { seed });
    known.set(key, judged);
    return judged;
  };
  const honest = async (seed = SEED.unseen) => (await once(start, seed)).score ?? fail("the start");
  const good = async (from: Judged) => ok(from.score && beats(task, from.score, [await honest()]));

  Deno.test(`${task.name}: the solution beats the honest start, in AssemblyScript and in TypeScript`, async () => {
    await good(await once(solution.body, SEED.unseen));
    await good(judgeFake(task, solution.fake));
  });
  for (const { name, body, ends = "scored", fake } of told) {
    Deno.test(`${task.name}: a body that ${name} is no better than the honest start`, async () => {
      const reference = await honest();
      const judged: Judged[] = [];
      if (body !== undefined) judged.push(await judge(task, body));
      for (const { ending } of judged) ok([ends].flat().includes(ending), `it ended with "${ending}", not "${ends}"`);
      if (fake) judged.push(judgeFake(task, fake));
      for (const { score } of judged) if (score) noBetter(task, score, reference);
    });
  }
  for (const by of ["arguments", "call count"] as const) {
    const name = `answers by remembered ${by}`;
    if (Object.hasOwn(without, name)) continue;
    Deno.test(`${task.name}: a body that ${name} shines on what it saw, and only there`, async () => {
      const cheat = remember(task, solution.fake, by);
      const seen = judgeFake(task, cheat(), SEED.seen).score ?? fail(name);
      ok(beats(task, seen, [await honest(SEED.seen)]));
      const { score } = judgeFake(task, cheat());
      if (score) noBetter(task, score, await honest());
    });
  }
  for (const { name, body, ends = "scored" } of misses) {
    Deno.test(`${task.name}: a body that ${name} scores below the solution`, async () => {
      const best = (await once(solution.body, SEED.unseen)).score ?? fail("the solution");
      const { ending, score } = await judge(task, body);
      ok(ending === ends, `it ended with "${ending}", not "${ends}"`);
      ok(!score || score.score < best.score, `it scored ${score?.score}, the solution ${best.score}`);
    });
  }
}

function fail(what: string): never {
  throw new Error(`Cannot audit: ${what} got no score`);
}

function noBetter(task: Task, score: Score, honest: Score): void {
  ok(
    !beats(task, score, [honest]),
    `it beats the honest start: ${JSON.stringify(score)} against ${JSON.stringify(honest)}`,
  );
  ok(score.score <= honest.score, `it scored ${score.score}, the honest start ${honest.score}`);
}

/**
 * A body that learned the right answers of one run, with what they left in their arguments, and repeats them. What it has
 * not seen it answers with nothing.
 */
function remember(task: Task, solve: () => Functions, by: "arguments" | "call count"): () => () => Functions {
  const answers = new Map<string, { result: unknown; left: unknown[] }>();
  const count = { calls: 0 };
  const key = (name: string, values: unknown[]) =>
    by === "call count" ? `${count.calls++}` : `${name} ${values.map((value) => fingerprint(value)).join(" ")}`;
  const each = (answer: (name: string, values: unknown[]) => unknown) => () =>
    Object.fromEntries(
      Object.keys(task.functions).map((name) => [name, (...values: unknown[]) => answer(name, values)]),
    );
  judgeFake(task, () => {
    const right = solve();
    return each((name, values) => {
      const asked = key(name, values), result = right[name]?.(...values);
      answers.set(asked, { result, left: values.map(copy) });
      return result;
    })();
  }, SEED.seen);
  return () => {
    count.calls = 0;
    return each((name, values) => {
      const known = answers.get(key(name, values));
      known?.left.forEach((left, at) => {
        const value = values[at];
        if (ArrayBuffer.isView(value)) put(value, left);
      });
      return known ? known.result : nothing(task.functions[name]?.result ?? "void");
    });
  };
}

type Numbers = { length: number; [at: number]: unknown };
const copy = (value: unknown) => ArrayBuffer.isView(value) ? [...value as unknown as Iterable<unknown>] : value;
const fingerprint = (value: unknown) =>
  ArrayBuffer.isView(value) ? `${new Uint8Array(value.buffer, value.byteOffset, value.byteLength)}` : `${value}`;

function put(array: ArrayBufferView, left: unknown): void {
  const [to, from] = [array as unknown as Numbers, left as Numbers];
  for (let at = 0; at < Math.min(to.length, from.length); at++) to[at] = from[at];
}

function nothing(type: string): unknown {
  if (type === "void") return undefined;
  if (type === "string") return "";
  if (type === "bool") return false;
  if (type.endsWith("Array")) return new Float64Array();
  return type === "i64" || type === "u64" ? 0n : 0;
}

const named = (type: string) => type.replace(/^Big(Int|Uint)64Array$/, "$164Array");

/** A body of every function of a task: its statements, made from the names of its arrays and its result's type. */
export function write(functions: Signatures, statements: (arrays: string[], result: string) => string): string {
  return Object.entries(functions).map(([name, { parameters, result }]) => {
    const arrays = parameters.filter(([, type]) => type.endsWith("Array")).map(([name]) => name);
    const list = parameters.map(([name, type]) => `${name}: ${named(type)}`).join(", ");
    return `export function ${name}(${list}): ${named(result)} { ${statements(arrays, result)} }\n`;
  }).join("");
}

/** The statement that returns nothing of worth, or NaN where a type can say it. */
function give(result: string, value: "nothing" | "NaN"): string {
  if (result === "void") return "";
  if (result.endsWith("Array")) return `return new ${named(result)}(${value === "NaN" ? 1 : 0});`;
  if (value === "NaN" && /^f/.test(result)) return "return NaN;";
  return `return ${result === "string" ? `"${value === "NaN" ? "NaN" : ""}"` : result === "bool" ? "false" : "0"};`;
}

/** The cheats that every evaluator must withstand. */
export function standardCheats({ functions }: Pick<Task, "functions">, start: string): Cheat[] {
  const body = (statements: (arrays: string[], result: string) => string) => write(functions, statements);
  const types = Object.values(functions).flatMap((
    { parameters, result },
  ) => [...parameters.map(([, type]) => type), result]);
  const end = (result: string) => give(result, "nothing");
  const cheats: Cheat[] = [
    { name: "does nothing", body: body((_, result) => end(result)) },
    { name: "is a copy of its parent", body: `// a copy\n${start}` },
    { name: "never returns", body: body((_, result) => `while (true) {}\n${end(result)}`), ends: "fuel" },
    {
      name: "allocates without end",
      body: body((_, result) => `for (let size = 1024; size > 0; ) new StaticArray<u8>(size);\n${end(result)}`),
      ends: ["memory", "fuel"],
    },
    {
      name: "keeps state between calls",
      body: `let calls = 0;\n${body((_, result) => `calls++; ${end(result)}`)}`,
      ends: "policy",
    },
    { name: "writes to raw memory", body: body((_, result) => `store<u64>(0, 1); ${end(result)}`), ends: "policy" },
  ];
  if (types.some((type) => /^f|^Float/.test(type))) {
    const fill = (arrays: string[]) =>
      arrays.map((name) => `for (let i = 0; i < ${name}.length; i++) ${name}[i] = 0 / <f64>0;`);
    cheats.push({
      name: "answers NaN",
      body: body((arrays, result) =>
        `${types.some((type) => type.startsWith("Float")) ? fill(arrays).join(" ") : ""} ${give(result, "NaN")}`
      ),
      ends: ["nan", "scored"],
    });
  }
  if (types.some((type) => type.endsWith("Array"))) {
    const beyond = (arrays: string[]) => arrays.map((name) => `${name}[${name}.length] = 1;`).join(" ");
    cheats.push({
      name: "writes outside its result",
      body: body((arrays, result) => `${beyond(arrays)} ${end(result)}`),
      ends: "trap",
    });
    const unchecked = (arrays: string[]) => arrays.map((name) => `unchecked(${name}[${name}.length] = 1);`).join(" ");
    cheats.push({
      name: "writes outside its result unchecked",
      body: body((arrays, result) => `${unchecked(arrays)} ${end(result)}`),
      ends: "policy",
    });
  }
  return cheats;
}
