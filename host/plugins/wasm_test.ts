import { deepStrictEqual as equal, match, ok, throws } from "node:assert/strict";
import { openModule } from "./call_wasm.ts";
import { MOST_PAGES, readModule } from "./module.ts";
import { MOST_OF_MODULE, wrapModule } from "./wasm.ts";

const section = (id: number, ...content: number[]) => [id, content.length, ...content];
const text = (word: string) => [new TextEncoder().encode(word).length, ...new TextEncoder().encode(word)];
const HEAD = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const [I32, I64, F64, V128] = [0x7f, 0x7e, 0x7c, 0x7b];

/** A module of one function that is exported as `add`: it adds its two parameters of this type. */
function adder(
  type: number,
  more: { before?: number[]; memory?: number[]; name?: string } = {},
): Uint8Array<ArrayBuffer> {
  const add = { [I32]: 0x6a, [I64]: 0x7c, [F64]: 0xa0 }[type] ?? 0;
  const memory = more.memory ? [[...text("memory"), 2, 0]] : [];
  return new Uint8Array([
    ...HEAD,
    ...section(1, 1, 0x60, 2, type, type, 1, type),
    ...(more.before ?? []),
    ...section(3, 1, 0),
    ...(more.memory ? section(5, 1, ...more.memory) : []),
    ...section(7, 1 + memory.length, ...text(more.name ?? "addTwo"), 0, 0, ...memory.flat()),
    ...section(10, 1, 7, 0, 0x20, 0, 0x20, 1, add, 0x0b),
  ]);
}

/** AssemblyScript as a user compiles it. */
async function compile(source: string): Promise<Uint8Array<ArrayBuffer>> {
  const specifier = "assemblyscript/asc";
  const { default: asc } = await import(specifier); // not by its name: its types take seconds to check
  const written: Record<string, Uint8Array<ArrayBuffer>> = {};
  const { error } = await asc.main(["m.ts", "-o", "m.wasm", "--exportRuntime", "--use", "abort=", "-O"], {
    readFile: (name: string) => name === "m.ts" ? source : null,
    writeFile: (name: string, content: Uint8Array<ArrayBuffer>) => void (written[name] = content),
    listFiles: () => [],
  });
  ok(!error && written["m.wasm"], String(error));
  return written["m.wasm"];
}

/** Wraps a module and calls a tool of it in this process, through the very text that goes into a plugin's. */
function calls(bytes: Uint8Array, notes?: string) {
  const wrapped = wrapModule({ stem: "m", bytes, notes });
  ok(wrapped.ok, wrapped.ok ? "" : wrapped.error);
  const source = wrapped.value.source.replace("export default", "return");
  const plugin = new Function(source)()({ z: { looseObject: () => {} }, tool: (it: unknown) => it });
  return {
    tools: wrapped.value.tools,
    call(name: string, input: unknown): string {
      const tool = wrapped.value.tools.find((one) => one.name === name);
      const converted = tool?.convert(input);
      return converted?.ok ? plugin.run(JSON.parse(JSON.stringify(converted.value))) : `refused: ${converted?.error}`;
    },
  };
}

Deno.test("The exports of a module become tools whose arguments are checked by the types of the module", () => {
  const { tools, call } = calls(adder(I32));
  equal(tools.map(({ name, description, readOnly }) => [name, description, readOnly]), [
    ["m_add_two", "The function addTwo of the module m.wasm", true],
  ]);
  equal(tools[0]?.parameters, {
    type: "object",
    properties: {
      p0: { type: "integer", minimum: -2147483648, maximum: 2147483647 },
      p1: { type: "integer", minimum: -2147483648, maximum: 2147483647 },
    },
    required: ["p0", "p1"],
    additionalProperties: false,
  });
  equal(call("m_add_two", { p0: 2, p1: 40 }), "42");
  for (
    const wrong of [{ p0: 1 }, { p0: 1, p1: 2 ** 31 }, { p0: 1, p1: 1.5 }, { p0: 1, p1: "1" }, null, {
      p0: 1,
      p1: 1,
      p2: 1,
    }]
  ) {
    match(call("m_add_two", wrong), /^refused: /);
  }
  equal(calls(adder(F64)).call("m_add_two", { p0: 0.1, p1: 0.2 }), "0.30000000000000004");
  equal(calls(adder(F64)).call("m_add_two", { p0: -0, p1: -0 }), "0", "JSON has no -0");
  const long = calls(adder(I64));
  equal(long.call("m_add_two", { p0: "9007199254740993", p1: 1 }), "9007199254740994");
  equal(long.call("m_add_two", { p0: "9223372036854775807", p1: "1" }), "-9223372036854775808");
  match(long.call("m_add_two", { p0: "9223372036854775808", p1: 0 }), /^refused: .*not of type i64/);
});

Deno.test("Notes name tools, parameters and types; with `exports`, only what they name becomes a tool", () => {
  const notes = `// by hand
  { "description": "Sums", "exports": { "addTwo": { "tool": "plus", "parameters": {
    "a": "u8", "b": { "type": "u32", "description": "the other" } }, "result": "u32" } } }`;
  const { tools, call } = calls(adder(I32), notes);
  equal(tools.map(({ name, description }) => [name, description]), [["plus", "Sums"]]);
  match(JSON.stringify(tools[0]?.parameters), /"a":\{.*"maximum":255\}.*"description":"the other"/);
  equal(call("plus", { a: 1, b: 2 ** 32 - 2 }), "4294967295", "u32, not -1");
  match(call("plus", { a: 256, b: 0 }), /^refused/);
});

const bad: [what: string, bytes: Uint8Array, error: RegExp, notes?: string][] = [
  ["nothing", new Uint8Array(), /no WebAssembly module|no whole/],
  ["text", new TextEncoder().encode("hello, world"), /^it is no WebAssembly module of version 1$/],
  ["half a module", adder(I32).subarray(0, 30), /^it is no whole WebAssembly module$/],
  ["a size of 2^32", new Uint8Array([...HEAD, 1, 255, 255, 255, 255, 15]), /^it is no whole WebAssembly module$/],
  [
    "an import",
    adder(I32, { before: section(2, 1, ...text("env"), ...text("now"), 0, 0) }),
    /^it imports "env.now", and a plugin's module has no imports$/,
  ],
  [
    "AssemblyScript's abort",
    adder(I32, { before: section(2, 1, ...text("env"), ...text("abort"), 0, 0) }),
    /^it imports "env.abort", .*; compile AssemblyScript with --use abort=$/,
  ],
  [
    "too much memory",
    adder(I32, { memory: [0, 0x81, 0x08] }),
    /^its memory begins with 1025 pages, 1024 is the limit$/,
  ],
  ["shared memory", adder(I32, { memory: [3, 1, 1] }), /^its memory is shared or of 64 bits$/],
  [
    "a type that is no function",
    new Uint8Array([...HEAD, ...section(1, 1, 0x5f, 0)]),
    /^it uses types that are no functions; /,
  ],
  ["a vector", adder(V128), /^it exports 0 functions of numbers/],
  ["an internal export", adder(I32, { name: "__new" }), /^it exports 0 functions of numbers/],
  ["an export that can be no tool", adder(I32, { name: "漢字" }), /cannot name a tool/],
  ["notes that are no JSONC", adder(I32), /./, "{"],
  ["notes with an unknown key", adder(I32), /^m\.jsonc beside it is wrong: at "": .*"exportz"/, '{ "exportz": {} }'],
  ["notes of an export that is not there", adder(I32), /^m\.jsonc describes "sub"/, '{ "exports": { "sub": {} } }'],
  ["notes with an unknown type", adder(I32), /it is no type/, '{ "exports": { "addTwo": { "result": "u128" } } }'],
  [
    "notes with another number of values",
    adder(I32),
    /takes 2 and gives 1 values/,
    '{ "exports": { "addTwo": { "parameters": { "a": "i32" } } } }',
  ],
  [
    "notes with a type that does not fit",
    adder(F64),
    /of type f64 that cannot be i32/,
    '{ "exports": { "addTwo": { "result": "i32" } } }',
  ],
  [
    "notes with strings and no runtime",
    adder(I32),
    /exports no memory/,
    '{ "exports": { "addTwo": { "result": "string" } } }',
  ],
  [
    "more bytes than travel",
    new Uint8Array([...adder(I32), 0, ...[0x80, 0x80, 0x20], ...new Uint8Array(4096 * 128)]),
    /is the limit$/,
  ],
];
for (const [what, bytes, error, notes] of bad) {
  Deno.test(`A module with ${what} is refused in one sentence`, () => {
    const wrapped = wrapModule({ stem: "m", bytes, notes });
    match(wrapped.ok ? "accepted" : wrapped.error, error);
    ok(!wrapped.ok && !wrapped.error.includes("\n"));
  });
}

Deno.test("A reader of random and of damaged bytes never throws and never hangs", () => {
  const good = adder(I32, { memory: [0, 1] });
  for (let at = 0; at < good.length; at += 1) {
    for (const value of [0, 1, 2, 127, 128, 255]) readModule(good.with(at, value));
    readModule(good.subarray(0, at));
  }
  ok(MOST_OF_MODULE.bytes * 4 / 3 < 524_288 - 10_000, "as text it fits into a plugin's source");
});

Deno.test("A module's memory is bounded even if it names no bound of its own; without that it grows", () => {
  const grow = (bytes: BufferSource) => {
    const { memory } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
    return (memory as WebAssembly.Memory).grow(2000);
  };
  for (const memory of [[0, 1], [1, 1, 0x80, 0x80, 0x04]]) {
    const bytes = adder(I32, { memory }), read = readModule(bytes);
    ok(read.ok);
    equal(grow(bytes), 1);
    throws(() => grow(new Uint8Array(read.value.bytes)), RangeError);
  }
  const small = readModule(adder(I32, { memory: [1, 1, 2] }));
  ok(small.ok);
  throws(
    () =>
      (new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(small.value.bytes))).exports
        .memory as WebAssembly.Memory).grow(2),
    RangeError,
  );
  equal(MOST_PAGES, 1024);
});

Deno.test("Strings and arrays go in and out of a module of AssemblyScript; each call begins anew; a trap is named", async () => {
  const bytes = await compile(`
    export function shout(s: string): string { return s.toUpperCase() + "!" }
    export function sum(a: Float64Array): f64 { let t = 0.0; for (let i = 0; i < a.length; i++) t += a[i]; return t }
    export function reverse(a: Int32Array, b: Uint8Array): void { a.reverse(); b.sort() }
    export function twice(a: Float32Array): Float32Array { return a.map((x) => x * 2) }
    export function longs(a: Uint64Array, b: Int64Array): u64 { return a[0] + <u64>b[0] }
    export function bytes(a: Uint8Array, b: Int8Array): u8 { return <u8>(a[0] + b[0]) }
    export function shorts(a: Uint16Array, b: Int16Array, c: Uint32Array): i64 { return <i64>a[0] + b[0] + c[0] }
    export function flag(a: bool): bool { return !a }
    let count = 0
    export function tick(): i32 { return ++count }
    export function grow(pages: i32): i32 { return memory.grow(pages) }
    export function fall(a: Int32Array): i32 { return a[a.length] }
    export function inf(a: f64): f64 { return a / 0 }`);
  const described = {
    shout: { parameters: { s: "string" }, result: "string" },
    sum: { parameters: { a: "Float64Array" } },
    reverse: { parameters: { a: "Int32Array", b: "Uint8Array" } },
    twice: { parameters: { a: "Float32Array" }, result: "Float32Array" },
    longs: { parameters: { a: "BigUint64Array", b: "BigInt64Array" }, result: "u64" },
    bytes: { parameters: { a: "Uint8Array", b: "Int8Array" }, result: "u8" },
    shorts: { parameters: { a: "Uint16Array", b: "Int16Array", c: "Uint32Array" } },
    flag: { parameters: { a: "bool" }, result: "bool" },
    ...{ tick: {}, grow: {}, inf: {}, fall: { parameters: { a: "Int32Array" } } },
  };
  const { call } = calls(bytes, JSON.stringify({ exports: described }));
  equal(call("m_shout", { s: "añ🙂漢" }), "AÑ🙂漢!");
  equal(call("m_shout", { s: "" }), "!");
  equal(call("m_sum", { a: [1.5, 2, -0.25] }), "3.25");
  equal(call("m_sum", { a: [] }), "0");
  equal(call("m_sum", { a: Array.from({ length: 100_000 }, () => 1) }), "100000");
  equal(call("m_reverse", { a: [1, -2, 3], b: [9, 0, 255] }), "[[3,-2,1],[0,9,255]]");
  equal(call("m_twice", { a: [0.5, 3e38] }), '[1,"Infinity"]');
  equal(call("m_longs", { a: ["18446744073709551615"], b: ["-1"] }), "18446744073709551614");
  equal(call("m_bytes", { a: [200], b: [-1] }), "199");
  equal(call("m_shorts", { a: [65535], b: [-32768], c: [4294967295] }), String(65535 - 32768 + 4294967295));
  equal([call("m_flag", { a: true }), call("m_flag", { a: false })], ["false", "true"]);
  equal([call("m_tick", {}), call("m_tick", {})], ["1", "1"], "nothing is remembered");
  equal([call("m_inf", { p0: 1 }), call("m_inf", { p0: 0 })], ["Infinity", "NaN"]);
  equal(call("m_grow", { p0: 2000 }), "-1", "the bound holds");
  equal(
    openModule(bytes)({ name: "grow", types: ["i32"], values: [2000], result: ["i32"] }) !== "-1",
    true,
    "without it, it grows",
  );
  throws(() => call("m_fall", { a: [1] }), /^Error: fall failed: unreachable/);
  match(call("m_sum", { a: [1, "x"] }), /^refused/);
});
