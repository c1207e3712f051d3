/** Checks a plugin's types with Deno, where there is one. Nothing of the plugin runs. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { no, ok, type Outcome } from "../../actors/types.ts";
import { runTool } from "../build/tool.ts";
import { reason, replaceFile } from "../session/files.ts";
import { apiTypes } from "./api_types.ts";

const here = (path: string) => Deno.readTextFile(new URL(path, import.meta.url));

/** The text of `evo.d.ts`; the executable carries it beside its worker. */
export const API_TYPES = Deno.build.standalone
  ? await Deno.readTextFile(new URL("./workers/evo.txt", Deno.mainModule))
  : apiTypes(await here("./zod_part.d.ts"), await here("../../actors/plugins.ts"));

/**
 * What a type check is given. `deno`: the command of a Deno of this version; `signal` ends the check. Below `folder`, the user's
 * own, each plugin's file has a place that stays: there Deno knows again what it has checked before.
 */
export interface CheckOptions {
  folder: string;
  file: string;
  source: string;
  deno: string[];
  signal?: AbortSignal;
  ms?: number;
}

const DEADLINE_MS = 10_000, SHOWN = 3;
/** Types may be left out. A plugin runs in a worker; without the types of documents and windows a check takes half the time. */
const CONFIG = '{ "compilerOptions": { "noImplicitAny": false, "lib": ["deno.worker"] } }';

/** What must hold of a plugin beside its own types. */
const MAIN = `import type { PluginFile } from "./evo.d.ts";
import plugin from "./plugin.ts";
export const checked: PluginFile = plugin;
`;

/**
 * Checks a plugin's types: good if it fits the API or could not be checked (the value says why), bad with the first diagnostics.
 * A file in JavaScript has no types to check.
 */
export async function checkTypes(
  { folder, file, source, deno, signal, ms = DEADLINE_MS }: CheckOptions,
): Promise<Outcome<"checked" | { unchecked: string }>> {
  if (!file.endsWith(".ts")) return ok({ unchecked: "it is JavaScript" });
  const cwd = join(folder, createHash("sha256").update(file).digest("hex").slice(0, 16));
  try {
    const files = { "evo.d.ts": API_TYPES, "plugin.ts": aim(source), "main.ts": MAIN, "deno.json": CONFIG };
    for (const [name, text] of Object.entries(files)) await replaceFile(join(cwd, name), text);
    const words = ["check", "--quiet", "--no-lock", "--no-remote", "--no-npm", "main.ts"];
    const ended = await runTool([...deno, ...words], { cwd, ms, ...(signal && { signal }) });
    if (ended.code === 0) return ok("checked");
    const found = diagnose(ended.stderr, cwd);
    return found ? no(`Cannot accept "${file}": ${found}`) : ok({ unchecked: "deno check did not end in time" });
  } catch (error) {
    return ok({ unchecked: reason(error) });
  }
}

/** Wherever a plugin takes the API's types from, here they are beside it. */
function aim(source: string): string {
  return source.replace(/(\bimport\s+type\s[^;"']*?\bfrom\s*)(["'])[^"']*(?:evo\.d|plugins)\.ts\2/g, `$1"./evo.d.ts"`);
}

/** The first diagnostics, each with its line in the plugin, in one line. */
function diagnose(stderr: string, folder: string): string {
  const found = stderr.split(/^(?=(?:error: )?TS\d+ \[ERROR\]: )/m).flatMap((text) => {
    const message = /TS\d+ \[ERROR\]: ([^]*?)\n\s*\n?/.exec(text)?.[1];
    const line = /plugin\.ts:(\d+):\d+/.exec(text)?.[1];
    return message ? [`${line ? `line ${line}: ` : "its default export: "}${message.trim().replace(/\.$/, "")}`] : [];
  });
  const other = /^error: (.*)/m.exec(stderr)?.[1] ?? "";
  const told = found.length > 0 ? found.slice(0, SHOWN).join("; ") : other.replaceAll(`file://${folder}/`, "");
  const more = found.length > SHOWN ? `; and ${found.length - SHOWN} more` : "";
  return `${told.replace(/\s+/g, " ").slice(0, 600)}${more}`.replace(/\.$/, "");
}
