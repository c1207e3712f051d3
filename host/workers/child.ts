/** The process of a plugin, or of several that are declared: its first thread is Evo's and always answers, each plugin lives in a worker with few permissions. */
import { ok } from "../../actors/types.ts";
import { createWire } from "../children/frames.ts";
import { giveUp } from "../children/lock_down.ts";
import { strip } from "./strip.ts";
import { type System, takeProcess } from "./system.ts";
import { type Allowed, cut, type FromChild, LIMITS, type Source, ToChild } from "./wire.ts";

const WATCH_MS = 25, FLOOD = 2_000;

/** Serves one plugin over standard input and output until Evo is gone; returns the exit code. */
export async function runWorkerChild(): Promise<number> {
  const taken = takeProcess({ alone: !Deno.args.includes("--programs") });
  if (!taken.ok) return await Deno.stderr.write(new TextEncoder().encode(`${taken.error}\n`)), 1;
  const system = taken.value, wire = createWire(LIMITS.frame);
  const send = (frame: FromChild) => {
    const bytes = wire.encode(frame) ?? wire.encode(shorten(frame));
    return bytes ? system.send(bytes) : Promise.resolve();
  };
  let worker: Worker | undefined;
  for await (const told of system.incoming(wire.read)) {
    const frame = ToChild.parse(told);
    if (frame.type !== "start") {
      worker?.postMessage(frame);
      continue;
    }
    watchMemory(system, frame.memory, send);
    const begins = await Promise.all(frame.plugins.map((plugin, at) => load(plugin, { ...frame, at, send })));
    await giveUp(); // the workers have permissions of their own by now
    worker = begins.map((begin) => begin?.())[0];
  }
  system.endAll();
  return 0;
}

type Send = (frame: FromChild) => Promise<void>;

/** Opens a worker for a plugin. Nothing of the plugin runs before what this returns is called. */
async function load(
  { file, source, code }: Source,
  { cwd, allowed, at, send }: { cwd: string; allowed: Allowed; at: number; send: Send },
): Promise<(() => Worker) | undefined> {
  const plain = code === undefined ? await strip(source, file) : ok(code);
  if (!plain.ok) return void await send({ type: "failed", at, error: plain.error });
  const worker = await open(allowed, (message) => void relay(message, { code: plain.value, at, send }));
  return () => (worker.postMessage({ type: "start", code: plain.value, file, cwd }), worker);
}

/** Starts the worker; resolves once it can be spoken to. Its file stands beside the main module, whether bundled or not. */
function open(allowed: Allowed, hear: (message: unknown) => void): Promise<Worker> {
  const ending = Deno.mainModule.endsWith(".ts") ? "ts" : "js";
  const permissions = { ...allowed, ffi: false, sys: false, import: false }, deno = { permissions };
  const worker = new Worker(new URL(`./workers/actor.${ending}`, Deno.mainModule), { type: "module", deno });
  return new Promise((done) => {
    worker.onmessage = ({ data }) => data?.type === "ready" ? done(worker) : hear(data);
    worker.onerror = (event) => {
      event.preventDefault();
      hear({ type: "gone", error: event.message || "it failed outside of a call" });
    };
  });
}

let heard = 0, since = 0;

/** Hands on what the worker says; whatever it is, only its own calls can be touched by it. */
async function relay(message: unknown, { code, at, send }: { code: string; at: number; send: Send }) {
  if (performance.now() - since > 1_000) heard = 0, since = performance.now();
  if (++heard > FLOOD) return await leave("it sent more than 2,000 messages in a second", send);
  if (typeof message !== "object" || message === null || !("type" in message)) return;
  const frame = message as FromChild; // The other side parses it; here it is only made to fit a line.
  if (frame.type === "gone") return await leave(String(frame.error), send);
  if (frame.type === "declared") return await send({ ...frame, at, code });
  if (frame.type === "failed") return await send({ ...frame, at });
  if (frame.type === "result") return await send({ ...frame, text: cut(String(frame.text), LIMITS.result) });
  if (frame.type === "update") return await send({ ...frame, text: String(frame.text).slice(0, LIMITS.update) });
  await send(frame);
}

/** A frame that did not fit: escapes may make six characters of one, and a call to another plugin must be refused by name. */
function shorten(frame: FromChild): FromChild {
  if (frame.type === "result") return { ...frame, text: cut(frame.text, LIMITS.result / 2) };
  if (frame.type === "ask") return { ...frame, input: null, tool: "" };
  return { type: "failed", at: "at" in frame ? frame.at : 0, error: "its declaration is over 1 MB" };
}

/** The memory of the whole process has one bound; a worker has none of its own in an executable. */
function watchMemory(system: System, limit: number, send: Send) {
  setInterval(() => {
    if (system.memory() > limit) void leave(`it used more than ${Math.round(limit / 1_048_576)} MB of memory`, send);
  }, WATCH_MS);
}

let leaving = false;

async function leave(why: string, send: Send) {
  if (leaving) return;
  leaving = true;
  await send({ type: "gone", error: cut(why, LIMITS.update) });
  Deno.exit(1);
}
