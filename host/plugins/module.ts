/** Reads of a WebAssembly module what JavaScript does not tell: the types of its exports; and bounds its memory. */
import { Buffer } from "node:buffer";
import { no, ok, type Outcome } from "../../actors/types.ts";
import { reason } from "../session/files.ts";

/** A value type; `other` has no form in JSON. */
export type WasmType = "i32" | "i64" | "f32" | "f64" | "other";

/** An exported function. */
export interface WasmFunction {
  name: string;
  parameters: WasmType[];
  results: WasmType[];
}

/** A module without imports. `bytes` is the module with its memory bounded; `exports` are all names. */
export interface WasmModule {
  bytes: Uint8Array;
  functions: WasmFunction[];
  exports: Set<string>;
}

/** Pages of 64 KiB that a module's memory may grow to. */
export const MOST_PAGES = 1024;

const TYPES: Record<number, WasmType> = { 0x7f: "i32", 0x7e: "i64", 0x7d: "f32", 0x7c: "f64" };
const GC = "it uses types that are no functions; compile it without the GC proposal";
const TYPE = 1, IMPORT = 2, FUNCTION = 3, MEMORY = 5, EXPORT = 7;

/**
 * Reads a module; bad if it is none, has imports (the first is named), or more memory than `MOST_PAGES` from the start. What is
 * malformed beyond that is found where it is compiled.
 */
export function readModule(bytes: Uint8Array): Outcome<WasmModule> {
  try {
    return ok(parse(bytes));
  } catch (error) {
    return no(error instanceof RangeError ? "it is no whole WebAssembly module" : reason(error));
  }
}

function parse(bytes: Uint8Array): WasmModule {
  const types: Omit<WasmFunction, "name">[] = [], functions: (typeof types[0] | undefined)[] = [];
  const found: WasmFunction[] = [], exports = new Set<string>();
  const { list, leb, byte, name, skip, at } = createReader(bytes);
  if (bytes[0] !== 0 || name(3) !== "asm" || leb() !== 1) fail("it is no WebAssembly module of version 1");
  const parts = [bytes.subarray(0, skip(3))];
  const valueTypes = () => list(() => TYPES[byte()] ?? "other");
  while (at() < bytes.length) {
    const start = at(), id = byte(), size = leb(), end = at() + size;
    if (id === TYPE) {
      list(() => types.push(byte() === 0x60 ? { parameters: valueTypes(), results: valueTypes() } : fail(GC)));
    }
    if (id === IMPORT) list(() => refuseImport(`${name(leb())}.${name(leb())}`));
    if (id === FUNCTION) list(() => functions.push(types[leb()]));
    const memory = id === MEMORY ? list(() => boundMemory(byte(), leb)) : [];
    if (id === EXPORT) {
      list(() => {
        const exported = name(leb()), kind = byte(), type = functions[leb()];
        exports.add(exported);
        if (kind === 0 && type) found.push({ name: exported, ...type });
      });
    }
    skip(end - at());
    parts.push(memory[0] ? new Uint8Array([id, memory[0].length + 1, 1, ...memory[0]]) : bytes.subarray(start, end));
  }
  return { bytes: Buffer.concat(parts), functions: found, exports };
}

function fail(why: string): never {
  throw new Error(why);
}

function refuseImport(name: string): never {
  const advice = name === "env.abort" ? "; compile AssemblyScript with --use abort=" : "";
  fail(`it imports ${JSON.stringify(name.slice(0, 100))}, and a plugin's module has no imports${advice}`);
}

function boundMemory(flags: number, leb: () => number): number[] {
  if (flags > 1) fail("its memory is shared or of 64 bits");
  const least = leb(), most = flags === 1 ? leb() : MOST_PAGES;
  if (least > MOST_PAGES) fail(`its memory begins with ${least} pages, ${MOST_PAGES} is the limit`);
  const pages = (count: number) => count < 128 ? [count] : [count % 128 + 128, Math.floor(count / 128)];
  return [1, ...pages(least), ...pages(Math.min(most, MOST_PAGES))];
}

/** Reads bytes in order; past the end it throws a RangeError. */
function createReader(bytes: Uint8Array) {
  let offset = 1;
  const skip = (count: number) => {
    if (count < 0 || offset + count > bytes.length) throw new RangeError("cut");
    return offset += count;
  };
  const byte = () => bytes[skip(1) - 1] ?? 0;
  const leb = (): number => {
    let value = 0;
    for (let shift = 0; shift < 5; shift += 1) {
      const next = byte();
      value += (next & 127) * 128 ** shift;
      if (next < 128) return value;
    }
    throw new RangeError("number too long");
  };
  const list = <T>(each: () => T): T[] => {
    const items: T[] = [];
    for (let count = leb(); count > 0; count -= 1) items.push(each());
    return items;
  };
  const name = (size: number) => new TextDecoder().decode(bytes.subarray(offset, skip(size)));
  return { byte, leb, list, name, skip, at: () => offset };
}
