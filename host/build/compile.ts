/** From source to executable: bundle, stage, compile. The same source on the same base gives the same bytes. */
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { no, ok, type Outcome } from "../../actors/types.ts";
import { apiTypes } from "../workers/api_types.ts";
import type { Base } from "./base.ts";
import { type Ended, LOCKED } from "../gate/run.ts";
import { complaint, runTool } from "./tool.ts";

/** What was bundled into a stage: out of which entries, and how long it took. */
export interface Bundled {
  entries: string[];
  ms: number;
}

/** What a build made: where, of which source, out of which entries, and how long its two halves took. */
export interface Built {
  path: string;
  sourceHash: string;
  entries: string[];
  bundleMs: number;
  compileMs: number;
}

/** What bundling needs. `stage` is emptied first. */
export interface BundleOptions {
  source: string;
  stage: string;
  deno: string[];
  signal?: AbortSignal;
}

/** What a build needs. The stage is removed once compiled; `pack` gives the gzipped source. */
export interface CompileOptions extends BundleOptions {
  /** What lies in the stage already, of the same code: documents may have changed since. */
  bundled?: Bundled | undefined;
  out: string;
  base: Base;
  /** Files to carry in the payload, by the name they get, where the base has no path and so nothing attached. */
  carry?: Record<string, string>;
  hash: (root: string) => Promise<string>;
  pack: (root: string) => Promise<Uint8Array>;
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

/** Megabytes for young objects from the start on: with V8's 1 a start collects garbage several times. */
const YOUNG_SPACE = "--v8-flags=--min-semi-space-size=8";

/** File times are part of the payload; a fixed one makes it the same each time. */
const EPOCH = new Date(1_000_000_000_000);

/** Bundles a source: its code and nothing else; a bad outcome carries the bundler's words. */
export async function bundleSource({ source, stage, deno, signal }: BundleOptions): Promise<Outcome<Bundled>> {
  signal?.throwIfAborted();
  const entries = await findEntries(source);
  if (!entries.includes("host/boot.ts")) {
    return no(`Cannot build "${source}": it has no host/boot.ts; name Evo's own source`);
  }
  await Deno.remove(stage, { recursive: true }).catch(ignoreMissing);
  await Deno.mkdir(stage, { recursive: true });
  const extra = signal ? { signal } : {};
  const started = performance.now();
  const locked = await exists(join(source, "deno.lock")) ? LOCKED : [];
  const map = await writeImports(source, stage);
  const flags = ["--quiet", "--minify", "--code-splitting", "--conditions", "module", ...locked, "--import-map", map];
  const bundle = ["bundle", ...flags, "--outdir", stage, ...entries];
  // One after the other: the first bundle on a machine unpacks the bundler, and a second at that moment fails.
  const ended = await runTool([...deno, ...bundle], { cwd: source, ...extra }).finally(() => Deno.remove(map));
  const alone = ended.code === 0 ? await bundleWorker({ source, stage, deno, locked, ...extra }) : [];
  const failed = [ended, ...alone].find(({ code }) => code !== 0);
  if (failed) return no(`Cannot bundle "${source}": ${complaint(failed)}`);
  return ok({ entries, ms: performance.now() - started });
}

/** Builds the executable of a source tree and puts it in place in one step; a bad outcome carries the compiler's words. */
export async function compileSource(options: CompileOptions): Promise<Outcome<Built>> {
  const { source, out, stage, deno, base, signal } = options;
  const bundled = options.bundled ? ok(options.bundled) : await bundleSource(options);
  if (!bundled.ok) return bundled;
  const { entries, ms: bundleMs } = bundled.value, started = performance.now(), extra = signal ? { signal } : {};
  await copyPrompts(join(source, "prompts"), join(stage, "prompts"));
  await copyBodies(join(source, "plugins/functions"), join(stage, "plugins/functions"));
  const inside = base.path ? {} : options.carry ?? {};
  for (const [to, from] of Object.entries(inside)) await Deno.copyFile(from, join(stage, to));
  const [sourceHash, packed] = await Promise.all([options.hash(source), options.pack(source)]);
  await Deno.writeFile(join(stage, "source.gz"), packed);
  const facts = { version: await readVersion(source), sourceHash, deno: Deno.version.deno };
  await Deno.writeTextFile(join(stage, "build.json"), JSON.stringify(facts));
  await settle(stage);
  await Deno.mkdir(dirname(out), { recursive: true });
  const temp = `${out}.${crypto.randomUUID().slice(0, 8)}`;
  const name = stage.slice(dirname(stage).length + 1);
  const plain = ["--quiet", "--no-check", "--no-config", "--no-code-cache"];
  const how = [...plain, "--unstable-worker-options", YOUNG_SPACE, ...PERMISSIONS];
  const compile = ["compile", ...how, "--include", name, "--output", temp, join(name, "host/boot.js")];
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
    await Deno.remove(stage, { recursive: true }).catch(ignoreMissing);
  }
  return ok({ path: out, sourceHash, entries, bundleMs, compileMs: performance.now() - started });
}

const ZOD = "host/zod/real.ts";
const WORKER = "host/workers/actor.ts", ZOD_PART = "host/workers/zod_part.d.ts", CONTRACT = "actors/plugins.ts";

/** The worker of a plugin gives it all of zod, so it is a bundle by itself; beside it lie the types of plugins, as text. */
async function bundleWorker(
  { source, stage, deno, locked, ...extra }: Pick<CompileOptions, "source" | "stage" | "deno" | "signal"> & {
    locked: string[];
  },
): Promise<Ended[]> {
  if (!await exists(join(source, WORKER))) return [];
  const folder = join(stage, dirname(WORKER));
  await Deno.mkdir(folder, { recursive: true });
  const [zod, contract] = await Promise.all([ZOD_PART, CONTRACT].map((path) => Deno.readTextFile(join(source, path))));
  await Deno.writeTextFile(join(folder, "evo.txt"), apiTypes(zod ?? "", contract ?? ""));
  const words = ["bundle", "--quiet", "--minify", ...locked, "--outdir", folder, WORKER];
  return [await runTool([...deno, ...words], { cwd: source, ...extra })];
}

/** main.ts beside host/boot.ts fixes the layout of the stage at the root; each tool and task is an entry, so that it stays a file. */
async function findEntries(source: string): Promise<string[]> {
  const tools = (await list(join(source, "plugins/tools")))
    .filter(({ name, isFile }) => isFile && name.endsWith(".ts") && !/(_test|\.d)\.ts$/.test(name))
    .map(({ name }) => `plugins/tools/${name}`);
  const tasks = (await list(join(source, "plugins/functions"))).map(({ name }) => `plugins/functions/${name}/task.ts`);
  const found = ["host/boot.ts", ZOD, "main.ts", ...tools.sort(), ...tasks.sort()];
  const present = await Promise.all(found.map((path) => exists(join(source, path))));
  return found.filter((_, at) => present[at]);
}

/** The bodies and cassettes of the shipped functions, under names that the compiler does not take for code. */
async function copyBodies(from: string, to: string): Promise<void> {
  const types = join(dirname(dirname(from)), "actors/functions.ts");
  if (await exists(types)) {
    await Deno.mkdir(to, { recursive: true });
    await Deno.writeFile(join(to, "functions.txt"), await Deno.readFile(types));
  }
  for (const { name } of await list(from)) {
    for (const [file, as] of [["function.ts", "function.as.txt"], ["cassette.jsonl", "cassette.jsonl"]] as const) {
      if (!await exists(join(from, name, file))) continue;
      await Deno.mkdir(join(to, name), { recursive: true });
      await Deno.writeFile(join(to, name, as), await Deno.readFile(join(from, name, file)));
    }
  }
}

async function list(folder: string): Promise<Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(folder));
  } catch (error) {
    ignoreMissing(error);
    return [];
  }
}

/** The source's import map with one change: everywhere but in host/zod/ and the plugins' worker, zod is what loads it when a schema is used. */
async function writeImports(source: string, stage: string): Promise<string> {
  const path = `${stage}.imports.json`;
  const { imports } = JSON.parse(await Deno.readTextFile(join(source, "imports.json")).catch(() => "{}"));
  const own = pathToFileURL(join(source, "host/zod/")).href;
  const worker = pathToFileURL(join(source, WORKER)).href; // plugins get zod itself, all of it
  const lazy = await exists(join(source, "host/zod/lazy.ts")) ? { zod: `${own}lazy.ts` } : {};
  await Deno.writeTextFile(
    path,
    JSON.stringify({ imports: { ...imports, ...lazy }, scopes: { [own]: imports ?? {}, [worker]: imports ?? {} } }),
  );
  return path;
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
