/** One turn of the conversation. */
import { fromPromise } from "xstate";
import { converse, type Turn } from "./converse.ts";
import { crowded } from "./compact.ts";
import { Aborted, type Guidance, type Ports } from "./ports.ts";
import { either, type Message, no, NO_USAGE } from "./types.ts";

/** The ports of a turn. */
export type ChatPorts = Pick<
  Ports,
  "model" | "terminal" | "log" | "tools" | "sessions" | "guidance" | "undo" | "clock"
>;

/** The history before, the line, and the task it may belong to. */
export interface ChatInput {
  messages: Message[];
  line: string;
  task: number;
  once: boolean;
}

/** The history after; unchanged when the model never answered. */
export interface ChatOutput extends Omit<Turn, "text"> {
  task: number;
}

const MAX_STEPS = 200;

/** A turn that can be interrupted without being thrown away: what was said and done so far stays. */
export function chat(ports: ChatPorts, interruptible: Interruptible) {
  return fromPromise<ChatOutput, ChatInput>(({ input, signal }) =>
    interruptible.run(signal, (signal) => turn(ports, input, signal)).finally(() => ports.undo.settle())
  );
}

/** Runs work under a signal of its own that `stop` aborts. */
export interface Interruptible {
  run<T>(outer: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  stop(): void;
}

/** One at a time: `stop` aborts what runs now. */
export function createInterruptible(): Interruptible {
  let current = new AbortController();
  return {
    run(outer, work) {
      current = new AbortController();
      return work(either(outer, current.signal));
    },
    stop: () => current.abort(),
  };
}

async function turn(ports: ChatPorts, input: ChatInput, signal: AbortSignal): Promise<ChatOutput> {
  const { log, terminal, undo } = ports;
  log.write("user_input", { text: input.line });
  terminal.show({ type: "turn_start", text: input.line });
  undo.mark(input.line.slice(0, 80).toWellFormed());
  const { task, folder } = await chooseTask(ports, input, signal);
  const tools = await ports.tools.load("chat"); // before anything asks for a context
  const attached = await attach(ports, input.line, signal);
  const content = (folder ? `[Files that are a result of this task go to ${folder}/]\n\n` : "") + attached;
  log.write("turn_start", { content });
  const history: Message[] = [...input.messages, { role: "user", content }];
  if (input.line.startsWith("!")) {
    const messages: Message[] = [...history, { role: "assistant", content: "I have seen the output.", calls: [] }];
    terminal.show({ type: "print", text: attached });
    const status = signal.aborted ? "aborted" : "done";
    log.write("turn_end", { status, typed: true });
    terminal.show({ type: "turn_end", status });
    return { status, messages, answered: true, usage: NO_USAGE, task };
  }
  const system = await chatPrompt(ports.guidance);
  const done = await converse(ports, history, {
    purpose: "chat",
    mode: "chat",
    system,
    tools,
    maxSteps: MAX_STEPS,
    signal,
  });
  if (done.failure) terminal.show({ type: "notice", level: "error", text: done.failure.message });
  log.write("turn_end", {
    status: done.status,
    answered: done.answered,
    ...(done.failure && { failure: done.failure }),
  });
  terminal.show({ type: "turn_end", status: done.status });
  return { ...done, messages: done.answered ? done.messages : input.messages, task };
}

/** The system prompt: the same bytes for a whole session, so that a provider's cache holds. */
export async function chatPrompt(guidance: Guidance): Promise<string> {
  const agents = await guidance.agents();
  const parts = agents.map((a) => `<file path="${a.path}"${a.truncated ? " truncated" : ""}>\n${a.text}\n</file>`);
  const rules = parts.length ? `\n\nInstructions of this project, outermost first:\n${parts.join("\n")}` : "";
  return (await guidance.prompt("chat")).trimEnd() + rules;
}

/** From the second message on a cheap call decides; any error means that the task continues. */
async function chooseTask(ports: ChatPorts, { messages, line, task, once }: ChatInput, signal: AbortSignal) {
  if (once) return { task, folder: "" };
  if (task > 0 && (line.startsWith("!") || !await isNew(ports, messages, line, signal))) return { task, folder: "" };
  const number = task + 1;
  const opened = await ports.sessions.openTask(number);
  if (!opened.ok) {
    ports.terminal.show({ type: "notice", level: "warning", text: opened.error });
    return { task: number, folder: "" };
  }
  ports.log.write("task_boundary", { task: number, folder: opened.value });
  if (number > 1) ports.terminal.show({ type: "task", number, folder: opened.value });
  return { task: number, folder: opened.value };
}

async function isNew({ model }: ChatPorts, messages: Message[], line: string, signal: AbortSignal): Promise<boolean> {
  const recent = messages.filter((m) => m.role === "user" || (m.role === "assistant" && m.content)).slice(-6);
  const shown = recent.map((m) => `${m.role}: ${m.content.slice(0, 500).toWellFormed()}`).join("\n");
  const question =
    `The conversation so far:\n${shown}\n\nThe next message of the user:\n${line.slice(0, 2000).toWellFormed()}\n\n` +
    "Does it begin a new, unrelated task, or continue the present one? Answer with one word: NEW or CONTINUE.";
  const got = await model.reply({
    purpose: "task",
    messages: [{ role: "user", content: question }],
    tools: [],
    fast: true,
  }, signal);
  return got.ok && /^\W*NEW\b/i.test(got.value.message.content);
}

/** A file named in a message: `@path`, or `@"a path with spaces"`. */
const MENTION = /(?<=^|\s)@(?:"([^"]+)"|([^\s@"]+))/g;

/** `!command` becomes its output, `@file` its content; what cannot be had is said in its place. */
async function attach(ports: ChatPorts, line: string, signal: AbortSignal): Promise<string> {
  const context = ports.tools.context("chat", "typed", signal);
  if (line.startsWith("!")) {
    const command = line.slice(1).trim();
    const run = context.shell.run(command, { timeoutMs: 600_000, signal, onOutput: context.update });
    const ended = await run.catch((error) => {
      if (error instanceof Aborted) return no(`${error.partial}\n[interrupted by the user]`.trim());
      throw error;
    });
    return `$ ${command}\n${ended.ok ? `${ended.value.output}\n[exit code ${ended.value.code}]` : ended.error}`;
  }
  const names = [
    ...new Set([...line.matchAll(MENTION)].map((m) => m[1] ?? (m[2] ?? "").replace(/[.,;:!?)]+$/, ""))),
  ].slice(0, 10);
  const files = await Promise.all(names.map(async (name) => {
    const read = await context.workspace.read(name);
    if (!read.ok) {
      ports.terminal.show({ type: "notice", level: "warning", text: read.error });
      return "";
    }
    return `\n\n<file path="${read.value.path}">\n${read.value.text.slice(0, 64_000).toWellFormed()}\n</file>`;
  }));
  return line + files.join("");
}

/** Tokens of the next request and the window, as text for `/context`. */
export async function contextReport(ports: ChatPorts, messages: Message[]): Promise<string> {
  const system = await chatPrompt(ports.guidance), agents = await ports.guidance.agents();
  const count = (list: Message[]) => ports.model.estimate(list, []);
  const used = count([{ role: "system", content: system }, ...messages]);
  const crowd = crowded(ports.model, messages, []) ? ", compacted at the next message" : "";
  return [
    `~${used} of ${ports.model.window()} tokens (${Math.round(used / ports.model.window() * 100)} %)${crowd}`,
    `  prompt   ~${count([{ role: "system", content: system }])}`,
    `  history  ~${count(messages)} in ${messages.length} messages`,
    ...agents.map((a) => `  ${a.path}${a.truncated ? " (cut to the budget)" : ""}`),
  ].join("\n");
}
