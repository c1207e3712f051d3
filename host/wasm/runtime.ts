/** The AssemblyScript around a body: its memory, its traps, and what carries arrays and strings in. */
import type { ParameterType, Signatures } from "../../actors/functions.ts";

/** The path of the runtime in the compiler's library, and the names it has in the module. */
export const RUNTIME = "~lib/evo";
/** What the module's message is when memory was exhausted: no string has this address. */
export const EXHAUSTED = 1;

/**
 * Memory is an arena: an allocation moves a pointer, and when the next call from outside begins all of it is given back,
 * zeroed, but for what the module's constants took: bodies have no state, so nothing has to outlive a call. Measured for a
 * sort of an array against AssemblyScript's own: 0.8 KB of code (stub 1.0, minimal 3.9, incremental 4.9), optimised in a
 * quarter of incremental's time, and a fresh instance needs one page. The price: a body that makes garbage without end
 * within one call runs out of memory, and is told so.
 */
export const LIBRARY = `
@lazy let base: usize = (__heap_base + 15) & ~15;
@lazy let top: usize = base;
@lazy let started: i32 = 0;
@lazy let message: usize = 0;
function abort(text: string | null, file: string | null, line: u32, column: u32): void {
  message = changetype<usize>(text);
  unreachable();
}
function reserve(end: usize): void {
  let missing = <i32>((end + 0xffff) >>> 16) - memory.size();
  if (missing > 0 && memory.grow(missing) < 0) { message = ${EXHAUSTED}; unreachable(); }
  top = end;
}
@unsafe export function __new(size: usize, id: u32): usize {
  let at = (top + 35) & ~15;
  if (size > 0x3fffffff) { message = ${EXHAUSTED}; unreachable(); }
  reserve(at + size);
  store<u32>(at - 8, id);
  store<u32>(at - 4, <u32>size);
  return at;
}
@unsafe export function __renew(at: usize, size: usize): usize {
  let had = <usize>load<u32>(at - 4);
  if (size > 0x3fffffff) { message = ${EXHAUSTED}; unreachable(); }
  if (at + had == top) reserve(at + size);
  else if (size > had) {
    let moved = __new(size, load<u32>(at - 8));
    memory.copy(moved, at, had);
    return moved;
  }
  store<u32>(at - 4, <u32>size);
  return at;
}
@unsafe export function __reset(): void {
  if (!started) {
    started = 1;
    base = top;
  } else if (top > base) {
    memory.fill(base, 0, top - base);
    top = base;
  }
}
@unsafe export function __alloc(size: usize): usize { return __new(size, 0); }
@unsafe export function __realloc(at: usize, size: usize): usize { return __renew(at, size); }
@unsafe export function __free(at: usize): void {}
@unsafe export function __link(parent: usize, child: usize, many: bool): void {}
@unsafe export function __pin(at: usize): usize { return at; }
@unsafe export function __unpin(at: usize): void {}
@unsafe export function __visit(at: usize, cookie: u32): void {}
@unsafe export function __collect(): void {}
`;

/** True for types that live in the module's memory. */
export function inMemory(type: ParameterType | "void"): boolean {
  return type === "string" || type.endsWith("Array");
}

/** The name of a type in AssemblyScript. */
export function nameInSource(type: ParameterType | "void"): string {
  return type.replace(/^Big(Int|Uint)64Array$/, "$164Array");
}

/** The second file of a module: `$reset` empties the arena, `$Type(length)` makes an argument in it. */
export function makeGlue(functions: Signatures): string {
  const types = Object.values(functions).flatMap(({ parameters }) => parameters.map(([, type]) => type));
  const makers = [...new Set(types.filter(inMemory))].sort().map((type) => {
    if (type === "string") return `export function $string(n: i32): usize { return __new(n << 1, idof<string>()); }`;
    const name = nameInSource(type);
    return `export function $${type}(n: i32): ${name} { return new ${name}(n); }`;
  });
  return ["export function $reset(): void { __reset(); }", ...makers].join("\n");
}
