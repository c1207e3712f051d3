/** Makes a file's content runnable, and reads what it says about itself, without any permission. */
import { no, ok, type Outcome } from "../../actors/types.ts";
import { attempt } from "../session/files.ts";
import type { createDeclare } from "../workers/declare.ts";
import type { Version } from "./registry.ts";
import type { Content, Found } from "./scan.ts";
import { wrapModule } from "./wasm.ts";

/** Makes a version of a plugin; a bad outcome is the end of a sentence. */
export async function prepare(
  found: Found,
  { bytes, notes, hash }: Content,
  on: { declare: ReturnType<typeof createDeclare>; signal: AbortSignal },
): Promise<Outcome<Version>> {
  const module = found.kind === "wasm" ? wrapModule({ stem: found.stem, bytes, notes }) : undefined;
  if (module?.ok === false) return module;
  const { signal } = on, file = module ? `${found.path}.js` : found.path;
  const source = module ? module.value.source : decode(bytes);
  if (source === undefined) return no("it is no UTF-8 text");
  const declared = await on.declare({ file, source, signal });
  if (!declared.ok) return no(plainly(declared.error));
  const { name, description, parameters, readOnly, permissions: asked } = declared.value;
  const tools = module?.value.tools ?? [{ name, description, parameters, readOnly, convert: ok }];
  return ok({ hash, declared: declared.value, tools, asked: module ? {} : asked });
}

const decode = (bytes: Uint8Array) => attempt(() => new TextDecoder("utf-8", { fatal: true }).decode(bytes));

/** What a sentence about a file says beside the file's name. */
export const plainly = (sentence: string): string => sentence.replace(/^Cannot \w+ "[^"]*": /, "");
