/** Calling a revision with arguments that a person typed. */
import type { ParameterType, Signatures } from "../../actors/functions.ts";
import { no, ok, type Outcome } from "../../actors/types.ts";
import { attempt, reason } from "../session/files.ts";
import { createHandle } from "../wasm/handle.ts";
import type { Declaration } from "../evaluation/types.ts";
import type { Built } from "./archive.ts";

const ARRAYS = {
  ...{ Int8Array, Uint8Array, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array },
} as const;
const BIG = { BigInt64Array, BigUint64Array } as const;
/** Elements of an array that are shown. */
const SHOWN = 1_000;

type Called = Pick<Built, "wasm"> & { revision: number };
/** Calls a function of this revision through a handle, metered, and tells its result, arrays that it was given, and the fuel. */
export async function callBuilt(task: Declaration, on: Called, typed: string[]): Promise<Outcome<string>> {
  const names = Object.keys(task.functions);
  const named = typed[0] !== undefined && names.includes(typed[0]) &&
    (names.length > 1 || !fits(task.functions, typed));
  const name = (named ? typed[0] : names[0]) ?? "";
  const signature = task.functions[name];
  if (!signature) return no(`Cannot call "${task.name}": it has no function`);
  if (names.length > 1 && !named) {
    return no(`Cannot call "${task.name}": say which function, one of ${names.join(", ")}`);
  }
  const bad = (why: string) => no(`Cannot call "${name}": ${why}`);
  const given = jsonWords(named ? typed.slice(1) : typed);
  const wants = signature.parameters.map(([word, type]) => `${word}: ${type}`).join(", ") || "nothing";
  if (given.length !== signature.parameters.length) {
    return bad(`it takes ${signature.parameters.length} arguments (${wants}), ${given.length} were given`);
  }
  const values: unknown[] = [];
  for (const [at, [word, type]] of signature.parameters.entries()) {
    const value = valueOf(type, given[at] ?? "");
    if (value === undefined) return bad(`"${given[at]}" is no ${type} for ${word}; it takes ${wants}, each as JSON`);
    values.push(value);
  }
  const handle = createHandle(task.functions, task.limits);
  handle.activate(on.revision, await WebAssembly.compile(new Uint8Array(on.wasm)));
  try {
    const called: unknown = Reflect.apply(handle.functions[name] ?? (() => {}), undefined, values);
    const arrays = signature.parameters.flatMap(([word], at) =>
      ArrayBuffer.isView(values[at]) ? [`${word} is now ${told(values[at])}`] : []
    );
    const result = signature.result === "void" ? [] : [told(called)];
    return ok([...result, ...arrays, `fuel ${handle.fuel()}`].join("\n"));
  } catch (error) {
    return bad(reason(error));
  }
}

/** True if what was typed could be the arguments of the only function, whose name is also its first word. */
function fits(functions: Signatures, typed: string[]): boolean {
  const [signature] = Object.values(functions);
  return signature?.parameters.length === jsonWords(typed).length && signature.parameters[0]?.[1] === "string";
}

/** Words joined again where only several of them are one JSON text: `[1, 2]` was split at its blank. */
function jsonWords(words: string[]): string[] {
  const texts: string[] = [];
  for (let at = 0; at < words.length; at++) {
    let to = at + 1;
    while (to <= words.length && attempt(() => [JSON.parse(words.slice(at, to).join(" "))]) === undefined) to++;
    const whole = to <= words.length;
    texts.push(whole ? words.slice(at, to).join(" ") : words[at] ?? "");
    if (whole) at = to - 1;
  }
  return texts;
}

function valueOf(type: ParameterType, text: string): unknown {
  const json: unknown = attempt(() => JSON.parse(text));
  if (type === "string") return typeof json === "string" ? json : text;
  if (type === "bool") return typeof json === "boolean" ? json : undefined;
  const bits = Number(/^[iu](\d+)$/.exec(type)?.[1] ?? 0);
  if (bits > 0) {
    const value = /^-?\d+$/.test(text) ? BigInt(text) : undefined;
    const wrapped = value === undefined
      ? undefined
      : type[0] === "i"
      ? BigInt.asIntN(bits, value)
      : BigInt.asUintN(bits, value);
    return wrapped !== value ? undefined : bits === 64 ? value : value === undefined ? undefined : Number(value);
  }
  if (type === "BigInt64Array" || type === "BigUint64Array") {
    return Array.isArray(json) ? attempt(() => BIG[type].from(json.map((one) => BigInt(one)))) : undefined;
  }
  if (type in ARRAYS) {
    const numbers = Array.isArray(json) && json.every((one) => typeof one === "number" || one === null);
    return numbers ? ARRAYS[type as keyof typeof ARRAYS].from(json.map((one) => one ?? NaN)) : undefined;
  }
  const odd = /^-?(NaN|Infinity)$/.test(text) ? Number(text) : undefined;
  return typeof json === "number" ? json : odd;
}

function told(value: unknown): string {
  if (!ArrayBuffer.isView(value) || value instanceof DataView) {
    return typeof value === "string" ? JSON.stringify(value) : String(value);
  }
  const all = Array.from(value as unknown as ArrayLike<number | bigint>), more = all.length - SHOWN;
  return `[${all.slice(0, SHOWN).map(String).join(", ")}${more > 0 ? `, and ${more} more` : ""}]`;
}
