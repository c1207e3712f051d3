/**
 * The memory of a metered module is the host's: it is the module's one import, put there after the module was checked. So one
 * instance after another can have the same, zeroed, where making one costs several times all else of an instance: V8 reserves
 * gigabytes of addresses for each.
 */
import type { Module } from "../assembly/asc.d.ts";

/** Gives a memory of so many pages, all zero; it has them from the start, since what is not touched costs nothing. */
export type Lend = (pages: number) => WebAssembly.Memory;

/** How many memories wait to be lent again, and of how many pages: larger ones take longer to zero than to make. */
const KEPT = 8, MOST = 4;

/** Makes the memory of a module, if it has one, an import. */
export function importMemory(m: Module): void {
  if (m.hasMemory()) m.addMemoryImport("0", "host", "memory", false);
}

/** What an instance is given; a module without memory does not ask for it. */
export function importsFor(pages: number, lend: Lend = make): WebAssembly.Imports {
  return {
    host: {
      get memory() {
        return lend(pages);
      },
    },
  };
}

const make: Lend = (pages) => new WebAssembly.Memory({ initial: pages, maximum: pages });

/** Memories that are lent until all are given back: then no instance that has one may be called any more. */
export function createMemories(): { lend: Lend; giveBack(): void } {
  const free: WebAssembly.Memory[] = [], lent: WebAssembly.Memory[] = [];
  const sizeOf = (memory: WebAssembly.Memory) => memory.buffer.byteLength / 65_536;
  return {
    lend(pages) {
      const at = free.findIndex((memory) => sizeOf(memory) === pages);
      const [memory = make(pages)] = at < 0 ? [] : free.splice(at, 1);
      lent.push(memory);
      return memory;
    },
    giveBack() {
      for (const memory of lent.splice(0)) {
        if (sizeOf(memory) > MOST || free.length === KEPT) continue;
        new Uint8Array(memory.buffer).fill(0);
        free.push(memory);
      }
    },
  };
}
