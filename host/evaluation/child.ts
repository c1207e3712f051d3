/** The child process of the workshop, behind the hidden flag `--evo-functions`: a warm compiler, or the runner of tasks. */
import type { Instance, Signatures } from "../../actors/functions.ts";
import { no, ok, type Outcome } from "../../actors/types.ts";
import type { Compiler } from "../wasm/types.ts";
import { strip } from "../workers/strip.ts";
import { createInstance, type InstanceOptions } from "../wasm/instance.ts";
import { createMemories } from "../wasm/memories.ts";
import { beatsHeldOut, scoreTraining } from "./evaluate.ts";
import { createReader, encode, type Frame, PLAIN_MARK } from "../children/frames.ts";
import { lockDown, type Locks } from "../children/lock_down.ts";
import { Hello, Question } from "./protocol.ts";
import { type Loaded, loadTask } from "./task_file.ts";

const MISUSED = 64;

interface Reply {
  head: unknown;
  bytes?: Uint8Array[];
}
type Answering = (question: Question, bytes: Uint8Array<ArrayBuffer>[]) => Promise<Reply> | Reply;

/** Answers questions on stdin until it ends. Returns the exit code. */
export async function runChild(): Promise<number> {
  const { stdin, stdout, stderr, exit } = Deno; // gone from the globals once a task runs
  const reader = createReader(PLAIN_MARK);
  let answer: Answering | undefined, locks: Locks | undefined, mark = PLAIN_MARK;
  const send = ({ head, bytes = [] }: Reply) => {
    const frame = encode({ head, bytes }, mark);
    for (let at = 0; at < frame.length;) at += stdout.writeSync(frame.subarray(at));
  };
  const take = async ({ head, bytes }: Frame) => {
    if (!answer) {
      const hello = Hello.parse(head);
      mark = hello.mark;
      locks = await lockDown(hello);
      answer = hello.role === "compile" ? await compiler(locks) : runner(locks);
      return { head: { without: locks.without } };
    }
    const question = Question.parse(head);
    locks?.limit(question.withinMs);
    const reply = await answer(question, bytes);
    locks?.limit(0);
    return reply;
  };
  try {
    // Nothing else goes on here, and a read that blocks comes back sooner than one that goes through the event loop.
    const chunk = new Uint8Array(65_536);
    for (let size = stdin.readSync(chunk); size !== null; size = stdin.readSync(chunk)) {
      for (const frame of reader.push(chunk.subarray(0, size))) send(await take(frame));
    }
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    stderr.writeSync(new TextEncoder().encode(`${said}\n`));
    exit(MISUSED);
  }
  return exit(0);
}

/** Compiles; loads all it needs first, then owns nothing. */
async function compiler(locks: Locks): Promise<Answering> {
  const { createCompiler } = await import("../wasm/compile.ts");
  const warm: Compiler = await createCompiler();
  await locks.close({ env: true }); // it asks for a few names of debugging
  return async (question) => {
    if (question.op !== "compile") throw new TypeError(`Cannot answer "${question.op}": this process compiles`);
    const { request } = question;
    const compiled = await warm.compile({ ...request, functions: request.functions });
    if (!compiled.ok) return { head: compiled };
    return { head: { ok: true, ms: compiled.ms }, bytes: [compiled.wasm, compiled.plain] };
  };
}

/** Runs bodies under their tasks. A dropped-in task is opened behind the locks; Evo's own before them, but run behind them. */
function runner(locks: Locks): Answering {
  const tasks = new Map<string, Loaded>(), { lend, giveBack } = createMemories();
  let closed = false;
  const now = performance.now.bind(performance);
  const close = async () => {
    if (closed) return;
    closed = true;
    await locks.close();
    disarm();
  };
  const open = async (file: string, text: string | undefined): Promise<Outcome<Loaded>> => {
    if (text !== undefined) {
      if (!closed) await strip("", file); // it loads what it needs while there are files
      await close();
    }
    const loaded = await loadTask(file, text);
    if (loaded.ok) tasks.set(file, loaded.value);
    return loaded;
  };
  return async (question, bytes) => {
    if (question.op === "open") {
      const loaded = await open(question.file, question.text);
      return { head: loaded.ok ? { ok: true, value: loaded.value.declaration } : loaded };
    }
    if (question.op === "compile") throw new TypeError(`Cannot answer "compile": this process runs tasks`);
    const loaded = tasks.get(question.file);
    if (!loaded) throw new TypeError(`Cannot run "${question.file}": it was not opened`);
    await close();
    const { task } = loaded;
    const instances = (sizes: number[]) => sizes.map((size, at) => instantiate(bytes[at], { ...task, size, lend }));
    giveBack(); // whatever ran before is over
    if (question.op === "score") {
      const [body] = instances([question.size]);
      if (!body?.ok) return { head: { ok: false, kind: "missing", feedback: body?.error ?? "There is no module" } };
      return { head: scoreTraining(task, body.value, { seed: question.seed, best: question.best, now }) };
    }
    const [candidate, ...incumbents] = instances(question.sizes);
    const beaten = incumbents.flatMap((body) => body.ok ? [body.value] : []);
    const beats = candidate?.ok && beatsHeldOut(task, candidate.value, { incumbents: beaten, seed: question.seed });
    return { head: { beats: beats === true } };
  };
}

function instantiate(
  bytes: Uint8Array<ArrayBuffer> | undefined,
  { functions, limits, size, lend }: Omit<InstanceOptions<Signatures>, "metered">,
): Outcome<Instance> {
  try {
    const module = new WebAssembly.Module(bytes ?? new Uint8Array());
    return ok(createInstance(module, { functions, limits, size, metered: true, lend }));
  } catch (error) {
    return no(`Cannot run the module: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const GONE = "Deno fetch Worker WebSocket WebSocketStream EventSource Date performance process".split(" ");

/** What a task does not have: a clock, a network, chance of its own, a place to print to. */
function disarm(): void {
  for (const name of GONE) Reflect.deleteProperty(globalThis, name);
  const silent = new Proxy({}, { get: () => () => {} });
  Object.defineProperty(globalThis, "console", { value: silent, configurable: true, writable: true });
  Math.random = () => {
    throw new TypeError("Cannot use Math.random in a task: draw from run.random");
  };
}
