/** The Plugins port: what is dropped into the folders becomes tools, is reloaded, and goes, while Evo runs. */
import { dirname, join } from "node:path";
import type { Permissions } from "../../actors/plugins.ts";
import type { Clock, Plugins, Terminal } from "../../actors/ports.ts";
import type { Outcome } from "../../actors/types.ts";
import { reason } from "../session/files.ts";
import { createLanes } from "../children/lanes.ts";
import type { ToolWorkerOptions } from "../workers/types.ts";
import { runCommand } from "./commands.ts";
import { createConsents } from "./consent.ts";
import { asksNothing, type Grant, resolveAsked } from "./permissions.ts";
import { plainly, prepare } from "./prepare.ts";
import { createRegistry, type Entry, type Row, type Version } from "./registry.ts";
import { type Folder, type Found, read, scan } from "./scan.ts";
import { createVoice } from "./voice.ts";
import { createWatch, type Watch } from "./watch.ts";

const NOT_ALLOWED = "you did not allow it; change the file to be asked again";

/** What runs plugins: `host/workers/`, or fakes. */
export type Runtime = Pick<typeof import("../workers/worker.ts"), "createDeclare" | "createToolWorker" | "checkTypes">;

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
  /** Lists as JSON lines. */
  json?: boolean;
  clock?: Clock;
  runtime?: Runtime;
}

/** The folder and file of consents: `plugins.json` beside what else the user trusts. */
export const consentStore = (trustStore: string): string => trustStore.replace(/[^/]*$/, "plugins.json");

/** Creates the port. `start` resolves when what is there now is live, or waits for its question, or is too slow. */
export function createPlugins(on: PluginsOptions): Plugins & { end(): Promise<void> } {
  const stop = new AbortController(), consents = createConsents(on.store), voice = createVoice(on.show);
  const tell = (text: string) => void (starting || voice.tell(text));
  const registry = createRegistry({ ...on, ...voice, tell, create }), checking = createLanes(1);
  const jobs = new Map<string, Promise<void>>();
  let watch: Watch | undefined, { trusted } = on, asked = false, starting = true;
  let questions = Promise.resolve(), looks = Promise.resolve(false);
  const over = new Promise<never>((_, end) => stop.signal.addEventListener("abort", () => end(stop.signal.reason)));
  over.catch(() => {});

  const open = async () => {
    const runtime: Runtime = on.runtime ?? await import("../workers/worker.ts");
    return { ...runtime, declare: runtime.createDeclare(on) };
  };
  let opened: ReturnType<typeof open> | undefined;
  const workers = () => opened ??= open();
  async function create(what: Omit<ToolWorkerOptions, "self" | "cwd">) {
    return (await workers()).createToolWorker({ ...on, ...what, notice: voice.warn });
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
    if (!done.ok) fail(entry, "broken", done.error);
  }
  /** What is wrong with the types; empty if nothing is, or if nobody can tell. One check at a time, that of an edit first. */
  async function check({ path }: Found, bytes: Uint8Array, how: { signal: AbortSignal; first: boolean }) {
    const deno = path.endsWith(".ts") ? await on.deno?.() : undefined;
    if (!deno?.ok) return "";
    const { checkTypes } = await workers(), source = new TextDecoder().decode(bytes), { signal } = how;
    const folder = join(dirname(on.store), "checks");
    const checked = await checking(() => checkTypes({ folder, file: path, source, deno: deno.value, signal }), how);
    return checked.ok ? "" : `its types are wrong: ${plainly(checked.error)}`;
  }
  /** What is new is checked when it is live, or waits for its question. */
  async function checkNew(entry: Entry, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const wrong = await check(entry.found, bytes, { signal, first: false });
    if (!signal.aborted) entry.mistyped = wrong !== "";
    if (!entry.mistyped || signal.aborted || !/live|waiting/.test(entry.state)) return;
    voice.warn(`Plugin "${entry.found.file}" is ${entry.state}, but ${wrong}`);
    if (entry.active) entry.note = wrong;
  }

  async function decide(entry: Entry, version: Version, signal: AbortSignal): Promise<void> {
    if (asksNothing(version.asked)) return await activate(entry, version, {});
    const closed = [on.store, ...on.self.slice(0, 1)].map(dirname).concat(on.folders.map(({ path }) => path));
    const grant = await resolveAsked(version.asked, { ...on, closed });
    if (!grant.ok) return fail(entry, "refused", grant.error);
    const { granted, words } = grant.value, answer = await consents.find({ hash: version.hash, granted });
    if (answer) return answer === "yes" ? await activate(entry, version, granted) : refuse(entry);
    Object.assign(entry, { state: "waiting for consent", note: words, asked: version.asked });
    if (!watch) return;
    if (on.interactive()) return question(() => consult(entry, version, { ...grant.value, signal }));
    const why = "not granted, since nobody can be asked; start evo at a terminal";
    voice.warn(`Plugin "${entry.found.file}" asks for ${words}: ${why}`);
  }
  function refuse(entry: Entry): void {
    registry.retire(entry);
    Object.assign(entry, { state: "refused", note: NOT_ALLOWED });
  }
  async function consult(entry: Entry, version: Version, how: Grant & { signal: AbortSignal }): Promise<void> {
    const { granted, words, signal } = how, about = { hash: version.hash, granted }, plugin = version.declared.name;
    if (signal.aborted) return;
    const before = await consents.find(about); // another Evo may have asked meanwhile
    if (before) return before === "yes" ? await activate(entry, version, granted) : refuse(entry);
    const asks = `Plugin ${plugin} (${entry.found.file}) asks for: ${words}. Allow it?`;
    const got = await on.ask(asks, { choices: ["yes", "no"], signal });
    if (!got.ok || signal.aborted) return;
    const answer = got.value === "yes" ? "yes" : "no";
    const trouble = await consents.remember(about, { answer, plugin, words });
    if (trouble) voice.warn(trouble);
    return answer === "yes" ? await activate(entry, version, granted) : fail(entry, "refused", NOT_ALLOWED);
  }

  async function load(entry: Entry): Promise<void> {
    const { found, active } = entry;
    entry.stop?.abort();
    const { signal } = entry.stop = new AbortController();
    if (found.refusal) return fail(entry, "refused", found.refusal);
    const content = await read(found);
    if (!content.ok) return fail(entry, "broken", content.error);
    const same = content.value.hash === active?.version.hash, strict = active && !entry.mistyped;
    if (same) return void Object.assign(entry, { state: "live", note: undefined, asked: undefined });
    const wrong = strict ? check(found, content.value.bytes, { signal, first: true }) : "";
    const version = await prepare(found, content.value, { signal, declare: (await workers()).declare });
    const error = version.ok ? await wrong : version.error;
    if (signal.aborted) return;
    if (!version.ok || error) return entry.stop.abort(), fail(entry, "broken", error);
    await decide(entry, version.value, signal);
    if (watch && !strict) void checkNew(entry, content.value.bytes, signal);
  }
  function begin(entry: Entry): void {
    entry.loaded = entry.found.key;
    const job = load(entry).catch((error) => fail(entry, "broken", reason(error))).then(() => {
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
    const found = await scan(on.folders, on.cwd), shut: Entry[] = [];
    let open = false;
    for (const entry of stop.signal.aborted ? [] : registry.take(found)) {
      const { key, changedAt, own, path } = entry.found, whole = entry.seen === key || changedAt < Date.now() - 90;
      entry.seen = key;
      if (!own && !trusted) entry.state = "not trusted", shut.push(entry);
      else if (entry.loaded !== key && jobs.has(path)) entry.stop?.abort();
      else if (entry.loaded !== key && whole) begin(entry);
      else open ||= entry.loaded !== key;
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
    const { promise: late, resolve } = Promise.withResolvers<void>(), timer = setTimeout(resolve, patienceMs);
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
      starting = false;
      const live = registry.rows().filter(({ state }) => state === "live").map(({ name }) => name);
      const are = live.length === 1 ? "1 plugin is" : `${live.length} plugins are`;
      if (live.length > 0) tell(`${are} live: ${live.join(", ")}`);
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
      await Promise.all([registry.end(), questions, checking(() => Promise.resolve())]);
    },
  };
}
