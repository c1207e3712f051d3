/** Slash commands of the conversation. */
import { fromPromise } from "xstate";
import { chatPrompt, contextReport } from "./chat.ts";
import { compact } from "./compact.ts";
import { schema } from "./converse.ts";
import type { Context } from "./context.ts";
import type { Ports } from "./ports.ts";
import { restore } from "./resume.ts";
import { elapsed, type Generation, nearest, type Usage } from "./types.ts";

/** What a command changes: parts of the machine's context, and whether the process must become another executable. */
export interface CommandOutput {
  patch: Partial<Context>;
  usage?: Usage;
  relaunch: boolean;
}

interface Command {
  summary: string;
  /** `now`: answered in every state, beside whatever goes on. `machine`: the machine itself acts on it. */
  when: "now" | "turn" | "machine";
  run?(ports: Ports, argument: string, context: Context, signal: AbortSignal): Promise<Partial<CommandOutput> | void>;
}

/** Every command, in the order of `/help`. */
export const COMMANDS: Record<string, Command> = {
  help: { summary: "this list", when: "now", run: (ports) => Promise.resolve(print(ports, help())) },
  exit: { summary: "leave (also Ctrl-D)", when: "machine" },
  evolve: { summary: "reflect on past sessions, improve Evo itself, become the result", when: "machine" },
  model: { summary: "show the model, or change it: /model NAME", when: "turn", run: model },
  tools: { summary: "the tools the model has", when: "turn", run: tools },
  cost: {
    summary: "tokens and money of this session",
    when: "now",
    run: (ports, _, { usage }) => Promise.resolve(print(ports, cost(usage))),
  },
  context: {
    summary: "what fills the model's window",
    when: "now",
    run: async (ports, _, { messages }) => print(ports, await contextReport(ports, messages)),
  },
  compact: { summary: "make the history smaller now", when: "turn", run: compactNow },
  tasks: { summary: "the tasks of this session", when: "now", run: tasks },
  fn: {
    summary: "evolvable functions: /fn evolve NAME; /fn lists them",
    when: "turn",
    run: async (ports, argument, _, signal) => report(ports, await functions(ports, words(argument), signal)),
  },
  plugins: {
    summary: "the plugins that were dropped in; /plugins new NAME writes one",
    when: "turn",
    run: async (ports, argument, _, signal) => report(ports, await ports.plugins.run(words(argument), signal)),
  },
  undo: {
    summary: "take back the file changes of the last turn",
    when: "turn",
    run: async (ports) => report(ports, await ports.undo.back()),
  },
  diff: { summary: "file changes since this session began", when: "now", run: diff },
  sessions: { summary: "earlier sessions of this directory", when: "turn", run: sessions },
  resume: { summary: "go on with an earlier session: /resume [ID]", when: "turn", run: resume },
  lineage: {
    summary: "the generations of this Evo",
    when: "now",
    run: async (ports) => print(ports, lineageTable(await ports.lineage.list())),
  },
  rollback: { summary: "return to a generation: /rollback N", when: "turn", run: rollback },
  why: { summary: "why a generation exists: /why N", when: "turn", run: why },
  doctor: {
    summary: "check this installation",
    when: "turn",
    run: async (ports, _, __, signal) => print(ports, (await ports.about.doctor(signal)).text),
  },
};

/** True if the line is a slash command (any, or one that is answered now). A path like `/usr/bin` is none. */
export function isCommand(line: string, when?: "now"): boolean {
  const name = /^\/([a-z]*)(\s|$)/i.exec(line)?.[1];
  if (name === undefined) return false;
  return when === undefined ? COMMANDS[name]?.when !== "machine" : COMMANDS[name]?.when === when;
}

/** Answers a command beside whatever goes on; its failure is a notice. */
export async function answerNow(ports: Ports, line: string, context: Context): Promise<void> {
  try {
    await follow(ports, line, context, new AbortController().signal);
  } catch (error) {
    ports.terminal.show({
      type: "notice",
      level: "error",
      text: error instanceof Error ? error.message : String(error),
    });
  }
}

/** Runs the command in the machine's line. */
export function command(ports: Ports) {
  return fromPromise<CommandOutput, Context>(({ input, signal }) => follow(ports, input.line, input, signal));
}

async function follow(ports: Ports, line: string, context: Context, signal: AbortSignal): Promise<CommandOutput> {
  const [_, word = "", argument = ""] = /^\/(\w*)\s*([^]*)$/.exec(line) ?? [];
  const name = word || "help";
  const found = COMMANDS[name];
  if (found?.run) return { patch: {}, relaunch: false, ...await found.run(ports, argument.trim(), context, signal) };
  const near = nearest(name.toLowerCase(), Object.keys(COMMANDS));
  notice(ports, `There is no command "/${name}"; ${near ? `did you mean "/${near}"?` : "/help lists them"}`);
  return { patch: {}, relaunch: false };
}

/** Runs a command line of the evolvable functions; its progress is shown. */
export const functions = ({ functions, terminal }: Ports, line: string[], signal: AbortSignal) =>
  functions.run(line, { signal, update: (text) => terminal.show({ type: "notice", level: "info", text }) });

const words = (argument: string): string[] => argument.split(/\s+/).filter((word) => word !== "");
const print = ({ terminal }: Ports, text: string): void => terminal.show({ type: "print", text });
const notice = ({ terminal }: Ports, text: string): void => terminal.show({ type: "notice", level: "error", text });
const report = (ports: Ports, outcome: { ok: true; value: string } | { ok: false; error: string }): void =>
  outcome.ok ? print(ports, outcome.value) : notice(ports, outcome.error);

function help(): string {
  const rows = Object.entries(COMMANDS).map(([name, { summary }]) => `  /${name.padEnd(9)} ${summary}`);
  return [
    "Commands:",
    ...rows,
    "",
    "  @file puts a file into the message, !command runs a command, a trailing \\ goes on in the next line.",
    "  Esc or Ctrl-C stops what goes on; lines typed meanwhile wait their turn (Up takes the last one back).",
  ].join("\n");
}

/** Usage as one line; `~` marks what the endpoint did not report. */
export function cost({ input, output, cached, cost, estimated }: Usage): string {
  const mark = estimated ? "~" : "";
  const money = cost === null ? "cost unknown" : `$${cost.toFixed(4)}`;
  return `${mark}${input} tokens in (${cached} cached), ${mark}${output} out, ${money}`;
}

/** Generations as a table, newest last. */
export function lineageTable(generations: Generation[]): string {
  if (generations.length === 0) return "No generation is recorded yet; the first /evolve records one";
  return generations.map((g) => {
    const gate = g.steps.every(({ at }) => at !== undefined) ? "gate" : "gate steps";
    const seconds = elapsed(g.steps) / 1000;
    const money = g.cost === null ? "cost unknown" : `$${g.cost.toFixed(4)}`;
    return `${String(g.number).padStart(4)}  ${g.at.slice(0, 16).replace("T", " ")}  ${g.state.padEnd(11)} ${gate} ${
      seconds.toFixed(1)
    } s, ${money}  ${g.goal}`;
  }).join("\n");
}

function model(ports: Ports, name: string): Promise<void> {
  if (!name) return Promise.resolve(print(ports, `${ports.model.name()}, window ${ports.model.window()} tokens`));
  return Promise.resolve(report(ports, ports.model.use(name)));
}

async function tools(ports: Ports): Promise<void> {
  const loaded = await ports.tools.load("chat");
  print(ports, loaded.map((t) => `  ${t.name.padEnd(14)} ${t.description.split("\n", 1)[0]}`).join("\n"));
}

async function compactNow(
  ports: Ports,
  _: string,
  { messages }: Context,
  signal: AbortSignal,
): Promise<Partial<CommandOutput>> {
  const system = { role: "system" as const, content: await chatPrompt(ports.guidance) };
  const schemas = (await ports.tools.load("chat")).map(schema);
  const room = ports.model.window() / 2 - ports.model.estimate([system], schemas);
  const small = await compact(ports, messages, { trigger: "asked", room, signal });
  if (!small.ok) {
    notice(ports, "The history could not be made smaller: it is short already, or the model gave no summary");
  }
  return { usage: small.usage, patch: small.ok ? { messages: small.messages } : {} };
}

async function tasks(ports: Ports, _: string, { task, queue }: Context): Promise<void> {
  const events = await ports.sessions.load(ports.sessions.current());
  const folders = events.ok
    ? events.value.flatMap((e) => e.kind === "task_boundary" ? [JSON.stringify(e.data)] : [])
    : [];
  const rows = folders.map((data) => {
    const { task: number, folder } = JSON.parse(data);
    return `  ${number === task ? "*" : " "} task ${number}  ${folder}`;
  });
  print(ports, [...rows, ...queue.map((line) => `    queued: ${line}`)].join("\n") || "No task yet");
}

async function diff(ports: Ports): Promise<void> {
  const made = await ports.undo.diff();
  if (made.ok && made.value) ports.terminal.show({ type: "diff", text: made.value, asked: true });
  else print(ports, made.ok ? "No file has changed since this session began" : made.error);
}

async function sessions(ports: Ports): Promise<void> {
  const list = (await ports.sessions.list()).slice(-20);
  const rows = list.map((s) =>
    `  ${s.id}  ${String(s.turns).padStart(3)} turns  ${s.first.split("\n", 1)[0]?.slice(0, 60).toWellFormed() ?? ""}`
  );
  print(ports, rows.join("\n") || "No earlier session in this directory");
}

async function resume(ports: Ports, id: string): Promise<Partial<CommandOutput>> {
  const current = ports.sessions.current();
  const wanted = id || (await ports.sessions.list()).filter((s) => s.id !== current && s.turns > 0).at(-1)?.id;
  if (!wanted) return notice(ports, "There is no earlier session in this directory to go on with"), {};
  const events = await ports.sessions.resume(wanted);
  if (!events.ok) return notice(ports, events.error), {};
  const { messages, task, usage } = restore(events.value);
  print(ports, `Going on with session ${wanted}: ${messages.length} messages`);
  return { patch: { messages, task, usage } };
}

async function rollback(ports: Ports, argument: string): Promise<Partial<CommandOutput>> {
  if (!/^\d+$/.test(argument)) return notice(ports, "Which generation? Say /rollback N; /lineage lists them"), {};
  const done = await ports.lineage.rollback(Number(argument));
  if (!done.ok) return notice(ports, done.error), {};
  ports.log.write("promotion", { generation: done.value.number, goal: done.value.goal });
  ports.terminal.show({ type: "promoted", generation: done.value.number, goal: done.value.goal });
  return { relaunch: true };
}

async function why(ports: Ports, argument: string): Promise<void> {
  if (!/^\d+$/.test(argument)) return notice(ports, "Which generation? Say /why N; /lineage lists them");
  report(ports, await ports.lineage.why(Number(argument)));
}
