/** What passes between Evo and the process of a plugin: frames of host/children. Neither side believes the other. */
import * as z from "zod";

/** Sizes in bytes, times in milliseconds. */
export const LIMITS = {
  frame: 1_048_576,
  result: 262_144,
  update: 2_000,
  depth: 8,
  startMs: 20_000,
  graceMs: 200,
  idleMs: 300_000,
  healthMs: 60_000,
  backoffMs: 100,
  maxBackoffMs: 30_000,
  crashes: 5,
  memory: 512 * 1_048_576,
};

const words = (word: z.ZodString) => z.array(word).max(50).exactOptional();
/** What a plugin may ask for; anything else in its declaration is refused. */
export const Asked = z.strictObject({
  read: words(z.string().min(1).max(500)),
  write: words(z.string().min(1).max(500)),
  net: words(z.string().regex(/^(\[[\da-fA-F:]+\]|[\w.-]+)(:\d{1,5})?$/, "is not a host with an optional port")),
  env: words(z.string().regex(/^[A-Za-z_]\w*$/, "is not a variable's name")),
  run: words(z.string().regex(/^[\w.+-]+$/, "is not a program's name")),
});

/** A declaration as data. */
export const Declaration = z.object({
  name: z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, "must be lower snake case, at most 64 characters"),
  description: z.string().trim().min(1, "must say what the tool does").max(4_000),
  parameters: z.looseObject({ type: z.literal("object", "input must be a z.object") }),
  permissions: Asked.default({}),
  readOnly: z.boolean().default(false),
  deadlineMs: z.int().min(1).max(600_000).default(30_000),
});
export type Declaration = z.infer<typeof Declaration>;

const Paths = z.union([z.literal(false), z.array(z.string())]);
/** What the plugin's worker is allowed, as Deno takes it. */
export const Allowed = z.object({ read: Paths, write: Paths, net: Paths, env: Paths, run: Paths });
export type Allowed = z.infer<typeof Allowed>;

const Result = { ok: z.boolean(), text: z.string() };

/** A plugin to be loaded. `code` is there once the TypeScript is gone; then `source` is not looked at. */
const Source = z.object({ file: z.string(), source: z.string(), code: z.string().exactOptional() });
export type Source = z.infer<typeof Source>;

const Start = { plugins: z.array(Source), cwd: z.string(), allowed: Allowed, memory: z.number() };
/** Evo to the plugin's process. Several plugins are only declared: what is called is the first. */
export const ToChild = z.discriminatedUnion("type", [
  z.object({ type: z.literal("start"), ...Start }),
  z.object({ type: z.literal("call"), id: z.number(), input: z.unknown() }),
  z.object({ type: z.literal("abort"), id: z.number() }),
  z.object({ type: z.literal("answer"), ask: z.number(), ...Result }),
]);
export type ToChild = z.infer<typeof ToChild>;

/** The plugin's process to Evo. `at`: which one of those that it was given; `gone`: why it ends itself. */
export const FromChild = z.discriminatedUnion("type", [
  z.object({ type: z.literal("declared"), at: z.number(), declaration: z.unknown(), code: z.string() }),
  z.object({ type: z.literal("failed"), at: z.number(), error: z.string() }),
  z.object({ type: z.literal("gone"), error: z.string() }),
  z.object({ type: z.literal("result"), id: z.number(), ...Result }),
  z.object({ type: z.literal("update"), id: z.number(), text: z.string() }),
  z.object({ type: z.literal("ask"), ask: z.number(), id: z.number(), tool: z.string(), input: z.unknown() }),
]);
export type FromChild = z.infer<typeof FromChild>;

/** The beginning of a text that is at most `bytes` long, whole characters only, with a note if something is missing. */
export function cut(text: string, bytes: number): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(bytes));
  if (read >= text.length) return text;
  return `${text.slice(0, read)}\n[cut: ${text.length - read} more characters of the result are not shown]`;
}

/** What is wrong with a value, in one line. */
export function complaint(error: z.ZodError): string {
  return error.issues.slice(0, 5).map(({ path, message }) => `${path.join(".") || "value"}: ${message}`).join("; ");
}
