/** What the machine remembers: plain JSON, no handles, no partial text. */
import * as z from "zod";
import type { Ports } from "./ports.ts";
import { Candidate, Goal, Message, NO_USAGE, Suggestion, Usage, Verdict } from "./types.ts";

/** The machine's context. `queue` holds lines not yet begun; `spent` is this evolution's usage. */
export const Context = z.object({
  messages: z.array(Message),
  queue: z.array(z.string()),
  line: z.string(),
  task: z.number(),
  usage: Usage,
  /** One turn and out (`-p`). */
  once: z.boolean(),
  /** No more lines will come: leave when the queue is empty. */
  leaving: z.boolean(),
  exit: z.number(),
  interrupts: z.number(),
  suggestions: z.array(Suggestion),
  sourceMap: z.string(),
  /** The conversation of the present change, so that refine goes on where evolve ended. */
  work: z.array(Message),
  candidate: Candidate.optional(),
  verdict: Verdict.optional(),
  attempts: z.number(),
  changes: z.number(),
  failures: z.number(),
  decision: z.string(),
  began: z.number(),
  spent: Usage,
  /** Why the present change is given up, or why the evolution ends. */
  reason: z.string(),
  over: z.boolean(),
  relaunch: z.boolean(),
});
export type Context = z.infer<typeof Context>;

/** A machine at its beginning. */
export const fresh = (): Context => ({
  messages: [],
  queue: [],
  line: "",
  task: 0,
  usage: NO_USAGE,
  once: false,
  leaving: false,
  exit: 0,
  interrupts: 0,
  suggestions: [],
  sourceMap: "",
  work: [],
  attempts: 0,
  changes: 0,
  failures: 0,
  decision: "",
  began: 0,
  spent: NO_USAGE,
  reason: "",
  over: false,
  relaunch: false,
});

/** What comes in from outside. Lines are accepted in every state. */
export type Event =
  | { type: "user.said"; text: string }
  | { type: "user.interrupted" }
  | { type: "user.unqueued" }
  | { type: "user.left" };

/** Tokens in and out. */
export const tokens = (usage: Usage): number => usage.input + usage.output;

/** True if after the present change, accepted or not, the budget allows another one. */
export function mayGoOn(context: Context, { budget, clock }: Pick<Ports, "budget" | "clock">): boolean {
  const made = context.changes + context.failures + 1;
  return !context.over && (budget.maxChanges === 0 || made < budget.maxChanges) &&
    tokens(context.spent) < budget.tokens && clock.now() < context.began + budget.wallMs;
}

/** The goal that a change states in its last reply; undefined if it does not parse. */
export function parseGoal(text: string): Goal | undefined {
  return parseJson(text, Goal);
}

/** The last JSON object in a reply that fits the schema, fenced or not. */
export function parseJson<T>(text: string, schema: z.ZodType<T>): T | undefined {
  const ends = [...text.matchAll(/[}\]]/g)].map((m) => m.index + 1).reverse().slice(0, 50);
  for (const end of ends) {
    const open = text[end - 1] === "}" ? "{" : "[";
    const starts = [...text.slice(0, end).matchAll(open === "{" ? /\{/g : /\[/g)].map((m) => m.index).slice(0, 50);
    for (const start of starts) {
      try {
        const parsed = schema.safeParse(JSON.parse(text.slice(start, end)));
        if (parsed.success) return parsed.data;
      } catch {
        continue; // not JSON from here: try the next bracket
      }
    }
  }
  return undefined;
}
