/** One process of a plugin, as Evo holds it. */
import { no, ok, type Outcome } from "../../actors/types.ts";
import { landlockAvailable, sandboxed } from "../sandbox/landlock.ts";
import { attempt, reason } from "../session/files.ts";
import type { Grants } from "./grants.ts";
import { encode, FromChild, LIMITS, readLines, type Source, type ToChild } from "./wire.ts";

/** A started process. `hear` gets its frames; `print` what the plugin wrote by itself; both never after `ended`. */
export interface Plugged {
  send(frame: ToChild): boolean;
  /** Ends it, and every process that it started; `why` is what `ended` says then. */
  kill(why?: string): void;
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

/** How the clause about a process begins that took too long. */
export const LATE = "it was not ready";

/** What was started: for each plugin what it says of itself, or a clause that says why its process is gone instead. */
export interface Launched {
  plugged: Plugged;
  loaded: Promise<string | FromChild & { type: "declared" | "failed" }>[];
}

/** Starts a process and has it load plugins; after `ms` it is ended if not all of them are. */
export function launch(
  { sources, ms = LIMITS.startMs, ...how }: How & { sources: Source[]; ms?: number },
  listener: Listener,
): Outcome<Launched> {
  const said = sources.map(() => Promise.withResolvers<FromChild & { type: "declared" | "failed" }>());
  const hear = (frame: FromChild) =>
    frame.type === "declared" || frame.type === "failed" ? said[frame.at]?.resolve(frame) : listener.hear(frame);
  try {
    const plugged = plug(how, { ...listener, hear }), { cwd, allowed } = how.grants;
    const timer = setTimeout(() => plugged.kill(`${LATE} after ${ms / 1000} s`), ms);
    const loaded = said.map(({ promise }) => Promise.race([promise, plugged.ended]));
    void Promise.all(loaded).then(() => clearTimeout(timer));
    const sent = plugged.send({ type: "start", plugins: sources, cwd, allowed, memory: LIMITS.memory });
    if (!sent) plugged.kill("its source is over 1 MB");
    return ok({ plugged, loaded });
  } catch (error) {
    return no(`its process cannot start: ${reason(error)}`);
  }
}

type How = { self: string[]; grants: Grants; landlock?: boolean | undefined };

/** Starts the process of a plugin under what was granted; throws if the executable is gone. */
function plug(
  { self, grants, landlock = true }: How,
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
  const kill = (because = "") => {
    why ||= because;
    attempt(() => Deno.kill(-child.pid, "SIGKILL")); // or nobody is left in the group
  };
  const frames = (async () => {
    try {
      for await (const line of readLines(child.stdout)) {
        const frame = FromChild.safeParse(attempt(() => JSON.parse(line))).data;
        if (frame?.type === "gone") why ||= frame.error;
        else if (frame) listener.hear(frame);
        else kill("it sent what is no frame");
      }
    } catch (error) {
      kill(error instanceof RangeError ? "it sent more than 1 MB at once" : String(error));
    }
  })();
  const prints = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      room -= text.length;
      tail = (tail + text).slice(-2_000);
      if (room < 0) kill("it wrote more than 1 MB of output");
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
    return why || explain(tail, signal ? `was ended by ${signal}` : `ended with code ${code}`);
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

function explain(tail: string, how: string): string {
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
