/** Draft, gate and lineage as ports that load at their first use: a conversation starts without them. */
import type { Draft, Gate, Lineage } from "../actors/ports.ts";
import type { Examiner } from "./gate/gate.ts";

/** The three, and what the host's own guard asks. */
export interface Evolution {
  draft: Draft;
  gate: Examiner;
  lineage: Lineage;
}

/** The ports that load the rest at their first use. */
export function lazily(
  open: () => Promise<Evolution>,
): { draft: Draft; gate: Gate; lineage: Lineage; passed: Examiner["passed"] } {
  let opened: Evolution | undefined;
  let opening: Promise<Evolution> | undefined;
  const ready = () =>
    opening ??= open().then((evolution) => opened = evolution).catch((error) => {
      opening = undefined; // what was in the way may be gone at the next use
      throw error;
    });
  return {
    passed: (tree) => opened?.gate.passed(tree) ?? { proof: false, build: false },
    draft: {
      open: async (signal) => (await ready()).draft.open(signal),
      workspace() {
        if (!opened) throw new Error("Cannot use the draft: it is not open");
        return opened.draft.workspace();
      },
      candidate: async (goal) => (await ready()).draft.candidate(goal),
      discard: async () => await opened?.draft.discard(),
      close: async () => await opened?.draft.close(),
    },
    gate: {
      prove: async (candidate, signal) => (await ready()).gate.prove(candidate, signal),
      build: async (candidate, signal) => (await ready()).gate.build(candidate, signal),
    },
    lineage: {
      promote: async (candidate, evidence) => (await ready()).lineage.promote(candidate, evidence),
      list: async () => (await ready()).lineage.list(),
      verify: async () => (await ready()).lineage.verify(),
      why: async (number) => (await ready()).lineage.why(number),
      rollback: async (number) => (await ready()).lineage.rollback(number),
    },
  };
}
