/** From source to executable: bundle, stage, compile. The same source on the same base gives the same bytes. */
import { dirname, join } from "node:path";
import { no, ok, type Outcome } from "../../actors/types.ts";
import type { Base } from "./base.ts";
import { complaint, runTool } from "./tool.ts";

/** What a build made: where, of which source, out of which entries, and how long its two halves took. */
export interface Built {
  path: string;
  sourceHash: string;
  entries: string[];
  bundleMs: number;
  compileMs: number;
}

/** What a build needs. `stage` is a folder of its own that is emptied first; `pack` gives the gzipped source. */
export interface CompileOptions {
  source: string;
  out: string;
  stage: string;
  deno: string[];
  base: Base;
  hash: (root: string) => Promise<string>;
  pack: (root: string) => Promise<Uint8Array>;
  signal?: AbortSignal;
}

/** What an executable may do: everything a coding agent does, but no import from the network and no question on a terminal. */
export const PERMISSIONS = [
  "--allow-read",
  "--allow-write",
  "--allow-net",
  "--allow-env",
  "--allow-run",
  "--allow-sys",
  "--allow-ffi",
  "--deny-import",
  "--no-prompt",
];

/** File times are part of the payload; a fixed one makes it the same each time. */
const EPOCH = new Date(1_000_000_000_000);

/** Builds the executable of a source tree and puts it in place in one step; a bad outcome carries the compiler's words. */
export async function compileSource(options: CompileOptions): Promise<Outcome<Built>> {
  const { source, out, stage, deno, base, signal } = options;
  signal?.throwIfAborted();
  const entries = await findEntries(source);
  if (!entries.includes("host/boot.ts")) {
    return no(`Cannot build "${source}": it has no host/boot.ts; name Evo's own source`);
  }
  await Deno.remove(stage, { recursive: true }).catch(ignoreMissing);
  await Deno.mkdir(stage, { recursive: true });
  const extra = signal ? { signal } : {};
  const started = performance.now();
  const frozen = await exists(join(source, "deno.lock")) ? ["--frozen"] : [];
  const bundle = ["bundle", "--quiet", "--minify", "--code-splitting", ...frozen, "--outdir", stage, ...entries];
  const [ended, sourceHash, packed] = await Promise.all([
    runTool([...deno, ...bundle], { cwd: source, ...extra }),
    options.hash(source),
    options.pack(source),
  ]);
  if (ended.code !== 0) return no(`Cannot bundle "${source}": ${complaint(ended)}`);
  await copyPrompts(join(source, "prompts"), join(stage, "prompts"));
  await Deno.writeFile(join(stage, "source.gz"), packed);
  const facts = { version: await readVersion(source), sourceHash, deno: Deno.version.deno };
  await Deno.writeTextFile(join(stage, "build.json"), JSON.stringify(facts));
  await settle(stage);
  const bundled = performance.now();
  await Deno.mkdir(dirname(out), { recursive: true });
  const temp = `${out}.${crypto.randomUUID().slice(0, 8)}`;
  const name = stage.slice(dirname(stage).length + 1);
  const flags = ["--quiet", "--no-check", "--no-config", "--no-code-cache", ...PERMISSIONS];
  const compile = ["compile", ...flags, "--include", name, "--output", temp, join(name, "host/boot.js")];
  try {
    const made = await runTool([...deno, ...compile], {
      cwd: dirname(stage),
      env: { DENO_NO_PACKAGE_JSON: "1", ...(base.path ? { DENORT_BIN: base.path } : {}) },
      ...extra,
    });
    if (made.code !== 0) return no(`Cannot compile "${source}" on the base from ${base.from}: ${complaint(made)}`);
    await Deno.rename(temp, out);
  } finally {
    await Deno.remove(temp).catch(ignoreMissing);
  }
  const compileMs = performance.now() - bundled;
  return ok({ path: out, sourceHash, entries, bundleMs: bundled - started, compileMs });
}

/** main.ts beside host/boot.ts fixes the layout of the stage at the root; each tool is an entry, so that it stays a file. */
async function findEntries(source: string): Promise<string[]> {
  const tools: string[] = [];
  try {
    for await (const { name, isFile } of Deno.readDir(join(source, "plugins/tools"))) {
      if (isFile && name.endsWith(".ts") && !/(_test|\.d)\.ts$/.test(name)) tools.push(`plugins/tools/${name}`);
    }
  } catch (error) {
    ignoreMissing(error);
  }
  const fixed = ["host/boot.ts", "main.ts"];
  const present = await Promise.all(fixed.map((path) => exists(join(source, path))));
  return [...fixed.filter((_, at) => present[at]), ...tools.sort()];
}

async function copyPrompts(from: string, to: string): Promise<void> {
  if (!await exists(from)) return;
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isFile, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyPrompts(join(from, name), join(to, name));
    if (isFile && name.endsWith(".md")) await Deno.writeFile(join(to, name), await Deno.readFile(join(from, name)));
  }
}

async function readVersion(source: string): Promise<string> {
  const text = await Deno.readTextFile(join(source, "deno.json")).catch(() => "");
  return /"version"\s*:\s*"([^"]+)"/.exec(text)?.[1] ?? "0.0.0";
}

async function settle(folder: string): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) await settle(path);
    else await Deno.chmod(path, 0o644);
    await Deno.utime(path, EPOCH, EPOCH);
  }
}

const exists = (path: string) => Deno.stat(path).then(() => true, () => false);
function ignoreMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
