/** The modules that an executable carries packed: bundled once for their versions, gzipped the same each time, kept. */
import { join } from "node:path";
import { promisify } from "node:util";
import { constants, crc32, deflateRaw } from "node:zlib";
import { no, ok, type Outcome } from "../../actors/types.ts";
import { readAttached } from "../build/attached.ts";
import { isThere, writeDurable } from "../build/disk.ts";
import { complaint, runTool } from "../build/tool.ts";

/** What each bundle exports, of packages in the versions of the source's imports.json: `CompilerModules`, and amaro. */
const PACKED: Record<string, { of: string[]; entry: (...versions: string[]) => string }> = {
  "asc.gz": {
    of: ["assemblyscript", "binaryen"],
    entry: (asc, binaryen) =>
      `export * as assemblyscript from "npm:assemblyscript@${asc}";
export { libraryFiles as library } from "npm:assemblyscript@${asc}/asc";
export { default as binaryen } from "npm:binaryen@${binaryen}";
`,
  },
  "amaro.gz": { of: ["amaro"], entry: (amaro) => `export { transformSync } from "npm:amaro@${amaro}";\n` },
};

/**
 * Paths by the names under which an executable carries them: kept in `cache`, else the running executable's own if it is of
 * the same versions, else a new bundle made with `deno` (some seconds). What `source` does not name is left out.
 */
export async function packModules(
  { source, deno, cache, signal }: { source: string; deno: string[]; cache: string; signal?: AbortSignal },
): Promise<Outcome<Record<string, string>>> {
  const map = await Deno.readTextFile(join(source, "imports.json")).catch(() => "");
  const packed: Record<string, string> = {};
  for (const [name, { of, entry }] of Object.entries(PACKED)) {
    const versions = of.map((name) => new RegExp(`"npm:/?${name}@([^/"]+)`).exec(map)?.[1] ?? "");
    if (versions.includes("")) continue;
    const text = entry(...versions), key = (await digest(`${Deno.version.deno}\n${text}`)).slice(0, 32);
    const path = packed[name] = join(cache, `${key}-${name}`);
    if (await isThere(path)) continue;
    const own = await readAttached(name);
    if (own && keyOf(own) === key) {
      await writeDurable(path, own);
      continue;
    }
    const scratch = await Deno.makeTempDir({ prefix: "evo-pack-" });
    try {
      await Deno.writeTextFile(join(scratch, "entry.ts"), text);
      const lock = join(source, "deno.lock");
      const frozen = await isThere(lock) ? [`--lock=${lock}`, "--frozen"] : [];
      const bundle = ["bundle", "--quiet", "--no-config", "--minify", ...frozen, "--output", "packed.mjs", "entry.ts"];
      const ended = await runTool([...deno, ...bundle], { cwd: scratch, ...(signal ? { signal } : {}) });
      if (ended.code !== 0) return no(`Cannot bundle ${of.join(" and ")}: ${complaint(ended)}`);
      await writeDurable(path, await gzip(await Deno.readFile(join(scratch, "packed.mjs")), key));
    } finally {
      await Deno.remove(scratch, { recursive: true });
    }
  }
  return ok(packed);
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
