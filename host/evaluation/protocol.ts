/** What the parent asks of a child, and what the child answers: the heads of frames, parsed with zod on both sides. */
import * as z from "zod";
import { Fault } from "./types.ts";

const NUMBERS = ["i8", "i16", "i32", "u8", "u16", "u32", "f32", "f64"] as const;
const ARRAYS = [
  ...["Int8Array", "Uint8Array", "Int16Array", "Uint16Array", "Int32Array", "Uint32Array"] as const,
  ...["BigInt64Array", "BigUint64Array", "Float32Array", "Float64Array"] as const,
] as const;
const PARAMETERS = [...NUMBERS, "i64", "u64", "bool", "string", ...ARRAYS] as const;
const named = (what: string) => ({
  error: ({ input }: { input?: unknown }) => `has the unknown ${what} ${show(input)}`,
});
const show = (value: unknown) => JSON.stringify(value)?.slice(0, 60) ?? "undefined";
const IDENTIFIER = /^[A-Za-z_]\w{0,63}$/;
const identifier = z.string().regex(IDENTIFIER, "is not a name of letters, digits and _");
const whole = (least: number, most: number) =>
  z.number(`is not a number`).int("is not a whole number").min(least, `is below ${least}`).max(
    most,
    `is above ${most}`,
  );

const Signature = z.object({
  parameters: z.array(z.tuple([identifier, z.enum(PARAMETERS, named("type"))], "is not [name, type]").readonly()).max(
    32,
  ).readonly(),
  result: z.enum([...PARAMETERS, "void"], named("type")),
}).refine(
  ({ parameters }) => new Set(parameters.map(([name]) => name)).size === parameters.length,
  "names one parameter twice",
);

/** The exported functions of a task. */
export const Signatures = z.record(identifier, Signature, "is missing").refine(
  (functions) => Object.keys(functions).length > 0,
  "declares no function",
);
/** Limits, each with the most that a task may ask for. */
export const Limits = z.object({
  fuel: whole(1, 1e15),
  pages: whole(1, 16_384),
  deadlineMs: whole(1, 600_000),
  source: whole(1, 1_000_000),
}, "is missing");

/** A declaration, as it comes out of a task file. */
export const Declared = z.object({
  name: z.string("is missing").regex(/^[a-z][a-z0-9_]{0,63}$/, "is not lower snake case"),
  description: z.string("is missing").min(1, "is empty").max(20_000),
  functions: Signatures,
  limits: Limits,
  goal: z.number("is not a finite number").exactOptional(),
  objectives: z.record(z.string(), z.enum(["lower", "higher"], named("direction"))).exactOptional(),
});

/** Most bytes of one question or answer. */
export const MOST = 64 << 20;

/** The first question. */
export const Hello = z.object({
  op: z.literal("hello"),
  role: z.enum(["compile", "evaluate"]),
  /** Bytes that the child may use beyond those it has at the start. */
  memory: z.number(),
});
export type Hello = z.infer<typeof Hello>;

const Score = z.object({
  score: z.number(),
  metrics: z.record(z.string(), z.number()).exactOptional(),
  feedback: z.array(z.string()),
});
/** A module as Base64: some kilobytes, seldom more. */
const Wasm = z.string().transform((text) => Uint8Array.fromBase64(text));
/** A module, and the size that its body counts as. */
const Module = z.object({ wasm: Wasm, size: z.number() });
export type Module = z.infer<typeof Module>;
/** Every other question. */
export const Question = z.discriminatedUnion("op", [
  z.object({
    op: z.literal("compile"),
    request: z.object({
      source: z.string(),
      functions: Signatures,
      limits: Limits,
      optimize: z.union([z.literal(1), z.literal(3)]),
    }),
    withinMs: z.number(),
  }),
  /** Loads a task: `text` is that of a dropped-in file, without it the file is one of Evo's own. */
  z.object({ op: z.literal("open"), file: z.string(), text: z.string().optional(), withinMs: z.number() }),
  /** `best`: what must be beaten; without it nothing is known of others. */
  z.object({
    ...{ op: z.literal("score"), file: z.string(), candidate: Module, seed: z.number() },
    ...{ best: z.array(Score).optional(), withinMs: z.number() },
  }),
  z.object({
    op: z.literal("beats"),
    file: z.string(),
    /** Of the candidate and of the incumbents. */
    modules: z.array(Module),
    seed: z.number(),
    withinMs: z.number(),
  }),
]);
export type Question = z.infer<typeof Question>;

const Uncompiled = z.object({
  ok: z.literal(false),
  kind: z.enum(["parse", "signature", "policy", "compile"]),
  diagnostics: z.string(),
});

/** The answers, by question. What `beats` finds is one bit: nothing else of a held-out run leaves the child. */
export const Answer = {
  hello: z.object({ without: z.array(z.string()) }),
  compile: z.union([z.object({ ok: z.literal(true), ms: z.number(), wasm: Wasm, plain: Wasm }), Uncompiled]),
  open: z.union([
    z.object({ ok: z.literal(true), value: Declared }),
    z.object({ ok: z.literal(false), error: z.string() }),
  ]),
  score: z.union([
    z.object({ ok: z.literal(true), score: Score, fuel: z.number(), ms: z.number() }),
    z.object({ ok: z.literal(false), kind: Fault, feedback: z.string() }),
  ]),
  beats: z.object({ beats: z.boolean() }),
};
