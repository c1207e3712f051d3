/** Fakes for the tests of tools; no tool imports them. */
import type { ToolContext, ToolPlugin, Workspace } from "../../actors/ports.ts";
import { no, ok, type ToolResult } from "../../actors/types.ts";

/** A workspace in memory: `files` holds text by path, `boms` the paths that begin with a byte order mark. */
export interface FakeWorkspace extends Workspace {
  files: Map<string, string>;
  boms: Set<string>;
  asked: unknown[];
}

/** Makes a workspace in memory; paths that begin with ".." are outside. */
export function fakeWorkspace(files: Record<string, string>): FakeWorkspace {
  const held = new Map(Object.entries(files));
  const boms = new Set<string>();
  const asked: unknown[] = [];
  return {
    root: "/fake",
    files: held,
    boms,
    asked,
    read(path) {
      const text = held.get(path);
      if (path.startsWith("..")) return Promise.resolve(no(`Cannot read "${path}": it is outside`));
      if (text === undefined) return Promise.resolve(no(`Cannot read "${path}": no such file`));
      return Promise.resolve(ok({ path, text, hash: `hash of ${text}`, bom: boms.has(path) }));
    },
    write(path, text, { bom = false } = {}) {
      if (path.startsWith("..")) return Promise.resolve(no(`Cannot write "${path}": it is outside`));
      const created = !held.has(path);
      held.set(path, text);
      if (bom) boms.add(path);
      else boms.delete(path);
      return Promise.resolve(ok({ path, created }));
    },
    remove(path) {
      return Promise.resolve(held.delete(path) ? ok({ path }) : no(`Cannot delete "${path}": no such file`));
    },
    list({ signal: _signal, ...options }) {
      asked.push(options);
      return Promise.resolve(ok({ files: [...held.keys()].sort(), truncated: false }));
    },
    search({ signal: _signal, ...options }) {
      asked.push(options);
      const hits = [...held].map(([path, text]) => ({ path, line: 1, text }));
      return Promise.resolve(options.pattern === "(" ? no("Cannot search") : ok({ hits, truncated: hits.length > 1 }));
    },
  };
}

/** The context of a call in which only what is given may be used; anything else throws. */
export function fakeContext(parts: Partial<ToolContext>): ToolContext {
  const unused = (name: string) => new Proxy({}, { get: () => fail(name) });
  return {
    workspace: fakeWorkspace({}),
    shell: { readOnly: () => fail("shell"), run: () => fail("shell") },
    agents: { spawn: () => fail("agents"), wait: () => fail("agents") },
    sessions: unused("sessions") as ToolContext["sessions"],
    functions: { run: () => fail("functions") },
    ask: () => fail("ask"),
    clock: { now: () => 0, sleep: () => Promise.resolve() },
    signal: new AbortController().signal,
    update: () => {},
    ...parts,
  };
}

/** Calls a tool as the loop does: arguments are parsed, then run. */
export function call<I>(plugin: ToolPlugin<I>, input: unknown, parts: Partial<ToolContext>): Promise<ToolResult> {
  return plugin.run(plugin.input.parse(input), fakeContext(parts));
}

function fail(name: string): never {
  throw new Error(`This tool must not use ${name}`);
}
