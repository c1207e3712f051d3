/** Reading a module's sections, as far as the host needs them. */

/** Reads unsigned LEB128 numbers from a position on. */
export interface Reader {
  at: number;
  next(): number;
}

/** A reader at the beginning of a section's content; undefined if the module has none of this number. */
export function findSection(wasm: Uint8Array, wanted: number): Reader | undefined {
  const reader: Reader = {
    at: 8,
    next() {
      let value = 0, byte = 128;
      for (let shift = 0; byte & 128; shift += 7) value += ((byte = wasm[reader.at++] ?? 0) & 127) * 2 ** shift;
      return value;
    },
  };
  while (reader.at < wasm.length) {
    const id = reader.next(), size = reader.next();
    if (id === wanted) return reader;
    reader.at += size;
  }
  return undefined;
}

/** The most pages that the module's memory may grow to: 0 without a memory, infinity without a bound. */
export function mostPages(wasm: Uint8Array): number {
  const memory = findSection(wasm, 5);
  if (!memory || memory.next() === 0) return 0;
  const bounded = memory.next() & 1;
  memory.next();
  return bounded ? memory.next() : Infinity;
}

/** Where each function's code begins, as an offset in the module. */
export function functionStarts(wasm: Uint8Array): number[] {
  const code = findSection(wasm, 10);
  return Array.from({ length: code?.next() ?? 0 }, () => {
    const size = code?.next() ?? 0, start = code?.at ?? 0;
    if (code) code.at += size;
    return start;
  });
}
