/** What happens before anything else at a start: finish what a kill interrupted, and leave a generation that cannot start. */
import { join } from "node:path";
import { isThere, removeIfThere, tryLock, waitForLock } from "../build/disk.ts";
import { fingerprint } from "../home.ts";
import { reason } from "../session/files.ts";
import { folderOf, mark, readCurrent, stateOf } from "./current.ts";
import type { At } from "./tree.ts";

/** What a recovery is told: `now` in milliseconds; `at` is for tests, which kill at a step. */
export type RecoverOptions = { home: string; executable: string; now?: () => number; at?: At };

/** What a start found. With `relaunch`, another executable is in place: become it at once. */
export interface Start {
  /** The number of this generation; undefined while the lineage does not know this executable. */
  generation: number | undefined;
  relaunch: boolean;
  notices: string[];
  /** The first prompt is reached: this generation is good. */
  confirm(): Promise<void>;
  /** The process ends in good order without a prompt: that says nothing about this generation. */
  leave(): Promise<void>;
}

/** Recovers, then counts this start if the generation is unconfirmed. Never throws: what failed is in the notices. */
export async function recover(options: RecoverOptions): Promise<Start> {
  const nothing = () => Promise.resolve();
  const start: Start = { generation: undefined, relaunch: false, notices: [], confirm: nothing, leave: nothing };
  const { home, executable } = options;
  try {
    if (await isThere(join(home, "intent.json"))) await resume(options, start);
    if (start.relaunch) return start;
    const current = await readCurrent(home);
    const number = current?.number ?? null;
    if (!current || number === null || current.file !== await fingerprint(executable)) return start;
    start.generation = number;
    if (await stateOf(home, number) === "confirmed") return start;
    if (await hasDied(home, number)) await (await import("./give_up.ts")).giveUp(options, current, start);
    if (!start.relaunch) await count(home, number, start);
  } catch (error) {
    start.notices.push(`Cannot recover the lineage in "${home}": ${reason(error)}; run "evo lineage verify"`);
  }
  return start;
}

async function resume({ home, executable, at }: RecoverOptions, start: Start): Promise<void> {
  // A child that a killed process was just starting holds its lock for a moment longer.
  const lock = await waitForLock(join(home, "promote.lock"), 500);
  if (!lock) return; // a living process is promoting
  try {
    const { finish, readIntent } = await import("./promote.ts");
    const intent = await readIntent(home);
    if (!intent) return;
    const before = await fingerprint(executable);
    const done = await finish(home, intent, at);
    const { number, goal } = intent.manifest;
    if (done.ok) start.notices.push(`Finished what was interrupted: generation ${number}, ${goal}`, ...done.value);
    else start.notices.push(done.error);
    start.relaunch = before !== await fingerprint(executable);
  } finally {
    lock.close();
  }
}

/** A start holds a lock on a file of its own; a file that can be locked belongs to a process that is gone. */
async function hasDied(home: string, number: number): Promise<boolean> {
  const folder = join(folderOf(home, number), "starts");
  if (!await isThere(folder)) return false;
  for await (const { name } of Deno.readDir(folder)) {
    const lock = await tryLock(join(folder, name));
    lock?.close();
    if (lock) return true;
  }
  return false;
}

async function count(home: string, number: number, start: Start): Promise<void> {
  const path = join(folderOf(home, number), "starts", crypto.randomUUID());
  const lock = await tryLock(path);
  let ended: Promise<void> | undefined, confirmed: Promise<void> | undefined;
  const end = () => ended ??= removeIfThere(path).finally(() => lock?.close());
  start.leave = async () => {
    await confirmed;
    await end();
  };
  start.confirm = () => confirmed ??= mark(home, number, "confirmed").then(end);
}
