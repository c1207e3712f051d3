/** Calls a WebAssembly module's functions with values as JSON has them. The function's own text goes into a plugin's process. */

/** One call. `types` and `result` are AssemblyScript's names of types; several results come as a list. */
export interface WasmCall {
  name: string;
  types: string[];
  values: unknown[];
  result: string[];
}

/**
 * Compiles a module; what it returns makes a fresh instance for each call, so that no call leaves anything to the next, and says
 * the result as text: numbers, 64-bit integers in decimal, strings as they are, lists as JSON; for a function without result the
 * arrays as it left them. Strings and arrays need AssemblyScript's exported runtime. It must refer to nothing outside itself.
 */
export function openModule(bytes: BufferSource): (call: WasmCall) => string {
  const module = new WebAssembly.Module(bytes);
  const small = { i8: Int8Array, u8: Uint8Array, i16: Int16Array, u16: Uint16Array, i32: Int32Array, u32: Uint32Array };
  const large = { i64: BigInt64Array, u64: BigUint64Array, f32: Float32Array, f64: Float64Array };
  const kinds = Object.entries({ ...small, ...large });
  const arrayOf = (type: string) => kinds.find(([_, { name }]) => name === type)?.[1];
  const list = (of: typeof kinds[0][1], items: unknown) => new of(items as never); // what does not fit throws
  const plain = (item: number | bigint) => {
    if (Object.is(item, -0)) return "-0";
    return typeof item === "number" && Number.isFinite(item) ? item : String(item);
  };
  return ({ name, types, values, result }) => {
    const exports = new WebAssembly.Instance(module).exports;
    const run = (of: string, ...args: unknown[]) => (exports[of] as (...args: unknown[]) => unknown)(...args);
    const view = () => new DataView((exports.memory as WebAssembly.Memory).buffer);
    const make = (size: number, id: number) => Number(run("__pin", run("__new", size, id))) >>> 0;
    /** The class of an array, by AssemblyScript's table of classes. */
    const idOf = (type: string, size: number) => {
      const base = Number((exports.__rtti_base as WebAssembly.Global).value), float = type.startsWith("Float");
      const flags = 1 | 64 * size | (float ? 4096 : 0) | (/^(?:Big)?Int/.test(type) ? 2048 : 0);
      for (let id = 0; id < view().getUint32(base, true); id += 1) {
        if ((view().getUint32(base + 4 + 4 * id, true) & (1 | 960 | 4096 | (float ? 0 : 2048))) === flags) return id;
      }
      throw new Error(`the module knows no ${type}`);
    };
    const give = (value: unknown, type: string): unknown => {
      if (/^[iu]64$/.test(type)) return BigInt(String(value));
      const text = type === "string" ? String(value) : "", array = arrayOf(type);
      if (type !== "string" && !array) return Number(value);
      const codes = Uint16Array.from({ length: text.length }, (_, at) => text.charCodeAt(at));
      const convert = (item: unknown) => type.startsWith("Big") ? BigInt(String(item)) : Number(item);
      const items = array ? list(array, (value as unknown[]).map(convert)) : codes;
      const data = make(items.byteLength, array ? 1 : 2),
        at = array ? make(12, idOf(type, array.BYTES_PER_ELEMENT)) : data;
      const memory = view(), head = array ? [data, data, items.byteLength] : [];
      new Uint8Array(memory.buffer).set(new Uint8Array(items.buffer), data);
      for (const [k, word] of head.entries()) memory.setUint32(at + 4 * k, word, true);
      return at;
    };
    const take = (value: unknown, type: string): unknown => {
      const scalar = kinds.find(([name]) => name === type)?.[1], array = arrayOf(type), at = Number(value) >>> 0;
      if (scalar) return plain(list(scalar, [value])[0] ?? 0);
      if (type === "bool") return Boolean(value);
      const memory = view(), word = (offset: number) => memory.getUint32(at + offset, true);
      if (array) return [...list(array, memory.buffer.slice(word(4), word(4) + word(8)))].map(plain);
      return new TextDecoder("utf-16le", { ignoreBOM: true }).decode(memory.buffer.slice(at, at && at + word(-4)));
    };
    try {
      const given = values.map((value, at) => give(value, types[at] ?? "")), got = run(name, ...given);
      const results = result.length > 1 ? [...got as unknown[]] : result.length > 0 ? [got] : [];
      const taken = results.map((value, at) => take(value, result[at] ?? ""));
      if (result.length === 0) types.forEach((type, at) => arrayOf(type) && taken.push(take(given[at], type)));
      const said = taken.length > 1 ? taken : taken[0] ?? "done";
      return typeof said === "string" ? said : JSON.stringify(said);
    } catch (error) {
      throw new Error(`${name} failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
}
