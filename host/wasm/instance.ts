/** A running body: its functions as plain functions of JavaScript, its traps as errors, its fuel. */
import type { Callables, Instance, Limits, Signatures } from "../../actors/functions.ts";
import { type Exports, makeCall, type Plan, planCalls, stringReader } from "./call.ts";
import { instantiate, type Lend } from "./memories.ts";
import { explainTrap, type Told } from "./trap.ts";

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
  const { $limit, $spent } = exports;
  const allowed = metered && $limit !== undefined;
  if (allowed) $limit.value = BigInt(limits.fuel);
  let trapped = 0;
  const fail = (error: unknown, called: string): unknown => {
    const told: Told = {
      module,
      limits,
      called,
      text: stringReader(exports),
      take(name) {
        const global = exports[name];
        const value = Number(global?.value ?? 0);
        if (global && value !== 0) global.value = name === "$fuel" ? 0n : 0;
        return value;
      },
    };
    const trap = explainTrap(error, told);
    if (trap && allowed) trapped += limits.fuel;
    return trap ?? error;
  };
  const made: Record<string, unknown> = {};
  for (const plan of plansOf(functions)) made[plan.name] = makeCall({ plan, exports, fail });
  return {
    functions: made as Callables<F>,
    fuel: () => allowed ? Number($spent?.value ?? 0) + trapped : 0,
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
