/** A running body: its functions as plain functions of JavaScript, its traps as errors, its fuel. */
import type { Callables, Instance, Limits, Signatures } from "../../actors/functions.ts";
import { type Exports, makeCall, type Plan, planCalls, stringReader } from "./call.ts";
import { instantiate, type Lend } from "./memories.ts";
import { EXHAUSTED } from "./runtime.ts";
import { explainTrap } from "./trap.ts";

/** `size` is told as it is; `metered` says whether the module counts fuel, and so whether `limits.fuel` holds. */
export interface InstanceOptions<F extends Signatures> {
  functions: F;
  limits: Limits;
  size: number;
  metered: boolean;
  /** Where its memory comes from; without it, it is made. */
  lend?: Lend | undefined;
}

/**
 * An instance of a compiled module. A call throws a `FunctionTrap`, or a `TypeError` for arguments that do not fit; after
 * either the next call works as if it had not been. A call with numbers only allocates nothing.
 */
export function createInstance<const F extends Signatures>(
  module: WebAssembly.Module,
  options: InstanceOptions<F>,
): Instance<F> {
  const { functions, limits, size, metered, lend } = options;
  const exports = instantiate(module, limits.pages, lend).exports as Exports;
  const { $limit, $spent, $message } = exports;
  const counted = metered ? $spent : undefined;
  if ($limit) $limit.value = BigInt(limits.fuel); // a module of before it became a constant
  let trapped = 0;
  const fail = (error: unknown, called: string): unknown => {
    const spent: bigint = counted?.value ?? 0n, said = Number($message?.value ?? 0) >>> 0;
    if (counted && spent < 0n) counted.value = ~spent;
    if ($message) $message.value = 0;
    const without = spent < 0n ? "fuel" : said === EXHAUSTED ? "memory" : undefined;
    const message = said > EXHAUSTED ? stringReader(exports)(said) : undefined;
    const trap = explainTrap(error, { module, limits, called, without, message });
    if (trap && counted) trapped += limits.fuel;
    return trap ?? error;
  };
  const made: Record<string, unknown> = {};
  for (const plan of plansOf(functions)) made[plan.name] = makeCall({ plan, exports, fail });
  return {
    functions: made as Callables<F>,
    fuel: () => Number(counted?.value ?? 0) + trapped,
    size,
    fresh: () => createInstance(module, options),
  };
}

const plans = new WeakMap<Signatures, Plan[]>();
function plansOf(functions: Signatures): Plan[] {
  const known = plans.get(functions) ?? planCalls(functions);
  plans.set(functions, known);
  return known;
}
