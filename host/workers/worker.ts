/** A dropped-in tool plugin, seen from the host: started when it is called, ended when it is idle. */
import { setTimeout as wait } from "node:timers/promises";
import type { Clock } from "../../actors/ports.ts";
import { either, no, ok, type Outcome } from "../../actors/types.ts";
import { createCalls } from "./calls.ts";
import { type Grants, settle } from "./grants.ts";
import type { Child } from "../children/process.ts";
import { type Heard, launch } from "./process.ts";
import type { ToolWorker, ToolWorkerOptions } from "./types.ts";
import { LIMITS } from "./wire.ts";

const REAL: Clock = { now: () => Date.now(), sleep: (ms, signal) => wait(ms, undefined, { signal }) };

export { createDeclare } from "./declare.ts";
/** As check.ts has it, which is only read when it is wanted. */
export const checkTypes: typeof import("./check.ts").checkTypes = async (what) =>
  (await import("./check.ts")).checkTypes(what);

/** Makes a plugin ready to be called; nothing is started before the first call. */
export async function createToolWorker(options: ToolWorkerOptions): Promise<Outcome<ToolWorker>> {
  const grants = await settle(options.granted, options);
  return grants.ok ? ok(keep(options)) : grants;
}

type Phase =
  | { at: "rest" }
  | { at: "starting"; done: Promise<Outcome<Child>> }
  | { at: "up"; child: Child }
  | { at: "waiting"; until: number; why: string }
  | { at: "stopped"; why: string };

/** The life of a plugin: rest, starting, up, and after a crash waiting or stopped. */
function keep(options: ToolWorkerOptions): ToolWorker {
  const { declared, clock = REAL, notice = () => {} } = options, { name } = declared;
  const ending = new AbortController();
  let phase: Phase = { at: "rest" }, crashes = 0, idle = new AbortController();
  const current = () => phase.at === "up" ? phase.child : undefined;
  const calls = createCalls(declared, { ...options, clock, ready, rest, current });

  function ready(): Promise<Outcome<Child>> {
    idle.abort();
    if (phase.at === "stopped") return Promise.resolve(no(`Plugin "${name}" is stopped: ${phase.why}`));
    if (phase.at === "waiting") {
      const left = Math.max(0, phase.until - clock.now());
      return Promise.resolve(no(`Plugin "${name}" starts again in ${left} ms, because ${phase.why}; call it then`));
    }
    if (phase.at === "up") return calls.closing() ? phase.child.ended.then(ready) : Promise.resolve(ok(phase.child));
    if (phase.at === "rest") phase = { at: "starting", done: begin() };
    return phase.done;
  }

  async function begin(): Promise<Outcome<Child>> {
    const grants = await settle(options.granted, options);
    if (!grants.ok) return ending.signal.aborted || (phase = { at: "rest" }), grants;
    const since = clock.now();
    const started = await start(options, { grants: grants.value, listener: calls });
    if (!started.ok) return crashed(started.error, since), no(`Plugin "${name}" did not start: ${started.error}`);
    const child = started.value;
    if (ending.signal.aborted) return child.kill(), await child.ended, ready();
    phase = { at: "up", child };
    child.ended.then((why) => {
      const wanted = calls.gone(why);
      if (ending.signal.aborted) return;
      if (wanted) phase = { at: "rest" };
      else crashed(why, since);
    });
    return ok(child);
  }

  function crashed(why: string, since: number) {
    if (ending.signal.aborted) return;
    crashes = clock.now() - since >= LIMITS.healthMs ? 1 : crashes + 1;
    if (crashes > LIMITS.crashes) {
      const said = `it crashed ${crashes} times in a row, the last time because ${why}; mend its file`;
      phase = { at: "stopped", why: said };
      return notice(`Plugin "${name}" is stopped: ${said}`);
    }
    const ms = Math.min(LIMITS.backoffMs * 2 ** (crashes - 1), LIMITS.maxBackoffMs);
    phase = { at: "waiting", until: clock.now() + ms, why };
    notice(`Plugin "${name}" crashed, because ${why}; it starts again in ${ms} ms`);
    clock.sleep(ms, ending.signal).then(() => {
      phase = { at: "rest" };
      return ready();
    }).then(rest, () => {});
  }

  /** Nothing is in flight: after a while the process goes, and the next call brings it back. */
  function rest() {
    idle.abort();
    if (calls.busy()) return;
    const now = idle = new AbortController();
    const over = either(now.signal, ending.signal);
    clock.sleep(LIMITS.idleMs, over).then(() => calls.kill("it was idle"), () => {});
  }

  return {
    declared,
    call: calls.call,
    state: () => phase.at === "stopped" ? "stopped" : phase.at === "waiting" ? "restarting" : "running",
    get calls() {
      return calls.count();
    },
    get failures() {
      return calls.failures();
    },
    async end() {
      ending.abort();
      const now = phase;
      phase = { at: "stopped", why: "it was unloaded" };
      const started = now.at === "starting" ? await now.done : now.at === "up" ? ok(now.child) : undefined;
      if (!started?.ok) return;
      started.value.kill();
      await started.value.ended;
    },
  };
}

/** Starts a process and has it load the plugin; a process that does not get that far is gone when this returns. */
async function start(
  { self, file, declared: { code }, landlock }: ToolWorkerOptions,
  { grants, listener }: { grants: Grants; listener: Heard },
): Promise<Outcome<Child>> {
  const started = launch({ self, grants, landlock, sources: [{ file, source: "", code }] }, listener);
  if (!started.ok) return started;
  const { child, loaded } = started.value, said = await loaded[0] ?? "";
  if (typeof said !== "string" && said.type === "declared") return ok(child);
  child.kill();
  await child.ended;
  return no(typeof said === "string" ? said : said.error);
}
