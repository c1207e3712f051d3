/** A hot-swappable handle: a task's functions, called like any other, behind which the revision changes between two calls. */
import { receiveMessageOnPort } from "node:worker_threads";
import type { Callables, Instance, Limits, Signatures } from "../../actors/functions.ts";
import { createInstance } from "./instance.ts";

/** Functions that follow whatever revision is active. A call with numbers takes no lock and allocates nothing. */
export interface Follower<F extends Signatures> {
  readonly functions: Callables<F>;
  /** The active revision; undefined before the first, when calling throws. */
  revision(): number | undefined;
  /** Fuel that the active revision spent here since it was activated; 0 before the first. */
  fuel(): number;
}

/** What another thread needs to follow: pass it by `postMessage(share, [share.port])`, once for each thread. */
export interface Share {
  readonly cell: SharedArrayBuffer;
  readonly port: MessagePort;
}

/** The owner's side. */
export interface Handle<F extends Signatures> extends Follower<F> {
  /** Swaps all functions at once, here at this call, in each follower at its next one. Throws, and swaps nothing, if the module does not fit. */
  activate(revision: number, module: WebAssembly.Module): void;
  /** A new share for one more thread; it starts with the active revision. */
  share(): Share;
  /** Ends the shares; followers keep the revision they have. */
  close(): void;
}

type Target = (...values: unknown[]) => unknown;
/** Where a function is called through: one object for each, whose only field changes. */
interface Slot {
  call: Target;
}

/** Makes a handle. Each revision is one metered instance, with `limits` for each call. */
export function createHandle<const F extends Signatures>(functions: F, limits: Limits): Handle<F> {
  const { slots, swap, fuel } = makeSlots(functions, limits);
  const cell = new SharedArrayBuffer(4), changes = new Int32Array(cell);
  const ports: MessagePort[] = [];
  let active: { revision: number; module: WebAssembly.Module } | undefined;
  return {
    functions: callThrough(functions, slots, (slot) => slot),
    fuel,
    revision: () => active?.revision,
    activate(revision, module) {
      swap(module);
      active = { revision, module };
      for (const port of ports) port.postMessage(active);
      Atomics.add(changes, 0, 1);
    },
    share() {
      const { port1, port2 } = new MessageChannel();
      ports.push(port1);
      if (active) port1.postMessage(active);
      return { cell, port: port2 };
    },
    close: () => ports.splice(0, Infinity).forEach((port) => port.close()),
  };
}

/** Follows a handle of another thread. Looking for a change is one atomic load a call; only a change reads the port. */
export function followHandle<const F extends Signatures>(share: Share, functions: F, limits: Limits): Follower<F> {
  const { slots, swap, fuel } = makeSlots(functions, limits);
  const changes = new Int32Array(share.cell);
  let seen = -1, revision: number | undefined;
  const follow = () => {
    seen = Atomics.load(changes, 0);
    let newest: { revision: number; module: WebAssembly.Module } | undefined;
    for (let next = receive(share.port); next; next = receive(share.port)) newest = next;
    if (!newest) return;
    swap(newest.module);
    revision = newest.revision;
  };
  follow();
  return {
    fuel,
    functions: callThrough(functions, slots, (slot) => ({
      get call() {
        if (Atomics.load(changes, 0) !== seen) follow();
        return slot.call;
      },
    })),
    revision: () => {
      if (Atomics.load(changes, 0) !== seen) follow();
      return revision;
    },
  };
}

/** The port carries what `activate` posted, and nothing else. */
function receive(port: MessagePort): { revision: number; module: WebAssembly.Module } | undefined {
  return receiveMessageOnPort(port as never)?.message as never;
}

function makeSlots(functions: Signatures, limits: Limits) {
  const slots = new Map(Object.keys(functions).map((name): [string, Slot] => [name, { call: missing(name) }]));
  let instance: Instance | undefined;
  const swap = (module: WebAssembly.Module) => {
    instance = createInstance(module, { functions, limits, size: 0, metered: true });
    for (const [name, slot] of slots) slot.call = instance.functions[name] as unknown as Target;
  };
  return { slots, swap, fuel: () => instance?.fuel() ?? 0 };
}

const missing = (name: string) => (): never => {
  throw new Error(`Cannot call "${name}": no revision of it is active; activate one`);
};

/** A closure for each function, of its own number of parameters: a call gathers no array. */
function callThrough<F extends Signatures>(functions: F, slots: Map<string, Slot>, through: (slot: Slot) => Slot) {
  const made = Object.entries(functions).map(([name, { parameters }]) => {
    const slot = slots.get(name) ?? { call: missing(name) };
    return [name, CLOSURES[parameters.length]?.(through(slot)) ?? gather(through(slot))];
  });
  return Object.fromEntries(made) as Callables<F>;
}

const gather = (s: Slot): Target => (...values) => s.call(...values);
const CLOSURES: ((s: Slot) => Target)[] = [
  (s) => () => s.call(),
  (s) => (a) => s.call(a),
  (s) => (a, b) => s.call(a, b),
  (s) => (a, b, c) => s.call(a, b, c),
  (s) => (a, b, c, d) => s.call(a, b, c, d),
  (s) => (a, b, c, d, e) => s.call(a, b, c, d, e),
  (s) => (a, b, c, d, e, f) => s.call(a, b, c, d, e, f),
  (s) => (a, b, c, d, e, f, g) => s.call(a, b, c, d, e, f, g),
  (s) => (a, b, c, d, e, f, g, h) => s.call(a, b, c, d, e, f, g, h),
];
