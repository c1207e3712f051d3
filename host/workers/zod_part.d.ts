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
