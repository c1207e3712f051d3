/** Leaving a generation that died before its first prompt. */
import { join } from "node:path";
import * as z from "zod";
import { no } from "../../actors/types.ts";
import { readJson, tryLock, writeDurable } from "../build/disk.ts";
import { type Current, readCurrent, stateOf } from "./current.ts";
import { readHead, readManifest } from "./manifest.ts";
import { carryOut } from "./promote.ts";
import type { RecoverOptions, Start } from "./recover.ts";
import { planReturn } from "./return.ts";

/** Restores in one span of time, after which a start no longer tries: a loop must end where a person sees it. */
const BREAKER = { restores: 3, spanMs: 600_000 };

/** Returns to the last confirmed generation, by the same steps as any promotion, and pins those above it as bad. */
export async function giveUp(options: RecoverOptions, current: Current, start: Start): Promise<void> {
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
