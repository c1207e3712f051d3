/** Undo of the session that goes on: its store follows `/resume`. */
import type { Log, Undo } from "../../actors/ports.ts";
import { createUndo } from "../workspace/undo.ts";

/** What it needs: `current` names the session, `tend` makes a store ready and is awaited before its first use. */
export interface SessionUndoOptions {
  root: string;
  log: Log;
  current: () => string;
  tend: (store: string, current: string) => Promise<unknown>;
}

const EARLIER = "That turn was of an earlier run: what has changed since then, by whomever, was taken back with it.";

/**
 * Creates it over `<root>/.evo/undo`. A turn of an earlier run of the session can be taken back too, and `back` says so. `open`
 * tends a store that is there already; nothing is created before it is needed.
 */
export function createSessionUndo(
  { root, log, current, tend }: SessionUndoOptions,
): Undo & { capture(): Promise<void>; open(): Promise<void> } {
  const store = `${root}/.evo/undo`;
  let held: { id: string; undo: ReturnType<typeof createUndo>; turns: number } | undefined;
  let label: string | undefined;
  let fresh = true;
  let tended: Promise<unknown> | undefined;
  const ready = () => tended ??= tend(store, current());
  const now = () => {
    const id = current();
    if (held?.id === id) return held;
    held = { id, undo: createUndo({ root, store: `${store}/${id}`, log }), turns: 0 };
    if (label !== undefined) held.undo.mark(label);
    return held;
  };
  return {
    mark(turn) {
      [label, fresh] = [turn, true];
      now().undo.mark(turn);
    },
    async capture() {
      await ready();
      const here = now();
      if (fresh) here.turns += 1;
      fresh = false;
      await here.undo.capture();
    },
    async back() {
      await ready();
      const here = now();
      const done = await here.undo.back();
      if (!done.ok) return done;
      here.turns -= 1;
      return here.turns < 0 ? { ok: true, value: `${done.value}\n${EARLIER}` } : done;
    },
    diff: async () => (await ready(), await now().undo.diff()),
    open: async () => void await Deno.lstat(store).then(ready, () => {}),
  };
}
