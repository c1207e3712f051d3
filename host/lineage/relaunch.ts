/** From one executable to the next in the same process: what the next one must know goes through a file. */
import { join } from "node:path";
import { no, type Outcome } from "../../actors/types.ts";
import { reason } from "../build/executable.ts";
import { writeDurable } from "../build/disk.ts";

/** The variable that names the hand-over file. */
export const HANDOVER = "EVO_HANDOVER";

/** What a relaunch needs. `execute` replaces the process with `env` as all of its environment, and returns only why it could not. */
export interface RelaunchOptions {
  home: string;
  executable: string;
  args: string[];
  handover: unknown;
  env: Record<string, string>;
  execute: (path: string, args: string[], env: Record<string, string>) => string;
}

/** Hands over and becomes the executable. Returns only if that failed; the hand-over file stays for whoever starts next. */
export async function relaunch(options: RelaunchOptions): Promise<Outcome<never>> {
  try {
    const path = join(options.home, "handover", `${crypto.randomUUID()}.json`);
    await writeDurable(path, JSON.stringify(options.handover), 0o600);
    const why = options.execute(options.executable, options.args, { ...options.env, [HANDOVER]: path });
    return no(`${why}; the conversation is kept in "${path}"`);
  } catch (error) {
    return no(
      `Cannot hand over to "${options.executable}": ${reason(error)}; go on here, or leave and resume the session`,
    );
  }
}

/** Takes what the process before handed over, once: the file is gone and the variable unset. Undefined if there is none. */
export async function takeHandover(options: { home: string; env: Pick<Deno.Env, "get" | "delete"> }): Promise<unknown> {
  const path = options.env.get(HANDOVER);
  if (path === undefined) return undefined;
  options.env.delete(HANDOVER);
  const folder = join(options.home, "handover");
  if (!/^[0-9a-f-]{36}\.json$/.test(path.slice(folder.length + 1)) || !path.startsWith(`${folder}/`)) return undefined;
  try {
    const value: unknown = JSON.parse(await Deno.readTextFile(path));
    await Deno.remove(path);
    return value;
  } catch {
    return undefined; // none, or not whole: the session can still be resumed from its trajectory
  }
}
