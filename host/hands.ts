/** What the mind works with, as ports that load at their first use: a prompt is shown without them. */
import type { Functions, Plugins, Tools, Undo } from "../actors/ports.ts";

/** The ports, and what the host asks of them. */
export interface Hands {
  tools: Tools;
  undo: Undo;
  functions: Functions;
  plugins: Pick<Plugins, "run">;
  /** True once a command was refused because there was nobody to ask. */
  denied(): boolean;
  /** Ends the processes that they left running. */
  end(): Promise<void>;
}

/** The ports that load the rest at their first use. */
export function lazyHands(open: () => Promise<Hands>): Hands {
  let opened: Hands | undefined;
  let opening: Promise<Hands> | undefined;
  let label: string | undefined;
  const ready = () =>
    opening ??= open().then((hands) => {
      if (label !== undefined) hands.undo.mark(label);
      return opened = hands;
    }).catch((error) => {
      opening = undefined; // what was in the way may be gone at the next use
      throw error;
    });
  return {
    tools: {
      load: async (mode) => (await ready()).tools.load(mode),
      context(mode, id, signal) {
        if (!opened) throw new Error("Cannot use a tool: the tools are not loaded");
        return opened.tools.context(mode, id, signal);
      },
      spill: async (id, text) => (await ready()).tools.spill(id, text),
    },
    undo: {
      mark(turn) {
        label = turn;
        opened?.undo.mark(turn);
      },
      settle: async () => await opened?.undo.settle(),
      back: async () => (await ready()).undo.back(),
      diff: async () => (await ready()).undo.diff(),
    },
    functions: { run: async (words, how) => (await ready()).functions.run(words, how) },
    plugins: { run: async (words, signal) => (await ready()).plugins.run(words, signal) },
    denied: () => opened?.denied() ?? false,
    end: async () => await opened?.end(),
  };
}
