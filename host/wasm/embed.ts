/** The compiler as one file for the executable: bundled once for its versions, gzipped the same each time, kept. */
import { join } from "node:path";
import { promisify } from "node:util";
import { constants, crc32, deflateRaw } from "node:zlib";
import { no, ok, type Outcome } from "../../actors/types.ts";
import { isThere, writeDurable } from "../build/disk.ts";
import { complaint, runTool } from "../build/tool.ts";
import { findPacked } from "../assembly/modules.ts";

/** What the bundle exports: `CompilerModules`. The versions are those of the source's imports.json. */
const entryOf = (asc: string, binaryen: string) =>
  `export * as assemblyscript from "npm:assemblyscript@${asc}";
export { libraryFiles as library } from "npm:assemblyscript@${asc}/asc";
export { default as binaryen } from "npm:binaryen@${binaryen}";
`;

/**
 * The path of `asc.gz` for the compiler that `source` names: one kept in `cache`, else the running executable's own if it
 * is of the same versions, else a new bundle made with `deno` (some seconds); "" if it names none. To be put at the root of the executable's files.
 */
export async function packCompiler(
  { source, deno, cache, signal }: { source: string; deno: string[]; cache: string; signal?: AbortSignal },
): Promise<Outcome<string>> {
  const map = await Deno.readTextFile(join(source, "imports.json")).catch(() => "");
  const [asc, binaryen] = ["assemblyscript", "binaryen"].map((name) =>
    new RegExp(`"npm:/?${name}@([^/"]+)`).exec(map)?.[1]
  );
  if (!asc || !binaryen) return ok("");
  const entry = entryOf(asc, binaryen);
  const key = (await digest(`${Deno.version.deno}\n${entry}`)).slice(0, 32);
  const path = join(cache, `asc-${key}.gz`);
  if (await isThere(path)) return ok(path);
  const own = await findPacked();
  if (own && keyOf(own) === key) {
    await writeDurable(path, own);
    return ok(path);
  }
  const scratch = await Deno.makeTempDir({ prefix: "evo-asc-" });
  try {
    await Deno.writeTextFile(join(scratch, "entry.ts"), entry);
    const lock = join(source, "deno.lock");
    const frozen = await isThere(lock) ? [`--lock=${lock}`, "--frozen"] : [];
    const bundle = ["bundle", "--quiet", "--no-config", "--minify", ...frozen, "--output", "asc.mjs", "entry.ts"];
    const ended = await runTool([...deno, ...bundle], { cwd: scratch, ...(signal ? { signal } : {}) });
    if (ended.code !== 0) return no(`Cannot bundle the compiler of functions: ${complaint(ended)}`);
    await writeDurable(path, await gzip(await Deno.readFile(join(scratch, "asc.mjs")), key));
    return ok(path);
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

/** A gzip file without a time, whose name field is the key: the same bytes each time, and it can tell what it is. */
async function gzip(data: Uint8Array, key: string): Promise<Uint8Array> {
  const deflated = await promisify(deflateRaw)(data, { level: constants.Z_BEST_COMPRESSION });
  const head = [0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 2, 255, ...new TextEncoder().encode(key), 0];
  const packed = new Uint8Array(head.length + deflated.length + 8);
  packed.set(head);
  packed.set(deflated, head.length);
  const tail = new DataView(packed.buffer, packed.length - 8);
  tail.setUint32(0, crc32(data), true);
  tail.setUint32(4, data.length, true);
  return packed;
}

function keyOf(packed: Uint8Array): string {
  return new TextDecoder().decode(packed.subarray(10, packed.indexOf(0, 10)));
}

async function digest(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(hash).toHex();
}
