/** The Plugins port: what is dropped into the folders becomes tools, is reloaded, and goes, while Evo runs. */
import { dirname } from "node:path";
import type { Permissions } from "../../actors/plugins.ts";
import type { Clock, Plugins, Terminal } from "../../actors/ports.ts";
import type { Outcome } from "../../actors/types.ts";
import { reason } from "../session/files.ts";
import type { ToolWorkerOptions } from "../workers/types.ts";
import { runCommand } from "./commands.ts";
import { createConsents } from "./consent.ts";
import { asksNothing, type Grant, resolveAsked } from "./permissions.ts";
import { plainly, prepare } from "./prepare.ts";
import { createRegistry, type Entry, type Row, type Version } from "./registry.ts";
import { type Folder, read, scan } from "./scan.ts";
import { createVoice } from "./voice.ts";
import { createWatch, type Watch } from "./watch.ts";

const NOT_ALLOWED = "you did not allow it; change the file to be asked again";

/** What runs plugins: `host/workers/`, or fakes. */
export type Runtime =
  & Pick<typeof import("../workers/worker.ts"), "declare" | "createToolWorker">
  & Pick<typeof import("../workers/check.ts"), "checkTypes">;

/** What plugins stand on. */
export interface PluginsOptions extends Pick<Terminal, "ask" | "interactive" | "show"> {
  /** What starts this executable. */
  self: string[];
  cwd: string;
  /** `<cwd>/.evo/plugins` and, in a checkout, its `plugins`; they need not exist. */
  folders: Folder[];
  /** True if this directory's own plugins may be loaded. */
  trusted: boolean;
  /** Where that was not decided: asks, once, whether `what` of this directory may run. */
  admit?: (what: string, signal: AbortSignal) => Promise<boolean>;
  /** Names of tools that no plugin may take. */
  builtIn: () => string[];
  /** The file of consents, in the user's state folder. */
  store: string;
  /** Resolves when no turn is running: questions wait for it. */
  idle?: () => Promise<void>;
  /** A Deno to check types with. */
  deno?: () => Promise<Outcome<string[]>>;
  /** Prompts that are in use, for the list. */
  prompts?: () => Promise<Pick<Row, "name" | "file" | "state">[]>;
  /** How long `start` waits for what is slow to declare itself. */
  patienceMs?: number;
  clock?: Clock;
  runtime?: Runtime;
}

/** The folder and file of consents: `plugins.json` beside what else the user trusts. */
export const consentStore = (trustStore: string): string => trustStore.replace(/[^/]*$/, "plugins.json");

/** Creates the port. `start` resolves when what is there now is live, or waits for its question, or is too slow. */
export function createPlugins(on: PluginsOptions): Plugins & { end(): Promise<void> } {
  const stop = new AbortController(), consents = createConsents(on.store), voice = createVoice(on.show);
  const registry = createRegistry({ ...on, ...voice, create }), lane = createLanes(4);
  const jobs = new Map<string, Promise<void>>();
  let watch: Watch | undefined, { trusted } = on, asked = false;
  let questions = Promise.resolve(), checks = Promise.resolve(), looks = Promise.resolve(false);
  const over = new Promise<never>((_, end) => stop.signal.addEventListener("abort", () => end(stop.signal.reason)));
  over.catch(() => {});

  async function workers(): Promise<Runtime> {
    const checkTypes: Runtime["checkTypes"] = async (what) => (await import("../workers/check.ts")).checkTypes(what);
    return on.runtime ?? { ...await import("../workers/worker.ts"), checkTypes };
  }
  async function create(what: Omit<ToolWorkerOptions, "self" | "cwd">) {
    const { self, cwd, clock } = on;
    return (await workers()).createToolWorker({ ...what, self, cwd, notice: voice.warn, ...(clock && { clock }) });
  }
  /** One line about a plugin that cannot be used as it is; if it is only broken, the version that worked stays. */
  function fail(entry: Entry, state: "broken" | "refused", note: string): void {
    if (state === "refused") registry.retire(entry);
    Object.assign(entry, { state, note });
    const stays = entry.active ? "; the version that worked stays" : "";
    voice.warn(`Plugin "${entry.found.file}" is ${state}: ${note}${stays}`);
  }
  /** Questions come one after the other, when no turn is running; one whose plugin changed or went is taken back. */
  function question(ask: () => Promise<void>): void {
    questions = questions.then(() => Promise.race([on.idle?.(), over])).then(ask).catch(() => {});
  }

  async function activate(entry: Entry, version: Version, granted: Permissions): Promise<void> {
    const done = await registry.activate(entry, version, granted);
    if (!done.ok) return fail(entry, "broken", done.error);
    if (watch && entry.found.path.endsWith(".ts")) checks = checks.then(() => check(entry, version)).catch(() => {});
  }
  async function check(entry: Entry, { hash, source }: Version): Promise<void> {
    const deno = await on.deno?.(), current = () => entry.active?.version.hash === hash && !stop.signal.aborted;
    if (!deno?.ok || !current()) return;
    const { file, path } = entry.found, { checkTypes } = await workers();
    const checked = await checkTypes({ file: path, source, deno: deno.value, signal: stop.signal });
    if (checked.ok || !current()) return;
    entry.note = `its types are wrong: ${plainly(checked.error)}`;
    voice.warn(`Plugin "${file}" is live, but ${entry.note}`);
  }

  async function decide(entry: Entry, version: Version): Promise<void> {
    if (asksNothing(version.asked)) return await activate(entry, version, {});
    const closed = [on.store, ...on.self.slice(0, 1)].map(dirname).concat(on.folders.map(({ path }) => path));
    const grant = await resolveAsked(version.asked, { ...on, closed });
    if (!grant.ok) return fail(entry, "refused", grant.error);
    const { granted, words } = grant.value, answer = await consents.find({ hash: version.hash, granted });
    if (answer) return await follow(answer, entry, version, granted);
    Object.assign(entry, { state: "waiting for consent", note: words, asked: version.asked });
    if (!watch) return;
    if (on.interactive()) return question(() => consult(entry, version, grant.value));
    const why = "not granted, since nobody can be asked; start evo at a terminal";
    voice.warn(`Plugin "${entry.found.file}" asks for ${words}: ${why}`);
  }
  async function follow(answer: string, entry: Entry, version: Version, granted: Permissions): Promise<void> {
    if (answer === "yes") return await activate(entry, version, granted);
    registry.retire(entry);
    Object.assign(entry, { state: "refused", note: NOT_ALLOWED });
  }
  async function consult(entry: Entry, version: Version, { granted, words }: Grant): Promise<void> {
    const key = entry.found.key, about = { hash: version.hash, granted }, asking = entry.asking = new AbortController();
    const current = () => registry.has(entry) && entry.found.key === key && !stop.signal.aborted;
    if (!current()) return;
    const before = await consents.find(about); // another Evo may have asked meanwhile
    if (before) return await follow(before, entry, version, granted);
    const plugin = version.declared.name, { signal } = asking;
    const asks = `Plugin ${plugin} (${entry.found.file}) asks for: ${words}. Allow it?`;
    const got = await on.ask(asks, { choices: ["yes", "no"], signal });
    if (!got.ok || !current()) return;
    const answer = got.value === "yes" ? "yes" : "no";
    const trouble = await consents.remember(about, { answer, plugin, words });
    if (trouble) voice.warn(trouble);
    return answer === "yes" ? await activate(entry, version, granted) : fail(entry, "refused", NOT_ALLOWED);
  }

  async function load(entry: Entry): Promise<void> {
    const { found } = entry;
    entry.asking?.abort();
    if (found.refusal) return fail(entry, "refused", found.refusal);
    const content = await read(found);
    if (!content.ok) return fail(entry, "broken", content.error);
    const same = content.value.hash === entry.active?.version.hash;
    if (same) return void Object.assign(entry, { state: "live", note: undefined, asked: undefined });
    const version = await prepare(found, content.value, { ...on, declare: (await workers()).declare });
    if (!registry.has(entry) || entry.found.key !== found.key || stop.signal.aborted) return;
    return version.ok ? await decide(entry, version.value) : fail(entry, "broken", version.error);
  }
  function begin(entry: Entry): void {
    entry.loaded = entry.found.key;
    const job = lane(() => load(entry)).catch((error) => fail(entry, "broken", reason(error))).then(() => {
      jobs.delete(entry.found.path);
      if (entry.found.key !== entry.loaded) watch?.again();
    });
    jobs.set(entry.found.path, job);
  }
  /** Compares with what is on disk and begins to load what differs; true if something is still being written. */
  function look(): Promise<boolean> {
    return looks = looks.catch(() => false).then(lookOnce);
  }
  async function lookOnce(): Promise<boolean> {
    const found = await scan(on.folders), shut: Entry[] = [];
    let open = false;
    for (const entry of stop.signal.aborted ? [] : registry.take(found)) {
      const { key, changedAt, own, path } = entry.found, whole = entry.seen === key || changedAt < Date.now() - 90;
      entry.seen = key;
      if (!own && !trusted) entry.state = "not trusted", shut.push(entry);
      else if (entry.loaded !== key && !jobs.has(path) && whole) begin(entry);
      else open ||= entry.loaded !== key && !jobs.has(path);
    }
    if (shut.length > 0 && watch && !asked) question(() => admit(shut.length));
    asked ||= shut.length > 0 && watch !== undefined;
    return open;
  }
  async function admit(count: number): Promise<void> {
    const what = `${count} plugin${count === 1 ? "" : "s"} of .evo/plugins`;
    trusted = on.interactive() && (await on.admit?.(what, stop.signal) ?? false);
    if (trusted) watch?.again();
    else voice.warn(`Did not load ${what}: this directory is not trusted; start evo here at a terminal and say yes`);
  }
  async function settle(patienceMs = 60_000): Promise<void> {
    if (await look()) await new Promise((done) => setTimeout(done, 100)).then(look);
    let timer: number | undefined;
    const late = new Promise<void>((done) => timer = setTimeout(done, patienceMs));
    await Promise.race([late, Promise.all(jobs.values())]).finally(() => clearTimeout(timer));
  }
  async function rows(): Promise<Row[]> {
    const prompts = await on.prompts?.() ?? [], none = { kind: "prompt" as const, asked: {}, calls: 0, failures: 0 };
    return [...registry.rows(), ...prompts.map((prompt) => ({ ...none, ...prompt }))];
  }
  const changed = () => void look().then((open) => open && watch?.again()).catch((error) => voice.warn(reason(error)));
  return {
    async start() {
      if (watch) return;
      watch = createWatch({ folders: on.folders.map(({ path }) => path), changed });
      await settle(on.patienceMs ?? 5000);
    },
    tools: registry.tools,
    async run(words, signal) {
      signal.throwIfAborted();
      if (!watch && words[0] !== "new") await settle();
      return await runCommand(words, { ...on, rows });
    },
    async end() {
      stop.abort();
      watch?.close();
      voice.end();
      await Promise.all([registry.end(), questions, checks]);
    },
  };
}

/** At most so many at a time; the others wait. */
function createLanes(free: number): <T>(job: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  return async (job) => {
    if (free-- <= 0) await new Promise<void>((go) => waiting.push(go));
    try {
      return await job();
    } finally {
      free += 1;
      waiting.shift()?.();
    }
  };
}
