/** What the compiler is asked and what it answers. Plain data: it crosses to the child process and back. */
import type { Limits, Signatures } from "../../actors/functions.ts";

/** One body to compile. `source` is AssemblyScript: what the model wrote, nothing around it. `optimize` 1 while searching, 3 for a winner. */
export interface CompileRequest {
  source: string;
  functions: Signatures;
  limits: Limits;
  optimize: 1 | 3;
}

/**
 * `wasm` is metered and carries names and lines for its traps; `plain` is the same code without metering, names or lines.
 * `diagnostics` are for a model: line, column, what is wrong, how to mend it. `ms` is the time it took.
 */
export type Compiled =
  | { ok: true; wasm: Uint8Array<ArrayBuffer>; plain: Uint8Array<ArrayBuffer>; ms: number }
  | { ok: false; kind: "parse" | "signature" | "policy" | "compile"; diagnostics: string };

/** A warm compiler. The same request gives the same bytes, whatever was compiled before. */
export interface Compiler {
  compile(request: CompileRequest): Promise<Compiled>;
}
