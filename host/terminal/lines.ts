/** Input without a line editor: a pipe, a file, or a dumb terminal. */
import type { Heard, Terminal } from "../../actors/ports.ts";
import { ok } from "../../actors/types.ts";
import { chosenBy, inTurn, refusal } from "./asking.ts";
import { createInbox } from "./inbox.ts";
import type { Input, Pending } from "./terminal.ts";

/** Lines that may be heard while work goes on, in characters, before the pipe has to wait. */
const AHEAD = 1 << 20;
/** A newline that no odd backslash stands before. */
const LINE_END = /(?<!(?:^|[^\\])(?:\\\\)*\\)\n/;
const LONGEST_LINE = 16 << 20;

/** Questions that are answered by a line. */
export interface LineAsking {
  ask: Terminal["ask"];
  /** True if the lines, which came together, were an answer: exactly one, long enough after the question was shown. */
  take(lines: string[]): boolean;
  /** The person is gone: the question ends unanswered. */
  dismiss(): void;
}

/** Makes the asker; `pose` puts a question before the person and resolves when it can be read. */
export function createLineAsking(now: () => number, pose: (question: string) => Promise<void>): LineAsking {
  let current: { readyAt: number; settle: (text: string) => void } | undefined;
  return {
    dismiss: () => current?.settle(""),
    take(lines) {
      const [only] = lines;
      if (current === undefined || only === undefined || lines.length > 1 || now() < current.readyAt) return false;
      current.settle(only.trim());
      return true;
    },
    ask: inTurn(async (question, { choices = [], signal }) => {
      signal.throwIfAborted();
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      const mine = { readyAt: Infinity, settle: resolve };
      current = mine;
      const stop = () => reject(signal.reason);
      signal.addEventListener("abort", stop);
      pose(choices.length > 0 ? `${question} (${choices.join(", ")})` : question).then(() =>
        mine.readyAt = now() + 500
      );
      try {
        const text = await promise;
        if (text === "") return refusal(choices, "nothing was answered");
        if (choices.length === 0) return ok(text);
        const chosen = chosenBy(choices, text.toLowerCase());
        return chosen === undefined ? refusal(choices, `"${text}" is none of ${choices.join(", ")}`) : ok(chosen);
      } finally {
        current = undefined;
        signal.removeEventListener("abort", stop);
      }
    }),
  };
}

/** Whole lines of a text, and what is left. A newline after an odd number of backslashes ends no line. */
export function splitLines(text: string): { lines: string[]; rest: string } {
  if (!text.includes("\n")) return text.length < LONGEST_LINE ? { lines: [], rest: text } : { lines: [text], rest: "" };
  const lines = text.replaceAll("\r\n", "\n").split(LINE_END);
  const rest = lines.pop() ?? "";
  return { lines: lines.map(joined), rest };
}

/** A line with its continuations as newlines. */
function joined(line: string): string {
  return line.replaceAll("\\\n", "\n");
}

/** The listening half of a terminal. */
export interface Lines {
  listen(hear: (heard: Heard) => void): () => void;
  busy(on: boolean): void;
  pending(): Pending;
  /** Starts reading, if nothing has yet. */
  read(): void;
  /** Ends the input from this side. */
  end(): void;
}

/** Reads lines and tells them in order, then the end, once. */
export function createLines(stdin: Input, pending: Pending, asking: LineAsking): Lines {
  const inbox = createInbox(pending.lines);
  let { typed } = pending;
  let state: "new" | "reading" | "ended" = "new";
  let working = false;
  let ahead = 0;
  let wake = () => {};
  const put = (lines: string[]) => {
    for (const text of lines) {
      if (working) ahead += text.length;
      if (text.trim() !== "") inbox.tell({ type: "line", text });
    }
  };
  const end = () => {
    if (state === "ended") return;
    state = "ended";
    asking.dismiss();
    inbox.tell({ type: "end" });
  };
  const read = async () => {
    if (state !== "new") return;
    state = "reading";
    const decoder = new TextDecoder();
    try {
      for await (const bytes of stdin.readable) {
        const { lines, rest } = splitLines(typed + decoder.decode(bytes, { stream: true }));
        typed = rest;
        if (rest !== "" || !asking.take(lines)) put(lines);
        while (working && ahead > AHEAD) await new Promise<void>((resolve) => wake = resolve);
      }
    } catch {
      // A terminal that hung up ends the input as EOF does.
    }
    put([joined(typed + decoder.decode())]);
    typed = "";
    end();
  };
  return {
    listen(listener) {
      read();
      return inbox.listen(listener);
    },
    busy(on) {
      working = on;
      ahead = 0;
      if (!on) wake();
    },
    pending: () => ({ lines: inbox.lines(), typed }),
    read: () => void read(),
    end,
  };
}
