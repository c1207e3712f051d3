/** `bin/evo` of a checkout: is it what the source says, and if not, build it. */
import { dirname, join } from "node:path";
import { ok, type Outcome } from "../../actors/types.ts";
import { findHome, fingerprint } from "../home.ts";
import { readCurrent, writeCurrent } from "../lineage/current.ts";
import { type Manifest, readHead, readManifest } from "../lineage/manifest.ts";
import { identify } from "./payload.ts";
import { packSource, sourceHash } from "../source/source.ts";
import { packModules } from "../wasm/embed.ts";
import { attach } from "./attached.ts";
import { findBase, recordBase } from "./base.ts";
import { compileSource } from "./compile.ts";
import { recordDeno } from "./deno.ts";

/** The checkout that this file belongs to. */
export const CHECKOUT = dirname(dirname(import.meta.dirname ?? "."));

/** Builds `bin/evo` with the Deno that runs this; `say` gets lines for people. */
export async function install(root: string, say: (line: string) => void): Promise<Outcome<string>> {
  const env = (name: string) => Deno.env.get(name);
  const out = join(root, "bin/evo");
  const { home } = await findHome({ env, exe: out });
  const deno = [Deno.execPath()];
  const found = await findBase({ home, env, deno });
  if (!found.ok) return found;
  say(`Base runtime: ${found.value.from}`);
  const stage = join(home, "stage");
  const carry = await packModules({ source: root, deno, cache: join(home, "cache") });
  if (!carry.ok) return carry;
  const base = await attach(home, found.value, carry.value);
  if (base.path && base.path !== found.value.path) {
    await recordBase(home, base.path);
    const { path, from } = found.value, fetched = from !== "DENORT_BIN" && from !== "an earlier build";
    if (fetched && path) await Deno.remove(path); // one of 100 MB is enough
  }
  const built = await compileSource({
    ...{ source: root, out, stage, deno, base, carry: carry.value, hash: sourceHash, pack: packSource },
  });
  if (!built.ok) return built;
  await recordDeno(home, Deno.execPath());
  await recordBuilt(home, out, built.value.sourceHash);
  const { size } = await Deno.stat(out);
  const seconds = ((built.value.bundleMs + built.value.compileMs) / 1000).toFixed(1);
  say(`Built ${out}: ${(size / 1e6).toFixed(1)} MB in ${seconds} s, source ${built.value.sourceHash.slice(0, 12)}`);
  return ok(out);
}

/** Builds `bin/evo` only if it is not what was last built, or not from this source. */
export async function ensure(root: string, say: (line: string) => void): Promise<Outcome<string>> {
  const out = join(root, "bin/evo");
  const { home } = await findHome({ env: (name) => Deno.env.get(name), exe: out });
  const current = await readCurrent(home).catch(() => undefined); // damaged: build
  const fresh = current?.source === await sourceHash(root) && current.file === await fingerprint(out);
  return fresh ? ok(out) : await install(root, say);
}

/** The same source gives the same payload: then it is still the newest generation. */
async function recordBuilt(home: string, out: string, source: string): Promise<void> {
  const newest = await readNewest(home).catch(() => undefined); // damaged: "evo lineage verify" says so
  const number = newest && newest.executable.payload.sha === await identify(out) ? newest.number : null;
  const root = (await readCurrent(home).catch(() => undefined))?.root ?? null;
  await writeCurrent(home, out, { number, root, source });
}

async function readNewest(home: string): Promise<Manifest | undefined> {
  const head = await readHead(home);
  return head && (await readManifest(home, head.number)).manifest;
}
