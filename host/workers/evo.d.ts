/** The types of Evo's plugins. Written by Evo; import types from here, and nothing else. */

/** A schema made with `z`. What is not named here is there, too, but is not checked. */
export interface Schema<O = unknown> {
  readonly _output: O;
  optional(): Schema<O | undefined>;
  nullable(): Schema<O | null>;
  nullish(): Schema<O | null | undefined>;
  default(value: O): Schema<O>;
  describe(text: string): this;
  refine(check: (value: O) => unknown, message?: unknown): this;
  transform<T>(change: (value: O) => T): Schema<Awaited<T>>;
  pipe<T>(next: Schema<T>): Schema<T>;
  array(): Schema<O[]>;
  or<T>(other: Schema<T>): Schema<O | T>;
  and<T>(other: Schema<T>): Schema<O & T>;
  parse(value: unknown): O;
  safeParse(value: unknown): { success: true; data: O } | { success: false; error: { message: string } };
  // deno-lint-ignore no-explicit-any
  [other: string]: any;
}

/** A schema of text or numbers, with its bounds. */
export interface Bounded<O> extends Schema<O> {
  min(value: number, message?: unknown): this;
  max(value: number, message?: unknown): this;
  length(value: number, message?: unknown): this;
  regex(pattern: RegExp, message?: unknown): this;
  trim(): this;
  int(): this;
  positive(): this;
  nonnegative(): this;
  nonempty(): this;
}

/** What a schema lets through. */
export type Infer<S extends Schema> = S["_output"];

type Shape = Record<string, Schema>;
type Loose<S extends Shape> = { [K in keyof S]: Infer<S[K]> };
type Optional<T> = { [K in keyof T]: undefined extends T[K] ? K : never }[keyof T];
type Shaped<T> = { [K in Exclude<keyof T, Optional<T>>]: T[K] } & { [K in Optional<T>]?: T[K] };

/** The part of zod that is checked; what is not named here is there, too. */
export interface Z {
  string(): Bounded<string>;
  number(): Bounded<number>;
  int(): Bounded<number>;
  boolean(): Schema<boolean>;
  unknown(): Schema<unknown>;
  null(): Schema<null>;
  literal<const T extends string | number | boolean | null>(value: T): Schema<T>;
  enum<const T extends readonly string[]>(values: T): Schema<T[number]>;
  array<T>(item: Schema<T>): Bounded<T[]>;
  object<S extends Shape>(shape: S): Schema<Shaped<Loose<S>>>;
  record<T>(key: Schema<string>, value: Schema<T>): Schema<Record<string, T>>;
  union<const T extends readonly Schema[]>(of: T): Schema<Infer<T[number]>>;
  // deno-lint-ignore no-explicit-any
  [other: string]: any;
}

/** What a tool hands back to the model. */
export interface ToolResult {
  ok: boolean;
  text: string;
}

/**
 * What a plugin may do beyond computing. Each is asked for by name and granted once by a person, bound to the file's hash.
 * `read` and `write`: paths below the working directory ("." for all of it). `net`: hosts, each with an optional port.
 * `env`: variable names. `run`: program names.
 */
export interface Permissions {
  read?: string[];
  write?: string[];
  net?: string[];
  env?: string[];
  run?: string[];
}

/** What one call of a plugin may use besides its input. */
export interface PluginContext {
  /** Aborted when the person interrupts the turn; at the deadline the plugin's process is killed. */
  signal: AbortSignal;
  /** The working directory, absolute. */
  cwd: string;
  /** Calls another plugin's tool, through the host. */
  call(tool: string, input: unknown): Promise<ToolResult>;
  /** Shows progress of this call. */
  update(text: string): void;
}

/** A tool that was dropped in. */
export interface DropIn<I = unknown> {
  /** Lower snake case, unlike every other tool's. */
  name: string;
  /** For the model. */
  description: string;
  /** What the call takes; arguments are parsed with it before `run` sees them. */
  input: Schema<I>;
  /** Nothing unless it is named here. */
  permissions?: Permissions;
  /** True if calls change nothing: they may run side by side. */
  readOnly?: boolean;
  /** Milliseconds that one call may take; 30,000 unless told, 600,000 at most. */
  deadlineMs?: number;
  run(input: I, context: PluginContext): Promise<ToolResult | string> | ToolResult | string;
}

/** What the default export of a plugin is called with. `tool` returns what it is given: it is there for its types. */
export interface PluginApi {
  z: Z;
  tool<I>(plugin: DropIn<I>): DropIn<I>;
}

/** The default export of a plugin file. */
export type PluginFile = (api: PluginApi) => DropIn;
