/** The child process of the workshop, behind the hidden flag `--evo-functions`: a warm compiler, or the runner of tasks. */
import type { Instance, Signatures } from "../../actors/functions.ts";
import { no, ok, type Outcome } from "../../actors/types.ts";
import type { Compiler } from "../wasm/types.ts";
import { strip } from "../workers/strip.ts";
import { createInstance, type InstanceOptions } from "../wasm/instance.ts";
import { createMemories } from "../wasm/memories.ts";
import { beatsHeldOut, scoreTraining } from "./evaluate.ts";
import { createWire } from "../children/frames.ts";
import { lockDown, type Locks } from "../children/lock_down.ts";
import { Hello, type Module, MOST, Question } from "./protocol.ts";
import { type Loaded, loadTask } from "./task_file.ts";

const MISUSED = 64;

type Answering = (question: Question) => Promise<unknown> | unknown;

/** Answers questions on stdin until it ends. Returns the exit code. */
export async function runChild(): Promise<number> {
  const { stdin, stdout, stderr, exit } = Deno; // gone from the globals once a task runs
  const wire = createWire(MOST);
  let answer: Answering | undefined, locks: Locks | undefined;
  const send = (reply: unknown) => {
    const bytes = wire.encode(reply);
    if (!bytes) throw new RangeError(`Cannot send an answer: it has over ${MOST} bytes`);
    for (let at = 0; at < bytes.length;) at += stdout.writeSync(bytes.subarray(at));
  };
  const take = async (frame: unknown) => {
    if (!answer) {
      const hello = Hello.parse(frame);
      locks = await lockDown(hello);
      answer = hello.role === "compile" ? await compiler(locks) : runner(locks);
      return { without: locks.without };
    }
    const question = Question.parse(frame);
    locks?.limit(question.withinMs);
    const reply = await answer(question);
    locks?.limit(0);
    return reply;
  };
  try {
    // Nothing else goes on here, and a read that blocks comes back sooner than one that goes through the event loop.
    const chunk = new Uint8Array(65_536);
    for (let size = stdin.readSync(chunk); size !== null; size = stdin.readSync(chunk)) {
      for (const frame of wire.read(chunk.subarray(0, size))) send(await take(frame));
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
    return compiled.ok
      ? { ok: true, ms: compiled.ms, wasm: compiled.wasm.toBase64(), plain: compiled.plain.toBase64() }
      : compiled;
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
  return async (question) => {
    if (question.op === "open") {
      const loaded = await open(question.file, question.text);
      return loaded.ok ? { ok: true, value: loaded.value.declaration } : loaded;
    }
    if (question.op === "compile") throw new TypeError(`Cannot answer "compile": this process runs tasks`);
    const loaded = tasks.get(question.file);
    if (!loaded) throw new TypeError(`Cannot run "${question.file}": it was not opened`);
    await close();
    const { task } = loaded;
    const { seed } = question, make = ({ wasm, size }: Module) => instantiate(wasm, { ...task, size, lend });
    giveBack(); // whatever ran before is over
    if (question.op === "score") {
      const body = make(question.candidate);
      if (!body.ok) return { ok: false, kind: "missing", feedback: body.error };
      return scoreTraining(task, body.value, { seed, best: question.best, now });
    }
    const [candidate, ...others] = question.modules.map(make);
    const incumbents = others.flatMap((body) => body.ok ? [body.value] : []);
    return { beats: candidate?.ok === true && beatsHeldOut(task, candidate.value, { incumbents, seed }) };
  };
}

function instantiate(
  bytes: Uint8Array<ArrayBuffer>,
  { functions, limits, size, lend }: Omit<InstanceOptions<Signatures>, "metered">,
): Outcome<Instance> {
  try {
    const module = new WebAssembly.Module(bytes);
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
