/** The Tools port: every file of `plugins/tools/` is a tool, found by its name and loaded when it is first needed. */
import * as z from "zod";
import type {
  Agents,
  Clock,
  Functions,
  Mode,
  Plugins,
  Sessions,
  Shell,
  Terminal,
  ToolContext,
  ToolPlugin,
  Tools,
  Workspace,
} from "../actors/ports.ts";
import { no, ok } from "../actors/types.ts";

/** What the tools stand on. `folder` ends in `/`; `draft` is asked for in the mode `evolve`. */
export interface ToolsOptions {
  folder: URL;
  workspace: Workspace;
  draft: () => Workspace;
  shell: Shell;
  noShell: Shell;
  agents: Agents;
  sessions: Sessions;
  functions: Functions;
  /** What was dropped in, for the chat; begins to watch with the first load. */
  plugins: (builtIn: string[]) => Pick<Plugins, "start" | "tools">;
  terminal: Pick<Terminal, "ask" | "show">;
  clock: Clock;
  /** Where large results go: absolute, and as the model is told. */
  spill: () => { folder: string; shown: string };
}

/** A module that is not a tool is a notice, not a fault. */
const Plugin = z.looseObject({
  name: z.string().regex(/^[a-z][a-z0-9_]{0,63}$/),
  description: z.string().max(4000),
  input: z.custom<z.ZodType>((value) => typeof value === "object" && value !== null && "safeParse" in value),
  modes: z.array(z.enum(["chat", "evolve", "reflect"])).optional(),
  readOnly: z.custom<ToolPlugin["readOnly"]>((value) => typeof value === "function"),
  summary: z.custom<ToolPlugin["summary"]>((value) => typeof value === "function"),
  run: z.custom<ToolPlugin["run"]>((value) => typeof value === "function"),
});

/** Creates the port. */
export function createTools(options: ToolsOptions): Tools {
  let loading: Promise<ToolPlugin[]> | undefined;
  const all = () => loading ??= loadAll(options);
  return {
    async load(mode: Mode) {
      const built = await all();
      const here = built.filter((plugin) => (plugin.modes ?? ["chat"]).includes(mode));
      if (mode !== "chat") return here;
      const dropped = options.plugins(built.map(({ name }) => name));
      await dropped.start();
      return [...here, ...dropped.tools()];
    },
    context: (mode, id, signal): ToolContext => ({
      workspace: mode === "evolve" ? options.draft() : options.workspace,
      shell: mode === "chat" ? options.shell : options.noShell,
      agents: mode === "chat" ? options.agents : NO_AGENTS,
      sessions: options.sessions,
      functions: options.functions,
      ask: options.terminal.ask,
      clock: options.clock,
      signal,
      update: (text) => options.terminal.show({ type: "tool_update", id, text }),
    }),
    async spill(id, text) {
      const { folder, shown } = options.spill();
      const name = `${id.replaceAll(/[^\w-]/g, "_").slice(0, 60)}_${crypto.randomUUID().slice(0, 8)}.txt`;
      try {
        await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
        await Deno.writeTextFile(`${folder}/${name}`, text, { createNew: true, mode: 0o600 });
        return ok(`${shown}/${name}`);
      } catch (error) {
        return no(`the rest could not be kept: ${error instanceof Error ? error.message : String(error)}`);
      }
    },
  };
}

const NO_AGENTS: Agents = {
  spawn: () => Promise.resolve(no("Cannot start a sub-agent here: only the chat may")),
  wait: () => Promise.resolve(no("Cannot wait for a sub-agent here: only the chat may")),
};

async function loadAll({ folder, terminal }: ToolsOptions): Promise<ToolPlugin[]> {
  const names: string[] = [];
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (isFile && /^[a-z0-9_]+\.(ts|js)$/.test(name) && !/_test\.(ts|js)$/.test(name)) names.push(name);
  }
  const loaded = await Promise.all(names.sort().map((name) => load(new URL(name, folder), name, terminal)));
  const found = loaded.flatMap((plugin) => plugin ?? []);
  return found.filter((plugin, at) => {
    const first = found.findIndex((other) => other.name === plugin.name) === at;
    if (!first) {
      terminal.show({
        type: "notice",
        level: "warning",
        text: `Two tools are called "${plugin.name}"; the first by file name counts`,
      });
    }
    return first;
  });
}

async function load(url: URL, name: string, { show }: Pick<Terminal, "show">): Promise<ToolPlugin | undefined> {
  try {
    const module = await import(url.href);
    const plugin = Plugin.safeParse(module.default);
    if (plugin.success) return module.default;
    show({
      type: "notice",
      level: "warning",
      text: `Cannot use "plugins/tools/${name}": its default export is no tool (${
        plugin.error.issues[0]?.path.join(".")
      }); see actors/ports.ts`,
    });
  } catch (error) {
    show({
      type: "notice",
      level: "warning",
      text: `Cannot load "plugins/tools/${name}": ${error instanceof Error ? error.message : String(error)}`,
    });
  }
  return undefined;
}
