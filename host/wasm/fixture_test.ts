/** One warm compiler for all tests of a file, and short ways to a running body. */
import type { Limits, Signatures } from "../../actors/functions.ts";
import { createCompiler } from "./compile.ts";
import { createInstance } from "./instance.ts";
import type { Compiled, Compiler, CompileRequest } from "./types.ts";

export const LIMITS: Limits = { fuel: 1_000_000, pages: 16, deadlineMs: 10_000, source: 50_000 };
export const I32 = { f: { parameters: [["n", "i32"]], result: "i32" } } as const;

let warm: Promise<Compiler> | undefined;

export async function compile(
  source: string,
  functions: Signatures,
  options: Partial<CompileRequest> = {},
): Promise<Compiled> {
  const compiler = await (warm ??= createCompiler());
  return await compiler.compile({ source, functions, limits: LIMITS, optimize: 1, ...options });
}

export async function build(source: string, functions: Signatures, options: Partial<CompileRequest> = {}) {
  const made = await compile(source, functions, options);
  if (!made.ok) throw new Error(made.diagnostics);
  return { ...made, module: new WebAssembly.Module(made.wasm) };
}

/** A running body; `metered: false` is the negative control of everything that metering guards. */
export async function start<const F extends Signatures>(
  source: string,
  functions: F,
  options: Partial<CompileRequest> & { metered?: boolean } = {},
) {
  const { metered = true, limits = LIMITS } = options;
  const made = await build(source, functions, options);
  const module = metered ? made.module : new WebAssembly.Module(made.plain);
  return createInstance(module, { functions, limits, size: made.plain.length, metered });
}
