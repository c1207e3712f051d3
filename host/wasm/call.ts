/** Calling one export: arguments checked and carried in, the result carried out. */
import type { ArrayType, ParameterType, ResultType, Signature, Signatures } from "../../actors/functions.ts";
import { inMemory } from "./runtime.ts";

/** The exports of a compiled module: its functions, its memory, and what the compiler put there by `$` names. */
export interface Exports {
  readonly memory?: WebAssembly.Memory;
  readonly $limit?: WebAssembly.Global;
  readonly $spent?: WebAssembly.Global;
  readonly $message?: WebAssembly.Global;
  readonly $reset?: () => void;
  readonly [name: string]: unknown;
}

/** What calling one function takes, the same for every instance. */
export interface Plan {
  readonly name: string;
  readonly signature: Signature;
  /** True if no parameter has to be carried through memory, and they are at most eight. */
  readonly numeric: boolean;
  /** What `typeof` must say of each of nine values: "undefined" beyond the parameters. */
  readonly types: readonly string[];
  readonly narrow: readonly (Narrow | undefined)[] | undefined;
  readonly out: (value: unknown) => unknown;
}
/** One function of one instance; `fail` turns what it throws into what its caller sees. */
export interface Calling {
  plan: Plan;
  exports: Exports;
  fail(error: unknown, name: string): unknown;
}

type Narrow = (value: unknown) => Scalar;
type Scalar = number | bigint | boolean;
type Function = (...values: unknown[]) => unknown;

const VIEWS = {
  Int8Array,
  Uint8Array,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  BigInt64Array,
  BigUint64Array,
  Float32Array,
  Float64Array,
} satisfies Record<ArrayType, unknown>;
/** Where an array's object holds its data's address and length in bytes; where any object holds its own length. */
const DATA = 4, BYTES = 8, SIZE = -4;
/** For strings of each length up to 64, an array to make it of: cheaper than a view of its own, or than one character after another. */
const SHORT = Array.from({ length: 65 }, (_, length) => Array<number>(length).fill(0));
const NOTHING = new ArrayBuffer(0);

/** Plans the calls of all functions of a task. */
export function planCalls(functions: Signatures): Plan[] {
  return Object.entries(functions).map(([name, signature]) => {
    const { parameters, result } = signature;
    const types = parameters.map(([, type]) => typeName(type));
    const numeric = parameters.length <= 8 && !parameters.some(([, type]) => inMemory(type));
    const narrow = parameters.map(([, type]) => NARROW[type]);
    return {
      name,
      signature,
      numeric,
      types: [...types, ...Array(9).fill("undefined")],
      narrow: narrow.some((one) => one) ? narrow : undefined,
      out: RESULTS[result],
    };
  });
}

/** A function of JavaScript for one export. */
export function makeCall(calling: Calling): Function {
  const { plan } = calling;
  if (!plan.numeric) return callArrays(calling);
  return plan.signature.parameters.length <= 4 && !plan.narrow ? callFew(calling) : callNumbers(calling);
}

/** Up to four numbers that need no narrowing: short enough to be inlined whole into the caller. */
function callFew({ plan, exports, fail }: Calling): Function {
  const { name, types: [t0, t1, t2, t3], signature } = plan;
  const target = functionOf(exports, name), reset = exports.$reset, out = carryOut(plan, exports);
  return (a, b, c, d, e) => {
    if (kind(a) !== t0 || kind(b) !== t1 || kind(c) !== t2 || kind(d) !== t3 || e !== undefined) {
      throw misfit(name, signature, [a, b, c, d, e]);
    }
    try {
      reset?.();
      return out(target(a, b, c, d));
    } catch (error) {
      throw fail(error, name);
    }
  };
}

/** Up to eight numbers: what a value needs is looked up, but still nothing is allocated, except for a result that is no number. */
function callNumbers({ plan, exports, fail }: Calling): Function {
  const { name, types, narrow, signature } = plan;
  const target = functionOf(exports, name), reset = exports.$reset, out = carryOut(plan, exports);
  const bad = (value: unknown, at: number) => kind(value) !== types[at];
  const one = (value: unknown, at: number) => narrow?.[at]?.(value) ?? value;
  return (a, b, c, d, e, f, g, h, i) => {
    if (
      bad(a, 0) || bad(b, 1) || bad(c, 2) || bad(d, 3) || bad(e, 4) || bad(f, 5) || bad(g, 6) || bad(h, 7) || bad(i, 8)
    ) throw misfit(name, signature, [a, b, c, d, e, f, g, h, i]);
    try {
      reset?.();
      return out(target(one(a, 0), one(b, 1), one(c, 2), one(d, 3), one(e, 4), one(f, 5), one(g, 6), one(h, 7)));
    } catch (error) {
      throw fail(error, name);
    }
  };
}

/** A call with arrays or strings: copied in, and arrays copied back when it returned. */
function callArrays({ plan, exports, fail }: Calling): Function {
  const { name, signature: { parameters } } = plan;
  const target = functionOf(exports, name), out = carryOut(plan, exports);
  return (...values) => {
    if (values.length !== parameters.length || parameters.some(([, type], at) => !fits(values[at], type))) {
      throw misfit(name, plan.signature, values);
    }
    const back: (() => void)[] = [];
    try {
      exports.$reset?.();
      const passed = parameters.map(([, type], at) => {
        const value = values[at];
        if (typeof value === "string") return putString(exports, value);
        if (inMemory(type)) return putArray(exports, type as ArrayType, { value: value as Bytes, back });
        return NARROW[type]?.(value) ?? value;
      });
      const returned = target(...passed);
      for (const copy of back) copy();
      return out(returned);
    } catch (error) {
      throw fail(error, name);
    }
  };
}

/** What makes a value of JavaScript of a result, which may be an address. */
function carryOut({ signature: { result }, out }: Plan, exports: Exports): Plan["out"] {
  if (result === "string") {
    const read = stringReader(exports);
    return (address) => read(Number(address));
  }
  if (inMemory(result)) return (address) => readArray(exports, result as ArrayType, Number(address)).slice();
  return out;
}

/** Reads strings at addresses, with their lone surrogates. */
export function stringReader(exports: Exports): (address: number) => string {
  let { units, words } = NONE;
  return (address) => {
    if (units.length === 0) ({ units, words } = viewsOf(bufferOf(exports))); // they are empty once memory has grown
    const start = address >>> 1, length = (words[(address + SIZE) >>> 2] ?? 0) >>> 1;
    const short = SHORT[length];
    if (short) {
      for (let at = 0; at < length; at++) short[at] = units[start + at] ?? 0;
      return String.fromCharCode(...short);
    }
    let text = "";
    for (let at = start, end = start + length; at < end; at += 8192) {
      text += String.fromCharCode.apply(null, units.subarray(at, Math.min(end, at + 8192)) as never); // spread: ten times as slow
    }
    return text;
  };
}

const NONE = { buffer: NOTHING, units: new Uint16Array(NOTHING), words: new Uint32Array(NOTHING) };
let views = NONE;
/** Those of the memory that was read last: one instance after another has the same. */
function viewsOf(buffer: ArrayBuffer): typeof views {
  if (buffer !== views.buffer) views = { buffer, units: new Uint16Array(buffer), words: new Uint32Array(buffer) };
  return views;
}

type Bytes = InstanceType<(typeof VIEWS)[ArrayType]>;

function putString(exports: Exports, value: string): number {
  const address = Number(functionOf(exports, "$string")(value.length));
  const units = new Uint16Array(bufferOf(exports), address, value.length);
  for (let at = 0; at < value.length; at++) units[at] = value.charCodeAt(at);
  return address;
}

function putArray(exports: Exports, type: ArrayType, { value, back }: { value: Bytes; back: (() => void)[] }): number {
  const address = Number(functionOf(exports, `$${type}`)(value.length));
  const start = word(exports, address + DATA);
  const view = () => new VIEWS[type](bufferOf(exports), start, value.length);
  copy(view(), value);
  back.push(() => copy(value, view()));
  return address;
}

function readArray(exports: Exports, type: ArrayType, address: number): Bytes {
  const [start, bytes] = [word(exports, address + DATA), word(exports, address + BYTES)];
  return new VIEWS[type](bufferOf(exports), start, bytes / VIEWS[type].BYTES_PER_ELEMENT);
}

/** Both are of one type: that was checked. */
function copy(to: Bytes, from: Bytes): void {
  (to as Uint8Array).set(from as Uint8Array);
}

/** Never a shared buffer: a module's memory is its own. */
const bufferOf = (exports: Exports) => (exports.memory?.buffer ?? NOTHING) as ArrayBuffer;
const word = (exports: Exports, at: number): number => new DataView(bufferOf(exports)).getUint32(at, true);

function functionOf(exports: Exports, name: string): Function {
  const target = exports[name];
  if (typeof target === "function") return target as Function;
  throw new TypeError(`Cannot call "${name}": the module does not export it`);
}

/** Integers of less than 32 bits: WebAssembly has none, and the body believes that they fit. */
const NARROW: Record<string, (value: unknown) => Scalar> = {
  i8: (value) => Number(value) << 24 >> 24,
  i16: (value) => Number(value) << 16 >> 16,
  u8: (value) => Number(value) & 0xff,
  u16: (value) => Number(value) & 0xffff,
};
const same = (value: unknown) => value;
const RESULTS: Record<ResultType, (value: unknown) => unknown> = {
  ...{ i32: same, i64: same, f32: same, f64: same, void: same, string: same },
  ...(Object.fromEntries(Object.keys(VIEWS).map((type) => [type, same])) as Record<ArrayType, typeof same>),
  ...(NARROW as Record<"i8" | "i16" | "u8" | "u16", typeof same>),
  u32: (value) => Number(value) >>> 0,
  u64: (value) => BigInt.asUintN(64, value as bigint),
  bool: (value) => value !== 0,
};

const kind = (value: unknown) => typeof value;
/** What `typeof` says of a value of this type. */
function typeName(type: ParameterType): string {
  if (type === "bool") return "boolean";
  if (type === "string") return "string";
  return type === "i64" || type === "u64" ? "bigint" : inMemory(type) ? "object" : "number";
}

function fits(value: unknown, type: ParameterType): boolean {
  return type in VIEWS ? value instanceof VIEWS[type as ArrayType] : kind(value) === typeName(type);
}

function misfit(name: string, { parameters }: Signature, given: readonly unknown[]): TypeError {
  const act = `Cannot call "${name}"`;
  const count = given.findLastIndex((value) => value !== undefined) + 1;
  if (count !== parameters.length) {
    return new TypeError(`${act}: it takes ${parameters.length} arguments, not ${count}`);
  }
  const at = parameters.findIndex(([, type], index) => !fits(given[index], type));
  const [label, type] = parameters[at] ?? ["", "i32"];
  const found = Object.prototype.toString.call(given[at]).slice(8, -1);
  const wanted = type in VIEWS ? type : `a ${typeName(type)} (${type})`;
  return new TypeError(`${act}: its argument ${at + 1} (${label}) must be ${wanted}, not ${found}`);
}
