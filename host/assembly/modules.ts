/** The compiler's own modules, AssemblyScript and binaryen: where they are found. */
import type { CompilerModules } from "./asc.d.ts";

/** The running executable's own packed compiler: a bundle moves this file up to two folders up. None in a checkout. */
export async function findPacked(): Promise<Uint8Array<ArrayBuffer> | undefined> {
  for (const root of ["./", "../", "../../"]) {
    const found = await readPacked(new URL(root, import.meta.url));
    if (found) return found;
  }
  return undefined;
}

async function readPacked(root: URL): Promise<Uint8Array<ArrayBuffer> | undefined> {
  return await Deno.readFile(new URL("asc.gz", root)).catch(() => undefined);
}

/**
 * Loads the compiler: from `asc.gz` at `root`, where an executable has it, else from the packages of a checkout.
 * Either takes about a second.
 */
export async function loadCompilerModules(root?: URL): Promise<CompilerModules> {
  const packed = await (root ? readPacked(root) : findPacked());
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
