/** `evo doctor`: looks at everything that Evo needs, and says for each failure what to do. */
import { either, type Outcome } from "../../actors/types.ts";
import type { About } from "../../actors/ports.ts";
import { reason } from "../session/files.ts";
import { NO_MODEL, type Settings } from "./settings.ts";
import type { Granted } from "./trust.ts";

/** What one check found; `todo` says what to do about it. `warn` leaves Evo usable. */
export type Finding = { state: "ok" | "warn" | "fail"; text: string; todo?: string | undefined };

/** What `createDoctor` looks at; what belongs to other folders comes in as a function. */
export interface DoctorOptions {
  /** The toolchain that an evolution would use, with its version. */
  findDeno(signal: AbortSignal): Promise<Outcome<{ path: string; version: string }>>;
  /** Which base runtime a build would take. */
  baseRuntime(signal: AbortSignal): Promise<Outcome<string>>;
  settings: Outcome<Settings>;
  terminal: { interactive: boolean; columns: number; type: string };
  granted: Granted;
  /** Opens the journal, says where it is. */
  journal(): Outcome<string>;
  /** Folders that must be writable. */
  folders: string[];
  landlock(): boolean;
  /** One tiny request to the model. Called only if a key is set or the endpoint is on this machine. */
  probe(signal: AbortSignal): Promise<Outcome<string>>;
  /** How long one check may take; 20 s if not given. */
  deadlineMs?: number;
}

const good = (text: string): Finding => ({ state: "ok", text });
const warn = (text: string, todo?: string): Finding => ({ state: "warn", text, todo });
const fail = (text: string, todo?: string): Finding => ({ state: "fail", text, todo });

const graded = (found: Outcome<string>, bad: typeof warn) => found.ok ? good(found.value) : bad(found.error);

type Look = (options: DoctorOptions, signal: AbortSignal) => Finding | Promise<Finding>;
const CHECKS: Record<string, Look> = {
  toolchain: lookAtDeno,
  git: lookAtGit,
  "base runtime": async ({ baseRuntime }, signal) => graded(await baseRuntime(signal), warn),
  config: lookAtConfig,
  terminal: lookAtTerminal,
  trust: ({ granted: { trusted, said } }) => said ? warn(said) : good(trusted ? "trusted" : "nothing here needs trust"),
  journal: ({ journal }) => graded(journal(), warn),
  disk: lookAtDisk,
  sandbox: ({ landlock }) => landlock() ? good("Landlock") : warn("this kernel has no Landlock", NO_LANDLOCK),
  model: lookAtModel,
};
const NO_LANDLOCK = "candidates are held by Deno permissions alone, which local imports pass by";

/** Creates the doctor. All checks run side by side, each with its deadline; a check that throws has failed. Healthy means no `fail`. */
export function createDoctor(options: DoctorOptions): About["doctor"] {
  return async (signal) => {
    signal.throwIfAborted();
    const findings = Object.entries(CHECKS).map(async ([name, look]) => {
      const late = new AbortController(), limit = either(signal, late.signal);
      const timer = setTimeout(() => late.abort(new Error("no answer in time")), options.deadlineMs ?? 20_000);
      const looked = inTime(async () => await look(options, limit), limit);
      const { state, text, todo } = await looked.finally(() => clearTimeout(timer));
      const line = `${state === "fail" ? "FAIL" : state.padEnd(4)}  ${name.padEnd(14)}${text}`;
      return { state, line: todo ? `${line}\n${" ".repeat(20)}-> ${todo}` : line };
    });
    const all = await Promise.all(findings);
    signal.throwIfAborted();
    return { text: all.map(({ line }) => line).join("\n"), healthy: all.every(({ state }) => state !== "fail") };
  };
}

function inTime(look: () => Promise<Finding>, signal: AbortSignal): Promise<Finding> {
  const { promise, resolve } = Promise.withResolvers<Finding>();
  signal.addEventListener("abort", () => resolve(fail("no answer in time", "try again when it is less busy")));
  return Promise.race([promise, look().catch((error) => fail(reason(error), "mend that, then check again"))]);
}

async function lookAtDeno({ findDeno }: DoctorOptions, signal: AbortSignal): Promise<Finding> {
  const found = await findDeno(signal);
  const todo = `/evolve needs Deno ${Deno.version.deno}: put it on PATH or set EVO_DENO to it`;
  if (!found.ok) return warn(found.error, todo);
  const text = `Deno ${found.value.version} at ${found.value.path}`;
  return found.value.version === Deno.version.deno ? good(text) : warn(text, todo);
}

async function lookAtGit(_: DoctorOptions, signal: AbortSignal): Promise<Finding> {
  const command = new Deno.Command("git", { args: ["--version"], stdin: "null", stderr: "null", signal });
  const run = async () => await command.output(); // where there is no git it throws at once
  const done = await run().catch(() => undefined);
  if (done?.success) return good(new TextDecoder().decode(done.stdout).trim());
  return warn("git does not run", "/evolve keeps its source in git: install git");
}

function lookAtConfig({ settings }: DoctorOptions): Finding {
  if (!settings.ok) return fail(settings.error);
  const { model, baseUrl, warnings } = settings.value;
  const text = `${model} at ${baseUrl}`;
  return warnings.length > 0 ? warn(text, warnings.join("; ")) : good(text);
}

function lookAtTerminal({ terminal: { interactive, columns, type } }: DoctorOptions): Finding {
  if (!interactive) return good("none: nothing will be asked");
  const text = `${type || "unknown type"}, ${columns} columns`;
  return columns < 20 ? warn(text, "make it at least 20 columns wide") : good(text);
}

async function lookAtDisk({ folders }: DoctorOptions): Promise<Finding> {
  for (const folder of folders) {
    try {
      await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
      const file = await Deno.makeTempFile({ dir: folder, prefix: ".doctor-" });
      await Deno.writeFile(file, new Uint8Array(4096)).finally(() => Deno.remove(file));
    } catch (error) {
      return fail(`Cannot write in "${folder}": ${reason(error)}`, "free some space or make it writable");
    }
  }
  return good(`writable: ${folders.join(", ")}`);
}

async function lookAtModel({ settings, probe }: DoctorOptions, signal: AbortSignal): Promise<Finding> {
  if (!settings.ok) return fail("not asked, since the config is wrong");
  if (!settings.value.hasModel) return fail("no model is set", NO_MODEL.replaceAll("\n", " "));
  return graded(await probe(signal), fail);
}
