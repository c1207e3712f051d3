/** What evolution gains and what metering costs: the shipped functions' bodies, timed against each other in one run. */
import type { Instance, Signatures, Task } from "../../actors/functions.ts";
import { createRandom } from "../evaluation/random.ts";
import { loadTask } from "../evaluation/task_file.ts";
import { parseCassette } from "../model/cassette.ts";
import { median, type Row } from "../testing/measure.ts";
import { createCompiler } from "../wasm/compile.ts";
import { createInstance } from "../wasm/instance.ts";
import { lastBlock } from "../wasm/source.ts";
import type { Compiled } from "../wasm/types.ts";

const FUNCTIONS = new URL("../../plugins/functions/", import.meta.url);
const ROUNDS = 21, WARM = 3, LENGTH = 10_000, SEED = 21, MOST_CALLS = 10_000, MOST_METERING = 1.3;
/** One timing takes at least this long, in milliseconds, so that the clock is fine enough. */
const LEAST = 3;

type Call = (...values: unknown[]) => unknown;
type Calls = Record<string, Call>;
type Asked = { name: string; values: unknown[] };
type Compile = (task: Task, source: string, optimize: 1 | 3) => Promise<Extract<Compiled, { ok: true }>>;
interface Shipped {
  task: Task;
  start: string;
  /** The last body of the cassette. */
  evolved: string;
}

/** Sort as evolved against the runtime's own and against its start, for each distribution; what metering costs all functions. */
export async function measureEvolved(): Promise<Row[]> {
  const compiler = await createCompiler();
  const compile: Compile = async ({ name, functions, limits }, source, optimize) => {
    const made = await compiler.compile({ source, functions, limits, optimize });
    if (made.ok) return made;
    throw new Error(`Cannot measure "${name}": ${made.diagnostics}`);
  };
  const shipped = await loadAll();
  const rows = await Promise.all(
    shipped.filter(({ task }) => task.name === "sort").map((it) => measureSort(compile, it)),
  );
  return [...rows.flat(), ...await measureMetering(compile, shipped)];
}

async function loadAll(): Promise<Shipped[]> {
  const found: Shipped[] = [];
  for await (const { name, isDirectory } of Deno.readDir(FUNCTIONS)) {
    const read = (file: string) => Deno.readTextFile(new URL(`${name}/${file}`, FUNCTIONS));
    const loaded = isDirectory && await loadTask(new URL(`${name}/task.ts`, FUNCTIONS).href);
    if (!loaded) continue;
    if (!loaded.ok) throw new Error(loaded.error);
    const cassette = parseCassette(await read("cassette.jsonl"), name);
    if (!cassette.ok) throw new Error(cassette.error);
    const reply = cassette.value.lines.at(-1)?.reply;
    const body = lastBlock(reply && "text" in reply ? reply.text ?? "" : "", loaded.value.task.functions);
    if (!body.ok) throw new Error(`Cannot measure "${name}": ${body.error}`);
    found.push({ task: loaded.value.task, start: await read("function.ts"), evolved: body.value });
  }
  return found.sort((a, b) => a.task.name < b.task.name ? -1 : 1);
}

function run({ functions, limits }: Task, wasm: Uint8Array<ArrayBuffer>, metered: boolean): Calls {
  const instance = createInstance(new WebAssembly.Module(wasm), { functions, limits, size: wasm.length, metered });
  return instance.functions as unknown as Calls;
}

const copy = (value: unknown): unknown => value instanceof Float64Array ? value.slice() : structuredClone(value);

/** The calls of one evaluation, with copies of their arguments as they were before, and the names of its metrics in order. */
function record(task: Task, answers: Calls): { calls: Asked[]; metrics: string[] } {
  const calls: Asked[] = [];
  const functions = Object.fromEntries(
    Object.entries(answers).map(([name, answer]) => [name, (...values: unknown[]) => {
      if (calls.length < MOST_CALLS) calls.push({ name, values: values.map(copy) });
      return answer(...values);
    }]),
  );
  const watched = { functions, fuel: () => 1, size: 1, fresh: () => watched } as unknown as Instance<Signatures>;
  const { metrics = {} } = task.evaluate(watched, { set: "training", random: createRandom(SEED) });
  return { calls, metrics: Object.keys(metrics) };
}

/** Milliseconds of the calls, arguments copied before the clock starts; repeated `times` over. */
function time(answers: Calls, calls: Asked[], times: number): number {
  const copies = Array.from(
    { length: times },
    () => calls.map(({ name, values }) => ({ name, values: values.map(copy) })),
  );
  const started = performance.now();
  for (const asked of copies) for (const { name, values } of asked) answers[name]?.(...values);
  return performance.now() - started;
}

/** Medians of the rounds, the contestants in turn. */
function race(contestants: Record<string, Calls>, calls: Asked[], { times = 1 } = {}): Record<string, number> {
  const names = Object.keys(contestants);
  const took = new Map(names.map((name): [string, number[]] => [name, []]));
  for (let round = 1 - WARM; round <= ROUNDS; round++) {
    for (const [name, answers] of Object.entries(contestants)) {
      const ms = time(answers, calls, times) / times;
      if (round > 0) took.get(name)?.push(ms);
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(took.get(name) ?? [])]));
}

async function measureSort(compile: Compile, { task, start, evolved }: Shipped): Promise<Row[]> {
  const own: Calls = { sort: (values) => void (values instanceof Float64Array && values.sort()) };
  const { calls, metrics } = record(task, own);
  // Those with NaN are there to be sorted right, not fast.
  const long = calls.filter(({ values: [array] }) =>
    array instanceof Float64Array && array.length === LENGTH && !array.includes(NaN)
  );
  const contestants = {
    own,
    evolved: run(task, (await compile(task, evolved, 3)).plain, false),
    start: run(task, (await compile(task, start, 3)).plain, false),
  };
  const warm = performance.now() + 1_000; // by then it is compiled to the end
  while (performance.now() < warm) time(contestants.evolved, long, 1);
  return metrics.flatMap((name, at) => {
    const { own = NaN, evolved = NaN, start = NaN } = race(contestants, long.slice(at, at + 1));
    const note = `${evolved.toFixed(3)} ms; the runtime's own ${own.toFixed(3)} ms, the start ${start.toFixed(1)} ms`;
    return [
      { measure: `sort ${name}: evolved / own`, value: evolved / own, unit: "x", note },
      { measure: `sort ${name}: start / evolved`, value: start / evolved, unit: "x" },
    ];
  });
}

async function measureMetering(compile: Compile, shipped: Shipped[]): Promise<Row[]> {
  const found: { name: string; ratio: number }[] = [];
  for (const { task, evolved } of shipped) {
    const { wasm, plain } = await compile(task, evolved, 1);
    const contestants = { metered: run(task, wasm, true), plain: run(task, plain, false) };
    const { calls } = record(task, contestants.plain);
    const times = Math.ceil(LEAST / Math.max(time(contestants.plain, calls, 1), 0.01));
    const { metered = NaN, plain: bare = NaN } = race(contestants, calls, { times });
    found.push({ name: task.name, ratio: metered / bare });
  }
  const worst = found.toSorted((a, b) => b.ratio - a.ratio)[0];
  const mean = Math.exp(found.reduce((sum, { ratio }) => sum + Math.log(ratio), 0) / found.length);
  const note = found.map(({ name, ratio }) => `${name} ${ratio.toFixed(2)}`).join(", ");
  return [
    { measure: "metering, geometric mean", value: mean, unit: "x", target: MOST_METERING, note },
    { measure: "metering, worst function", value: worst?.ratio ?? NaN, unit: "x", note: worst?.name ?? "" },
  ];
}
