/**
 * The memory of a metered module is the host's: it is the module's one import, put there after the module was checked. So one
 * instance after another can have the same, zeroed, where making one costs several times all else of an instance: V8 reserves
 * gigabytes of addresses for each.
 */
import type { Module } from "../assembly/asc.d.ts";
import { addSection } from "./sections.ts";

/** Gives a memory of so many pages, all zero. */
export type Lend = (initial: number, maximum: number) => WebAssembly.Memory;

/** The section that says how many pages a module begins with, and to how many it may grow. */
const SECTION = "memory", PAGE = 65_536;
const NONE: WebAssembly.Imports = {};
/** How many memories wait to be lent again, and of how many pages: larger ones take longer to zero than to make. */
const KEPT = 8, PAGES = 16;

/** Emits a module whose memory, if it has one, is imported. `finish` gets the bytes and their source map. */
export function emitLendable(m: Module, finish: (wasm: Uint8Array, map: string) => Uint8Array<ArrayBuffer>) {
  const { initial, max = PAGE } = m.hasMemory() ? m.getMemoryInfo("0") : { initial: undefined };
  if (initial !== undefined) m.addMemoryImport("0", "host", "memory", false);
  const { binary, sourceMap } = m.emitBinary("m");
  const wasm = finish(binary, sourceMap);
  return initial === undefined ? wasm : addSection(wasm, SECTION, new Uint8Array(Uint32Array.of(initial, max).buffer));
}

/** What an instance of a module has to be given. */
export function importsOf(module: WebAssembly.Module, lend: Lend = make): WebAssembly.Imports {
  const [section] = WebAssembly.Module.customSections(module, SECTION);
  if (!section) return NONE;
  const [initial = 0, maximum = 0] = new Uint32Array(section);
  return { host: { memory: lend(initial, maximum) } };
}

const make: Lend = (initial, maximum) => new WebAssembly.Memory({ initial, maximum });

/** Memories that are lent until all are given back: then no instance that has one may be called any more. */
export function createMemories(): { lend: Lend; giveBack(): void } {
  interface Lent {
    memory: WebAssembly.Memory;
    initial: number;
    maximum: number;
  }
  const free: Lent[] = [], lent: Lent[] = [];
  return {
    lend(initial, maximum) {
      const at = free.findIndex((one) => one.initial === initial && one.maximum === maximum);
      const [one] = at < 0 ? [{ memory: make(initial, maximum), initial, maximum }] : free.splice(at, 1);
      if (!one) return make(initial, maximum);
      lent.push(one);
      return one.memory;
    },
    giveBack() {
      for (const one of lent.splice(0)) {
        const grown = one.memory.buffer.byteLength !== one.initial * PAGE;
        if (grown || one.initial > PAGES || free.length === KEPT) continue;
        new Uint8Array(one.memory.buffer).fill(0);
        free.push(one);
      }
    },
  };
}
