/** Keeps a history inside the model's window: old tool results first, then a summary with fixed sections. */
import type { Model, Ports, ToolSchema } from "./ports.ts";
import { type Message, NO_USAGE, type Usage } from "./types.ts";

/** Part of the window at which compaction starts, and at which it must end. */
const START = 0.75, GOAL = 0.5;
/** Messages at the end that are never touched. */
const KEEP = 8;
const PRUNED = "[an old tool result, left out to save room; run the tool again if you need it]";

/** True when the next request would fill too much of the window. */
export function crowded(model: Model, messages: Message[], tools: ToolSchema[]): boolean {
  return model.estimate(messages, tools) > model.window() * START;
}

/** Tokens that the history may have after compaction, beside what is fixed. */
export function headroom(model: Model, fixed: Message[], tools: ToolSchema[]): number {
  return model.window() * GOAL - model.estimate(fixed, tools);
}

/** The result is judged by outcome: `ok` only if the history now fits into `room` tokens, or shrank by a quarter when asked for. */
export async function compact(
  { model, terminal, log }: Pick<Ports, "model" | "terminal" | "log">,
  history: Message[],
  { trigger, room, signal }: { trigger: "limit" | "overflow" | "asked"; room: number; signal: AbortSignal },
): Promise<{ ok: boolean; messages: Message[]; usage: Usage }> {
  const before = model.estimate(history, []);
  const enough = (messages: Message[]) =>
    model.estimate(messages, []) <= (trigger === "asked" ? before * 0.75 : Math.min(room, before * 0.75));
  let usage = NO_USAGE;
  let messages = prune(history);
  if (!enough(messages)) {
    const end = boundary(messages, (rest) => model.estimate(rest, []) <= room / 2);
    const got = await summarise(model, messages.slice(0, end), signal);
    if (got) {
      usage = got.usage;
      const asked = messages.findLastIndex((m) => m.role === "user");
      const request = asked >= 0 && asked < end
        ? `\n\n[The present request, verbatim]\n${messages[asked]?.content}`
        : "";
      const rest = messages.slice(end);
      const answer: Message[] = rest[0]?.role === "user"
        ? [{ role: "assistant", content: "I go on from there.", calls: [] }]
        : [];
      messages = [{ role: "user", content: got.text + request }, ...answer, ...rest];
    }
  }
  const after = model.estimate(messages, []);
  const ok = after < before && enough(messages);
  if (ok) {
    log.write("compact", { trigger, before, after, messages });
    terminal.show({ type: "compact", trigger, before, after });
  }
  return { ok, messages, usage };
}

/** Old results become one line each; the newest messages stay. */
function prune(history: Message[]): Message[] {
  const until = history.length - KEEP;
  return history.map((m, at) =>
    m.role === "tool" && at < until && m.content.length > 2 * PRUNED.length ? { ...m, content: PRUNED } : m
  );
}

/** Where the summary may end: the newest messages that fit stay, and no call is cut from its result. */
function boundary(messages: Message[], fits: (rest: Message[]) => boolean): number {
  let at = Math.max(messages.length - KEEP, 1);
  while (at < messages.length && (messages[at]?.role === "tool" || !fits(messages.slice(at)))) at++;
  return at;
}

const SECTIONS =
  `Summarise the conversation above for yourself, so that the work can go on without it. Use exactly these sections:
Goal / Constraints of the user (verbatim) / Done / Remaining / Next action / Failed attempts / Files read and changed.
Leave nothing out that the user asked to keep in mind. No tool calls.`;

async function summarise(
  model: Model,
  messages: Message[],
  signal: AbortSignal,
): Promise<{ text: string; usage: Usage } | undefined> {
  const budget = model.window() * GOAL;
  let from = 0;
  const said = (
    at: number,
  ): Message[] => [{ role: "user", content: transcript(messages.slice(at)) + "\n\n" + SECTIONS }];
  while (from < messages.length - 1 && model.estimate(said(from), []) > budget) {
    from += Math.ceil((messages.length - from) / 4);
  }
  if (model.estimate(said(from), []) > model.window()) return undefined;
  const got = await model.reply({ purpose: "compact", messages: said(from), tools: [], fast: true }, signal);
  if (!got.ok || got.value.message.content.trim() === "" || got.value.finish === "cut") return undefined;
  const constraints = messages.slice(0, from).flatMap((m) =>
    m.role === "user" ? [m.content.slice(0, 2000).toWellFormed()] : []
  );
  const early = constraints.length
    ? `\n\nWhat the user had said before that, verbatim:\n${constraints.join("\n---\n").slice(0, budget)}`
    : "";
  return { text: `[Summary of the conversation so far]\n${got.value.message.content}${early}`, usage: got.value.usage };
}

function transcript(messages: Message[]): string {
  return messages.map((m) => {
    if (m.role === "tool") return `<result of ${m.name}>\n${m.content.slice(0, 4000).toWellFormed()}\n</result>`;
    const calls = m.role === "assistant"
      ? m.calls.map((c) => `\n<call ${c.name} ${c.arguments.slice(0, 1000).toWellFormed()}>`).join("")
      : "";
    return `<${m.role}>\n${m.content}${calls}\n</${m.role}>`;
  }).join("\n");
}
