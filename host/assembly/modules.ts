/** The modules that an executable carries packed: AssemblyScript and binaryen, the compiler of functions; amaro, the parser of plugins. */
import { createRequire } from "node:module";
import { gunzipSync } from "node:zlib";
import { readAttached } from "../build/attached.ts";
import type { CompilerModules } from "./asc.d.ts";

/** Loads the compiler: the one that the executable carries, else from the packages of a checkout. Either takes about a second. */
export async function loadCompilerModules(): Promise<CompilerModules> {
  const packed = await readAttached("asc.gz");
  return packed ? await loadPacked(packed) : await loadPackages();
}

/** An executable imports no `blob:`, and the compiler no `data:`: it has to be a file for the moment of its import. */
async function loadPacked(packed: Uint8Array<ArrayBuffer>): Promise<CompilerModules> {
  const file = await Deno.makeTempFile({ prefix: "evo-asc-", suffix: ".mjs" });
  try {
    const text = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    await Deno.writeFile(file, text, { mode: 0o600 });
    return await import(new URL(`file://${file}`).href);
  } finally {
    await Deno.remove(file);
  }
}

/** Not a literal import: the executable's own bundle must not hold the compiler. */
async function loadPackages(): Promise<CompilerModules> {
  const asc = import.meta.resolve("assemblyscript/asc");
  const [{ libraryFiles }, assemblyscript, binaryen] = await Promise.all(
    [
      asc,
      asc.startsWith("npm:") ? asc.replace("/asc", "") : new URL("assemblyscript.js", asc).href,
      import.meta.resolve("binaryen"),
    ].map((at) => import(at)),
  );
  return { assemblyscript, library: libraryFiles, binaryen: binaryen.default };
}

/** What is used of amaro. */
export interface Amaro {
  transformSync(source: string, options: { mode: "strip-only"; filename?: string }): { code: string };
}
let amaro: Promise<Amaro> | undefined;

/** Loads amaro once: it is not bundled, since a start reads what is bundled whole, and few need its 4 MB. */
export function loadAmaro(): Promise<Amaro> {
  return amaro ??= (async () => {
    const packed = await readAttached("amaro.gz");
    const code = packed && new Uint8Array(gunzipSync(packed)).toBase64();
    Object.assign(globalThis, { require: createRequire(import.meta.url) }); // it asks for Node's while it loads
    const loaded = await import(code ? `data:text/javascript;base64,${code}` : import.meta.resolve("amaro"));
    return Reflect.deleteProperty(globalThis, "require"), loaded; // a task has none
  })();
}
