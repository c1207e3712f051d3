/** The machine: chat, reflect, evolve and refine, orchestrated. It says what happens when; the vocabulary says how. */
import { createInterruptible } from "./chat.ts";
import { fresh } from "./context.ts";
import type { Ports } from "./ports.ts";
import { ending, examining, making } from "./stages.ts";
import { type Vocabulary, vocabulary } from "./vocabulary.ts";

/** Builds the machine over the ports. A line is accepted in every state; what is not answered at once waits in the queue. */
export function createRoot(ports: Ports) {
  const words = vocabulary(ports, createInterruptible());
  return words.createMachine({
    id: "root",
    context: ({ input }) => ({ ...fresh(), ...input }),
    initial: "idle",
    invoke: { src: "listen" },
    output: ({ context }) => ({ context, relaunch: context.relaunch, exit: context.exit }),
    on: {
      "user.said": [
        {
          guard: { type: "answeredNow", params: ({ event }) => event },
          actions: { type: "answer", params: ({ event }) => event },
        },
        { actions: [{ type: "enqueue", params: ({ event }) => event }, "showQueue"] },
      ],
      "user.unqueued": { actions: ["unqueue", "showQueue"] },
      "user.left": { actions: "leave" },
    },
    states: {
      ...conversation(words),
      ...making(words),
      ...examining(words),
      ...ending(words),
      restarting: { type: "final", entry: "become" },
      left: { type: "final" },
    },
  });
}

function conversation(words: Vocabulary) {
  const idle = words.createStateConfig({
    entry: { type: "busy", params: { on: false } },
    exit: { type: "busy", params: { on: true } },
    always: [
      { guard: "wantsExit", target: "left" },
      { guard: "wantsEvolution", target: "reflecting", actions: ["take", "showQueue"] },
      { guard: "wantsCommand", target: "commanding", actions: ["take", "showQueue"] },
      { guard: "hasQueue", target: "chatting", actions: ["take", "showQueue"] },
      { guard: "isOver", target: "left" },
    ],
    on: {
      "user.said": [
        {
          guard: { type: "answeredNow", params: ({ event }) => event },
          actions: { type: "answer", params: ({ event }) => event },
        },
        { actions: { type: "enqueue", params: ({ event }) => event } },
      ],
    },
  });
  const commanding = words.createStateConfig({
    invoke: {
      src: "command",
      input: ({ context }) => context,
      onDone: [
        {
          guard: ({ event }) => event.output.relaunch,
          target: "restarting",
          actions: { type: "follow", params: ({ event }) => event.output },
        },
        { target: "idle", actions: { type: "follow", params: ({ event }) => event.output } },
      ],
      onError: { target: "idle", actions: { type: "complain", params: ({ event }) => event } },
    },
    on: { "user.interrupted": { target: "idle" } },
  });
  const chatting = words.createStateConfig({
    invoke: {
      src: "chat",
      input: ({ context }) => context,
      onDone: { target: "idle", actions: { type: "land", params: ({ event }) => event.output } },
      onError: { target: "idle", actions: { type: "complain", params: ({ event }) => event } },
    },
    on: { "user.interrupted": [{ guard: "interruptedBefore", target: "idle" }, { actions: "interrupt" }] },
  });
  return { idle, commanding, chatting };
}
