import { deepStrictEqual as equal, match, notStrictEqual, ok, throws } from "node:assert/strict";
import type { Signatures } from "../../actors/functions.ts";
import { build, I32, LIMITS, start } from "./fixture_test.ts";
import { createInstance } from "./instance.ts";
import { FunctionTrap } from "./trap.ts";

function trapOf(call: () => unknown): FunctionTrap {
  try {
    call();
  } catch (error) {
    if (error instanceof FunctionTrap) return error;
    throw error;
  }
  throw new Error("it did not trap");
}

const ONE = (type: "i8" | "u8" | "i16" | "u16" | "i32" | "u32" | "i64" | "u64" | "f32" | "f64" | "bool" | "string") =>
  ({ f: { parameters: [["x", type]], result: type } }) satisfies Signatures;

const NUMBERS: [type: Parameters<typeof ONE>[0], given: unknown, back: unknown][] = [
  ["i8", 200, -56],
  ["u8", 257, 1],
  ["i16", 40_000, -25_536],
  ["u16", -1, 65_535],
  ["i32", 2 ** 31, -(2 ** 31)],
  ["u32", 4_294_967_295, 4_294_967_295],
  ["i64", -(2n ** 63n), -(2n ** 63n)],
  ["u64", 2n ** 64n - 1n, 2n ** 64n - 1n],
  ["f32", 0.1, Math.fround(0.1)],
  ["f64", -0, -0],
  ["f64", NaN, NaN],
  ["bool", true, true],
  ["string", "", ""],
  ["string", "aé漢😀\ud800 \udc00\0", "aé漢😀\ud800 \udc00\0"],
];
for (const [type, given, back] of NUMBERS) {
  Deno.test(`${type} ${String(given)} comes back as ${String(back)}`, async () => {
    const { functions } = await start(`export function f(x: ${type}): ${type} { return x }`, ONE(type));
    equal((functions.f as (value: unknown) => unknown)(given), back);
  });
}

Deno.test("small integers are what the body believes them to be", async () => {
  const { functions } = await start("export function f(n: u8): bool { return n == 1 }", {
    f: { parameters: [["n", "u8"]], result: "bool" },
  });
  equal(functions.f(257), true);
});

Deno.test("every kind of array goes in, is changed in place, and comes out as a copy", async () => {
  const types = [
    "Int8Array",
    "Uint8Array",
    "Int16Array",
    "Uint16Array",
    "Int32Array",
    "Uint32Array",
    "Float32Array",
    "Float64Array",
    "BigInt64Array",
    "BigUint64Array",
  ] as const;
  const functions = Object.fromEntries(
    types.map((type) => [`f${type}`, { parameters: [["a", type]], result: type }] as const),
  ) satisfies Signatures;
  const source = types.map((type) => {
    const name = type.replace(/^Big(Int|Uint)/, "$1");
    return `export function f${type}(a: ${name}): ${name} { a.reverse(); return a.subarray(1) }`;
  }).join("\n");
  const instance = await start(source, functions);
  for (const type of types) {
    const array = type.startsWith("Big")
      ? new globalThis[type as "BigInt64Array"]([1n, 2n, 3n])
      : new globalThis[type as "Int8Array"]([1, 2, 3]);
    const call = instance.functions[`f${type}`] as unknown as (value: unknown) => ArrayLike<unknown>;
    equal(Array.from(call(array), Number), [2, 1], type);
    equal(Array.from(array as ArrayLike<unknown>, Number), [3, 2, 1], type);
  }
});

Deno.test("several functions, several arrays, no arguments and eight", async () => {
  const eight = Array.from({ length: 8 }, (_, at) => [`p${at}`, at % 2 ? "f64" : "i32"] as const);
  const instance = await start(
    `export function none(): i32 { return 7 }
export function sum(${eight.map(([name, type]) => `${name}: ${type}`).join(", ")}): f64 { return ${
      eight.map(([name]) => name).join(" + ")
    } }
export function swap(a: Int32Array, b: Int32Array): void { const t = a[0]; a[0] = b[0]; b[0] = t }
export function say(n: i32, s: string): string { return s.repeat(n) }`,
    {
      none: { parameters: [], result: "i32" },
      sum: { parameters: eight, result: "f64" },
      swap: { parameters: [["a", "Int32Array"], ["b", "Int32Array"]], result: "void" },
      say: { parameters: [["n", "i32"], ["s", "string"]], result: "string" },
    },
  );
  const { none, sum, swap, say } = instance.functions;
  equal(none(), 7);
  equal((sum as (...values: number[]) => number)(1, 2, 3, 4, 5, 6, 7, 8), 36);
  const [a, b] = [Int32Array.of(1), Int32Array.of(2)];
  equal(swap(a, b), undefined);
  equal([a[0], b[0]], [2, 1]);
  equal(say(3, "ab"), "ababab");
});

Deno.test("arguments that do not fit are a TypeError, and the body does not run", async () => {
  const functions = { f: { parameters: [["n", "i32"], ["a", "Float64Array"]], result: "i32" } } as const;
  const instance = await start("export function f(n: i32, a: Float64Array): i32 { return n }", functions);
  const loose = instance.functions.f as (...values: unknown[]) => unknown;
  throws(() => loose(1), { name: "TypeError", message: 'Cannot call "f": it takes 2 arguments, not 1' });
  throws(() => loose(1, new Float64Array(1), 3), { name: "TypeError", message: /takes 2 arguments, not 3/ });
  throws(() => loose("1", new Float64Array(1)), {
    name: "TypeError",
    message: /argument 1 \(n\) must be a number \(i32\), not String/,
  });
  throws(() => loose(1, [1]), { name: "TypeError", message: /argument 2 \(a\) must be Float64Array, not Array/ });
  equal(instance.fuel(), 0);
  const numeric = (await start("export function f(n: i32): i32 { return n }", I32)).functions.f as (
    ...values: unknown[]
  ) => unknown;
  throws(() => numeric(), { name: "TypeError", message: /takes 1 arguments, not 0/ });
  throws(() => numeric(1, 2), { name: "TypeError", message: /takes 1 arguments, not 2/ });
  throws(() => numeric(1n), { name: "TypeError", message: /must be a number \(i32\), not BigInt/ });
});

const BROKEN = `function helper(a: Array<i32>, i: i32): i32 {
  let s = 0;
  for (let k = 0; k < 3; k++) s += a[i + k];
  return s;
}
function deep(n: i32): i32 { return deep(n + 1) + 1 }
export function f(n: i32): i32 {
  if (n == 1) return helper([1, 2, 3], 9);
  if (n == 2) throw new Error("two is bad: é\\ud800");
  if (n == 3) return 7 / (n - 3);
  if (n == 4) unreachable();
  if (n == 5) return deep(n);
  if (n == 6) while (true) {}
  if (n == 7) { let s = ""; while (true) s += "growing"; }
  if (n == 8) assert(n == 9, "eight");
  if (n == 9) return new Float64Array(1_000_000_000).length;
  return n;
}`;
const TRAPS: [n: number, kind: string, said: RegExp, line: number][] = [
  [1, "trap", /^f trapped( in helper)? at line 3: Index out of range$/, 3],
  [2, "trap", /^f trapped at line 9: two is bad: é\ud800$/, 9],
  [3, "trap", /^f trapped at line 10: divide by zero$/, 10],
  [4, "trap", /^f trapped at line 11: unreachable code was reached$/, 11],
  [5, "trap", /^f trapped in deep at line 6: the stack overflowed/, 6],
  [6, "fuel", /^f ran out of fuel at line 13: one call may use 1000000 units/, 13],
  [7, "memory", /^f ran out of memory at line 14: it may use 16 pages/, 14],
  [8, "trap", /^f trapped at line 15: eight$/, 15],
  [9, "trap", /^f trapped at line 16: Invalid length$/, 16],
];
for (const optimize of [1, 3] as const) {
  for (const [n, kind, said, line] of TRAPS) {
    Deno.test(`a trap of kind ${kind} at -O${optimize} says ${said.source.slice(0, 60)}`, async () => {
      const { functions } = await start(BROKEN, I32, { optimize });
      const trap = trapOf(() => functions.f(n));
      equal(trap.kind, kind);
      if (optimize === 1) match(trap.message, said);
      if (optimize === 1) equal(trap.line, line);
      ok(trap.line !== undefined && trap.line > 1 && trap.line < 19, `line ${trap.line}`);
      equal(functions.f(77), 77, "the next call works");
      equal(trapOf(() => functions.f(3)).message.replace(/ (in|at) .*:/, ":"), "f trapped: divide by zero");
    });
  }
}

Deno.test("fuel is counted to the unit, and starts anew with each call from outside", async () => {
  const source = "export function f(n: i32): i32 { let s = 0; for (let i = 0; i < n; i++) s += i * i; return s }";
  const instance = await start(source, I32);
  instance.functions.f(10);
  equal(instance.fuel(), 12, "one entry, eleven looks at the condition");
  instance.functions.f(0);
  equal(instance.fuel(), 14);
  const limits = { ...LIMITS, fuel: 12 };
  const tight = await start(source, I32, { limits });
  equal([tight.functions.f(10), tight.functions.f(10)], [285, 285]);
  equal(trapOf(() => tight.functions.f(11)).kind, "fuel");
  equal(tight.functions.f(10), 285);
  equal(tight.fuel(), 48, "a trapped call costs its whole fuel");
  equal(tight.fresh().fuel(), 0);
});

/** (global (export "$limit") (mut i64) 0), and f gives what is in it. */
const OLD =
  "0061736d010000000106016001 7f017f03020100 0606017e0142000b 070e02016600000624 6c696d69740300 0a07010500 2300a70b";

Deno.test("a module of before the limit was a constant gets its limit, too", () => {
  const module = new WebAssembly.Module(Uint8Array.fromHex(OLD.replaceAll(" ", "")));
  const { functions } = createInstance(module, { functions: I32, limits: LIMITS, size: 0, metered: true });
  equal(functions.f(1), LIMITS.fuel);
});

Deno.test("strings are read whole before, while and after the memory grows, whichever instance was read last", async () => {
  const functions = { f: { parameters: [["n", "i32"]], result: "string" } } as const;
  const source = `export function f(n: i32): string { return "é漢".repeat(n) }`;
  const [one, two] = [await start(source, functions), await start(source, functions)];
  for (const n of [3, 100_000, 3, 65, 0, 32, 33]) {
    equal([one.functions.f(n), two.functions.f(1), one.functions.f(n)], ["é漢".repeat(n), "é漢", "é漢".repeat(n)]);
  }
});

Deno.test("calls among functions are counted whoever calls, also by pointer, recursion and the outside", async () => {
  const source = `export function f(n: i32): i32 { return n < 2 ? n : f(n - 1) + f(n - 2) }
export function g(n: i32): i32 { let s = 0; for (let i = 0; i < n; i++) { s += f(3); if (s > 99) return s; } return s }
export function h(n: i32): i32 { const p = (x: i32): i32 => x + 1; let s = 0; for (let i = 0; i < n; i++) s += p(i); return s }`;
  const signature = I32.f;
  const both = { f: signature, g: signature, h: signature };
  const counts = async (optimize: 1 | 3) => {
    const instance = await start(source, both, { optimize });
    const used = (call: () => unknown) => {
      const before = instance.fuel();
      call();
      return instance.fuel() - before;
    };
    const { f, g, h } = instance.functions;
    return [used(() => f(10)), used(() => g(2)), used(() => g(90)), used(() => h(4)), used(() => f(1))];
  };
  const first = await counts(1);
  equal(first.slice(0, 3), [177, 1 + 3 + 2 * 5, 1 + 50 + 50 * 5]);
  equal(first.at(-1), 1);
  equal(await counts(1), first);
});

Deno.test("bulk memory is charged by its length, so that it cannot run for free", async () => {
  const source = `export function f(n: i32): i32 {
  const a = new StaticArray<u8>(100_000);
  for (let i = 0; i < n; i++) a.fill(1);
  return a[0];
}`;
  const instance = await start(source, I32);
  instance.functions.f(5);
  ok(instance.fuel() > 5 * 100_000 / 8, `${instance.fuel()}`);
  equal(trapOf(() => instance.functions.f(1_000)).kind, "fuel");
});

Deno.test("without metering nothing is counted, and a loop that metering stops runs to its end", async () => {
  const source = "export function f(n: i32): i32 { let s = 1; for (let i = 0; i < n; i++) s = s * 3 + i; return s }";
  const [metered, free] = [await start(source, I32), await start(source, I32, { metered: false })];
  equal(trapOf(() => metered.functions.f(20_000_000)).kind, "fuel");
  equal(typeof free.functions.f(20_000_000), "number");
  equal(free.fuel(), 0);
  const small = await build(source, I32);
  ok(free.size === small.plain.length && small.wasm.length > free.size);
});

Deno.test("nothing survives from one call to the next: memory is given back, zeroed, and calls can go on for ever", async () => {
  const functions = { f: { parameters: [["a", "Float64Array"]], result: "Float64Array" } } as const;
  const source = `export function f(a: Float64Array): Float64Array {
  const b = new Float64Array(a.length);
  for (let i = 0; i < a.length; i++) b[i] = a[i] + 1;
  return b;
}`;
  const { functions: { f } } = await start(source, functions);
  const array = new Float64Array(20_000).fill(1);
  for (let round = 0; round < 300; round++) equal(f(array)[19_999], 2); // 96 MB through a memory of 1 MB
  const text = await start(
    "export function f(n: i32): i32 { let s = ''; for (let i = 0; i < n; i++) s += 'ab'; return s.length }",
    I32,
  );
  for (let round = 0; round < 200; round++) equal(text.functions.f(200), 400);
});

Deno.test("a fresh instance knows nothing of the first, and a module of other exports is refused by name", async () => {
  const made = await build("export function f(n: i32): i32 { return n }", I32);
  const options = { functions: I32, limits: LIMITS, size: 1, metered: true };
  const instance = createInstance(made.module, options);
  instance.functions.f(1);
  notStrictEqual(instance.fresh(), instance);
  equal(instance.fresh().fuel(), 0);
  const other = { functions: { g: I32.f }, limits: LIMITS, size: 1, metered: true };
  throws(() => createInstance(made.module, other), { message: 'Cannot call "g": the module does not export it' });
});

Deno.test("an array larger than the body's memory is a trap of memory, and the body is not blamed for copying it", async () => {
  const functions = { f: { parameters: [["a", "Float64Array"]], result: "i32" } } as const;
  const instance = await start("export function f(a: Float64Array): i32 { return a.length }", functions);
  equal(trapOf(() => instance.functions.f(new Float64Array(1_000_000))).kind, "memory");
  const before = instance.fuel();
  equal(instance.functions.f(new Float64Array(100_000)), 100_000);
  equal(instance.fuel() - before, 1);
});

Deno.test("calls with numbers allocate nothing", async () => {
  const functions = { f: { parameters: [["a", "f64"], ["b", "f64"]], result: "f64" } } as const;
  const { functions: { f } } = await start("export function f(a: f64, b: f64): f64 { return a * b }", functions);
  const run = (count: number) => {
    const before = Deno.memoryUsage().heapUsed;
    for (let at = 0; at < count; at++) f(3, 5);
    return Deno.memoryUsage().heapUsed - before;
  };
  const rounds = Array.from({ length: 12 }, () => run(200_000)); // the engine optimises when it has the time
  ok(rounds.some((bytes) => bytes < 200_000 * 4), "less than a small object a call");
  const kept: unknown[] = [];
  const boxed = (count: number) => {
    const before = Deno.memoryUsage().heapUsed;
    for (let at = 0; at < count; at++) kept.push([f(3, 5)]);
    return Deno.memoryUsage().heapUsed - before;
  };
  const controls = Array.from({ length: 4 }, () => boxed(200_000)); // one may hide behind a collection
  ok(controls.some((bytes) => bytes > 200_000 * 4), "an array a call would be seen");
});
