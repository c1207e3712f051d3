/** Measures evaluation: candidates a second on one core, and how soon what never ends is ended. */
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Task, TaskFile } from "../../actors/functions.ts";
import { TRAINING_SEED } from "../functions/arena.ts";
import { scoreTraining } from "../evaluation/evaluate.ts";
import { createWorkshop } from "../evaluation/pool.ts";
import type { Workshop } from "../evaluation/types.ts";
import { median, type Row } from "../testing/measure.ts";
import { createInstance } from "../wasm/instance.ts";
import { createMemories } from "../wasm/memories.ts";

const CANDIDATES = 1_000, WARM = 10, ROUNDS = 21, RUNAWAYS = 1_000, KILLS = 30, DEADLINE_MS = 100;
const never = new AbortController().signal;
const LOOP = "export function spin(n: i32): i32 { while (true) { n = n * 3 + 1; } return n; }";
const RUNAWAY = `export default ({ task }) => task({
  name: "runaway", description: "Never ends",
  functions: { spin: { parameters: [["n", "i32"]], result: "i32" } },
  limits: { fuel: 1e6, pages: 1, deadlineMs: 5000, source: 1000 },
  evaluate({ functions }, { random }) { if (random.next() < 2) functions.spin(1); return { score: 0, feedback: [] }; },
});`;

/** Rows: processor time of one candidate (20,000 a second are 50 us), and the worst delay behind a budget. */
export async function measureScoring(executable: string): Promise<Row[]> {
  const folder = await Deno.makeTempDir({ prefix: "evo-bench-" });
  const workshop = createWorkshop({ self: [executable], size: 1 });
  try {
    return [...await measureCandidates(workshop), ...await measureRunaways(workshop, folder)];
  } finally {
    await workshop.close();
    await Deno.remove(folder, { recursive: true });
  }
}

async function measureCandidates(workshop: Workshop): Promise<Row[]> {
  const place = new URL("../../plugins/functions/fizzbuzz/", import.meta.url);
  const file = new URL("task.ts", place).href;
  const { default: make }: { default: TaskFile } = await import(file);
  const task: Task = make({ task: (task) => task as never });
  const { functions, limits } = task;
  const source = await Deno.readTextFile(new URL("function.ts", place));
  const compiled = await workshop.compile({ source, functions, limits, optimize: 1 }, never);
  if (!compiled.ok) throw new Error(`Cannot measure scoring: ${compiled.diagnostics}`);
  const { wasm, plain } = compiled;
  const first = scoreOnce(task, wasm, { size: plain.length, best: [] });
  if (!first.ok) throw new Error(`Cannot measure scoring: ${first.feedback}`);
  const best = [{ ...first.score, score: Infinity }]; // as most candidates are: no better than what is there
  const rounds = Array.from({ length: WARM + ROUNDS }, () => {
    const before = process.cpuUsage(), started = performance.now();
    for (let at = 0; at < CANDIDATES; at++) scoreOnce(task, wasm, { size: plain.length, best });
    const { user, system } = process.cpuUsage(before);
    return { cpu: (user + system) / CANDIDATES, wall: 1000 * (performance.now() - started) / CANDIDATES };
  }).slice(WARM);
  const asks = { file: fileURLToPath(file), candidate: wasm, trainingSeed: TRAINING_SEED };
  await workshop.score(asks, never); // its process is there when the clock starts
  const asked = performance.now();
  for (let at = 0; at < 200; at++) await workshop.score(asks, never);
  const through = 1000 * (performance.now() - asked) / 200;
  const cpu = median(rounds.map(({ cpu }) => cpu)), wall = median(rounds.map(({ wall }) => wall));
  return [
    { measure: "score a fizzbuzz candidate, cpu", value: cpu, unit: "us", target: 50, note: perSecond(cpu) },
    { measure: "score a fizzbuzz candidate, wall", value: wall, unit: "us", note: perSecond(wall) },
    { measure: "the same, one at a time by a child", value: through, unit: "us", note: perSecond(through) },
  ];
}

const perSecond = (us: number) => `${Math.round(1e6 / us).toLocaleString("en")} a second`;

const { lend, giveBack } = createMemories();
/** What the child does with each: compile for the engine, instantiate, score. */
function scoreOnce(
  task: Task,
  wasm: Uint8Array<ArrayBuffer>,
  on: { size: number; best: { score: number; feedback: string[] }[] },
) {
  const { functions, limits } = task;
  giveBack();
  const body = createInstance(new WebAssembly.Module(wasm), { functions, limits, size: on.size, metered: true, lend });
  return scoreTraining(task, body, { seed: TRAINING_SEED, best: on.best, now: () => 0 });
}

async function measureRunaways(workshop: Workshop, folder: string): Promise<Row[]> {
  const body = `${folder}/body.js`, evaluator = `${folder}/evaluator.js`;
  await Deno.writeTextFile(body, RUNAWAY.replace(`deadlineMs: ${DEADLINE_MS}`, "deadlineMs: 5000")); // fuel ends it, not time
  await Deno.writeTextFile(
    evaluator,
    RUNAWAY.replace("if (random.next() < 2) functions.spin(1)", "for (;;)").replace("5000", `${DEADLINE_MS}`),
  );
  const declared = await workshop.declare(body);
  if (!declared.ok) throw new Error(declared.error);
  const { functions, limits } = declared.value;
  const compiled = await workshop.compile({ source: LOOP, functions, limits, optimize: 1 }, never);
  if (!compiled.ok) throw new Error(`Cannot measure runaways: ${compiled.diagnostics}`);
  const stop = async (file: string, kind: string, budget: number) => {
    const started = performance.now();
    const scored = await workshop.score({ file, candidate: compiled.wasm, trainingSeed: 1 }, never);
    if (scored.ok || scored.kind !== kind) {
      throw new Error(`Cannot measure runaways: it ended as ${JSON.stringify(scored)}`);
    }
    return performance.now() - started - budget;
  };
  const bodies: number[] = [], evaluators: number[] = [];
  for (let at = 0; at < RUNAWAYS; at++) bodies.push(await stop(body, "fuel", 0));
  for (let at = 0; at < KILLS; at++) {
    await workshop.declare(evaluator); // its process is there when the clock starts
    evaluators.push(await stop(evaluator, "timeout", DEADLINE_MS));
  }
  const late = bodies.filter((ms) => ms > 50).length;
  return [
    {
      measure: "a body that never ends, worst",
      value: Math.max(...bodies),
      unit: "ms",
      target: 50,
      note: `${RUNAWAYS - late} of ${RUNAWAYS} within 50 ms, median ${median(bodies).toFixed(1)}`,
    },
    {
      measure: "an evaluator that never ends, worst",
      value: Math.max(...evaluators),
      unit: "ms",
      target: 50,
      note: `behind its deadline, worst of ${KILLS}`,
    },
  ];
}
