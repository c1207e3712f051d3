/** A child process that runs what Evo does not trust, as Evo holds it: frames to and fro, an end to it and to all that it started. */
import { attempt } from "../session/files.ts";
import { createWire } from "./frames.ts";

/** A started process. */
export interface Child {
  /** False if the frame is over the limit. What is sent to one that is gone is lost. */
  send(frame: unknown): boolean;
  /** Ends it, and every process that it started; `why` is what `ended` says then. */
  kill(why?: string): void;
  /** Allows it the full measure of output again. */
  refill(): void;
  alive(): boolean;
  /** Resolves with one clause that says why it is gone. */
  ended: Promise<string>;
}

/** Whom a process reports to: `hear` gets its frames, which nobody has looked at; `print` what it wrote besides; both never after `ended`. */
export interface Listener {
  hear(frame: unknown): void;
  print(text: string): void;
}

/** What a process is started as. `most`: bytes of the longest frame. */
export interface Start {
  command: string[];
  env: Record<string, string>;
  cwd?: string;
  most: number;
}

/** How the clause about a process begins that took too long. */
export const LATE = "it was not ready";
/** What it may print until it is refilled, in characters; ms in which its pipes must close behind it. */
const OUTPUT = 1_048_576, GRACE_MS = 200;

/** Starts a process in a group of its own; throws if the executable is gone. */
export function startChild({ command, most, ...how }: Start, { hear, print }: Listener): Child {
  const [program = "", ...args] = command;
  const pipes = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
  const child = new Deno.Command(program, { ...how, args, clearEnv: true, detached: true, ...pipes }).spawn();
  const stdin = child.stdin.getWriter(), wire = createWire(most, crypto.randomUUID());
  let alive = true, why = "", tail = "", room = OUTPUT;
  const kill = (because = "") => {
    why ||= because;
    if (alive) attempt(() => Deno.kill(-child.pid, "SIGKILL")); // or nobody is left in the group
  };
  const frames = (async () => {
    try {
      for await (const piece of child.stdout) for (const frame of wire.read(piece)) hear(frame);
    } catch (error) {
      kill(error instanceof RangeError ? `it sent more than ${most >> 20} MB at once` : String(error));
    }
  })();
  const prints = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      room -= text.length;
      tail = (tail + text).slice(-2_000);
      if (room < 0) kill("it wrote more than 1 MB of output");
      else print(text);
    }
  })().catch(() => {});
  const ended = (async () => {
    const { code, signal } = await child.status;
    kill();
    alive = false;
    // A program that left the group may hold the pipe on; then the rest of what is said is not waited for.
    const held = Promise.withResolvers<void>(), timer = setTimeout(held.resolve, GRACE_MS);
    await Promise.race([held.promise, Promise.all([frames, prints, stdin.abort().catch(() => {})])]);
    clearTimeout(timer);
    if (signal === "SIGALRM") return why || LATE; // by the timer of its own
    return why || explain(tail, signal ? `was ended by ${signal}` : `ended with code ${code}`);
  })();
  return {
    send(frame) {
      const bytes = wire.encode(frame);
      if (bytes) stdin.write(bytes).catch(() => {});
      return bytes !== undefined;
    },
    kill,
    refill: () => void (room = OUTPUT),
    alive: () => alive,
    ended,
  };
}

function explain(tail: string, how: string): string {
  if (/out of memory|heap limit|allocation failed/i.test(tail)) return "it ran out of memory";
  const lines = tail.trim().split("\n").filter((line) => !line.startsWith("    at "));
  const at = lines.findLastIndex((line) => /^error\b|panicked at/i.test(line));
  const said = lines.slice(at < 0 ? -1 : at).slice(0, 2).join(" ").slice(0, 300);
  return said ? `its process ${how}: ${said}` : `its process ${how}`;
}
