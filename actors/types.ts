/** The words of the mind: every value that passes between the machine, its actors and the ports. Data only. */
import * as z from "zod";

/** An expected outcome: a value, or one sentence that says what could not be done, to what, why, and what to do next. */
export type Outcome<T> = { ok: true; value: T } | { ok: false; error: string };

/** Makes a good outcome. */
export const ok = <T>(value: T): Outcome<T> => ({ ok: true, value });
/** Makes a bad outcome. `error` is one sentence, without final period. */
export const no = (error: string): { ok: false; error: string } => ({ ok: false, error });

/** A tool call of the model. `arguments` is always the text of a JSON object; `fault` says why the call must not run. */
export const ToolCall = z.object({
  id: z.string(),
  name: z.string(),
  arguments: z.string(),
  fault: z.string().optional(),
});
export type ToolCall = z.infer<typeof ToolCall>;

/** What the model said. `reasoning` holds provider fields by their own names, sent back verbatim. */
export const Assistant = z.object({
  role: z.literal("assistant"),
  content: z.string(),
  calls: z.array(ToolCall),
  reasoning: z.record(z.string(), z.unknown()).optional(),
});
export type Assistant = z.infer<typeof Assistant>;

/** One message of a conversation. */
export const Message = z.discriminatedUnion("role", [
  z.object({ role: z.literal("system"), content: z.string() }),
  z.object({ role: z.literal("user"), content: z.string() }),
  Assistant,
  z.object({ role: z.literal("tool"), callId: z.string(), name: z.string(), content: z.string() }),
]);
export type Message = z.infer<typeof Message>;

/** Tokens and money of one reply or of many. `cost` in USD, null when unknown; `estimated` when the endpoint reported no usage. */
export const Usage = z.object({
  input: z.number(),
  output: z.number(),
  cached: z.number(),
  cost: z.number().nullable(),
  estimated: z.boolean(),
});
export type Usage = z.infer<typeof Usage>;

/** Why the model's reply ended. `cut`: the stream broke; the text so far is kept, and no call of it may run. */
export const Finish = z.enum(["stop", "calls", "length", "cut"]);

/** A whole reply. */
export const Reply = z.object({ message: Assistant, usage: Usage, finish: Finish, note: z.string().optional() });
export type Reply = z.infer<typeof Reply>;

/** Kinds of model failure, each with its own treatment and exit code. */
export const FailureKind = z.enum([
  "auth", // key missing or refused: never retried
  "rate_limited", // told to wait longer than a minute, or waited in vain
  "overflow", // the context is larger than the window: compact once
  "unreachable", // connection errors, after retries
  "server", // 5xx, after retries
  "malformed", // HTML, empty or otherwise not a chat completion
  "refused", // another 4xx: the request itself is wrong
  "diverged", // a cassette whose next request differs
  "config", // no model is set
  "limit", // one of our own limits: steps, tokens, time, the same call again and again
]);
export type FailureKind = z.infer<typeof FailureKind>;

/** A failed request: one sentence for people, the kind for the machine. */
export const Failure = z.object({ kind: FailureKind, message: z.string() });
export type Failure = z.infer<typeof Failure>;

/** What a tool hands back to the model. */
export interface ToolResult {
  ok: boolean;
  text: string;
}

/** Which conversation a request belongs to. `task` decides NEW or CONTINUE. */
export const Purpose = z.enum([
  "chat",
  "task",
  "compact",
  "reflect",
  "evolve",
  "refine",
  "judge",
  "document",
  "function",
]);
export type Purpose = z.infer<typeof Purpose>;

/** A suggestion of reflection. `verify` is the title of a test that fails now and will pass. */
export const Suggestion = z.object({
  title: z.string(),
  evidence: z.string(),
  predicted: z.string(),
  verify: z.string(),
});
export type Suggestion = z.infer<typeof Suggestion>;

/** What one self-edit is for: one sentence, the suggestion it answers (its title) and what it predicts. */
export const Goal = z.object({
  title: z.string(),
  suggestion: z.string().optional(),
  predicted: z.string(),
  verify: z.string().optional(),
});
export type Goal = z.infer<typeof Goal>;

/** A draft's real diff with its goal. `tree` is the git tree hash of the whole draft; `diff` is unified, against the parent. */
export const Candidate = z.object({
  goal: Goal,
  tree: z.string(),
  diff: z.string(),
  paths: z.array(z.string()),
  added: z.number(),
  removed: z.number(),
});
export type Candidate = z.infer<typeof Candidate>;

/** One step of the gate, with its time in milliseconds; `at`: when it began, in milliseconds since 1970. */
export const Step = z.object({
  ...{ name: z.string(), pass: z.boolean(), ms: z.number() },
  ...{ at: z.number().optional(), note: z.string().optional() },
});
export type Step = z.infer<typeof Step>;

/** The gate's result for exactly the tree it names. On failure `step` and `diagnostics` say what to mend. */
export const Verdict = z.object({
  pass: z.boolean(),
  half: z.enum(["proof", "build"]),
  tree: z.string(),
  steps: z.array(Step),
  step: z.string().optional(),
  diagnostics: z.string().optional(),
});
export type Verdict = z.infer<typeof Verdict>;

/** An accepted generation, as the lineage shows it. Times are ISO 8601. */
export const Generation = z.object({
  number: z.number(),
  parent: z.number().nullable(),
  goal: z.string(),
  commit: z.string(),
  source: z.string(),
  at: z.string(),
  cost: z.number().nullable(),
  steps: z.array(Step),
  state: z.enum(["unconfirmed", "confirmed", "bad"]),
});
export type Generation = z.infer<typeof Generation>;

/** One line of a trajectory. `ts` is ISO 8601, `seq` counts from 0 without gaps. */
export const LogEvent = z.object({
  v: z.literal(1),
  seq: z.number(),
  ts: z.string(),
  kind: z.string(),
  data: z.unknown(),
});
export type LogEvent = z.infer<typeof LogEvent>;

/** What is shown to the person, or printed as one JSON line with `--json`. The terminal is only a listener. */
export type Shown =
  | { type: "session"; id: string; cwd: string; generation: number; model: string; resumed: boolean }
  | { type: "turn_start"; text: string }
  | { type: "text_delta"; text: string }
  | { type: "reasoning_delta"; text: string }
  | { type: "tool_start"; id: string; name: string; arguments?: string; summary: string }
  | { type: "tool_update"; id: string; text: string }
  | { type: "tool_end"; id: string; name: string; ok: boolean; summary: string; bytes: number; truncated: boolean }
  | { type: "usage"; usage: Usage }
  | { type: "retry"; kind: FailureKind; reason: string; attempt: number; delayMs: number }
  | { type: "compact"; trigger: "limit" | "overflow" | "asked"; before: number; after: number }
  | { type: "queue"; lines: string[] }
  | { type: "task"; number: number; folder: string }
  | { type: "stage"; stage: string; detail: string }
  | { type: "step"; name: string; status: "started" | "passed" | "failed"; ms: number; note: string }
  | { type: "diff"; text: string; asked?: true }
  | { type: "promoted"; generation: number; goal: string }
  | { type: "notice"; level: "info" | "warning" | "error"; text: string }
  | { type: "print"; text: string }
  | { type: "turn_end"; status: "done" | "aborted" | "failed" }
  | { type: "result"; exit: number };

/** Adds two usages. Unknown cost stays unknown; estimated sticks. */
export function addUsage(a: Usage, b: Usage): Usage {
  return {
    input: a.input + b.input,
    output: a.output + b.output,
    cached: a.cached + b.cached,
    cost: a.cost === null || b.cost === null ? null : a.cost + b.cost,
    estimated: a.estimated || b.estimated,
  };
}

/** How long steps took by the clock, in milliseconds: side by side counts once. Those that do not say when they began are added up. */
export function elapsed(steps: Step[]): number {
  let [sum, until] = [0, 0];
  for (const { at = until, ms } of steps.toSorted((a, b) => (a.at ?? 0) - (b.at ?? 0))) {
    sum += Math.max(0, at + ms - Math.max(at, until));
    until = Math.max(until, at + ms);
  }
  return sum;
}

/** No tokens, no money. */
export const NO_USAGE: Usage = { input: 0, output: 0, cached: 0, cost: 0, estimated: false };

/** Exit codes of the process. Table in README.md. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  auth: 3,
  config: 4,
  provider: 6,
  limit: 7,
  denied: 8,
  internal: 9,
  interrupted: 130,
} as const;

/** The exit code that a model failure ends a one-shot run with. */
export function exitFor(kind: FailureKind): number {
  const codes: Record<FailureKind, number> = {
    auth: EXIT.auth,
    config: EXIT.config,
    diverged: EXIT.failed,
    limit: EXIT.limit,
    malformed: EXIT.provider,
    overflow: EXIT.limit,
    rate_limited: EXIT.provider,
    refused: EXIT.provider,
    server: EXIT.provider,
    unreachable: EXIT.provider,
  };
  return codes[kind];
}

/** How far an evolution may go. */
export interface Budget {
  maxChanges: number; // 0: until SKIP or another limit
  maxAttempts: number; // per change
  wallMs: number;
  tokens: number;
}

/**
 * A signal that aborts with the first of these. Not `AbortSignal.any`: the signal of that may be collected although it has
 * listeners (seen in Deno 2.7.11), and then the abort is lost.
 */
export function either(...signals: AbortSignal[]): AbortSignal {
  const made = new AbortController();
  for (const signal of signals) {
    if (signal.aborted) made.abort(signal.reason);
    else signal.addEventListener("abort", () => made.abort(signal.reason), { once: true, signal: made.signal });
  }
  return made.signal;
}

/** What the next process needs to go on with the conversation. */
export interface Handover {
  session: string;
  messages: Message[];
  queue: string[];
  task: number;
  usage: Usage;
  /** As in the machine's context: no more lines will come; one turn and out. */
  leaving: boolean;
  once: boolean;
  exit: number;
}

/** The nearest of `names` to a mistyped one (edit distance at most a third of its length, at least 2), or undefined. */
export function nearest(name: string, names: string[]): string | undefined {
  const ranked = names.map((one) => ({ one, far: distance(name.toLowerCase(), one.toLowerCase()) }));
  const best = ranked.sort((a, b) => a.far - b.far)[0];
  return best && best.far <= Math.max(2, Math.floor(name.length / 3)) ? best.one : undefined;
}

/** Levenshtein distance (Wagner and Fischer, one row). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
