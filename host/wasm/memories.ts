/**
 * The memory of a metered module is the host's: it is the module's one import, put there after the module was checked. So one
 * instance after another can have the same, zeroed, where making one costs several times all else of an instance: V8 reserves
 * gigabytes of addresses for each.
 */
import type { Module } from "../assembly/asc.d.ts";

/** Gives a memory of so many pages, all zero, that may grow to so many. */
export type Lend = (initial: number, most: number) => WebAssembly.Memory;

/** How many memories wait to be lent again, and how many pages they have: with more, zeroing takes longer than making. */
const KEPT = 8, FIRST = 4;

/** Makes the memory of a module, if it has one, an import. */
export function importMemory(m: Module): void {
  if (m.hasMemory()) m.addMemoryImport("0", "host", "memory", false);
}

/** An instance of a module whose memory, if it asks for one, may grow to `most` pages. Its constants may want more than the first. */
export function instantiate(module: WebAssembly.Module, most: number, lend: Lend = make): WebAssembly.Instance {
  const begin = (initial: number) => {
    const host = new Host(() => lend(initial, most)) as unknown as WebAssembly.ModuleImports;
    return new WebAssembly.Instance(module, { host });
  };
  try {
    return begin(Math.min(FIRST, most));
  } catch (error) {
    if (error instanceof WebAssembly.LinkError && most > FIRST) return begin(most);
    throw error;
  }
}

/** What a module may import: a memory, made if it is asked for. A class: objects with a getter of their own cost V8 far more. */
class Host {
  constructor(readonly give: () => WebAssembly.Memory) {}
  get memory(): WebAssembly.Memory {
    return this.give();
  }
}

const make: Lend = (initial, maximum) => new WebAssembly.Memory({ initial, maximum });

/** Memories that are lent until all are given back: then no instance that has one may be called any more. */
export function createMemories(): { lend: Lend; giveBack(): void } {
  const free: { memory: WebAssembly.Memory; initial: number; most: number }[] = [], lent: typeof free = [];
  return {
    lend(initial, most) {
      const at = free.findIndex((one) => one.initial === initial && one.most === most);
      const [one = { memory: make(initial, most), initial, most }] = at < 0 ? [] : free.splice(at, 1);
      lent.push(one);
      return one.memory;
    },
    giveBack() {
      for (const one of lent.splice(0)) {
        const grown = one.memory.buffer.byteLength > one.initial * 65_536;
        if (grown || one.initial > FIRST || free.length === KEPT) continue;
        new Uint8Array(one.memory.buffer).fill(0);
        free.push(one);
      }
    },
  };
}
