/**
 * Evolvable functions: the words a `task.ts` is written in. A task says what a function must do and how good a body is; the
 * body (`function.ts`, AssemblyScript) is all that a model writes. A task file imports nothing but these types.
 */

/** Numbers of up to 32 bits and floats are `number`; out-of-range integers wrap as in WebAssembly. */
export type NumberType = "i8" | "i16" | "i32" | "u8" | "u16" | "u32" | "f32" | "f64";
/** 64-bit integers are `bigint`. */
export type BigType = "i64" | "u64";

/** The typed arrays of AssemblyScript, by name. */
export interface Arrays {
  Int8Array: Int8Array;
  Uint8Array: Uint8Array;
  Int16Array: Int16Array;
  Uint16Array: Uint16Array;
  Int32Array: Int32Array;
  Uint32Array: Uint32Array;
  BigInt64Array: BigInt64Array;
  BigUint64Array: BigUint64Array;
  Float32Array: Float32Array;
  Float64Array: Float64Array;
}
/** In AssemblyScript `BigInt64Array` is written `Int64Array`, `BigUint64Array` is written `Uint64Array`. */
export type ArrayType = keyof Arrays;
export type ParameterType = NumberType | BigType | "bool" | "string" | ArrayType;
export type ResultType = ParameterType | "void";

/** One exported function: its parameters in order, each with a name for people, and its result. */
export interface Signature {
  readonly parameters: readonly (readonly [name: string, type: ParameterType])[];
  readonly result: ResultType;
}

/** The exported functions of a task by name, at least one. */
export type Signatures = Readonly<Record<string, Signature>>;

/** What a type of a signature is in TypeScript. */
export type Value<T extends ResultType> = T extends "void" ? void
  : T extends "bool" ? boolean
  : T extends "string" ? string
  : T extends BigType ? bigint
  : T extends ArrayType ? Arrays[T]
  : number;

type Values<P extends Signature["parameters"]> = {
  -readonly [K in keyof P]: P[K] extends readonly [string, infer T extends ParameterType] ? Value<T> : never;
};

/** A function of this signature. Arrays are copied in, and copied back after the call: they may be changed in place. */
export type Callable<S extends Signature> = (
  ...values: Values<S["parameters"]>
) => Value<S["result"]>;

/** All functions of a task. */
export type Callables<F extends Signatures> = { readonly [Name in keyof F]: Callable<F[Name]> };

/** A running body. A call that traps, runs out of fuel or of memory throws; an evaluator need not catch it. */
export interface Instance<F extends Signatures = Signatures> {
  readonly functions: Callables<F>;
  /** Fuel spent by this instance since it was made: function entries and loop iterations, the same on every machine. */
  fuel(): number;
  /** Bytes of the compiled module, without metering. */
  readonly size: number;
  /** Another instance of the same module: memory and globals as at the start, nothing remembered. */
  fresh(): Instance<F>;
}

/** Seeded randomness: the same seed gives the same numbers on every machine. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** A whole number in [0, below). */
  integer(below: number): number;
  /** Normal with mean 0 and variance 1. */
  normal(): number;
  /** A shuffled copy. */
  shuffle<T>(items: readonly T[]): T[];
}

/** One evaluation. The held-out set has seeds of its own that no prompt and no log ever shows, and that rotate. */
export interface Evaluation {
  readonly set: "training" | "held_out";
  readonly random: Random;
}

/** How good a body is. */
export interface Score {
  /** Higher is better. Anything that is not a finite number rejects the body. */
  score: number;
  /** Further measures: those named by the task's `objectives` are compared, the others are shown. */
  metrics?: Record<string, number>;
  /** For the model, the most telling first: "case 7: expected 15, got 12". Only a training run's is ever shown. */
  feedback: string[];
}

/** What a body may use. */
export interface Limits {
  /** Fuel of one call from outside. */
  fuel: number;
  /** Memory, in pages of 64 KiB. */
  pages: number;
  /** Wall clock of one evaluation, in milliseconds; then its process is killed. */
  deadlineMs: number;
  /** Characters of source. */
  source: number;
}

/** An evolvable function, as its author declares it. */
export interface Task<F extends Signatures = Signatures> {
  /** Lower snake case, as the folder. */
  readonly name: string;
  /** For people and for the model: what the function must do, and how it is scored. */
  readonly description: string;
  readonly functions: F;
  readonly limits: Limits;
  /** A score on the training set at which evolution stops: nothing better is possible, or wanted. */
  readonly goal?: number;
  /**
   * Metrics to trade against each other. With them, a body beats the incumbents when it dominates a point of their front or
   * adds one to it; without them, when its score is higher than the active revision's on the same seeds.
   */
  readonly objectives?: Readonly<Record<string, "lower" | "higher">>;
  /**
   * Scores a body. Draws every random number from `run.random`, recomputes everything, believes nothing the body says about
   * itself, and gives absent or malformed answers the floor. Pure and synchronous: it sees no clock, no file, no network.
   */
  evaluate(candidate: Instance<F>, run: Evaluation): Score;
}

/** What the default export of a task file is called with. `task` returns what it is given: it is there for its types. */
export interface FunctionApi {
  task<const F extends Signatures>(task: Task<F>): Task<F>;
}

/** The default export of a `task.ts`. */
export type TaskFile<F extends Signatures = Signatures> = (api: FunctionApi) => Task<F>;
