/** Metering: one unit at every function entry and loop head, bulk memory by its length; a call that has none left traps. */
import type { Binaryen, Module, Ref } from "./asc.d.ts";

/** The children of each kind of expression that AssemblyScript makes, in the names of binaryen's accessors. */
const CHILDREN: Record<string, string[]> = {
  If: ["Condition", "IfTrue", "IfFalse"],
  Loop: ["Body"],
  Break: ["Value", "Condition"],
  Switch: ["Value", "Condition"],
  LocalSet: ["Value"],
  GlobalSet: ["Value"],
  Load: ["Ptr"],
  Store: ["Ptr", "Value"],
  Unary: ["Value"],
  Binary: ["Left", "Right"],
  Select: ["IfTrue", "IfFalse", "Condition"],
  Drop: ["Value"],
  Return: ["Value"],
  MemoryGrow: ["Delta"],
  MemoryCopy: ["Dest", "Source", "Size"],
  MemoryFill: ["Dest", "Value", "Size"],
  CallIndirect: ["Target"],
  ...Object.fromEntries(
    ["Block", "Call", "LocalGet", "GlobalGet", "Const", "Nop", "Unreachable", "MemorySize"].map((kind) => [kind, []]),
  ),
};
/** Kinds with a list of children. */
const LISTS: Record<string, [noun: string, plural: string]> = {
  Block: ["Child", "Children"],
  Call: ["Operand", "Operands"],
  CallIndirect: ["Operand", "Operands"],
};
/** Bytes of memory.fill and memory.copy for one unit, as a shift. */
const BULK_SHIFT = 3n;
/** More than any limit: making arguments is not the body's work. */
const AMPLE = 1n << 62n;
/** What the constants of a module may use when it is instantiated. */
const STARTING = 1_000_000n;

/**
 * Meters a module in place. `functions` are the exports that a call from outside enters by, `glue` those that make its
 * arguments. A call begins with `limit` units and adds what it used to `$spent`, which a trap for want of fuel leaves as its
 * complement: negative. Throws on an expression that it does not know.
 */
export function meter(
  b: Binaryen,
  m: Module,
  exported: { functions: readonly string[]; glue: readonly string[]; limit: number },
): void {
  m.addGlobal("$fuel", b.i64, true, m.i64.const(STARTING));
  m.addGlobal("$spent", b.i64, true, m.i64.const(0n));
  m.addGlobalExport("$spent", "$spent");
  const limit = BigInt(exported.limit);
  const all = Array.from({ length: m.getNumFunctions() }, (_, at) => scan(b, m.getFunctionByIndex(at)));
  const called = new Set(all.flatMap(({ targets }) => targets));
  const entries = new Set<string>();
  for (const name of exported.functions) {
    const target = b.getExportInfo(m.getExport(name)).value;
    if (called.has(target) || entries.has(target) || m.getNumTables() > 0) {
      entries.add(addEntry(b, m, { name, target, limit }));
    } else entries.add(target);
  }
  for (const { f, name, loops, leaf } of all) {
    if (leaf && entries.has(name)) meterLeaf(b, m, f);
    else meterFunction(b, m, { f, limit, keeping: entries.has(name) ? "entry" : loops });
  }
  for (const name of exported.glue) {
    const f = m.getFunction(b.getExportInfo(m.getExport(name)).value);
    const fill = m.global.set("$fuel", m.i64.const(AMPLE));
    b.Function.setBody(f, m.block(null, [fill, b.Function.getBody(f)], b.Function.getResults(f)));
  }
}

interface Shape {
  f: Ref;
  name: string;
  /** Where it keeps what is left: with loops in a local, which costs a tick no memory. */
  loops: "local" | "global";
  /** True if it costs one unit, whatever it is given. */
  leaf: boolean;
  targets: string[];
}

function scan(b: Binaryen, f: Ref): Shape {
  const shape: Shape = { f, name: b.Function.getName(f), loops: "global", leaf: true, targets: [] };
  rewrite(b, b.Function.getBody(f), (expression, kind) => {
    if (kind === "Loop") shape.loops = "local";
    if (kind === "Call") shape.targets.push(b.Call.getTarget(expression));
    if (/^(Loop|Call|Memory(Fill|Copy))/.test(kind)) shape.leaf = false;
    return expression;
  });
  return shape;
}

/** A call from outside that costs one unit, which every limit allows. */
function meterLeaf(b: Binaryen, m: Module, f: Ref): void {
  const spend = m.global.set("$spent", m.i64.add(m.global.get("$spent", b.i64), m.i64.const(1n)));
  b.Function.setBody(f, m.block(null, [spend, b.Function.getBody(f)], b.Function.getResults(f)));
}

/** Ends the call for want of fuel, and says so. */
function trap(b: Binaryen, m: Module): Ref {
  const complement = m.i64.xor(m.global.get("$spent", b.i64), m.i64.const(-1n));
  return m.block(null, [m.global.set("$spent", complement), m.unreachable()]);
}

/** An export of its own for a function that is also called from within: only calls from outside begin with a full tank. */
function addEntry(b: Binaryen, m: Module, on: { name: string; target: string; limit: bigint }): string {
  const { name, target, limit } = on;
  const f = m.getFunction(target), entry = `$enter/${name}`;
  const [params, results] = [b.Function.getParams(f), b.Function.getResults(f)];
  const passed = b.expandType(params).map((type, at) => m.local.get(at, type));
  m.addFunction(entry, params, results, [], m.call(target, passed, results));
  m.removeExport(name);
  m.addFunctionExport(entry, name);
  meterFunction(b, m, { f: m.getFunction(entry), limit, keeping: "entry", free: true });
  return entry;
}

/**
 * "global": every tick is on the global. "local": counts in a local, and settles with the global around calls and at the end.
 * "entry": as local, but begins with the limit and settles at the end by adding to what was spent.
 */
interface Metered {
  f: Ref;
  limit: bigint;
  keeping: "global" | "local" | "entry";
  free?: boolean;
}

/** The code that metering puts into one function. */
interface Site {
  b: Binaryen;
  m: Module;
  /** The local that holds what is left. */
  left: number;
  temp(type: number): number;
  /** Takes an amount from what is left, or from what is given, and traps if that was more. */
  charge(amount: Ref, from?: Ref): Ref;
  /** Puts what is left into the global. */
  save(): Ref;
  /** At the end of the function. */
  settle(): Ref;
  /** The value of an expression, with something done after it. */
  then(value: Ref, after: Ref[]): Ref;
}

function makeSite(b: Binaryen, m: Module, { f, limit, keeping }: Metered): Site {
  const { i64, none } = b;
  const left = b._BinaryenFunctionAddVar(f, i64);
  const temps = new Map<number, number>();
  const global = (name: string) => m.global.get(name, i64);
  const remaining = () => m.local.get(left, i64);
  const save = () => m.global.set("$fuel", remaining());
  const temp = (type: number) => {
    const known = temps.get(type) ?? b._BinaryenFunctionAddVar(f, type);
    temps.set(type, known);
    return known;
  };
  return {
    b,
    m,
    left,
    temp,
    save,
    charge(amount, from = keeping === "global" ? global("$fuel") : remaining()) {
      const empty = m.i64.lt_s(remaining(), m.i64.const(0n));
      const taken = m.local.set(left, m.i64.sub(from, amount));
      return m.block(null, [taken, ...(keeping === "global" ? [save()] : []), m.if(empty, trap(b, m))], none);
    },
    settle() {
      if (keeping === "local") return save();
      return m.global.set("$spent", m.i64.add(global("$spent"), m.i64.sub(m.i64.const(limit), remaining())));
    },
    then(value, after) {
      const type = b.getExpressionType(value);
      if (type === b.unreachable) return value;
      if (type === none) return m.block(null, [value, ...after], none);
      return m.block(null, [m.local.set(temp(type), value), ...after, m.local.get(temp(type), type)], type);
    },
  };
}

function meterFunction(b: Binaryen, m: Module, metered: Metered): void {
  const { f, limit, keeping, free = false } = metered, { Function: F } = b;
  const site = makeSite(b, m, metered), { charge, settle, then } = site;
  const one = () => m.i64.const(1n);
  const body = rewrite(b, F.getBody(f), (expression, kind) => {
    if (kind === "Loop") {
      const inner = call(accessors(b, kind), "getBody", expression);
      const ticking = m.block(null, [charge(one()), inner], b.getExpressionType(inner));
      call(accessors(b, kind), "setBody", expression, ticking);
    }
    if (kind === "MemoryFill" || kind === "MemoryCopy") chargeBulk(site, expression, kind);
    if (keeping === "global") return expression;
    if (kind === "Call" || kind === "CallIndirect") return settleAround(site, expression, kind);
    if (kind !== "Return") return expression;
    const value = call(accessors(b, kind), "getValue", expression);
    if (value === 0) return m.block(null, [settle(), expression], b.unreachable);
    call(accessors(b, kind), "setValue", expression, then(value, [settle()]));
    return expression;
  });
  const start = keeping === "entry" ? m.i64.const(limit) : m.global.get("$fuel", b.i64);
  const first = free ? m.local.set(site.left, start) : charge(one(), start);
  F.setBody(f, m.block(null, [first, keeping === "global" ? body : then(body, [settle()])], F.getResults(f)));
}

/** Charges memory.fill and memory.copy by their length, before they begin. */
function chargeBulk({ b, m, charge, temp }: Site, expression: Ref, kind: string): void {
  const at = accessors(b, kind), size = call(at, "getSize", expression), length = temp(b.i32);
  if (b.getExpressionType(size) !== b.i32) return;
  const amount = m.i64.shr_u(m.i64.extend_u(m.local.get(length, b.i32)), m.i64.const(BULK_SHIFT));
  const charged = m.block(null, [m.local.set(length, size), charge(amount), m.local.get(length, b.i32)], b.i32);
  call(at, "setSize", expression, charged);
}

/** Around a call the global holds what is left: it is saved after the last operand was computed, and read again after the call. */
function settleAround({ b, m, left, save, then }: Site, expression: Ref, kind: string): Ref {
  const type = b.getExpressionType(expression);
  if (type === b.unreachable) return expression;
  const at = accessors(b, kind), count = call(at, "getNumOperands", expression);
  const refill = m.local.set(left, m.global.get("$fuel", b.i64));
  if (kind === "CallIndirect") call(at, "setTarget", expression, then(call(at, "getTarget", expression), [save()]));
  else if (count === 0) return m.block(null, [save(), then(expression, [refill])], type);
  else call(at, "setOperandAt", expression, count - 1, then(call(at, "getOperandAt", expression, count - 1), [save()]));
  return then(expression, [refill]);
}

/** Visits an expression after its children; what the visit returns takes its place. */
function rewrite(b: Binaryen, expression: Ref, visit: (expression: Ref, kind: string) => Ref): Ref {
  if (expression === 0) return 0;
  const kind = kindOf(b, expression), at = accessors(b, kind);
  for (const name of CHILDREN[kind] ?? []) {
    const child = call(at, `get${name}`, expression), now = rewrite(b, child, visit);
    if (now !== child) call(at, `set${name}`, expression, now);
  }
  const [noun, plural] = LISTS[kind] ?? [];
  for (let index = 0, count = plural ? call(at, `getNum${plural}`, expression) : 0; index < count; index++) {
    const child = call(at, `get${noun}At`, expression, index), now = rewrite(b, child, visit);
    if (now !== child) call(at, `set${noun}At`, expression, index, now);
  }
  return visit(expression, kind);
}

const kinds = new Map<number, string>();
function kindOf(b: Binaryen, expression: Ref): string {
  if (kinds.size === 0) { for (const kind of Object.keys(CHILDREN)) kinds.set(Number(b[`${kind}Id`]), kind); }
  const kind = kinds.get(b.getExpressionId(expression));
  if (kind === undefined) {
    throw new TypeError(`Cannot meter the module: it holds an expression of kind ${b.getExpressionId(expression)}`);
  }
  return kind;
}

type Accessors = Record<string, (expression: Ref, ...rest: number[]) => number>;
const accessors = (b: Binaryen, kind: string) => b[kind] as Accessors;
function call(at: Accessors, name: string, expression: Ref, ...rest: number[]): number {
  const accessor = at[name];
  if (!accessor) throw new TypeError(`Cannot meter the module: binaryen has no ${name}`);
  return accessor(expression, ...rest);
}
