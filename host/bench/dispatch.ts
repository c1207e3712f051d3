/** What a call costs by each way of calling, what a compilation and an instance cost, what metering costs, swapping under load. */
import type { Instance, Limits, Signatures } from "../../actors/functions.ts";
import { loadCompilerModules } from "../assembly/modules.ts";
import { median, ROUNDS, type Row } from "../testing/measure.ts";
import { swapUnderLoad } from "../testing/swap.ts";
import { createCompiler } from "../wasm/compile.ts";
import { createHandle } from "../wasm/handle.ts";
import { createInstance } from "../wasm/instance.ts";
import type { Compiler } from "../wasm/types.ts";

const LIMITS: Limits = { fuel: 10_000_000_000, pages: 256, deadlineMs: 10_000, source: 50_000 };
const ONE = { f: { parameters: [["x", "i32"]], result: "i32" } } as const;
const PAIR = { first: ONE.f, second: ONE.f } as const;
const CALLS = 2_000_000;
const FIZZBUZZ = `export function f(n: i32): i32 {
  if (n % 15 == 0) return 3;
  if (n % 5 == 0) return 2;
  if (n % 3 == 0) return 1;
  return 0;
}
`;
const FIZZBUZZ_RUST = `#[no_mangle]
pub extern "C" fn f(n: i32) -> i32 {
    if n % 15 == 0 { return 3; }
    if n % 5 == 0 { return 2; }
    if n % 3 == 0 { return 1; }
    0
}
`;
const NATIVE = `#include <stdatomic.h>
typedef int (*function)(int);
static int add(int x) { return x + 1; }
static _Atomic(function) slot = add;
int call(int x) { return atomic_load_explicit(&slot, memory_order_acquire)(x); }
int loop(int n) {
  int x = 0;
  for (int i = 0; i < n; i++) x = atomic_load_explicit(&slot, memory_order_acquire)(x);
  return x;
}
`;
const TABLE = `(module
  (type $f (func (param i32) (result i32)))
  (table (export "table") 1 funcref)
  (func (export "loop") (param $n i32) (result i32) (local $x i32)
    (loop $again
      (local.set $x (call_indirect (type $f) (local.get $x) (i32.const 0)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $x)))`;

/** A body to weigh metering with: `run` calls it for some milliseconds' worth. */
export interface Weighed<F extends Signatures = Signatures> {
  name: string;
  source: string;
  functions: F;
  run(instance: Instance<F>): void;
}

/** All rows of this file but those of metering, which wants the shipped bodies. */
export async function measureDispatch(): Promise<Row[]> {
  const compiler = await createCompiler();
  const scratch = await Deno.makeTempDir({ prefix: "evo-dispatch-" });
  try {
    return [
      ...await measureCalls(compiler, scratch),
      ...await measureCompiling(compiler, scratch),
      ...await measureInstances(compiler),
      ...await measureSwapping(compiler),
    ];
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

async function build(compiler: Compiler, source: string, functions: Signatures, optimize: 1 | 3 = 3) {
  const made = await compiler.compile({ source, functions, limits: LIMITS, optimize });
  if (!made.ok) throw new Error(made.diagnostics);
  return made;
}

/** Nanoseconds of one of `CALLS` calls, medians over rounds in which each way has its turn. */
function race(ways: Record<string, () => void>): Record<string, number> {
  const times = new Map(Object.keys(ways).map((name): [string, number[]] => [name, []]));
  for (const run of Object.values(ways)) run();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, run] of Object.entries(ways)) {
      const started = performance.now();
      run();
      times.get(name)?.push((performance.now() - started) * 1e6 / CALLS);
    }
  }
  return Object.fromEntries([...times].map(([name, values]) => [name, median(values)]));
}

async function measureCalls(compiler: Compiler, scratch: string): Promise<Row[]> {
  const made = await build(compiler, "export function f(x: i32): i32 { return x + 1 }", ONE);
  const metered = new WebAssembly.Module(made.wasm), plain = new WebAssembly.Module(made.plain);
  const direct = (x: number) => x + 1 | 0;
  const wasm = new WebAssembly.Instance(plain).exports.f as (x: number) => number;
  const handle = createHandle(ONE, LIMITS);
  for (let revision = 0; revision < 3; revision++) handle.activate(revision, metered);
  const { f } = handle.functions;
  const loop = await makeTableLoop(wasm);
  // Each way has a loop of its own: one loop for all would make every call in it a slow one.
  const ways: Record<string, () => void> = {
    js: () => {
      for (let at = 0, x = 0; at < CALLS; at++) x = direct(x);
    },
    wasm: () => {
      for (let at = 0, x = 0; at < CALLS; at++) x = wasm(x);
    },
    handle: () => {
      for (let at = 0, x = 0; at < CALLS; at++) x = f(x);
    },
    table: () => void loop(CALLS),
  };
  const library = await openNative(scratch);
  if (library) {
    const { call, loop } = library.symbols;
    ways.ffi = () => {
      for (let at = 0, x = 0; at < CALLS; at++) x = call(x);
    };
    ways.native = () => void loop(CALLS);
  }
  const ns = race(ways);
  library?.close();
  const row = (measure: string, way: string): Row[] =>
    ns[way] === undefined ? [] : [{ measure: `call: ${measure}`, value: ns[way], unit: "ns" }];
  const ratio = (measure: string, [way, other]: [string, string], target?: number): Row[] => {
    const value = (ns[way] ?? NaN) / (ns[other] ?? NaN);
    return Number.isNaN(value)
      ? []
      : [{ measure: `call: ${measure}`, value, unit: "x", ...(target ? { target } : {}) }];
  };
  return [
    ...row("JavaScript, direct", "js"),
    ...row("wasm, direct", "wasm"),
    ...row("through a hot-swappable handle, metered", "handle"),
    ...row("native through an atomic pointer, in native code", "native"),
    ...row("the same from JavaScript by FFI", "ffi"),
    ...row("wasm loop through a table slot", "table"),
    ...ratio("handle against direct JavaScript", ["handle", "js"]),
    ...ratio("handle against direct wasm", ["handle", "wasm"]),
    ...ratio("handle against native by FFI", ["handle", "ffi"], 1.5),
    ...ratio("table slot against native code", ["table", "native"], 3),
  ];
}

async function makeTableLoop(callee: (x: number) => number): Promise<(n: number) => number> {
  const { binaryen } = await loadCompilerModules();
  const m = (binaryen.parseText as (text: string) => { emitBinary(): Uint8Array<ArrayBuffer> })(TABLE);
  const { table, loop } = new WebAssembly.Instance(new WebAssembly.Module(m.emitBinary())).exports;
  (table as WebAssembly.Table).set(0, callee);
  return loop as (n: number) => number;
}

async function openNative(scratch: string) {
  const [source, library] = [`${scratch}/native.c`, `${scratch}/native.so`];
  await Deno.writeTextFile(source, NATIVE);
  if (!await runs(["cc", "-O2", "-shared", "-fPIC", "-o", library, source])) return undefined;
  const integer = { parameters: ["i32"], result: "i32" } as const;
  return Deno.dlopen(library, { call: integer, loop: integer });
}

/** Whether a command is there and succeeds. */
async function runs([name = "", ...args]: string[]): Promise<boolean> {
  const options = { args, stdin: "null", stdout: "null", stderr: "null" } as const;
  return await new Deno.Command(name, options).output().then(({ success }) => success, () => false);
}

async function measureCompiling(compiler: Compiler, scratch: string): Promise<Row[]> {
  const times = { search: [] as number[], winner: [] as number[], rustc: [] as number[] };
  const rust = `${scratch}/f.rs`;
  await Deno.writeTextFile(rust, FIZZBUZZ_RUST);
  const command = ["rustc", "-O", "--crate-type", "cdylib", "-o", `${scratch}/f.so`, rust];
  const hasRust = await runs(command);
  const timed = async (into: number[], run: () => Promise<unknown>) => {
    const started = performance.now();
    await run();
    into.push(performance.now() - started);
  };
  for (let warm = 0; warm < 5; warm++) await build(compiler, FIZZBUZZ, ONE, 1);
  for (let round = 0; round < ROUNDS; round++) {
    await timed(times.search, () => build(compiler, `${FIZZBUZZ}// ${round}`, ONE, 1));
    await timed(times.winner, () => build(compiler, `${FIZZBUZZ}// ${round}`, ONE, 3));
    if (hasRust) await timed(times.rustc, () => runs(command));
  }
  const rows: Row[] = [
    { measure: "compile: fizzbuzz, warm, -O1", value: median(times.search), unit: "ms" },
    { measure: "compile: fizzbuzz, warm, -O3", value: median(times.winner), unit: "ms" },
  ];
  if (!hasRust) return rows;
  const rustc = median(times.rustc);
  return [
    ...rows,
    { measure: "compile: fizzbuzz by rustc -O", value: rustc, unit: "ms" },
    { measure: "compile: -O1 against rustc", value: median(times.search) / rustc, unit: "x", target: 1 },
  ];
}

/** An instance of a module that is there, and one of bytes that are new: the engine remembers those it has seen. */
async function measureInstances(compiler: Compiler): Promise<Row[]> {
  const { wasm } = await build(compiler, FIZZBUZZ, ONE, 1);
  const module = new WebAssembly.Module(wasm), old: number[] = [], fresh: number[] = [];
  for (let round = 0; round < ROUNDS * 3; round++) {
    const bytes = Array.from({ length: BATCH }, (_, at) => stamp(wasm, round * BATCH + at));
    const started = performance.now();
    for (let at = 0; at < BATCH; at++) new WebAssembly.Instance(module);
    const between = performance.now();
    for (const one of bytes) new WebAssembly.Instance(new WebAssembly.Module(one));
    old.push((between - started) * 1000 / BATCH);
    fresh.push((performance.now() - between) * 1000 / BATCH);
  }
  return [
    { measure: "instantiate: fizzbuzz, metered", value: median(old), unit: "us" },
    { measure: "instantiate: from bytes never seen", value: median(fresh), unit: "us" },
  ];
}
const BATCH = 500;

/** The same module with a number in a section of its own. */
function stamp(wasm: Uint8Array, number: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(wasm.length + 8);
  bytes.set(wasm);
  bytes.set([0, 6, 1, 110], wasm.length);
  new DataView(bytes.buffer).setUint32(wasm.length + 4, number);
  return bytes;
}

async function measureSwapping(compiler: Compiler): Promise<Row[]> {
  const modules = await Promise.all([1, 2, 3, 4].map(async (k) => {
    const source = `export function first(n: i32): i32 { return n + ${k} }
export function second(n: i32): i32 { return n * 1000 + ${k} }`;
    return new WebAssembly.Module((await build(compiler, source, PAIR)).wasm);
  }));
  const seen = await swapUnderLoad(modules, { calls: 10_000_000, activations: 1_000 });
  const note = `${seen.calls} calls on three threads, ${seen.activations} activations`;
  return [
    { measure: "swap under load: failed calls", value: seen.failed, unit: "calls", target: 0, note },
    { measure: "swap under load: calls that saw a mix", value: seen.mixed, unit: "calls", target: 0 },
  ];
}

/** What metering costs: each body with it against the same without, the least of many interleaved runs. */
export async function measureMetering(bodies: readonly Weighed[]): Promise<Row[]> {
  const compiler = await createCompiler();
  const ratios: { name: string; ratio: number }[] = [];
  for (const { name, source, functions, run } of bodies) {
    const made = await build(compiler, source, functions);
    const [metered, plain] = [made.wasm, made.plain].map((bytes, at) =>
      createInstance(new WebAssembly.Module(bytes), { functions, limits: LIMITS, size: 0, metered: at === 0 })
    );
    const least = [Infinity, Infinity];
    for (let round = 0; round < 60; round++) {
      for (const [at, instance] of [metered, plain].entries()) {
        const started = performance.now();
        if (instance) run(instance);
        const took = performance.now() - started;
        if (round >= 20) least[at] = Math.min(least[at] ?? Infinity, took);
      }
    }
    ratios.push({ name, ratio: (least[0] ?? NaN) / (least[1] ?? NaN) });
  }
  const mean = Math.exp(ratios.reduce((sum, { ratio }) => sum + Math.log(ratio), 0) / ratios.length);
  const worst = ratios.toSorted((a, b) => b.ratio - a.ratio)[0];
  const note = ratios.map(({ name, ratio }) => `${name} ${ratio.toFixed(2)}`).join(", ");
  return [
    { measure: "metering: geometric mean over the bodies", value: mean, unit: "x", target: 1.3, note },
    { measure: `metering: the worst (${worst?.name})`, value: worst?.ratio ?? NaN, unit: "x" },
  ];
}
