/** The one loop of every conversation: ask the model, run the tools it calls, until it calls none. */
import * as z from "zod";
import { Aborted, type Mode, type Ports, type ToolPlugin, type ToolSchema } from "./ports.ts";
import {
  addUsage,
  type Failure,
  type Message,
  nearest,
  NO_USAGE,
  type Purpose,
  type ToolCall,
  type Usage,
} from "./types.ts";
import { compact, crowded, headroom } from "./compact.ts";

/** Results above this many bytes of UTF-8 go to a file; the model sees head and tail. */
export const CEILING = 24 * 1024;

/** The ports of the loop. */
export type LoopPorts = Pick<Ports, "model" | "terminal" | "log" | "tools">;

/** How a conversation went. `messages` is the whole new history, valid even after an abort or a failure. */
export interface Turn {
  status: "done" | "aborted" | "failed";
  messages: Message[];
  /** True if the model said anything: only then does the turn belong in the history. */
  answered: boolean;
  text: string;
  usage: Usage;
  failure?: Failure;
}

/** What differs between conversations. `system` is the prompt; `maxTokens` bounds input and output together. */
export interface Conversation {
  purpose: Purpose;
  mode: Mode;
  system: string;
  tools: ToolPlugin[];
  maxSteps: number;
  maxTokens?: number;
  signal: AbortSignal;
}

/** Runs one conversation from `history`, whose last message is the new one, to an answer without tool calls. */
export async function converse(ports: LoopPorts, history: Message[], how: Conversation): Promise<Turn> {
  const turn: Turn = { status: "done", messages: [...history], answered: false, text: "", usage: NO_USAGE };
  try {
    const failure = await steps(ports, turn, how);
    return failure ? { ...turn, status: "failed", failure } : turn;
  } catch (error) {
    if (!how.signal.aborted) throw error;
    const partial = error instanceof Aborted ? error.partial : "";
    heal(turn.messages);
    turn.messages.push({ role: "assistant", content: `${partial}\n[interrupted by the user]`.trim(), calls: [] });
    return { ...turn, status: "aborted", answered: true, text: partial || turn.text };
  }
}

/** The loop itself; returns why it stopped early, or nothing. Every stop is a sentence with advice. */
async function steps(ports: LoopPorts, turn: Turn, how: Conversation): Promise<Failure | undefined> {
  const { model, terminal } = ports;
  const schemas = how.tools.map(schema), system: Message = { role: "system", content: how.system };
  const seen = new Map<string, number>();
  let overflowed = false;
  const shrink = async (trigger: "limit" | "overflow"): Promise<boolean> => {
    const room = headroom(model, [system], schemas);
    const small = await compact(ports, turn.messages, { trigger, room, signal: how.signal });
    turn.usage = addUsage(turn.usage, small.usage);
    if (small.ok) turn.messages = small.messages;
    return small.ok;
  };
  for (let step = 0; step < how.maxSteps; step++) {
    if (crowded(model, [system, ...turn.messages], schemas) && !await shrink("limit")) return stop("overflow", FULL);
    const request = { purpose: how.purpose, messages: [system, ...turn.messages], tools: schemas };
    const got = await model.reply(request, how.signal);
    if (!got.ok) {
      const failure: Failure = "failure" in got ? got.failure : { kind: "malformed", message: got.error };
      if (failure.kind !== "overflow") return failure;
      if (overflowed || !await shrink("overflow")) return stop("overflow", `${failure.message}: ${FULL}`);
      overflowed = true;
      continue;
    }
    overflowed = false;
    const { message, usage, finish, note } = got.value;
    turn.usage = addUsage(turn.usage, usage);
    turn.text = message.content || turn.text;
    turn.answered = true;
    turn.messages.push(finish === "cut" ? { ...message, calls: [] } : message);
    if (finish === "cut") return stop("unreachable", note ?? "The reply was cut off; ask again to go on");
    if (note) terminal.show({ type: "notice", level: "warning", text: note });
    if (message.calls.length === 0) return undefined;
    const changing = await runCalls(ports, message.calls, turn, how);
    const stuck = repeats(seen, message.calls, { ...turn, changing });
    if (stuck >= 5) return stop("limit", STUCK);
    if (stuck === 3) turn.messages.push({ role: "user", content: NUDGE });
    const spent = turn.usage.input + turn.usage.output;
    if (how.maxTokens !== undefined && spent > how.maxTokens) {
      return stop("limit", `Stopped: the budget of ${how.maxTokens} tokens is spent`);
    }
  }
  return stop("limit", `Stopped the turn after ${how.maxSteps} steps; say "go on" to continue`);
}

const FULL =
  "The conversation does not fit the model's window and could not be made smaller; start anew with a smaller task, or use a model with a larger window";
const NUDGE =
  "[You made the same call three times with the same result. Try something else, or answer with what you know.]";
const STUCK = "Stopped the turn: the same tool call gave the same result five times; say what to do differently";
/** What differs from run to run of one command: how long it took, and the name of a spilled result. */
const VARIES = /\b\d+\.\d+ ?m?s\b|(?<=duration_ms )[\d.]+|(?<=\/spill\/)[^"\s]+/g;
const stop = (kind: Failure["kind"], message: string): Failure => ({ kind, message });

const told = new WeakMap<ToolPlugin, ToolSchema>();

/** A tool as the model is told of it; made once. */
export function schema(plugin: ToolPlugin): ToolSchema {
  const known = told.get(plugin) ?? describe(plugin);
  told.set(plugin, known);
  return known;
}

function describe(plugin: ToolPlugin): ToolSchema {
  if (plugin.parameters) return { name: plugin.name, description: plugin.description, parameters: plugin.parameters };
  const { $schema: _, ...parameters } = z.toJSONSchema(plugin.input, { io: "input" }) as Record<string, unknown>;
  return { name: plugin.name, description: plugin.description, parameters };
}

/** Gives every call of the history its one result, in the order of the calls, so that the history is valid again. */
export function heal(messages: Message[]): void {
  for (let at = messages.length - 1; at >= 0; at--) {
    const message = messages[at];
    if (message?.role !== "assistant") continue;
    const results = new Map<string, Message>();
    let end = at + 1;
    for (let next = messages[end]; next?.role === "tool"; next = messages[++end]) results.set(next.callId, next);
    messages.splice(at + 1, end - at - 1, ...message.calls.map((call) => results.get(call.id) ?? unanswered(call)));
  }
}

const unanswered = ({ id, name }: ToolCall): Message => ({
  role: "tool",
  callId: id,
  name,
  content: "No result: the call was interrupted and may have run in part.",
});

/** Read-only calls run side by side; a call that may change something runs alone, in order. True if there was one of those. */
async function runCalls(ports: LoopPorts, calls: ToolCall[], turn: Turn, how: Conversation): Promise<boolean> {
  const prepared = calls.map((call) => prepare(ports, call, how));
  for (let at = 0; at < prepared.length;) {
    let end = at + 1;
    if (prepared[at]?.readOnly) { while (prepared[end]?.readOnly) end++; }
    const batch = prepared.slice(at, end);
    const settled = await Promise.allSettled(batch.map((one) => one.run()));
    for (const one of settled) if (one.status === "fulfilled") turn.messages.push(one.value);
    const broken = settled.find((one) => one.status === "rejected");
    if (broken) throw broken.reason;
    at = end;
  }
  return prepared.some((one) => !one.readOnly);
}

interface Prepared {
  readOnly: boolean;
  run(): Promise<Message>;
}

/** A failed tool is news for the model, not an exception; only an abort escapes. */
function prepare(ports: LoopPorts, call: ToolCall, how: Conversation): Prepared {
  const plugin = how.tools.find((one) => one.name === call.name);
  const refuse = (text: string): Prepared => ({ readOnly: true, run: () => finish(ports, call, { ok: false, text }) });
  if (!plugin) {
    const near = nearest(call.name, how.tools.map((one) => one.name));
    return refuse(
      `There is no tool "${call.name}"${near ? `; did you mean "${near}"?` : ""} Tools: ${
        how.tools.map((one) => one.name).join(", ")
      }`,
    );
  }
  if (call.fault !== undefined) return refuse(`The call was not run: ${call.fault}`);
  const input = plugin.input.safeParse(JSON.parse(call.arguments));
  if (!input.success) return refuse(`Cannot run "${call.name}": bad arguments: ${z.prettifyError(input.error)}`);
  const context = ports.tools.context(how.mode, call.id, how.signal);
  const readOnly = safely(() => plugin.readOnly(input.data, context), false);
  return {
    readOnly,
    async run() {
      how.signal.throwIfAborted();
      ports.log.write("tool_call", { id: call.id, name: call.name, arguments: call.arguments });
      ports.terminal.show({
        type: "tool_start",
        id: call.id,
        name: call.name,
        arguments: call.arguments,
        summary: safely(() => plugin.summary(input.data), call.name),
      });
      try {
        return await finish(ports, call, await plugin.run(input.data, context));
      } catch (error) {
        if (how.signal.aborted) throw error;
        return await finish(ports, call, {
          ok: false,
          text: `"${call.name}" failed: ${error instanceof Error ? error.message : String(error)}`,
        });
      }
    },
  };
}

async function finish(ports: LoopPorts, call: ToolCall, result: { ok: boolean; text: string }): Promise<Message> {
  const bytes = new TextEncoder().encode(result.text).length;
  let text = result.text.toWellFormed(), file: string | undefined;
  if (bytes > CEILING) {
    const spilled = await ports.tools.spill(call.id, text);
    file = spilled.ok ? spilled.value : undefined;
    text = cut(text, CEILING * 2 / 3, spilled.ok ? `the whole result is in "${spilled.value}"` : spilled.error);
  }
  ports.log.write("tool_result", {
    id: call.id,
    name: call.name,
    ok: result.ok,
    text,
    ...(file && { truncated: true, file }),
  });
  const summary = text.split("\n", 1)[0]?.slice(0, 120).toWellFormed() ?? "";
  ports.terminal.show({
    type: "tool_end",
    id: call.id,
    name: call.name,
    ok: result.ok,
    summary,
    bytes,
    truncated: file !== undefined,
  });
  return { role: "tool", callId: call.id, name: call.name, content: text };
}

/** Head and tail of a text, never cutting a character; `note` says where the rest is. */
export function cut(text: string, limit: number, note: string): string {
  if (text.length <= limit) return text;
  const half = Math.floor(limit / 2);
  const head = text.slice(0, half).toWellFormed(), tail = text.slice(-half).toWellFormed();
  return `${head}\n[... ${text.length - 2 * half} characters left out; ${note} ...]\n${tail}`;
}

/** How often the most repeated of these calls has given its result since something was changed as never before. */
function repeats(seen: Map<string, number>, calls: ToolCall[], by: { messages: Message[]; changing: boolean }): number {
  const keys = calls.map(({ id, name, arguments: given }) => {
    const result = by.messages.findLast((m) => m.role === "tool" && m.callId === id)?.content ?? "";
    return JSON.stringify([name, given, result.replace(VARIES, "")]);
  });
  if (by.changing && keys.some((key) => !seen.has(key))) { for (const key of seen.keys()) seen.set(key, 0); }
  for (const key of keys) seen.set(key, (seen.get(key) ?? 0) + 1);
  return Math.max(0, ...keys.map((key) => seen.get(key) ?? 0));
}

function safely<T>(run: () => T, otherwise: T): T {
  try {
    return run();
  } catch {
    return otherwise; // a plugin's own description of a call must not decide whether it runs
  }
}
