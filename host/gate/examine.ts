/** Runs the steps of a gate: groups one after the other, the steps of a group side by side; whatever is not a clear pass has failed. */
import { either, type Shown, type Step, type Verdict } from "../../actors/types.ts";
import type { Clock, Log } from "../../actors/ports.ts";
import { cut, relative } from "./run.ts";

/** One step: `run` returns what is wrong, one text each; nothing means passed. `ms` is its deadline. */
export interface Check {
  name: string;
  ms: number;
  run: (signal: AbortSignal) => Promise<string[]>;
}

/** Where steps are shown and logged. */
export interface Witness {
  log: Log;
  show: (event: Shown) => void;
  clock: Clock;
}

/** Runs groups of checks until one fails; throws only on an abort. */
export async function examine(
  groups: Check[][],
  { witness, root, signal }: { witness: Witness; root: string; signal: AbortSignal },
): Promise<Pick<Verdict, "pass" | "steps" | "step" | "diagnostics">> {
  const steps: Step[] = [];
  for (const group of groups) {
    const ended = await Promise.all(group.map((check) => runCheck(check, { witness, signal })));
    signal.throwIfAborted();
    steps.push(...ended.map(({ step }) => step));
    const failed = ended.filter(({ step }) => !step.pass);
    if (failed.length === 0) continue;
    const diagnostics = failed.map(({ step, faults }) => `${step.name}:\n${faults.join("\n")}`).join("\n\n");
    const short = relative(relative(diagnostics, root), await Deno.realPath(root));
    return { pass: false, steps, step: failed[0]?.step.name ?? "", diagnostics: cut(short) };
  }
  return { pass: true, steps };
}

async function runCheck({ name, ms, run }: Check, { witness, signal }: { witness: Witness; signal: AbortSignal }) {
  const { clock, log, show } = witness, began = clock.now(), late = new AbortController();
  show({ type: "step", name, status: "started", ms: 0, note: "" });
  const both = either(signal, late.signal);
  const deadline = new Promise<string[]>((resolve) => {
    const why = () => signal.aborted ? "it was interrupted" : `it took longer than ${ms / 1_000} s`;
    both.addEventListener("abort", () => resolve([`Cannot finish "${name}": ${why()}`]));
  });
  const timer = setTimeout(() => late.abort(), ms);
  const faults = await Promise.race([
    run(both).catch((error: unknown) => [error instanceof Error ? error.message : String(error)]),
    deadline,
  ]);
  clearTimeout(timer);
  const pass = faults.length === 0 && !both.aborted,
    note = faults.join("\n").split("\n").find((line) => line.trim()) ?? "";
  const said = note ? { note: cut(note, 300) } : {};
  const step: Step = { name, pass, ms: Math.round(clock.now() - began), at: began, ...said };
  log.write("step", step);
  show({ type: "step", name, status: pass ? "passed" : "failed", ms: step.ms, note: step.note ?? "" });
  return { step, faults };
}
