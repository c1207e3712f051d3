/** The Terminal port, in the way that fits where stdin and stdout lead. */
import type { Terminal } from "../../actors/ports.ts";
import type { Sources } from "../editor/complete.ts";
import type { History } from "../editor/history.ts";
import { createPiped } from "./piped.ts";
import { jsonLine } from "./plain.ts";
import { hasColor } from "../render/style.ts";
import { createTty } from "./tty.ts";
import { createWriter, type Out } from "./writer.ts";

/** Where keys and lines come from; `Deno.stdin` fits. */
export interface Input {
  readable: ReadableStream<Uint8Array>;
  isTerminal(): boolean;
  setRaw(on: boolean): void;
}

/** Input that was read and not yet acted on. */
export interface Pending {
  lines: string[];
  typed: string;
}

/** Signals of the process. */
export interface Signals {
  /** Calls back on a signal; returns the way to stop. */
  on(signal: Deno.Signal, then: () => void): () => void;
  /** Stops this process group, as Ctrl-Z does. */
  stop(): void;
}

/** What a terminal needs. `pending` is what a previous process had read; `onFirstPrompt` is called once the first `listen` is visible. */
export interface TerminalOptions extends Sources {
  mode: "repl" | "print";
  json: boolean;
  stdin: Input;
  stdout: Out;
  stderr: Out;
  env: { TERM?: string | undefined; NO_COLOR?: string | undefined };
  columns: () => number;
  history: History;
  promptLabel: () => string;
  clock?: { now(): number };
  pending?: Pending | undefined;
  onFirstPrompt?: () => void;
  signals?: Signals;
}

/** A terminal that can be closed and handed over. */
export interface OpenTerminal extends Terminal {
  /** Shows a person at a terminal the prompt before anybody listens: keys are taken, lines wait. `onFirstPrompt` waits, too. */
  greet(): void;
  /** Input that nobody has heard yet. Ask after `close`, hand it to the next process. */
  pending(): Pending;
  /** Resolves when everything shown so far is written, or its reader is gone. */
  done(): Promise<void>;
  /** Gives the terminal back: cooked, cursor visible, bracketed paste off, everything written. Shows nothing in the live region any more. */
  close(): Promise<void>;
}

/** The signals of this process. */
export const processSignals: Signals = {
  on(signal, then) {
    Deno.addSignalListener(signal, then);
    return () => Deno.removeSignalListener(signal, then);
  },
  stop: () => Deno.kill(0, "SIGTSTP"),
};

/**
 * Makes the terminal. A person at a terminal in `repl` gets the line editor; with TERM=dumb plain lines; everything else reads
 * lines (in `print`: nothing) and writes plain text or JSON. Showing never waits: output for a slow reader is queued up to
 * 16 MB of characters, then dropped, and a line says how much. A reader that is gone ends the input.
 */
export function createTerminal(options: TerminalOptions): OpenTerminal {
  const { mode, json, env } = options;
  const now = options.clock?.now ?? Date.now;
  const person = mode === "repl" && !json && options.stdin.isTerminal() && options.stdout.isTerminal();
  const lost = (characters: number) => {
    const text = `${characters} characters were not shown: the reader is too slow`;
    return json ? jsonLine({ type: "notice", level: "warning", text }, now()) : `\n[${text}]\n`;
  };
  if (!person || env.TERM === "dumb") return createPiped(options, { person, now, lost });
  let gone = () => {};
  const writer = createWriter(options.stdout, { lost: () => "", gone: () => gone() });
  const tty = createTty(options, { writer, color: hasColor(env, true) });
  return { ...tty, listen: (hear) => (gone = () => hear({ type: "end" }), tty.listen(hear)) };
}
