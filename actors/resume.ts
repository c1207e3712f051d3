/** The conversation as its trajectory tells it: the one truth a session resumes from. */
import * as z from "zod";
import { heal } from "./converse.ts";
import { addUsage, Assistant, type LogEvent, Message, NO_USAGE, Usage } from "./types.ts";

/** What a session left behind. */
export interface Restored {
  messages: Message[];
  task: number;
  usage: Usage;
}

const Began = z.object({ content: z.string() });
const Said = z.object({ purpose: z.string(), message: Assistant, usage: Usage, finish: z.string().optional() });
const Broken = z.object({ purpose: z.literal("chat"), aborted: z.literal(true), partial: z.string() });
const Result = z.object({ id: z.string(), name: z.string(), text: z.string() });
const Small = z.object({ messages: z.array(Message) });
const Ended = z.object({
  status: z.string().optional(),
  answered: z.boolean().optional(),
  typed: z.boolean().optional(),
});

/** Folds the events of a session into its history; unanswered calls are healed, a turn without any answer is left out. */
export function restore(events: Iterable<LogEvent>): Restored {
  const at: Restored & { before: Message[]; open: boolean; chatting: boolean } = {
    messages: [],
    task: 0,
    usage: NO_USAGE,
    before: [],
    open: false,
    chatting: false,
  };
  for (const { kind, data } of events) STEPS[kind]?.(at, data);
  if (at.open && at.messages.at(-1)?.role === "user") at.messages = at.before;
  heal(at.messages);
  return { messages: at.messages, task: at.task, usage: at.usage };
}

type Fold = (at: Restored & { before: Message[]; open: boolean; chatting: boolean }, data: unknown) => void;

const STEPS: Record<string, Fold> = {
  turn_start(at, data) {
    const began = Began.safeParse(data);
    if (!began.success) return;
    heal(at.messages);
    at.before = [...at.messages];
    at.messages.push({ role: "user", content: began.data.content });
    at.open = at.chatting = true;
  },
  model_reply(at, data) {
    const said = Said.safeParse(data);
    if (said.success) {
      at.usage = addUsage(at.usage, said.data.usage);
      if (said.data.purpose === "chat") {
        at.messages.push(said.data.finish === "cut" ? { ...said.data.message, calls: [] } : said.data.message);
      }
      return;
    }
    const broken = Broken.safeParse(data);
    if (broken.success) {
      at.messages.push({
        role: "assistant",
        content: `${broken.data.partial}\n[interrupted by the user]`.trim(),
        calls: [],
      });
    }
  },
  tool_result(at, data) {
    const result = Result.safeParse(data);
    if (!result.success || !at.chatting) return;
    const { id, name, text } = result.data;
    at.messages.push({ role: "tool", callId: id, name, content: text });
  },
  compact(at, data) {
    const small = Small.safeParse(data);
    if (small.success) at.messages = small.data.messages;
  },
  turn_end(at, data) {
    const ended = Ended.safeParse(data);
    if (ended.success && ended.data.answered === false) at.messages = at.before;
    if (ended.success && ended.data.typed) {
      at.messages.push({ role: "assistant", content: "I have seen the output.", calls: [] });
    }
    if (ended.success && ended.data.status === "aborted" && at.messages.at(-1)?.role !== "assistant") {
      heal(at.messages);
      at.messages.push({ role: "assistant", content: "[interrupted by the user]", calls: [] });
    }
    at.open = at.chatting = false;
  },
  task_boundary(at, data) {
    const task = z.object({ task: z.number() }).safeParse(data);
    if (task.success) at.task = task.data.task;
  },
};
