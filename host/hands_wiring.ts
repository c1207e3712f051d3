/** Files, shell, sub-agents, undo, and the tools over them, wired; loaded after the first prompt. */
import { join } from "node:path";
import type { Draft, Log, Options, Sessions } from "../actors/ports.ts";
import { createGrowing, type GrowingOptions } from "./growing_wiring.ts";
import type { Hands } from "./hands.ts";
import type { TrajectoryLog } from "./session/log.ts";
import { tendUndo } from "./undo/prune_undo.ts";
import { createSessionUndo } from "./undo/session_undo.ts";
import { createAgents } from "./shell/agents.ts";
import { createShell, noShell } from "./shell/shell.ts";
import { typedShell } from "./shell/typed.ts";
import { createTools } from "./tools.ts";
import { createWorkspace } from "./workspace/workspace.ts";

/** What they stand on. `task` is the number of the present one. */
export interface HandsOptions extends Omit<GrowingOptions, "builtIn"> {
  options: Options;
  task: () => number;
  log: TrajectoryLog;
  sessions: Sessions;
  draft: Draft;
}

/** Wires them. */
export async function createHands(on: HandsOptions): Promise<Hands> {
  const { body, options, cwd, env, terminal, log, sessions, clock, redact } = on;
  const tend = (store: string, current: string) => tendUndo(store, { current, now: clock.now() });
  const undo = createSessionUndo({ root: cwd, log, current: sessions.current, tend });
  void undo.open();
  const outputs = () => join("outputs", sessions.current());
  const answers = env.EVO_REPLAY_ANSWERS ? await (await import("./replay.ts")).recordedAnswers(env) : undefined;
  let denied = false;
  const watched: Log = {
    write(kind, data: { answer?: string }) {
      denied ||= kind === "approval" && data.answer === "refused";
      log.write(kind, data);
    },
  };
  const given = {
    ...{ cwd, env, log: watched, redact, show: terminal.show, capture: undo.capture },
    spillDir: join(cwd, outputs(), "spill"),
    ask: answers ?? terminal.ask,
    interactive: answers ? () => true : terminal.interactive,
  };
  const shell = createShell({ ...given, yes: options.yes });
  const approved = createShell({ ...given, yes: true });
  const agents = createAgents({
    ...{ exec: body.self, cwd, env, flags: inherited(options) },
    outputs: () => join(outputs(), `task_${Math.max(on.task(), 1)}`),
  });
  let builtIn: string[] = [];
  const { functions, plugins, end: endGrowing } = createGrowing({ ...on, builtIn: () => builtIn });
  const tools = createTools({
    functions,
    plugins: (names) => (builtIn = names, plugins),
    folder: new URL("plugins/tools/", body.root),
    workspace: createWorkspace({ root: cwd, beforeWrite: undo.capture }),
    draft: on.draft.workspace,
    shell: typedShell(shell, approved, terminal.typed),
    noShell,
    agents: { ...agents, spawn: async (text, how) => (await undo.capture(), await agents.spawn(text, how)) },
    ...{ sessions, terminal, clock },
    spill: () => ({ folder: join(cwd, outputs(), "spill"), shown: join(outputs(), "spill") }),
  });
  return {
    ...{ tools, undo, functions },
    plugins: {
      async run(words, signal) {
        await tools.load("chat");
        return await plugins.run(words, signal);
      },
    },
    denied: () => denied,
    async end() {
      for (const end of [shell.end, approved.end, agents.end, endGrowing]) await end();
    },
  };
}

const inherited = ({ yes, model, fastModel }: Options): string[] => [
  ...(yes ? ["--yes"] : []),
  ...(model ? ["--model", model] : []),
  ...(fastModel ? ["--fast-model", fastModel] : []),
];
