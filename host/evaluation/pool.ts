/** The workshop: compilers and evaluators, each a crew of killable processes. */
import type { Score } from "../../actors/functions.ts";
import { no, ok, type Outcome } from "../../actors/types.ts";
import { createCrew } from "../children/crew.ts";
import { beats } from "./evaluate.ts";
import { type Process, startAsked, type Told } from "../children/ask.ts";
import { Answer, type Hello, MOST } from "./protocol.ts";
import { shown } from "./task_file.ts";
import type { Declaration, Evaluated, Scored, Tried, Workshop } from "./types.ts";
export type { Declaration, Evaluated, EvaluateRequest, Scored, TaskEntry, Workshop } from "./types.ts";

/** A loaded machine may take as long to start a process. */
const START_MS = 30_000;
const COMPILE_MS = 20_000, OPEN_MS = 10_000, IDLE_MS = 60_000, MOST_TASK_BYTES = 1 << 20;
const HEAP_MB = { compile: 1024, evaluate: 512 };
const MEMORY = { compile: 2048 << 20, evaluate: 1024 << 20 };
const KEPT = /^(PATH|HOME|TMPDIR|DENO_DIR|DENO_TLS_CA_STORE|DENO_CERT|SSL_CERT_FILE|XDG_CACHE_HOME)$/;
const QUIET = { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" };
const never = new AbortController().signal;

/** Where the workshop's processes come from. `size`: of each kind, at most the number of cores. The rest is for tests. */
export interface WorkshopOptions {
  self: string[];
  size: number;
  compileMs?: number;
  idleMs?: number;
  memory?: { compile: number; evaluate: number };
}

/** What an evaluator was opened on. */
interface Opened {
  process: Process;
  declaration: Declaration;
}

/** Opens the workshop; no process is started before it is needed. */
export function createWorkshop(options: WorkshopOptions): Workshop {
  const { self, compileMs = COMPILE_MS, idleMs = IDLE_MS, memory = MEMORY } = options;
  const size = Math.max(1, Math.min(options.size, navigator.hardwareConcurrency));
  const crew = (role: "compile" | "evaluate") =>
    createCrew({
      size,
      idleMs,
      async start() {
        const kept = Object.fromEntries(Object.entries(Deno.env.toObject()).filter(([name]) => KEPT.test(name)));
        const env = { ...kept, ...QUIET, DENO_V8_FLAGS: `--max-old-space-size=${HEAP_MB[role]}` };
        const process = startAsked({ command: [...self, "--evo-functions"], env, most: MOST });
        const hello: Hello = { op: "hello", role, memory: memory[role] };
        await process.ask({ ...hello, withinMs: START_MS }, { answer: Answer.hello, signal: never });
        return process; // ready, or dead, which the first question is told
      },
    });
  const compilers = crew("compile"), evaluators = crew("evaluate");
  const opened = new WeakMap<Process, Map<string, Declaration>>();

  const open = async (process: Process, task: TaskText, signal: AbortSignal): Promise<Tried> => {
    const known = opened.get(process) ?? new Map<string, Declaration>();
    opened.set(process, known);
    const present = known.get(task.file);
    if (present) return ok(present);
    const { file, text } = task;
    const question = { op: "open" as const, file, ...(text === undefined ? {} : { text }), withinMs: OPEN_MS };
    const told = await process.ask(question, { answer: Answer.open, signal });
    if (told.kind === "answer" && told.answer.ok) known.set(file, told.answer.value);
    const tried = told.kind === "answer"
      ? told.answer
      : no(`Cannot load the task "${shown(file)}": ${died(told, OPEN_MS)}`);
    return tried.ok ? tried : { ...tried, lasting: told.kind !== "crash" };
  };
  const running = async <T>(
    file: string,
    signal: AbortSignal,
    job: (opened: Opened) => Promise<T>,
  ): Promise<Outcome<T>> => {
    const task = await readTask(file);
    if (!task.ok) return task;
    return await evaluators.run(task.value.key, async (process) => {
      const declared = await open(process, task.value, signal);
      return declared.ok ? ok(await job({ process, declaration: declared.value })) : declared;
    }, signal);
  };
  const score =
    (on: Parameters<Workshop["score"]>[0] & { best?: Score[] }, signal: AbortSignal) =>
    async ({ process, declaration }: Opened): Promise<Scored> => {
      const { file, candidate: wasm, size, trainingSeed: seed } = on;
      const { deadlineMs: withinMs, pages } = declaration.limits;
      const best = on.best && { best: on.best };
      const question = { op: "score", file, candidate: packed({ wasm, size }), seed, ...best, withinMs };
      const told = await process.ask(question, { answer: Answer.score, signal });
      if (told.kind === "answer") return told.answer;
      const feedback = told.kind === "timeout"
        ? `The evaluation did not end within ${withinMs} ms and was stopped`
        : `The evaluation ended its process (${told.detail}); a body has ${pages} pages of memory`;
      return { ok: false, kind: told.kind, feedback };
    };
  const failed = (error: string): Scored => ({ ok: false, kind: "evaluator", feedback: error });

  return {
    async declare(file) {
      const task = await readTask(file);
      if (!task.ok) return task;
      const { key, text } = task.value;
      const declared = (process: Process) => open(process, task.value, never);
      return await evaluators.run(text === undefined ? "shipped" : key, declared, never);
    },
    async compile({ source, functions, limits, optimize }, signal): ReturnType<Workshop["compile"]> {
      if (source.length > limits.source) {
        const diagnostics =
          `The body has ${source.length} characters, ${limits.source} is the limit; write a shorter one`;
        return { ok: false, kind: "policy", diagnostics };
      }
      const sent = { source, functions, limits, optimize };
      const question = { op: "compile" as const, request: sent, withinMs: compileMs };
      const ask = (process: Process) => process.ask(question, { answer: Answer.compile, signal });
      const told = await compilers.run("", ask, signal);
      if (told.kind !== "answer") {
        const diagnostics = `The compiler gave up: ${died(told, compileMs)}; write a simpler body`;
        return { ok: false, kind: told.kind, diagnostics };
      }
      return told.answer;
    },
    async score(on, signal) {
      const scored = await running(on.file, signal, score(on, signal));
      return scored.ok ? scored.value : failed(scored.error);
    },
    async evaluate(on, signal) {
      const { file, candidate, incumbents, best, heldOutSeed: seed } = on;
      const outcome = await running(file, signal, async (opened): Promise<Evaluated> => {
        const scored = await score(on, signal)(opened);
        const { process, declaration } = opened;
        if (!scored.ok || !beats(declaration, scored.score, best)) return { ...scored, beatsTraining: false };
        const modules = [{ wasm: candidate, size: on.size }, ...incumbents].map(packed);
        const withinMs = declaration.limits.deadlineMs * modules.length;
        const question = { op: "beats", file, modules, seed, withinMs };
        const told = await process.ask(question, { answer: Answer.beats, signal });
        return { ...scored, beatsTraining: true, beatsHeldOut: told.kind === "answer" && told.answer.beats };
      });
      return outcome.ok ? outcome.value : { ...failed(outcome.error), beatsTraining: false };
    },
    async close() {
      await Promise.all([compilers.close(), evaluators.close()]);
    },
  };
}

const packed = ({ wasm, size = wasm.length }: { wasm: Uint8Array; size?: number | undefined }) => ({
  wasm: wasm.toBase64(),
  size,
});

interface TaskText {
  file: string;
  /** Of a dropped-in task; absent for Evo's own, which are URLs. */
  text?: string;
  key: string;
}

async function readTask(file: string): Promise<Outcome<TaskText>> {
  if (file.startsWith("file:")) return ok({ file, key: file });
  try {
    const { size } = await Deno.stat(file);
    if (size > MOST_TASK_BYTES) {
      return no(`Cannot load the task "${shown(file)}": it has ${size} bytes, ${MOST_TASK_BYTES} is the limit`);
    }
    const text = await Deno.readTextFile(file);
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
    return ok({ file, text, key: `${file} ${hash.toHex()}` });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      return no(`Cannot load the task "${shown(file)}": it is gone; put it back or choose another`);
    }
    return no(`Cannot load the task "${shown(file)}": ${error instanceof Error ? error.message : String(error)}`);
  }
}

const died = (told: Exclude<Told<unknown>, { kind: "answer" }>, withinMs: number) =>
  told.kind === "timeout" ? `it did not end within ${withinMs} ms` : told.detail;
