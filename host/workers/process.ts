/** One process of a plugin, as Evo holds it. */
import { no, ok, type Outcome } from "../../actors/types.ts";
import { landlockAvailable, sandboxed } from "../sandbox/landlock.ts";
import type { Grants } from "./grants.ts";
import { encode, FromChild, LIMITS, readLines, type ToChild } from "./wire.ts";

/** A started process. `hear` gets its frames; `print` what the plugin wrote by itself; both never after `ended`. */
export interface Plugged {
  send(frame: ToChild): boolean;
  /** Ends it, and every process that it started. */
  kill(): void;
  /** Allows it the full measure of output again. */
  refill(): void;
  /** Resolves with one clause that says why it is gone. */
  ended: Promise<string>;
}

/** Whom a process reports to. */
export interface Listener {
  hear(frame: FromChild): void;
  print(text: string): void;
}

let known: boolean | undefined;

/** Whether this kernel can restrict a plugin's process; asked once. */
export const hasLandlock = (): boolean => known ??= landlockAvailable();

/** Starts the process of a plugin under what was granted; throws if the executable is gone. */
export function plug(
  { self, grants, landlock = true }: { self: string[]; grants: Grants; landlock?: boolean },
  listener: Listener,
): Plugged {
  const words = [...withWorkers(self), "--evo-plugin", ...(grants.allowed.run ? ["--programs"] : [])];
  const held = landlock && hasLandlock() ? sandboxed(words, { rules: grants.rules, self }) : words;
  const [program = "", ...args] = held;
  const child = new Deno.Command(program, {
    args,
    cwd: grants.cwd,
    env: grants.env,
    clearEnv: true,
    detached: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stdin = child.stdin.getWriter();
  let why = "", tail = "", room = LIMITS.output;
  const kill = () => {
    try {
      Deno.kill(-child.pid, "SIGKILL");
    } catch {
      // Nobody is left in the group.
    }
  };
  const end = (reason: string) => (why ||= reason, kill());
  const frames = (async () => {
    try {
      for await (const line of readLines(child.stdout)) {
        const frame = parse(line);
        if (frame?.type === "gone") why ||= frame.error;
        else if (frame) listener.hear(frame);
        else end("it sent what is no frame");
      }
    } catch (error) {
      end(error instanceof RangeError ? "it sent more than 1 MB at once" : String(error));
    }
  })();
  const prints = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      room -= text.length;
      tail = (tail + text).slice(-2_000);
      if (room < 0) end("it wrote more than 1 MB of output");
      else listener.print(text.slice(0, LIMITS.update));
    }
  })().catch(() => {});
  const ended = (async () => {
    const { code, signal } = await child.status;
    kill();
    // A program that left the group may hold the pipe on; then the rest of what is said is not waited for.
    const held = Promise.withResolvers<void>(), timer = setTimeout(held.resolve, LIMITS.graceMs);
    await Promise.race([held.promise, Promise.all([frames, prints, stdin.abort().catch(() => {})])]);
    clearTimeout(timer);
    return why || reason(tail, signal ? `was ended by ${signal}` : `ended with code ${code}`);
  })();
  return {
    send(frame) {
      const bytes = encode(frame);
      if (bytes) stdin.write(bytes).catch(() => {});
      return bytes !== undefined;
    },
    kill,
    refill: () => void (room = LIMITS.output),
    ended,
  };
}

function parse(line: string): FromChild | undefined {
  try {
    return FromChild.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

function reason(tail: string, how: string): string {
  if (/out of memory|heap limit/i.test(tail)) return "it ran out of memory";
  const lines = tail.trim().split("\n").filter((line) => !line.startsWith("    at "));
  const at = lines.findLastIndex((line) => /^error\b|panicked at/i.test(line));
  const said = lines.slice(at < 0 ? -1 : at).slice(0, 2).join(" ").slice(0, 300);
  return said ? `its process ${how}: ${said}` : `its process ${how}`;
}

/** From a checkout, Deno must be told that workers may have permissions of their own; and not to download; an executable was told when it was built. */
function withWorkers(self: string[]): string[] {
  const [program = "", ...words] = self;
  return words[0] === "run" ? [program, "run", "--unstable-worker-options", "--cached-only", ...words.slice(1)] : self;
}

/** Whether what was read of a plugin can be sent at all. */
export function fits(source: string, file: string): Outcome<string> {
  return new TextEncoder().encode(source).length <= LIMITS.source
    ? ok(source)
    : no(`Cannot load "${file}": it is over 512 KB; a plugin is one small file`);
}
