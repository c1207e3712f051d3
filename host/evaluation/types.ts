/** The words of evaluation: what a task declares, what a run of a body gives, and the workshop that other folders ask. */
import * as z from "zod";
import type { Limits, Score, Signatures } from "../../actors/functions.ts";
import type { Outcome } from "../../actors/types.ts";
import type { Compiled, CompileRequest } from "../wasm/types.ts";

/** What a task file declares, without its evaluator. `limits` as in actors/functions.ts. */
export interface Declaration {
  name: string;
  description: string;
  functions: Signatures;
  limits: Limits;
  goal?: number;
  objectives?: Record<string, "lower" | "higher">;
}

/** A declaration, or why there is none. `lasting`: the same text fails again; a process that was killed says nothing of it. */
export type Tried = Outcome<Declaration> & { lasting?: boolean };

/** A task that was found, with the body that its evolution starts from. */
export interface TaskEntry extends Declaration {
  /** The starting body: the text of function.ts. */
  source: string;
  /** The text of cassette.jsonl, if there is one. */
  cassette?: string;
  /** Shipped: the URL of the task file; dropped in: its path. What the workshop is asked with. */
  file: string;
  shipped: boolean;
}

/** Tasks by name, and one sentence for each that could not be used. */
export interface FoundTasks {
  tasks: TaskEntry[];
  problems: string[];
}

/** Why a body got no score. `evaluator`: the task's own fault; `inconsistent`: it answered one input in two ways. */
export const Fault = z.enum([
  ...["trap", "fuel", "memory", "nan", "missing", "inconsistent", "timeout", "crash", "evaluator"] as const,
]);
export type Fault = z.infer<typeof Fault>;

/** A run on the training set. `fuel` is that of the whole run, `ms` its wall clock; `feedback` is for the model. */
export type Scored =
  | { ok: true; score: Score; fuel: number; ms: number }
  | { ok: false; kind: Fault; feedback: string };

/** A whole evaluation. `beatsHeldOut` is there only if the held-out set was looked at: that is one look, to be counted. */
export type Evaluated = Scored & { beatsTraining: boolean; beatsHeldOut?: boolean };

/** A body to run: the metered module, and the bytes of the plain one (that of the metered one unless told). */
export interface Module {
  wasm: Uint8Array;
  size?: number;
}

/** One evaluation. `best` are the incumbents' training scores on the same seed, in their order. */
export interface EvaluateRequest {
  file: string;
  candidate: Uint8Array;
  /** Bytes of the candidate's plain module; those of `candidate` unless told. */
  size?: number;
  /** The active revision, or the Pareto front; none yet is allowed. */
  incumbents: Module[];
  trainingSeed: number;
  best: Score[];
  heldOutSeed: number;
}

/**
 * Compilers and evaluators in processes that are killed at their deadline. An abort of the signal kills too, and rejects with
 * its reason; everything else is a value.
 */
export interface Workshop {
  declare(file: string): Promise<Tried>;
  compile(
    request: CompileRequest,
    signal: AbortSignal,
  ): Promise<Compiled | { ok: false; kind: "timeout" | "crash"; diagnostics: string }>;
  evaluate(on: EvaluateRequest, signal: AbortSignal): Promise<Evaluated>;
  /** On the training set only, as for the starting body. */
  score(
    on: { file: string; candidate: Uint8Array; size?: number; trainingSeed: number },
    signal: AbortSignal,
  ): Promise<Scored>;
  /** Ends every process; what is running rejects. */
  close(): Promise<void>;
}
