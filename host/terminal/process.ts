/** The terminal of this process: real streams, signals, history and completion. */
import { dirname, join } from "node:path";
import type { Heard, Options, Terminal } from "../../actors/ports.ts";
import { createHistory } from "../editor/history.ts";
import { createTerminal, type OpenTerminal, type Pending, processSignals } from "./terminal.ts";

/** What it needs; `commands` are the slash commands, for completion. */
export interface ProcessTerminalOptions {
  options: Pick<Options, "mode" | "json">;
  env: Record<string, string>;
  pending: Pending | undefined;
  cwd: string;
  label: () => string;
  commands: () => { name: string; summary: string }[];
  sessions: () => Promise<string[]>;
  onFirstPrompt: () => void;
}

/** The terminal, with what only the host asks of it. */
export interface ProcessTerminal extends OpenTerminal {
  /** Commands that the person typed as `!command` and that have not run yet. */
  typed: Set<string>;
  /** Interrupts what goes on, as Ctrl-C at a terminal does; false if nothing does. */
  interrupt(): boolean;
  /** Resolves when no work goes on. */
  idle(): Promise<void>;
}

/** Opens the terminal on stdin, stdout and stderr. */
export function createProcessTerminal(
  { options, env, pending, cwd, label, commands, sessions, onFirstPrompt }: ProcessTerminalOptions,
): ProcessTerminal {
  const state = env.XDG_STATE_HOME?.startsWith("/") ? env.XDG_STATE_HOME : join(env.HOME ?? "/", ".local/state");
  const opened = createTerminal({
    mode: options.mode === "repl" ? "repl" : "print",
    json: options.json,
    stdin: Deno.stdin,
    stdout: Deno.stdout,
    stderr: Deno.stderr,
    env: { TERM: env.TERM, NO_COLOR: env.NO_COLOR },
    columns,
    history: createHistory(join(state, "evo/history.jsonl")),
    promptLabel: label,
    commands,
    files: (prefix) => complete(cwd, prefix),
    sessions,
    onFirstPrompt,
    signals: processSignals,
    ...(pending && { pending }),
  });
  const typed = new Set<string>();
  let hear: (heard: Heard) => void = () => {};
  let working = false;
  const listen: Terminal["listen"] = (listener) => {
    hear = (heard) => {
      if (heard.type === "line" && heard.text.startsWith("!")) typed.add(heard.text.slice(1).trim());
      listener(heard);
    };
    return opened.listen(hear);
  };
  const waiting: (() => void)[] = [];
  const busy = (on: boolean) => {
    opened.busy(working = on);
    if (!on) { for (const go of waiting.splice(0)) go(); }
  };
  const idle = () => working ? new Promise<void>((go) => waiting.push(go)) : Promise.resolve();
  const interrupt = () => (working && hear({ type: "interrupt" }), working);
  return { ...opened, listen, typed, busy, interrupt, idle };
}

/** The width of the window that stdout leads to. */
export function columns(): number {
  try {
    return Deno.consoleSize().columns;
  } catch {
    return 80; // not a terminal
  }
}

/** Paths below the working directory that begin with the prefix; folders end in a slash. */
async function complete(cwd: string, prefix: string): Promise<string[]> {
  const folder = prefix.endsWith("/") ? prefix.slice(0, -1) : dirname(prefix);
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(cwd, folder))) {
    const path = folder === "." && !prefix.startsWith("./") ? name : `${folder}/${name}`;
    if (!name.startsWith(".") || /(^|\/)\./.test(prefix)) found.push(isDirectory ? `${path}/` : path);
  }
  return found;
}
