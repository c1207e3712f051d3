/** The words the machine is written in: its actors, actions, guards and delays, over the ports. */
import { assign, setup } from "xstate";
import { chat, type ChatOutput, type Interruptible } from "./chat.ts";
import { answerNow, command, type CommandOutput, isCommand } from "./commands.ts";
import { type Context, type Event, fresh, mayGoOn } from "./context.ts";
import { type Change, document, evolve, refine } from "./evolve.ts";
import { build, discard, promote, prove } from "./examine.ts";
import { judge } from "./judge.ts";
import { listen } from "./listen.ts";
import type { Ports } from "./ports.ts";
import { reflect, type ReflectOutput } from "./reflect.ts";
import { addUsage, type Candidate, EXIT, exitFor, type Usage, type Verdict } from "./types.ts";

/** What the machine ends with: the conversation, and whether the process shall become its successor. */
export interface Output {
  context: Context;
  relaunch: boolean;
  exit: number;
}

/** The vocabulary over the ports. */
export type Vocabulary = ReturnType<typeof vocabulary>;

/** Every effect of the machine is an invoked actor or an action named here. */
export function vocabulary(ports: Ports, interruptible: Interruptible) {
  return withEvolution(ports, withConversation(ports, interruptible, withActors(ports, interruptible)));
}

function withActors(ports: Ports, interruptible: Interruptible) {
  return setup({
    types: { context: {} as Context, events: {} as Event, input: {} as Partial<Context>, output: {} as Output },
    actors: {
      listen: listen(ports),
      chat: chat(ports, interruptible),
      command: command(ports),
      reflect: reflect(ports),
      evolve: evolve(ports),
      prove: prove(ports),
      refine: refine(ports),
      judge: judge(ports),
      document: document(ports),
      build: build(ports),
      promote: promote(ports),
      discard: discard(ports),
    },
  });
}

function withConversation(ports: Ports, interruptible: Interruptible, words: ReturnType<typeof withActors>) {
  const { terminal } = ports;
  return words.extend({
    actions: {
      enqueue: assign(({ context }, { text }: { text: string }) => ({ queue: [...context.queue, text] })),
      showQueue: ({ context }) => terminal.show({ type: "queue", lines: context.queue }),
      unqueue: assign(({ context }) => {
        const last = context.queue.at(-1);
        if (last !== undefined) terminal.edit(last);
        return { queue: context.queue.slice(0, -1) };
      }),
      answer: ({ context }, { text }: { text: string }) => void answerNow(ports, text, context),
      take: assign(({ context }) => ({ line: context.queue[0] ?? "", queue: context.queue.slice(1), interrupts: 0 })),
      busy: (_, { on }: { on: boolean }) => terminal.busy(on),
      interrupt: assign(({ context }) => {
        interruptible.stop();
        return { interrupts: context.interrupts + 1 };
      }),
      leave: assign({ leaving: true }),
      land: assign(({ context }, done: ChatOutput) => ({
        messages: done.messages,
        task: done.task,
        usage: addUsage(context.usage, done.usage),
        exit: done.failure ? exitFor(done.failure.kind) : done.status === "aborted" ? EXIT.interrupted : EXIT.done,
      })),
      follow: assign(({ context }, { patch, usage }: CommandOutput) => ({
        ...patch,
        ...(usage && { usage: addUsage(context.usage, usage) }),
      })),
      complain: assign((_, { error }: { error: unknown }) => {
        terminal.show({ type: "notice", level: "error", text: sentence(error) });
        return { exit: EXIT.internal };
      }),
    },
    guards: {
      hasQueue: ({ context }) => context.queue.length > 0,
      wantsExit: ({ context }) => /^\/(exit|quit)\s*$/.test(context.queue[0] ?? ""),
      wantsEvolution: ({ context }) => /^\/evolve\s*$/.test(context.queue[0] ?? ""),
      wantsCommand: ({ context }) => isCommand(context.queue[0] ?? ""),
      isOver: ({ context }) => context.leaving || context.once,
      answeredNow: (_, { text }: { text: string }) => terminal.interactive() && isCommand(text, "now"), // a script means its order
      interruptedBefore: ({ context }) => context.interrupts > 0,
    },
  });
}

function withEvolution(ports: Ports, words: ReturnType<typeof withConversation>) {
  const { budget, clock, log, terminal } = ports;
  return words.extend({
    actions: {
      begin: assign(() => ({
        ...NEXT,
        suggestions: [],
        changes: 0,
        failures: 0,
        over: false,
        began: clock.now(),
        spent: fresh().spent,
      })),
      nextChange: assign(() => NEXT),
      stage: (_, { stage, detail }: { stage: string; detail: string }) => {
        log.write("stage", { stage, detail });
        terminal.show({ type: "stage", stage, detail });
      },
      spend: assign(({ context }, { usage }: { usage: Usage }) => ({
        spent: addUsage(context.spent, usage),
        usage: addUsage(context.usage, usage),
      })),
      learn: assign((_, done: ReflectOutput) => ({
        suggestions: done.suggestions,
        sourceMap: done.start?.sourceMap ?? "",
        ...(done.error !== undefined &&
          { reason: done.error, over: true, exit: done.failure ? exitFor(done.failure.kind) : EXIT.failed }),
      })),
      change: assign((_, change: Change) => changed(change)),
      examine: assign((_, { verdict, candidate }: { verdict: Verdict; candidate: Candidate }) => ({
        verdict,
        candidate,
        ...(!verdict.pass && { reason: failed(verdict) }),
      })),
      compiled: assign(({ context }, { verdict }: { verdict: Verdict }) => ({
        verdict: verdict.pass ? { ...verdict, steps: [...context.verdict?.steps ?? [], ...verdict.steps] } : verdict,
        ...(!verdict.pass && { reason: failed(verdict) }),
      })),
      attempt: assign(({ context }) => ({ attempts: context.attempts + 1 })),
      decide: assign((_, { veto, reason }: { veto: boolean; reason: string }) =>
        veto ? { reason: `vetoed: ${reason}` } : { decision: reason }
      ),
      giveUp: assign((_, { error, exit = EXIT.failed }: { error: unknown; exit?: number }) => ({
        reason: sentence(error),
        over: true,
        exit,
      })),
      count: assign(({ context }, { which }: { which: "changes" | "failures" }) => ({ [which]: context[which] + 1 })),
      blame: assign(({ context }) => context.candidate && context.exit === 0 ? { exit: EXIT.failed } : {}),
      showReason: ({ context }) => {
        if (!context.candidate && context.reason) {
          terminal.show({ type: "notice", level: "info", text: context.reason });
        }
      },
      end: ({ context }) => log.write("evolve_end", { changes: context.changes, reason: context.reason }),
      become: assign({ relaunch: true }),
    },
    guards: {
      passed: (_, { verdict }: { verdict: Verdict }) => verdict.pass,
      exhausted: ({ context }) => context.attempts + 1 >= budget.maxAttempts,
      hasChanged: ({ context }) => context.changes > 0,
      mayGoOn: ({ context }) => mayGoOn(context, ports),
    },
    delays: { wallClock: ({ context }) => Math.max(0, context.began + budget.wallMs - clock.now()) },
  });
}

const NEXT = { candidate: undefined, verdict: undefined, work: [], attempts: 0, reason: "", decision: "" };

function changed(change: Change): Partial<Context> {
  if (change.kind === "candidate") return { candidate: change.candidate, work: change.work };
  if (change.kind === "skip") return { reason: `Nothing more to change: ${change.reason}`, over: true };
  if (!change.failure) return { reason: change.reason };
  return { reason: change.reason, over: true, exit: exitFor(change.failure.kind) };
}

const failed = ({ step = "gate", diagnostics = "" }: Verdict): string =>
  (diagnostics.startsWith(`${step}:`) ? diagnostics : `${step}: ${diagnostics}`).slice(0, 2000).toWellFormed();

const sentence = (error: unknown): string => error instanceof Error ? error.message : String(error);
