/** The states of an evolution: making a change, examining it, ending it. */
import { type Context, tokens } from "./context.ts";
import type { Change } from "./evolve.ts";
import type { ReflectOutput } from "./reflect.ts";
import { type Candidate, EXIT, type Step, type Usage, type Verdict } from "./types.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** States in which the model works in the draft. */
export function making(words: Vocabulary) {
  const reflecting = words.createStateConfig({
    entry: ["begin", { type: "stage", params: { stage: "reflect", detail: "reading what happened" } }],
    invoke: {
      src: "reflect",
      onDone: [
        { guard: ({ event }) => event.output.error !== undefined, target: "discarding", actions: learned },
        { target: "evolving", actions: learned },
      ],
      onError: fault,
    },
    ...bounded,
  });
  const evolving = words.createStateConfig({
    entry: ["nextChange", { type: "stage", params: { stage: "evolve", detail: "one change" } }],
    invoke: {
      src: "evolve",
      input: ({ context }) => ({
        suggestions: context.suggestions,
        sourceMap: context.sourceMap,
        spent: tokens(context.spent),
      }),
      onDone: made,
      onError: fault,
    },
    ...bounded,
  });
  const refining = words.createStateConfig({
    entry: ["attempt", {
      type: "stage",
      params: ({ context }) => ({ stage: "refine", detail: `attempt ${context.attempts + 1}` }),
    }],
    invoke: {
      src: "refine",
      input: ({ context }) => ({ work: context.work, ...underTest(context), spent: tokens(context.spent) }),
      onDone: made,
      onError: fault,
    },
    ...bounded,
  });
  const documenting = words.createStateConfig({
    entry: { type: "stage", params: { stage: "document", detail: "README.md, AGENTS.md, ARCHITECTURE.md" } },
    invoke: {
      src: "document",
      input: ({ context }) => ({ candidate: underTest(context).candidate, spent: tokens(context.spent) }),
      onDone: {
        target: "building",
        actions: [spent, {
          type: "examine",
          params: ({ context, event }) => ({ ...underTest(context), candidate: event.output.candidate }),
        }],
      },
      onError: fault,
    },
    ...bounded,
  });
  return { reflecting, evolving, refining, documenting };
}

/** States in which a candidate is examined. */
export function examining(words: Vocabulary) {
  const proving = words.createStateConfig({
    entry: {
      type: "stage",
      params: ({ context }) => ({ stage: "prove", detail: context.candidate?.goal.title ?? "" }),
    },
    invoke: {
      src: "prove",
      input: ({ context }) => underTest(context).candidate,
      onDone: [
        { guard: { type: "passed", params: ({ event }) => event.output }, target: "judging", actions: examined },
        { guard: "exhausted", target: "discarding", actions: examined },
        { target: "refining", actions: examined },
      ],
      onError: fault,
    },
    ...bounded,
  });
  const judging = words.createStateConfig({
    entry: { type: "stage", params: { stage: "judge", detail: "a fresh look, with a veto" } },
    invoke: {
      src: "judge",
      input: ({ context }) => underTest(context),
      onDone: [
        {
          guard: ({ event }) => event.output.veto,
          target: "discarding",
          actions: [spent, { type: "decide", params: ({ event }) => event.output }],
        },
        { target: "documenting", actions: [spent, { type: "decide", params: ({ event }) => event.output }] },
      ],
      onError: fault,
    },
    ...bounded,
  });
  const building = words.createStateConfig({
    entry: { type: "stage", params: { stage: "build", detail: "compile and canary" } },
    invoke: {
      src: "build",
      input: ({ context }) => underTest(context).candidate,
      onDone: [
        {
          guard: { type: "passed", params: ({ event }) => ({ verdict: event.output }) },
          target: "promoting",
          actions: compiled,
        },
        { guard: "exhausted", target: "discarding", actions: compiled },
        { target: "refining", actions: compiled },
      ],
      onError: fault,
    },
    ...bounded,
  });
  return { proving, judging, building };
}

/** States in which a change is accepted or thrown away. */
export function ending(words: Vocabulary) {
  const promoting = words.createStateConfig({
    entry: {
      type: "stage",
      params: ({ context }) => ({ stage: "promote", detail: context.candidate?.goal.title ?? "" }),
    },
    invoke: {
      src: "promote",
      input: ({ context }) => ({ ...underTest(context), usage: context.spent, decision: context.decision }),
      onDone: [
        {
          guard: ({ event }) => !event.output.ok,
          target: "discarding",
          actions: { type: "giveUp", params: ({ event }) => ({ error: event.output.ok ? "" : event.output.error }) },
        },
        { guard: "mayGoOn", target: "evolving", actions: { type: "count", params: { which: "changes" } } },
        { target: "restarting", actions: [{ type: "count", params: { which: "changes" } }, "end"] },
      ],
      onError: fault,
    },
  });
  const discarding = words.createStateConfig({
    invoke: {
      src: "discard",
      input: ({ context }) => context,
      onDone: [
        { guard: "mayGoOn", target: "evolving", actions: { type: "count", params: { which: "failures" } } },
        { guard: "hasChanged", target: "restarting", actions: "end" },
        { target: "idle", actions: ["end", "showReason", "blame"] },
      ],
      onError: [
        { guard: "hasChanged", target: "restarting", actions: { type: "complain", params: ({ event }) => event } },
        { target: "idle", actions: { type: "complain", params: ({ event }) => event } },
      ],
    },
  });
  return { promoting, discarding };
}

/** What an evolution is working on; asked for only where the machine's order guarantees it. */
function underTest({ candidate, verdict }: Context): { candidate: Candidate; verdict: Verdict; steps: Step[] } {
  if (!candidate) throw new Error("Cannot examine a change: there is no candidate");
  return {
    candidate,
    verdict: verdict ?? { pass: false, half: "proof", tree: "", steps: [] },
    steps: verdict?.steps ?? [],
  };
}

type Done<T> = { event: { output: T } };
const spent = { type: "spend", params: ({ event }: Done<{ usage: Usage }>) => event.output } as const;
const learned = [spent, { type: "learn", params: ({ event }: Done<ReflectOutput>) => event.output }] as const;
const examined = {
  type: "examine",
  params: ({ event }: Done<{ verdict: Verdict; candidate: Candidate }>) => event.output,
} as const;
const compiled = { type: "compiled", params: ({ event }: Done<Verdict>) => ({ verdict: event.output }) } as const;
const settle = [spent, { type: "change", params: ({ event }: Done<Change>) => event.output }] as const;
const made = [
  { guard: ({ event }: Done<Change>) => event.output.kind === "candidate", target: "proving", actions: settle },
  { target: "discarding", actions: settle },
] as const;
const fault = {
  target: "discarding",
  actions: { type: "giveUp", params: ({ event }: { event: { error: unknown } }) => event },
} as const;
/** An evolution can be interrupted in every state but `promoting`, and ends when its time is up. */
const bounded = {
  on: {
    "user.interrupted": {
      target: "discarding",
      actions: { type: "giveUp", params: { error: "Interrupted", exit: EXIT.interrupted } },
    },
  },
  after: {
    wallClock: {
      target: "discarding",
      actions: { type: "giveUp", params: { error: "The time for this evolution is up", exit: EXIT.limit } },
    },
  },
} as const;
