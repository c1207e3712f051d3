/** Who has the terminal: this process, raw, or the shell, cooked. */
import type { Input, Signals } from "./terminal.ts";
import type { Writer } from "./writer.ts";

/** The terminal's mode. */
export interface Raw {
  /** Takes the terminal and starts reading; only the first call does anything. */
  begin(): void;
  state(): "new" | "raw" | "suspended" | "closed";
  /** Gives the terminal to the shell until it lets us go on. */
  suspend(): Promise<void>;
  /** Gives it back for good. */
  close(): Promise<void>;
}

/** Makes the mode. `leave` is called before the terminal is given away, `back` when it is ours again. */
export function createRaw(
  { stdin, writer, signals, leave, back, feed, hangUp }: {
    stdin: Input;
    writer: Writer;
    signals: Signals | undefined;
    leave: () => void;
    back: () => void;
    feed: (bytes: Uint8Array) => void;
    hangUp: () => void;
  },
): Raw {
  let state: ReturnType<Raw["state"]> = "new";
  const unlisten: (() => void)[] = [];
  const take = () => {
    state = "raw";
    stdin.setRaw(true);
    writer.write("\x1b[?2004h");
  };
  const give = async (next: typeof state) => {
    leave();
    state = next;
    writer.write("\x1b[?2004l\x1b[?25h");
    await writer.done();
    stdin.setRaw(false);
  };
  const resume = () => {
    if (state === "raw") stdin.setRaw(true); // stopped from outside: the shell has changed the mode
    if (state === "suspended") take();
    back();
  };
  const read = async () => {
    try {
      for await (const bytes of stdin.readable) feed(bytes);
    } catch {
      // A terminal that hung up ends the input as EOF does.
    }
    hangUp();
  };
  return {
    begin() {
      if (state !== "new") return;
      take();
      read();
      if (signals === undefined) return;
      unlisten.push(signals.on("SIGWINCH", back), signals.on("SIGCONT", resume));
      unlisten.push(signals.on("SIGINT", () => feed(Uint8Array.of(3)))); // sent by a program: the key, and the terminal stays ours
    },
    state: () => state,
    async suspend() {
      await give("suspended");
      signals?.stop();
      // It runs when the shell lets us go on, or at once where we cannot be stopped.
      setTimeout(() => state === "suspended" && resume(), 20);
    },
    async close() {
      if (state === "raw") await give("closed");
      state = "closed";
      for (const stop of unlisten.splice(0)) stop();
    },
  };
}
