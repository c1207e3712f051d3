import * as z from "zod";
import { no, ok, type Outcome } from "../../actors/types.ts";
import type { Log, Undo } from "../../actors/ports.ts";
import { patchOf } from "./patch.ts";
import { reason } from "../workspace/paths.ts";
import { type Change, changesOf, restore } from "./restore.ts";
import { createSnapshots, put, type Snapshot } from "./snapshot.ts";
import { createTurns } from "../workspace/text.ts";

const said = z.string().optional();
/** What a session's store remembers: the snapshot of its beginning, and those before and after each turn that changed files. */
export const State = z.object({
  base: said,
  turns: z.array(z.object({ label: z.string(), before: said, after: said, gap: said })),
});
export type State = z.infer<typeof State>;

/**
 * Takes back file changes of whole turns, whoever made them between the first change and `settle`; what was changed since
 * stays. `store` is this session's own folder (`.../undo/<session>`);
 * contents are shared with other sessions in the folder above it. `capture` runs before the first change of a turn and never
 * throws: what it could not do is said by `back`.
 */
export function createUndo(options: { root: string; store: string; log: Log }): Undo & { capture(): Promise<void> } {
  const { store, log } = options;
  const root = Deno.realPathSync(options.root);
  const shared = store.slice(0, store.lastIndexOf("/"));
  const snapshots = createSnapshots({ root, store: shared });
  let state: State | undefined;
  let label = "this session";
  let captured = false;
  const turns = createTurns(), inTurn = <T>(act: () => Promise<T>) => () => turns(act);
  return { mark, capture: inTurn(capture), settle: inTurn(settle), back: inTurn(back), diff: inTurn(diff) };

  function mark(turn: string): void {
    const next = turn.replace(/[\p{Cc}\s]+/gu, " ").trim();
    label = next.length > 80 ? `${next.slice(0, 80).replace(/[\uD800-\uDBFF]$/, "")}…` : next;
    captured = false;
  }

  async function capture(): Promise<void> {
    if (captured) return;
    captured = true;
    const now = await opened();
    try {
      const before = await snapshots.take();
      now.base ??= before;
      now.turns.push({ label, before });
    } catch (error) {
      now.turns.push({ label, gap: reason(error) });
      log.write("undo", { label, error: `Cannot capture the files: ${reason(error)}` });
    }
    await put(`${store}/state.json`, now).catch(() => {}); // a full disk: this process still remembers
  }

  async function settle(): Promise<void> {
    const turn = captured ? state?.turns.at(-1) : undefined;
    if (!turn?.before) return;
    turn.after = await snapshots.take().catch(() => undefined); // without it, what is there then counts
    await put(`${store}/state.json`, state).catch(() => {});
  }

  async function back(): Promise<Outcome<string>> {
    const now = await opened();
    if (now.turns.length === 0) return no("Cannot undo: no turn of this session changed a file");
    try {
      const present = await snapshots.load(await snapshots.take());
      for (let at = now.turns.length - 1; at >= 0; at--) {
        const { label, before, after, gap } = now.turns[at] ?? { label: "" };
        if (!before) {
          now.turns.splice(at);
          await put(`${store}/state.json`, now);
          return no(`Cannot undo "${label}": its files were not captured (${gap}); /undo again goes one turn further`);
        }
        const [past, end] = [await snapshots.load(before), after ? await snapshots.load(after) : present];
        const made = await between(past, end);
        if (made.length === 0) continue;
        const since = new Set((await between(end, present)).map(({ path }) => path));
        const { left = [], changes = [] } = Object.groupBy(made, ({ path }) => since.has(path) ? "left" : "changes");
        const stays = `Left as it is, since it was changed after that turn: ${some(left.map(({ path }) => path))}.`;
        log.write("undo", { label });
        const kept = `${store}/replaced/${new Date().toISOString().replace(/[:.]/g, "-")}`;
        const failed = await restore(changes, { root, kept, past, present: end, bytes: snapshots.bytes });
        now.turns.splice(at);
        captured = false;
        await put(`${store}/state.json`, now);
        const notCovered = [
          "ignored files, .git and node_modules",
          ...(past.skipped.length ? [`files over 5 MB or unreadable (${some(past.skipped)})`] : []),
          ...(past.full ? ["all beyond the first 20,000 files or 1 GB"] : []),
        ];
        return ok([
          `Took back "${label}": ${told(changes) || "nothing"}.`,
          ...(left.length ? [stays] : []),
          ...(after ? [] : ["That turn was cut off: what has changed since, by whomever, was taken back with it."]),
          ...(failed.length ? [`Not restored: ${failed.slice(0, 10).join("; ")}.`] : []),
          `${told(changes) && `What was there until now is kept in ${kept}. `}Not covered: ${notCovered.join("; ")}.`,
        ].join("\n"));
      }
    } catch (error) {
      return no(`Cannot undo: ${reason(error)}`);
    }
    return no("Cannot undo: no turn of this session changed a file that is covered");
  }

  function between(past: Snapshot, present: Snapshot): Promise<Change[]> {
    return changesOf({ root, past, present, bytes: snapshots.bytes });
  }

  async function diff(): Promise<Outcome<string>> {
    const { base } = await opened();
    if (!base) return ok("");
    try {
      const past = await snapshots.load(base);
      const present = await snapshots.load(await snapshots.take());
      return ok(await patchOf(await between(past, present), snapshots.bytes));
    } catch (error) {
      return no(`Cannot compare with the session's beginning: ${reason(error)}`);
    }
  }

  async function opened(): Promise<State> {
    if (state) return state;
    await Deno.mkdir(store, { recursive: true, mode: 0o700 }).catch(() => {}); // the next write says why
    try {
      state = State.parse(JSON.parse(await Deno.readTextFile(`${store}/state.json`)));
    } catch {
      state = { turns: [] }; // none yet
    }
    return state;
  }
}

function told(changes: Change[]): string {
  const names = (kind: Change["kind"]) => changes.filter((change) => change.kind === kind).map((change) => change.path);
  const parts = [["changed back", "changed"], ["brought back", "deleted"], ["removed", "created"]] as const;
  return parts.map(([verb, kind]) => [verb, names(kind)] as const).filter(([, paths]) => paths.length)
    .map(([verb, paths]) => `${verb} ${some(paths)}`).join(", ");
}

function some(paths: string[]): string {
  return paths.length > 5 ? `${paths.slice(0, 5).join(", ")} and ${paths.length - 5} more` : paths.join(", ");
}
