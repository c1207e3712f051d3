/**
 * The door between mind and body: every effect that `main`, `actors` and `plugins` may have. An effect that is not here
 * does not exist for them. Ports return outcomes as values; they throw only on an abort and on surprises.
 */
import type { AnyStateMachine, InputFrom, OutputFrom } from "xstate";
import type * as z from "zod";
import type { Functions, Plugins } from "./growing.ts";
import type {
  Budget,
  Candidate,
  Failure,
  Generation,
  Goal,
  Handover,
  LogEvent,
  Message,
  Outcome,
  Purpose,
  Reply,
  Shown,
  Step,
  ToolResult,
  Usage,
  Verdict,
} from "./types.ts";

export type { Functions, Handover, Plugins };

/** A tool as the model is told of it: JSON Schema for the arguments. */
export interface ToolSchema {
  name: string;
  description: string;
  parameters: Record<string, unknown>;
}

/** One request to the model. `fast` asks for the cheap model. The host adds endpoint, key, limits, retries. */
export interface ModelRequest {
  purpose: Purpose;
  messages: Message[];
  tools: ToolSchema[];
  fast?: boolean;
}

/** The model behind an OpenAI-compatible endpoint, or a cassette. */
export interface Model {
  /** The name shown to people. */
  name(): string;
  /** Context window in tokens. */
  window(): number;
  /** Changes the model for what follows; an outcome, since a name can be refused. */
  use(name: string): Outcome<string>;
  /**
   * Streams one reply; text, reasoning and retries are shown while they come (not for purposes `task`, `compact`, `judge`).
   * Logs the request before it is sent and the reply before it is returned. Retries are its own. Throws only on an abort;
   * on an abort the partial text is in the error's `partial` (see `Aborted`).
   */
  reply(
    request: ModelRequest,
    signal: AbortSignal,
  ): Promise<Outcome<Reply> | { ok: false; error: string; failure: Failure }>;
  /** Estimated tokens of these messages, calibrated by reported usage. */
  estimate(messages: Message[], tools: ToolSchema[]): number;
}

/** Thrown by `Model.reply` when its signal aborts: what had been said by then. */
export class Aborted extends Error {
  constructor(readonly partial: string) {
    super("Aborted");
    this.name = "AbortError";
  }
}

/** What the terminal tells its listener. */
export type Heard =
  | { type: "line"; text: string }
  | { type: "interrupt" } // Esc or Ctrl-C while something runs
  | { type: "unqueue" } // take the last queued line back into the editor
  | { type: "end" }; // EOF, or Ctrl-C twice at an empty prompt

/** The person's side: a terminal, a pipe, or JSON lines. */
export interface Terminal {
  /** True if a person can answer questions. */
  interactive(): boolean;
  /** Starts listening (and shows the prompt); returns the way to stop. Called once the mind is ready: this confirms a generation. */
  listen(hear: (heard: Heard) => void): () => void;
  /** Shows one event. Never throws, never waits. */
  show(event: Shown): void;
  /** Tells the prompt whether work is going on (prompt style, what Esc means). */
  busy(on: boolean): void;
  /** Puts text back into the line editor, as after `unqueue`. */
  edit(text: string): void;
  /** Asks one question. Without a person: an error at once. Type-ahead and pastes never answer. */
  ask(question: string, options: { choices?: string[]; signal: AbortSignal }): Promise<Outcome<string>>;
}

/** The trajectory. `write` is on disk, redacted, before it returns. */
export interface Log {
  write(kind: string, data: unknown): void;
}

/** Time. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Waits; rejects with the signal's reason on abort. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** A text file as read: `text` is without BOM, line ends as in the file; `hash` is SHA-256 hex of the bytes. */
export interface FileText {
  path: string;
  text: string;
  hash: string;
  bom: boolean;
}

/** A line found by a search; `line` counts from 1. */
export interface Hit {
  path: string;
  line: number;
  text: string;
}

/**
 * Files below one root. Every path is resolved for real; what is outside, in `.git` or in `.evo` state is refused, naming the
 * real path. Devices, FIFOs, binaries and files over 10 MB are refused. Writes are atomic and keep mode; `write` refuses a
 * file that changed on disk since this workspace last read it, and captures the undo snapshot first.
 */
export interface Workspace {
  root: string;
  read(path: string): Promise<Outcome<FileText>>;
  write(path: string, text: string, options?: { bom?: boolean }): Promise<Outcome<{ path: string; created: boolean }>>;
  remove(path: string): Promise<Outcome<{ path: string }>>;
  /** Files (relative, `/`-separated, sorted) that .gitignore does not exclude, at most `limit`. */
  list(options: { path?: string; glob?: string; limit: number; signal: AbortSignal }): Promise<
    Outcome<{ files: string[]; truncated: boolean }>
  >;
  /** Lines that match a JavaScript regular expression, in files as `list` sees them. */
  search(
    options: {
      pattern: string;
      path?: string;
      glob?: string;
      ignoreCase?: boolean;
      limit: number;
      signal: AbortSignal;
    },
  ): Promise<Outcome<{ hits: Hit[]; truncated: boolean }>>;
}

/** How a command ended. `output` is stdout and stderr in order, head and tail; `file` holds all of it when it was cut. */
export interface ShellEnd {
  code: number;
  output: string;
  timedOut: boolean;
  ms: number;
  file?: string;
}

/** The shell. Approval is asked here, so no caller can go around it. */
export interface Shell {
  /** True if the command is provably read-only. */
  readOnly(command: string): boolean;
  /** Runs a command in the working directory; not approved is a bad outcome. On abort its process tree is ended, then throws. */
  run(
    command: string,
    options: { timeoutMs: number; signal: AbortSignal; onOutput?: (text: string) => void },
  ): Promise<Outcome<ShellEnd>>;
}

/** Sub-agents: child processes of this executable, each with its own context and session. */
export interface Agents {
  spawn(task: string, options: { out?: string; deadlineMs: number }): Promise<Outcome<{ id: string; out: string }>>;
  wait(id: string, signal: AbortSignal): Promise<Outcome<{ text: string; out: string }>>;
}

/** What a tool may use. Which of it is real depends on the mode: in `evolve` there is no shell and the workspace is the draft. */
export interface ToolContext {
  workspace: Workspace;
  shell: Shell;
  agents: Agents;
  sessions: Sessions;
  functions: Functions;
  ask: Terminal["ask"];
  clock: Clock;
  signal: AbortSignal;
  /** Shows progress of this call. */
  update(text: string): void;
}

/** The conversations that may hold tools. */
export type Mode = "chat" | "evolve" | "reflect";

/** A tool of the model: one file in `plugins/tools/`, its default export. `modes` defaults to chat only. */
export interface ToolPlugin<I = unknown> {
  name: string;
  description: string;
  input: z.ZodType<I>;
  modes?: Mode[];
  /** JSON Schema of the arguments, where `input` cannot say it: a plugin in a process of its own checks them itself. */
  parameters?: Record<string, unknown>;
  /** True if calls with this input change nothing: they may run side by side. */
  readOnly(input: I, context: Pick<ToolContext, "shell">): boolean;
  /** One line for people: what this call does. */
  summary(input: I): string;
  run(input: I, context: ToolContext): Promise<ToolResult>;
}

/** Types a tool plugin: `export default tool({ ... })`. */
export const tool = <I>(plugin: ToolPlugin<I>): ToolPlugin<I> => plugin;

/** The tools, and where their large results go. */
export interface Tools {
  /** All tools of a mode in a stable order; what could not be loaded is shown once as a notice. */
  load(mode: Mode): Promise<ToolPlugin[]>;
  /** The context for one call. */
  context(mode: Mode, id: string, signal: AbortSignal): ToolContext;
  /** Writes a large result to a file the model can read; returns its path relative to the working directory. */
  spill(id: string, text: string): Promise<Outcome<string>>;
}

/** A session in a list. Times are ISO 8601. */
export interface SessionInfo {
  id: string;
  startedAt: string;
  first: string;
  turns: number;
  reflected: boolean;
}

/** Past sessions of this directory, and this one's folder of outputs. */
export interface Sessions {
  current(): string;
  list(): Promise<SessionInfo[]>;
  /** Events of one session, in order; a torn last line is dropped. */
  load(id: string): Promise<Outcome<LogEvent[]>>;
  /** Goes on in an earlier session: from now on the log writes there. Its events are read while they are asked for, once, before the next is written. */
  resume(id: string): Promise<Outcome<Iterable<LogEvent>>>;
  /** Sessions that reflection has not yet seen, oldest first, the current one last. */
  unreflected(): Promise<string[]>;
  /** The stripped trajectory: long strings cut, content left out, at most `limit` characters, newest kept. */
  summary(id: string, limit: number): Promise<Outcome<string>>;
  /** Lines `from..to` (events, counted from 0) of the full log, cut to 16,000 characters. */
  page(id: string, from: number, to: number): Promise<Outcome<string>>;
  /** Marks sessions as reflected on, up to their present end. */
  reflected(ids: string[]): Promise<void>;
  /** Opens `outputs/<session>/task_N/`, returns its path relative to the working directory. */
  openTask(number: number): Promise<Outcome<string>>;
}

/** What was learned across sessions. */
export interface Journal {
  add(entry: { observation: string; action: string; outcome: string; lessons: string[] }): void;
  fail(failure: { change: string; reason: string; rolledBack: boolean }): void;
  recent(limit: number): { observation: string; action: string; outcome: string; lessons: string[] }[];
  failures(limit: number): { change: string; reason: string }[];
}

/** Words that the model is given. */
export interface Guidance {
  /** A prompt of `prompts/`, by name without ending. */
  prompt(name: string): Promise<string>;
  /** The memory notes: path and description, one a line. */
  memory(): Promise<string>;
  /** AGENTS.md files from the repository's root down to the working directory (only if trusted), within the size budget. */
  agents(): Promise<{ path: string; text: string; truncated: boolean }[]>;
}

/** Takes back file changes. */
export interface Undo {
  /** A turn begins: what changes from now on belongs to it. */
  mark(label: string): void;
  /** It is over: what changes from now on is somebody else's doing. */
  settle(): Promise<void>;
  /** Takes back the files of the last turn that changed any; says what was restored and what is not covered. */
  back(): Promise<Outcome<string>>;
  /** The unified diff of the files since this session began. */
  diff(): Promise<Outcome<string>>;
}

/** What an evolution starts from. */
export interface DraftStart {
  root: string;
  generation: number;
  /** Files of the source with their line counts, one a line, evolvable ones marked. */
  sourceMap: string;
}

/** The isolated copy in which a change is made. */
export interface Draft {
  /** Takes the lock, finds or unpacks the source, makes the draft equal to the newest generation. */
  open(signal: AbortSignal): Promise<Outcome<DraftStart>>;
  /** The draft's files: the source may be read, evolvable paths may be written. */
  workspace(): Workspace;
  /** The draft's present state as a candidate; a bad outcome if nothing changed. */
  candidate(goal: Goal): Promise<Outcome<Candidate>>;
  /** Throws the change away. */
  discard(): Promise<void>;
  /** Releases the lock. */
  close(): Promise<void>;
}

/** The examiner. Runs in this generation, never in the candidate's. Each step is shown and logged as it happens. */
export interface Gate {
  /** Path policy to red-green. May reformat the draft: the verdict names the tree that it passed. */
  prove(candidate: Candidate, signal: AbortSignal): Promise<Verdict>;
  /** Policy again on the final tree, compile, canary. */
  build(candidate: Candidate, signal: AbortSignal): Promise<Verdict>;
}

/** Accepted generations. */
export interface Lineage {
  /** Makes a candidate that this process's gate passed the next generation; any other tree is refused. */
  promote(
    candidate: Candidate,
    evidence: { steps: Step[]; usage: Usage; decision: string },
  ): Promise<Outcome<Generation>>;
  list(): Promise<Generation[]>;
  /** Checks the hash chain and every payload; the value says what was checked. */
  verify(): Promise<Outcome<string>>;
  /** Evidence, goal, diff, gate and decision of one generation, as text. */
  why(number: number): Promise<Outcome<string>>;
  /** Restores executable and source of a generation as a new commit; the process must then relaunch. */
  rollback(number: number): Promise<Outcome<Generation>>;
}

/** Answers of the body about itself, as text for people. */
export interface About {
  doctor(signal: AbortSignal): Promise<{ text: string; healthy: boolean }>;
  /** Each setting with its value and origin. */
  config(): string;
  version(): string;
  /** Re-runs a recorded session with its recorded replies in a scratch copy; bad at the first divergence. */
  replay(session: string, signal: AbortSignal): Promise<Outcome<string>>;
}

/** Every effect, as one argument. */
export interface Ports {
  model: Model;
  terminal: Terminal;
  log: Log;
  clock: Clock;
  tools: Tools;
  sessions: Sessions;
  journal: Journal;
  guidance: Guidance;
  undo: Undo;
  draft: Draft;
  gate: Gate;
  lineage: Lineage;
  about: About;
  functions: Functions;
  plugins: Pick<Plugins, "run">;
  budget: Budget;
  /** What the previous process handed over, if this one was relaunched. */
  handover: Handover | undefined;
  /**
   * Runs the machine to its final state and returns its output. The host lays its own guard `passed` over the machine's,
   * and a fault that the machine did not handle rejects.
   */
  run<M extends AnyStateMachine>(machine: M, input: InputFrom<M>): Promise<OutputFrom<M>>;
  /** Becomes the newest executable, in the same process. Returns only if that failed. */
  relaunch(handover: Handover): Promise<Outcome<never>>;
}

/** What the command line asks of the body. */
export interface Options {
  /** `repl`: a conversation; `print`: one answer; `command`: no conversation. */
  mode: "repl" | "print" | "command";
  json: boolean;
  yes: boolean;
  model?: string;
  fastModel?: string;
  record?: string;
  resume?: string;
  maxChanges?: number;
  /** True if the command needs a model: without one it must exit 4. */
  needsModel: boolean;
  /** The slash commands, for completion. */
  commands: { name: string; summary: string }[];
}

/** Opens the body; a bad outcome carries the exit code. */
export type Open = (
  options: Options,
) => Promise<{ ok: true; ports: Ports } | { ok: false; error: string; exit: number }>;
