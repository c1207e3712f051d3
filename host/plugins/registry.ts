/** The plugins that are known, which of them are live, and whose name counts; carries calls to their processes. */
import * as z from "zod";
import type { Permissions } from "../../actors/plugins.ts";
import type { ToolPlugin } from "../../actors/ports.ts";
import { ok, type Outcome, type ToolResult } from "../../actors/types.ts";
import { oneLine } from "../render/safe.ts";
import { cut } from "../session/files.ts";
import type { CallOptions, Declared, ToolWorker, ToolWorkerOptions } from "../workers/types.ts";
import { covers, describe } from "./permissions.ts";
import type { Found } from "./scan.ts";

/** One tool of a plugin: `convert` makes of the arguments what the plugin's process takes. */
export type Tool = Pick<Declared, "name" | "description" | "parameters" | "readOnly"> & {
  convert(input: unknown): Outcome<unknown>;
};

/** A plugin as it is listed. */
export interface Row {
  name: string;
  kind: "tool" | "wasm" | "prompt";
  asked: Permissions;
  state: "loading" | "live" | "waiting for consent" | "refused" | "broken" | "restarting" | "stopped" | "not trusted";
  calls: number;
  failures: number;
  file: string;
  note?: string | undefined;
}

/** A plugin's file as it was at one time, made runnable. */
export interface Version {
  hash: string;
  declared: Declared;
  tools: Tool[];
  asked: Permissions;
}

/** A plugin. `loaded` and `seen` are keys of its file: the one that was loaded last, and the one of the last look. */
export interface Entry {
  found: Found;
  /** 0 if it was there at the start. Of two that have one name, the lower counts. */
  since: number;
  /** Its types are known to be wrong: then an edit need not be right either. */
  mistyped?: boolean;
  state: Row["state"];
  note?: string | undefined;
  loaded?: string;
  seen?: string;
  /** What is asked for and not yet granted. */
  asked?: Permissions | undefined;
  /** The version that runs. */
  active?: { version: Version; granted: Permissions; worker: ToolWorker } | undefined;
  /** Ends what is being done for its file as it was: the declaration, the check of types, the question. */
  stop?: AbortController;
  /** Of versions before. */
  calls: number;
  failures: number;
}

/** What a registry needs. `create` makes a plugin's process; `warn` gets one line at once, `tell` what may come in numbers. */
export interface RegistryOptions {
  builtIn: () => string[];
  create: (on: Omit<ToolWorkerOptions, "self" | "cwd">) => Promise<Outcome<ToolWorker>>;
  warn(text: string): void;
  tell(text: string): void;
}

/** Makes a registry. */
export function createRegistry({ builtIn, create, warn, tell }: RegistryOptions) {
  let clock = 0, entries = new Map<string, Entry>(), owners = new Map<string, { entry: Entry; tool: Tool }>();
  const running = new WeakMap<ToolWorker, number>(), endings: Promise<void>[] = []; // calls in flight; processes that end
  const has = (entry: Entry) => entries.get(entry.found.path) === entry;
  /** Whose names count: those of built-in tools, then of whoever had them first, then in the order of the entries. */
  const settle = () => {
    const taken = new Map(builtIn().map((name) => [name, "a built-in tool"]));
    owners = new Map();
    for (const entry of [...entries.values()].sort((a, b) => a.since - b.since)) {
      const tools = entry.active?.version.tools ?? [], clashes = tools.filter(({ name }) => taken.has(name));
      const note = clashes.map(({ name }) => `"${name}" is the name of ${taken.get(name)}`).join(", ");
      const news = note && note !== entry.note;
      if (news) warn(`Plugin "${entry.found.file}" cannot be used whole: ${note}; rename one of them`);
      if (note || entry.state === "refused") entry.note = tools.length > 0 ? note : entry.note;
      const usable = clashes.length < tools.length ? "live" : "refused";
      if (tools.length > 0 && /live|refused/.test(entry.state)) entry.state = usable;
      for (const tool of tools) {
        if (taken.has(tool.name)) continue;
        taken.set(tool.name, `"${entry.found.file}"`);
        owners.set(tool.name, { entry, tool });
      }
    }
  };
  /** Takes its tools away; calls in flight may end. */
  const retire = (entry: Entry) => {
    const worker = entry.active?.worker;
    if (!worker) return;
    const calls = entry.calls + worker.calls, failures = entry.failures + worker.failures;
    Object.assign(entry, { active: undefined, calls, failures });
    if (!running.get(worker)) endings.push(worker.end());
    settle();
  };
  const call = async (name: string, input: unknown, on: CallOptions, by?: Permissions): Promise<ToolResult> => {
    const no = (why: string) => ({ ok: false, text: `Cannot call ${JSON.stringify(name)}: ${why}` });
    const { entry, tool } = owners.get(name) ?? {}, active = entry?.active;
    if (!tool || !active) return no("there is no such plugin now");
    const more = by && !covers(by, active.granted);
    if (more) return no(`it may do more than this plugin (${describe(active.granted)}); ask for the same`);
    const converted = tool.convert(input), { worker } = active;
    if (!converted.ok) return no(converted.error);
    running.set(worker, (running.get(worker) ?? 0) + 1);
    try {
      return await worker.call(converted.value, on);
    } finally {
      const left = (running.get(worker) ?? 1) - 1;
      running.set(worker, left);
      if (left === 0 && entry.active?.worker !== worker) endings.push(worker.end());
    }
  };
  return {
    has,
    retire,
    /** Takes this list of files for all there is: unloads the others, and makes entries for the new. */
    take(found: Found[]): Entry[] {
      const before = entries, fresh = { state: "loading" as const, calls: 0, failures: 0, since: clock++ };
      const known = (one: Found): Entry => before.get(one.path) ?? { ...fresh, found: one };
      entries = new Map(found.map((one) => [one.path, Object.assign(known(one), { found: one })]));
      for (const entry of before.values()) {
        if (has(entry)) continue;
        entry.stop?.abort();
        if (entry.active) tell(`Plugin ${nameOf(entry)} is gone`);
        retire(entry);
      }
      settle();
      return [...entries.values()];
    },
    /** Makes a version the live one. Bad if it could not be made to run. */
    async activate(entry: Entry, version: Version, granted: Permissions): Promise<Outcome<void>> {
      const made = await create({
        ...{ file: entry.found.path, granted, declared: version.declared },
        call: (tool, input, on) => call(tool, input, { ...on, update: () => {} }, granted),
      });
      if (!made.ok) return made;
      if (!has(entry)) return ok(await made.value.end());
      const again = entry.active ? " again" : "", held = version.tools.map(({ name }) => owners.get(name)?.entry);
      if (held.some((one) => one && one !== entry && (entry.active || one.since > 0))) entry.since = clock++;
      retire(entry);
      entry.active = { version, granted, worker: made.value };
      Object.assign(entry, { state: "live", note: undefined, asked: undefined });
      settle();
      const said = `Plugin ${nameOf(entry)} is live${again} (${describe(version.asked) || "no permissions"})`;
      if (entry.state === "live") tell(said);
      return ok(undefined);
    },
    /** The tools that are live, in a stable order. */
    tools: (): ToolPlugin[] =>
      [...owners].map(([name, { tool: { description, parameters, readOnly } }]) => ({
        ...{ name, description, parameters, input: z.unknown(), readOnly: () => readOnly },
        summary: (input) => cut(oneLine(`${name} ${JSON.stringify(input) ?? ""}`), 120),
        run: (input, { signal, update }) => call(name, input, { signal, update }),
      })),
    rows: (): Row[] => [...entries.values()].map(rowOf),
    async end(): Promise<void> {
      const all = [...entries.values()];
      [entries, owners] = [new Map(), new Map()];
      for (const { stop } of all) stop?.abort();
      await Promise.all([...endings, ...all.map(({ active }) => active?.worker.end())]);
    },
  };
}

/** What a plugin is called: its tool, or its file if it has several or never ran. */
function nameOf({ active, found }: Entry): string {
  const [first, ...more] = active?.version.tools ?? [];
  return more.length > 0 ? `${found.stem} (${more.length + 1} tools)` : first?.name ?? found.stem;
}

function rowOf(entry: Entry): Row {
  const { active, found: { kind, file }, note } = entry, state = active?.worker.state() ?? "running";
  return {
    ...{ name: nameOf(entry), kind, file, note, asked: entry.asked ?? active?.version.asked ?? {} },
    state: entry.state === "live" && state !== "running" ? state : entry.state,
    calls: entry.calls + (active?.worker.calls ?? 0),
    failures: entry.failures + (active?.worker.failures ?? 0),
  };
}
