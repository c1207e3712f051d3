/** Reads what plugins say of themselves, with no permission at all: many at once in one process, each in a worker of its own. */
import { no, ok, type Outcome } from "../../actors/types.ts";
import { reason } from "../session/files.ts";
import { settle } from "./grants.ts";
import { createLanes } from "../children/lanes.ts";
import { LATE } from "../children/process.ts";
import { launch } from "./process.ts";
import type { Declared, Dropped, Place } from "./types.ts";
import { complaint, Declaration, type FromChild, LIMITS } from "./wire.ts";

type Waiting = Dropped & { done(declared: Outcome<Declared>): void };

/** Plugins in one process, and how long it may take in ms; processes that begin at a time, and how long that is, in ms. */
const MOST = { together: 5, togetherMs: 10_000, young: 4, youngMs: 3_000 }, GATHER_MS = 20;

/**
 * Makes what reads declarations. Those that are wanted within a moment share a process, five at a time; if it ends before all have
 * spoken, for whatever one of them did, each of the others gets a process of its own. One that never ends holds up no other.
 */
export function createDeclare(place: Place): (plugin: Dropped) => Promise<Outcome<Declared>> {
  const lane = createLanes(MOST.young);
  const waiting: Waiting[] = [];

  function begin(batch: Waiting[]): void {
    const failed = (error: unknown): Waiting[] => (tell(batch, reason(error)), []);
    void lane(async () => {
      const { promise: old, resolve } = Promise.withResolvers<void>(), timer = setTimeout(resolve, MOST.youngMs);
      const done = declareAll(batch, place).catch(failed).then((again) => again.forEach((one) => begin([one])));
      await Promise.race([old, done]);
      clearTimeout(timer);
    });
  }
  return ({ file, source, signal }) => {
    const { promise, resolve: done } = Promise.withResolvers<Outcome<Declared>>();
    const first = waiting.push({ file, source, signal, done }) === 1;
    const gathered = () => {
      for (const all = waiting.splice(0); all.length > 0;) begin(all.splice(0, MOST.together));
    };
    if (first) setTimeout(gathered, GATHER_MS);
    return promise;
  };
}

/** Declares plugins in one process. Returns those that were not heard because of another. */
async function declareAll(batch: Waiting[], place: Place): Promise<Waiting[]> {
  const grants = await settle({}, place), alone = batch.length === 1, again: Waiting[] = [];
  const sources = batch.map(({ file, source }) => ({ file, source }));
  const how = { ...place, sources, ms: alone ? LIMITS.startMs : Math.min(MOST.togetherMs, LIMITS.startMs) };
  const quiet = { hear: () => {}, print: () => {} };
  const started = grants.ok ? launch({ ...how, grants: grants.value }, quiet) : grants;
  if (!started.ok) return tell(batch, started.error), [];
  const { child, loaded } = started.value, end = () => (child.kill(), child.ended);
  let spoken = false;
  await Promise.all(batch.map(async (one, at) => {
    const unwanted = Promise.withResolvers<string>(), { file, signal, done } = one;
    const leave = () => unwanted.resolve("it changed or went meanwhile");
    signal.addEventListener("abort", leave);
    if (signal.aborted) leave();
    const said = await Promise.race([unwanted.promise, loaded[at] ?? ""]);
    signal.removeEventListener("abort", leave);
    if (alone) await end();
    spoken ||= typeof said !== "string";
    if (typeof said !== "string") done(judge(file, said));
    else if (alone || signal.aborted || (spoken && said.startsWith(LATE))) done(because(file, said));
    else again.push(one);
  }));
  await end();
  return again;
}

function judge(file: string, said: FromChild & { type: "declared" | "failed" }): Outcome<Declared> {
  if (said.type === "failed") return because(file, said.error);
  const { data, error } = Declaration.safeParse(said.declaration);
  return data ? ok({ ...data, code: said.code }) : because(file, complaint(error));
}

const tell = (batch: Waiting[], why: string) => batch.forEach(({ file, done }) => done(because(file, why)));

/** A bad outcome that names the file, once. */
const because = (file: string, why: string) => no(/^Cannot /.test(why) ? why : `Cannot load "${file}": ${why}`);
