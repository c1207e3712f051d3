/** The calls of one plugin: one after the other unless it only reads, each with its deadline, none without an answer. */
import type { Clock } from "../../actors/ports.ts";
import type { Outcome, ToolResult } from "../../actors/types.ts";
import { reason } from "../session/files.ts";
import type { Child } from "../children/process.ts";
import type { Heard } from "./process.ts";
import type { CallOptions, Declared, ToolWorkerOptions } from "./types.ts";
import { cut, type FromChild, LIMITS } from "./wire.ts";

interface Pending extends CallOptions {
  chain: string[];
  done(result: ToolResult): void;
  /** Why its process is being killed for it. */
  fault?: string;
}

/** What the calls need: a process that is ready, and to say when none is in flight any more. */
export interface CallsOptions extends Pick<ToolWorkerOptions, "call"> {
  clock: Clock;
  ready(): Promise<Outcome<Child>>;
  rest(): void;
  /** The process that is up. */
  current(): Child | undefined;
}

/** Calls, as their process reports on them. */
export interface Calls extends Heard {
  call(input: unknown, on: CallOptions): Promise<ToolResult>;
  /** Kills the process without blaming the plugin. */
  kill(why: string): void;
  /** True while a call is waited for. */
  busy(): boolean;
  /** True while a process that was killed is not gone yet. */
  closing(): boolean;
  /** The process is gone: answers every call. True if it was meant to go. */
  gone(why: string): boolean;
  count(): number;
  failures(): number;
}

const ASKS = 64;
const failed = (text: string): ToolResult => ({ ok: false, text });

/** Keeps the calls of one plugin. */
export function createCalls(
  { name, readOnly, deadlineMs }: Declared,
  { call, clock, ready, rest, current }: CallsOptions,
): Calls {
  const pending = new Map<number, Pending>();
  let last = 0, count = 0, failures = 0, waiting = 0, asks = 0, line: Promise<unknown> = Promise.resolve();
  let meant = "";

  function kill(why: string) {
    const process = current();
    if (process) meant ||= why;
    process?.kill();
  }

  async function exchange(to: Child, input: unknown, on: CallOptions): Promise<ToolResult> {
    const { signal, update, chain = [] } = on;
    const id = ++last;
    if (pending.size === 0) to.refill();
    const { promise, resolve: done } = Promise.withResolvers<ToolResult>();
    const entry: Pending = { signal, update, chain, done };
    pending.set(id, entry);
    const over = new AbortController();
    const late = () => {
      entry.fault = `"${name}" was stopped: it was not done after ${deadlineMs / 1000} s`;
      kill("another of its calls passed its deadline");
    };
    let grace: number | undefined;
    const abort = () => {
      to.send({ type: "abort", id });
      grace = setTimeout(() => kill("another of its calls was interrupted"), LIMITS.graceMs);
    };
    clock.sleep(deadlineMs, over.signal).then(late, () => {});
    signal.addEventListener("abort", abort, { once: true });
    try {
      if (!to.send({ type: "call", id, input: input ?? null })) {
        done(failed(`The arguments of "${name}" are over 1 MB; give it less`));
      }
      if (signal.aborted) abort();
      return await promise;
    } finally {
      pending.delete(id);
      over.abort();
      clearTimeout(grace);
      signal.removeEventListener("abort", abort);
    }
  }

  async function answer(frame: FromChild & { type: "ask" }, entry: Pending, to: Child) {
    const chain = [...entry.chain, name];
    const { ask, tool, input } = frame;
    const deep = `plugins already wait for each other ${chain.length} deep (${chain.join(" > ")})`;
    const many = ++asks > ASKS ? `"${name}" waits for ${ASKS} calls already` : "";
    const why = !tool ? "its arguments are over 1 MB" : chain.length >= LIMITS.depth ? deep : many;
    const called = why ? failed(`Cannot call "${tool}": ${why}`) : call(tool, input, { signal: entry.signal, chain });
    const result = await Promise.resolve(called).catch((error) => failed(reason(error)));
    asks--;
    to.send({ type: "answer", ask, ok: result.ok, text: cut(result.text, LIMITS.result / 2) });
  }

  async function run(input: unknown, on: CallOptions): Promise<ToolResult> {
    on.signal.throwIfAborted();
    const to = await ready();
    return to.ok ? await exchange(to.value, input, on) : failed(to.error);
  }

  return {
    async call(input, on) {
      on.signal.throwIfAborted();
      count++, waiting++;
      // A call that this plugin waits for itself must not wait for it.
      const free = readOnly || on.chain?.includes(name);
      const turn = free ? run(input, on) : line.then(() => run(input, on));
      if (!free) line = turn.catch(() => {});
      try {
        const result = await turn;
        on.signal.throwIfAborted();
        if (!result.ok) failures++;
        return result;
      } finally {
        if (--waiting === 0) rest();
      }
    },
    hear(frame) {
      if (frame.type === "result") {
        pending.get(frame.id)?.done({ ok: frame.ok, text: cut(frame.text, LIMITS.result + 1_000) });
      }
      if (frame.type === "update") pending.get(frame.id)?.update(frame.text);
      const entry = frame.type === "ask" ? pending.get(frame.id) : undefined;
      const to = current();
      if (frame.type === "ask" && entry && to) void answer(frame, entry, to);
    },
    print(text) {
      for (const { update } of pending.values()) update(text.slice(0, LIMITS.update));
    },
    kill,
    busy: () => waiting > 0,
    closing: () => meant !== "",
    gone(why) {
      const wanted = meant;
      meant = "";
      const told = wanted ? `"${name}" was stopped, because ${wanted}; call it again` : `"${name}" crashed: ${why}`;
      for (const { done, fault } of pending.values()) done(failed(fault ?? told));
      return wanted !== "";
    },
    count: () => count,
    failures: () => failures,
  };
}
