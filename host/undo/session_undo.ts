/** Undo of the session that goes on: its store follows `/resume`. */
import type { Log, Undo } from "../../actors/ports.ts";
import { createUndo } from "./undo.ts";

/** What it needs: `current` names the session, `tend` makes a store ready and is awaited before its first use. */
export interface SessionUndoOptions {
  root: string;
  log: Log;
  current: () => string;
  tend: (store: string, current: string) => Promise<unknown>;
}

/**
 * Creates it over `<root>/.evo/undo`. A turn of an earlier run of the session can be taken back, too. `open` tends a store that is there already; nothing is created before it is needed.
 */
export function createSessionUndo(
  { root, log, current, tend }: SessionUndoOptions,
): Undo & { capture(): Promise<void>; open(): Promise<void> } {
  const store = `${root}/.evo/undo`;
  let held: { id: string; undo: ReturnType<typeof createUndo> } | undefined;
  let label: string | undefined;
  let tended: Promise<unknown> | undefined;
  const ready = () => tended ??= tend(store, current());
  const now = () => {
    const id = current();
    if (held?.id === id) return held.undo;
    held = { id, undo: createUndo({ root, store: `${store}/${id}`, log }) };
    if (label !== undefined) held.undo.mark(label);
    return held.undo;
  };
  return {
    mark(turn) {
      now().mark(label = turn);
    },
    capture: async () => (await ready(), await now().capture()),
    settle: () => now().settle(),
    back: async () => (await ready(), await now().back()),
    diff: async () => (await ready(), await now().diff()),
    open: async () => void await Deno.lstat(store).then(ready, () => {}),
  };
}
