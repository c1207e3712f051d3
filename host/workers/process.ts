/** Starts the process of a plugin, or of several that are declared. */
import { no, ok, type Outcome } from "../../actors/types.ts";
import { type Child, LATE, type Listener, startChild } from "../children/process.ts";
import { landlockAvailable, sandboxed } from "../sandbox/landlock.ts";
import { reason } from "../session/files.ts";
import type { Grants } from "./grants.ts";
import { FromChild, LIMITS, type Source, type ToChild } from "./wire.ts";

/** Whom a plugin's process reports to. */
export interface Heard extends Listener {
  hear(frame: FromChild): void;
}

let known: boolean | undefined;

/** Whether this kernel can restrict a plugin's process; asked once. */
export const hasLandlock = (): boolean => known ??= landlockAvailable();

type Loaded = FromChild & { type: "declared" | "failed" };

/** What was started: for each plugin what it says of itself, or a clause that says why its process is gone instead. */
export interface Launched {
  child: Child;
  loaded: Promise<string | Loaded>[];
}

/** Starts a process under what was granted and has it load plugins; after `ms` it is ended if not all of them are. */
export function launch({ self, grants, sources, landlock = true, ms = LIMITS.startMs }: {
  self: string[];
  grants: Grants;
  sources: Source[];
  landlock?: boolean | undefined;
  ms?: number;
}, { hear, print }: Heard): Outcome<Launched> {
  const { cwd, env, allowed, rules } = grants, said = sources.map(() => Promise.withResolvers<Loaded>());
  const words = [...withWorkers(self), "--evo-plugin", ...(allowed.run ? ["--programs"] : [])];
  const command = landlock && hasLandlock() ? sandboxed(words, { rules, self }) : words;
  const take = (value: unknown) => {
    const frame = FromChild.safeParse(value).data;
    if (!frame) child.kill("it sent what is no frame");
    else if (frame.type === "gone") child.kill(frame.error);
    else if (frame.type === "declared" || frame.type === "failed") said[frame.at]?.resolve(frame);
    else hear(frame);
  };
  let child: Child;
  try {
    child = startChild({ command, env, cwd, most: LIMITS.frame }, { hear: take, print });
  } catch (error) {
    return no(`its process cannot start: ${reason(error)}`);
  }
  const timer = setTimeout(() => child.kill(`${LATE} after ${ms / 1000} s`), ms);
  const loaded = said.map(({ promise }) => Promise.race([promise, child.ended]));
  void Promise.all(loaded).then(() => clearTimeout(timer));
  const start: ToChild = { type: "start", plugins: sources, cwd, allowed, memory: LIMITS.memory };
  if (!child.send(start)) child.kill("its source is over 1 MB");
  return ok({ child, loaded });
}

/** From a checkout, Deno must be told that workers may have permissions of their own; and not to download; an executable was told when it was built. */
function withWorkers(self: string[]): string[] {
  const [program = "", ...words] = self;
  return words[0] === "run" ? [program, "run", "--unstable-worker-options", "--cached-only", ...words.slice(1)] : self;
}
