/** Finds the Deno that builds: a self-edit needs one, and only one of the executable's own version will do. */
import { join } from "node:path";
import { no, ok, type Outcome } from "../../actors/types.ts";
import { runTool } from "./tool.ts";

/** Where to look, and for which version (default: that of this process). */
export interface DenoOptions {
  home: string;
  env: (name: string) => string | undefined;
  version?: string;
  signal?: AbortSignal;
  /** True if none is to be fetched. */
  present?: boolean;
}

/** The command of a Deno of exactly this version: EVO_DENO, PATH, the one of the last build, npx; what was wrong otherwise. */
export async function findDeno(options: DenoOptions): Promise<Outcome<string[]>> {
  const version = options.version ?? Deno.version.deno;
  const recorded = await Deno.readTextFile(join(options.home, "deno")).catch(() => "");
  const named = options.env("EVO_DENO");
  const candidates: [string, string[]][] = [
    ...(named ? [["EVO_DENO", [named]] as [string, string[]]] : []),
    ["PATH", ["deno"]],
    ...(recorded ? [["the last build", [recorded]] as [string, string[]]] : []),
    ...(options.present ? [] : [["npx", ["npx", "-y", `deno@${version}`]] as [string, string[]]]),
  ];
  const wrong: string[] = [];
  for (const [where, command] of candidates) {
    const found = await versionOf(command, options);
    if (found === version) return ok(command);
    wrong.push(`${where}: ${found ?? "none"}`);
    if (where === "EVO_DENO") break;
  }
  return no(`Cannot find Deno ${version} (${wrong.join(", ")}): install it, or name its executable in EVO_DENO`);
}

/** Remembers which Deno built, for a later start without one on PATH. */
export async function recordDeno(home: string, path: string): Promise<void> {
  await Deno.mkdir(home, { recursive: true });
  await Deno.writeTextFile(join(home, "deno"), path);
}

async function versionOf(command: string[], options: DenoOptions): Promise<string | undefined> {
  try {
    const extra = options.signal ? { signal: options.signal } : {};
    const ended = await runTool([...command, "--version"], { cwd: "/", ms: 120_000, ...extra });
    return ended.code === 0 ? /^deno (\S+)/.exec(ended.stdout)?.[1] : undefined;
  } catch {
    options.signal?.throwIfAborted();
    return undefined; // not there, or not executable: the next one may be
  }
}
