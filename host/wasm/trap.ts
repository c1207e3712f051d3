/** What stops a call: which function, at which line of the model's source, and why, in one sentence. */
import type { Limits } from "../../actors/functions.ts";
import { lineOf } from "./lines.ts";

/** A call that did not return: it trapped, or ran out of fuel or of memory. `line` is of the model's source, if it is known. */
export class FunctionTrap extends Error {
  override readonly name = "FunctionTrap";
  constructor(
    message: string,
    readonly kind: "trap" | "fuel" | "memory",
    readonly functionName: string,
    readonly line: number | undefined,
  ) {
    super(message);
  }
}

/** A frame of the model's own code, as V8 writes it. The file's name stands before the function's. */
const FRAME = /at (?:function\/)?(\S+) \(wasm:\/\/[^)]*:wasm-function\[\d+\]:0x([0-9a-f]+)\)/g;
/** What V8 says, where a model needs other words. */
const WORDS: Record<string, string> = {
  unreachable: "unreachable code was reached",
  "Maximum call stack size exceeded": "the stack overflowed, the recursion is too deep",
};

/** What a module tells about its trap. */
export interface Told {
  module: WebAssembly.Module;
  limits: Limits;
  /** The export that was called. */
  called: string;
  /** What it had none left of. */
  without: "fuel" | "memory" | undefined;
  /** What it said of it itself. */
  message: string | undefined;
}

/** The trap behind an error of a call; undefined if the error is not the module's. */
export function explainTrap(error: unknown, told: Told): FunctionTrap | undefined {
  const overflow = error instanceof RangeError && error.message.startsWith("Maximum call stack");
  if (!(error instanceof WebAssembly.RuntimeError) && !overflow) return undefined;
  const { called, limits, without } = told;
  const place = findPlace(error.stack ?? "", told.module);
  const name = place?.name ?? called;
  const where = `${name === called ? "" : ` in ${name}`}${place?.line ? ` at line ${place.line}` : ""}`;
  if (without === "fuel") {
    const allowed = `one call may use ${limits.fuel} units; do less work, or make sure that every loop ends`;
    return new FunctionTrap(`${called} ran out of fuel${where}: ${allowed}`, "fuel", name, place?.line);
  }
  if (without === "memory") {
    const allowed =
      `it may use ${limits.pages} pages of 64 KiB, and what it allocates is given back only when the call ends`;
    return new FunctionTrap(`${called} ran out of memory${where}: ${allowed}`, "memory", name, place?.line);
  }
  const why = told.message ?? WORDS[error.message] ?? error.message;
  return new FunctionTrap(`${called} trapped${where}: ${why}`, "trap", name, place?.line);
}

/** The innermost frame of the model's own; the standard library's are not its lines. */
function findPlace(stack: string, module: WebAssembly.Module): { name: string; line: number | undefined } | undefined {
  for (const [, name = "", offset = ""] of stack.matchAll(FRAME)) {
    if (/^(~lib|glue|\$enter)\//.test(name)) continue;
    return { name: name.replace(/^.*\//, ""), line: lineOf(module, parseInt(offset, 16)) };
  }
  return undefined;
}
