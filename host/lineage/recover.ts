/** What happens before anything else at a start: finish what a kill interrupted, and leave a generation that cannot start. */
import { join } from "node:path";
import * as z from "zod";
import { no } from "../../actors/types.ts";
import { reason } from "../build/executable.ts";
import { isThere, readJson, removeIfThere, tryLock, writeDurable } from "../build/disk.ts";
import { fingerprint } from "../home.ts";
import { type Current, folderOf, mark, readCurrent, readHead, readManifest, stateOf } from "./manifest.ts";
import type { At } from "./tree.ts";

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

/** Restores in one span of time, after which a start no longer tries: a loop must end where a person sees it. */
const BREAKER = { restores: 3, spanMs: 600_000 };

/** Recovers, then counts this start if the generation is unconfirmed. Never throws: what failed is in the notices. */
export async function recover(
  options: { home: string; executable: string; now?: () => number; at?: At },
): Promise<Start> {
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
    if (await hasDied(home, number)) await giveUp(options, current, start);
    if (!start.relaunch) await count(home, number, start);
  } catch (error) {
    start.notices.push(`Cannot recover the lineage in "${home}": ${reason(error)}; run "evo lineage verify"`);
  }
  return start;
}

async function resume({ home, executable, at }: Parameters<typeof recover>[0], start: Start): Promise<void> {
  const lock = await tryLock(join(home, "promote.lock"));
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

/** Returns to the last confirmed generation, by the same steps as any promotion, and pins those above it as bad. */
async function giveUp(options: Parameters<typeof recover>[0], current: Current, start: Start): Promise<void> {
  const { home, executable } = options;
  const lock = await tryLock(join(home, "promote.lock"));
  if (!lock) return;
  try {
    const head = await readHead(home);
    if (!head || head.number !== current.number || (await readCurrent(home))?.file !== current.file) return;
    const { good, bad } = await judge(home, head.number);
    const died = `Generation ${head.number} died before its first prompt`;
    const now = (options.now ?? Date.now)();
    const tell = (text: string) => void start.notices.push(`${died}${text}`);
    if (good === undefined) return tell(", and no confirmed one is left to return to");
    if (!await mayRestore(home, now)) {
      return tell("; Evo returned 3 times within 10 minutes and tries no more: build it anew");
    }
    const { carryOut } = await import("./promote.ts");
    const { planReturn } = await import("./return.ts");
    const facts = { home, executable, number: good, decision: died, confirmed: true, bad, now };
    const { commit } = (await readManifest(home, head.number)).manifest;
    // The source goes back only where nobody has worked since; otherwise the executable alone does, and people are told.
    const { root } = current;
    const whole = root === null
      ? no("its repository is not known")
      : await planReturn({ ...facts, source: { root, commit } });
    const plan = whole.ok ? whole : await planReturn({ ...facts, source: null });
    if (!plan.ok) return tell(`; ${plan.error}`);
    const done = await carryOut(home, plan.value, options.at);
    if (!done.ok) return tell(`; ${done.error}`);
    tell(`: generation ${good} is restored as ${plan.value.manifest.number}`);
    if (!whole.ok) start.notices.push(`Its source was left as it is: ${whole.error}`);
    start.notices.push(...done.value);
    start.relaunch = true;
  } finally {
    lock.close();
  }
}

async function judge(home: string, head: number): Promise<{ good: number | undefined; bad: number[] }> {
  const bad: number[] = [];
  for (let number = head; number >= 0; number--) {
    const state = await stateOf(home, number);
    if (state === "confirmed") return { good: number, bad };
    if (state === "unconfirmed") bad.push(number);
  }
  return { good: undefined, bad };
}

async function mayRestore(home: string, now: number): Promise<boolean> {
  const path = join(home, "restores.json");
  const recent = (await readJson(path, z.array(z.number())) ?? []).filter((at) => now - at < BREAKER.spanMs);
  if (recent.length >= BREAKER.restores) return false;
  await writeDurable(path, JSON.stringify([...recent, now]));
  return true;
}
