/** A dropped-in tool plugin, seen from the host: declared without permissions, started when it is called, ended when it is idle. */
import { setTimeout as wait } from "node:timers/promises";
import type { Clock } from "../../actors/ports.ts";
import { either, no, ok, type Outcome } from "../../actors/types.ts";
import { createCalls } from "./calls.ts";
import { type Grants, settle } from "./grants.ts";
import { fits, hasLandlock, type Listener, plug, type Plugged } from "./process.ts";
import type { Declared, DeclareOptions, ToolWorker, ToolWorkerOptions } from "./types.ts";
import { complaint, Declaration, type FromChild, LIMITS } from "./wire.ts";

export type { CallOptions, Declared, DeclareOptions, ToolWorker, ToolWorkerOptions } from "./types.ts";

const REAL: Clock = { now: () => Date.now(), sleep: (ms, signal) => wait(ms, undefined, { signal }) };

/** Reads what a plugin says about itself, with no permission at all. */
export async function declare(options: DeclareOptions): Promise<Outcome<Declared>> {
  const grants = await settle({}, options);
  if (!grants.ok) return grants;
  const started = await start(options, { grants: grants.value, listener: { hear: () => {}, print: () => {} } });
  if (!started.ok) return no(/^Cannot /.test(started.error) ? started.error : because(options.file, started.error));
  started.value.plugged.kill();
  await started.value.plugged.ended;
  const { declaration, code } = started.value;
  const parsed = Declaration.safeParse(declaration);
  if (!parsed.success) return no(because(options.file, complaint(parsed.error)));
  return ok({ ...parsed.data, code, landlock: options.landlock !== false && hasLandlock() });
}

/** Makes a plugin ready to be called; nothing is started before the first call. */
export async function createToolWorker(options: ToolWorkerOptions): Promise<Outcome<ToolWorker>> {
  const declared = options.declared ? ok(options.declared) : await declare(options);
  if (!declared.ok) return declared;
  const grants = await settle(options.granted, options);
  return grants.ok ? ok(keep(declared.value, options)) : grants;
}

type Phase =
  | { at: "rest" }
  | { at: "starting"; done: Promise<Outcome<Plugged>> }
  | { at: "up"; plugged: Plugged }
  | { at: "waiting"; until: number; why: string }
  | { at: "stopped"; why: string };

/** The life of a plugin: rest, starting, up, and after a crash waiting or stopped. */
function keep(declared: Declared, options: ToolWorkerOptions): ToolWorker {
  const { clock = REAL, notice = () => {} } = options;
  const { name } = declared;
  const ending = new AbortController();
  let phase: Phase = { at: "rest" }, crashes = 0, idle = new AbortController();
  const calls = createCalls(declared, {
    ...options,
    clock,
    ready,
    rest,
    current: () => phase.at === "up" ? phase.plugged : undefined,
  });

  function ready(): Promise<Outcome<Plugged>> {
    idle.abort();
    if (phase.at === "stopped") return Promise.resolve(no(`Plugin "${name}" is stopped: ${phase.why}`));
    if (phase.at === "waiting") {
      const left = Math.max(0, phase.until - clock.now());
      return Promise.resolve(no(`Plugin "${name}" starts again in ${left} ms, because ${phase.why}; call it then`));
    }
    if (phase.at === "up") {
      return calls.closing() ? phase.plugged.ended.then(ready) : Promise.resolve(ok(phase.plugged));
    }
    if (phase.at === "rest") phase = { at: "starting", done: begin() };
    return phase.done;
  }

  async function begin(): Promise<Outcome<Plugged>> {
    const grants = await settle(options.granted, options);
    if (!grants.ok) return ending.signal.aborted || (phase = { at: "rest" }), grants;
    const since = clock.now();
    const started = await start({ ...options, code: declared.code }, { grants: grants.value, listener: calls });
    if (!started.ok) return crashed(started.error, since), no(`Plugin "${name}" did not start: ${started.error}`);
    const { plugged } = started.value;
    if (ending.signal.aborted) {
      plugged.kill();
      return await plugged.ended, ready();
    }
    phase = { at: "up", plugged };
    plugged.ended.then((why) => {
      const wanted = calls.gone(why);
      if (ending.signal.aborted) return;
      if (wanted) phase = { at: "rest" };
      else crashed(why, since);
    });
    return ok(plugged);
  }

  function crashed(why: string, since: number) {
    if (ending.signal.aborted) return;
    crashes = clock.now() - since >= LIMITS.healthMs ? 1 : crashes + 1;
    if (crashes > LIMITS.crashes) {
      phase = {
        at: "stopped",
        why: `it crashed ${crashes} times in a row, the last time because ${why}; mend its file`,
      };
      return notice(`Plugin "${name}" is stopped: ${phase.why}`);
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
    clock.sleep(LIMITS.idleMs, either(now.signal, ending.signal)).then(
      () => calls.kill("it was idle"),
      () => {},
    );
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
      const started = now.at === "starting" ? await now.done : now.at === "up" ? ok(now.plugged) : undefined;
      if (!started?.ok) return;
      started.value.kill();
      await started.value.ended;
    },
  };
}

type Start = DeclareOptions & { code?: string };

/** Starts a process and has it load the plugin; a process that does not get that far is gone when this returns. */
async function start(
  { self, file, source, code, landlock = true }: Start,
  { grants, listener }: { grants: Grants; listener: Listener },
): Promise<Outcome<{ plugged: Plugged; declaration: unknown; code: string }>> {
  const small = fits(source, file);
  if (!small.ok) return small;
  const loaded = Promise.withResolvers<FromChild>();
  const hear = (frame: FromChild) =>
    frame.type === "declared" || frame.type === "failed" ? loaded.resolve(frame) : listener.hear(frame);
  let plugged: Plugged;
  try {
    plugged = plug({ self, grants, landlock }, { ...listener, hear });
  } catch (error) {
    return no(`its process cannot start: ${error instanceof Error ? error.message : String(error)}`);
  }
  const { cwd, allowed } = grants;
  const sent = plugged.send({
    type: "start",
    file,
    source: code === undefined ? source : "",
    cwd,
    allowed,
    memory: LIMITS.memory,
    ...(code !== undefined && { code }),
  });
  const late = Promise.withResolvers<string>();
  const timer = setTimeout(() => late.resolve(`it was not ready after ${LIMITS.startMs / 1000} s`), LIMITS.startMs);
  const first = sent ? await Promise.race([loaded.promise, plugged.ended, late.promise]) : "its source is over 1 MB";
  clearTimeout(timer);
  if (typeof first !== "string" && first.type === "declared") {
    return ok({ plugged, declaration: first.declaration, code: first.code });
  }
  plugged.kill();
  await plugged.ended;
  return no(typeof first === "string" ? first : first.type === "failed" ? first.error : "it said nothing of itself");
}

function because(file: string, why: string): string {
  return `Cannot load "${file}": ${why}`;
}
