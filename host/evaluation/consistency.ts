/** Catches bodies that keep state between calls: a sample of the calls is asked again, of a fresh instance, in another order. */
import type { Instance, ResultType, Signatures, Value } from "../../actors/functions.ts";
import { inMemory } from "../wasm/runtime.ts";

type Any = Value<ResultType>;
type Call = (...values: Any[]) => Any;
interface Kept {
  name: string;
  /** Copies from before the call. */
  values: Any[];
  /** The result, then the arrays as the call left them, digested. */
  answer: Any[];
}

const SAMPLE = 4, MOST_BYTES = 1 << 20, TRACKED = 64;

/** An instance whose calls are sampled. */
export interface Watched {
  instance: Instance;
  /** Fuel of this instance and of all that were made fresh from it. */
  fuel(): number;
  /** Asks the sample again; one sentence if an answer changed. Throws what the body throws. */
  recheck(): string | undefined;
}

/** Watches the calls of an instance: the sample grows with the logarithm of their number, so that watching costs next to nothing. */
export function watch(body: Instance, functions: Signatures, seed: number): Watched {
  const kept: Kept[] = [];
  const live: Instance[] = [];
  let seen = 0, next = 0, taken = 0, spent = 0, turn = (seed ^ 0x9e3779b9) >>> 0;
  const skip = () => {
    turn = (Math.imul(turn, 1664525) + 1013904223) >>> 0;
    return Math.floor((turn / 0x100000000) * (seen + 2));
  };
  const sample = (name: string, call: Call, values: Any[]): Any => {
    next = seen + skip();
    const arrays = arraysOf(values);
    if (arrays.reduce((sum, { byteLength }) => sum + byteLength, 0) > MOST_BYTES) return call(...values);
    const before = arrays.length > 0 ? values.map(copy) : values;
    const result = call(...values);
    kept[taken++ % SAMPLE] = { name, values: before, answer: [result, ...arrays].map(digest) };
    return result;
  };
  const wrap = (instance: Instance): Instance => {
    if (instance !== body) live.push(instance);
    if (live.length > TRACKED) spent += live.shift()?.fuel() ?? 0; // what it spends later is not counted
    const wrapped: Record<string, Call> = {};
    const own = instance.functions as unknown as Record<string, Call>; // the names are those of `functions`
    for (const name of Object.keys(functions)) {
      const call = own[name];
      if (!call) continue;
      const { parameters = [] } = functions[name] ?? {}, { length } = parameters; // few values need no array for each call
      wrapped[name] = length > 3 || parameters.some(([, type]) => inMemory(type))
        ? (...values) => seen++ === next ? sample(name, call, values) : call(...values)
        : (a, b, c, d) => seen++ === next ? sample(name, call, [a, b, c, d].slice(0, length)) : call(a, b, c, d);
    }
    return {
      functions: wrapped,
      fuel: () => instance.fuel(),
      size: instance.size,
      fresh: () => wrap(instance.fresh()),
    };
  };
  return {
    instance: wrap(body),
    fuel: () => live.reduce((sum, instance) => sum + instance.fuel(), body.fuel() + spent),
    recheck() {
      if (kept.length === 0) return undefined;
      const again = body.fresh().functions as unknown as Record<string, Call>;
      for (const { name, values, answer } of kept.toReversed()) {
        const asked = values.map(show).join(", ");
        const now = [again[name]?.(...values), ...arraysOf(values)].map(digest);
        const at = answer.findIndex((value, index) => !Object.is(value, now[index]));
        if (at >= 0) return changed(`${name}(${asked})`, answer[at], now[at]);
      }
      return undefined;
    },
  };
}

function changed(call: string, first: Any, second: Any): string {
  const shown = `${call} was ${brief(first)}, then ${brief(second)} in a fresh instance`;
  return `The answer for the same input changed between calls: ${shown}; keep no state between calls`;
}

const brief = (value: Any) => typeof value === "string" && value.startsWith("an array of ") ? value : show(value);
const arraysOf = (values: Any[]) => values.filter((value) => ArrayBuffer.isView(value));
const copy = (value: Any): Any => ArrayBuffer.isView(value) ? value.slice() as Any : value;

/** An array as a short text of its bytes (FNV-1a), any other value as it is. */
function digest(value: Any): Any {
  if (!ArrayBuffer.isView(value)) return value;
  const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return `an array of ${value.length} with hash ${(hash >>> 0).toString(16)}`;
}

function show(value: Any): string {
  if (ArrayBuffer.isView(value)) return `array of ${value.length}`;
  if (typeof value === "string") return JSON.stringify(value.slice(0, 40));
  return String(value);
}
