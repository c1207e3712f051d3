/** The Functions port: `evo fn`, `/fn` and the tool, over the store, the workshop and the two proposers. */
import { join } from "node:path";
import type { Clock, Functions, Model } from "../../actors/ports.ts";
import { either, EXIT, exitFor, no, ok, type Outcome } from "../../actors/types.ts";
import { findTasks } from "../evaluation/tasks.ts";
import type { FoundTasks, TaskEntry, Workshop } from "../evaluation/types.ts";
import { type Arena, createArena, digest } from "./arena.ts";
import { createGate } from "../proposers/budget.ts";
import { callBuilt } from "./call.ts";
import { compare } from "./compare.ts";
import { type Ended, evolveByModel, type Run } from "../proposers/lanes.ts";
import { scored, table } from "../proposers/prompt.ts";
import { evolveBySearch } from "../proposers/search.ts";
import { writeFunction } from "../evaluation/new_task.ts";
import { history, show } from "./show.ts";
import { DamagedStore, openStore, type Store } from "./store.ts";
import { type EvolveWords, help, meant, parseWords, type Words } from "./words.ts";

/** What the functions of a directory need. `folders` are trusted; `play` makes a model of a cassette's text. */
export interface FunctionsOptions {
  cwd: string;
  shipped: URL;
  folders: () => Promise<string[]>;
  workshop: () => Workshop;
  model: () => Promise<Model> | Model;
  hasModel: () => boolean;
  play: (cassette: string) => Promise<Model> | Model;
  prompt: (name: string) => Promise<string>;
  clock: Clock;
  redact: (text: string) => string;
  /** Rows as JSON lines instead of tables. */
  json?: boolean;
}

type How = Parameters<Functions["run"]>[1];

type Done = Outcome<string> & { exit?: number };
/** One command at work. */
interface Work {
  on: FunctionsOptions;
  words: Words;
  how: How;
  store: Store;
  found: FoundTasks;
}

const DEFAULTS = { rounds: 5, tokens: 1_000_000, minutes: 30, searchMinutes: 1, flight: 4, lanes: 2, searchLanes: 4 };
const READS = new Set(["list", "show", "history"]), TRIES = new Set(["call", "bench"]);
/** Where a directory's own functions are. */
export const ownFolder = (cwd: string): string => join(cwd, ".evo/plugins/functions");
const folderOf = (cwd: string) => join(cwd, ".evo", "functions");

/** The store; where it cannot be written, what only looks and calls goes on with an empty one. */
function opened(open: () => Store, empty: () => Store, { command }: Words): Store {
  try {
    return open();
  } catch (error) {
    if (error instanceof DamagedStore || !(READS.has(command) || TRIES.has(command))) throw error;
    return empty();
  }
}

/** Creates the Functions port; every command opens the directory's database and closes it again. */
export function createFunctions(on: FunctionsOptions): Functions {
  const path = join(folderOf(on.cwd), "functions.db");
  async function once(words: Words, how: How): Promise<Done> {
    const none = READS.has(words.command) && !await Deno.stat(path).then(() => true, () => false);
    const { redact, clock } = on;
    const open = (path: string) => openStore({ path, now: clock.now, redact, warn: how.update });
    const store = opened(() => open(none ? ":memory:" : path), () => open(":memory:"), words);
    try {
      const cache = join(folderOf(on.cwd), "declared.json");
      const declare = (file: string) => on.workshop().declare(file);
      const given = { shipped: on.shipped, folders: await on.folders(), declare, cache };
      const named = words.name === "" ? undefined : await findTasks({ ...given, only: words.name });
      const found = named && named.tasks.length + named.problems.length > 0 ? named : await findTasks(given);
      how.signal.throwIfAborted();
      const done = await command({ on, words, how, store, found });
      if (words.command !== "evolve" || !done.ok) return done;
      if (!await Deno.stat(path).then(() => true, () => false)) {
        return no(`Cannot keep what was found: "${path}" was removed meanwhile; it said: ${done.value}`);
      }
      return how.signal.aborted ? { ...done, exit: EXIT.interrupted } : done;
    } finally {
      store.close();
    }
  }
  return {
    async run(said, how) {
      if (said[0] === "help" || said[0] === "--help") return ok(help());
      const words = parseWords(said);
      if (!words.ok) return { ...words, exit: EXIT.usage };
      if (words.value.command === "new") {
        return await writeFunction(words.value.name, { ...on, folder: ownFolder(on.cwd) });
      }
      const sentence = `"fn ${said.join(" ")}" was interrupted; what it had found is kept`;
      const interrupted = { ...no(sentence), exit: EXIT.interrupted };
      try {
        const done = await once(words.value, how).catch((error) => {
          if (error instanceof DamagedStore) return once(words.value, how);
          throw error;
        });
        return done.ok || !how.signal.aborted ? done : interrupted;
      } catch (error) {
        if (how.signal.aborted) return interrupted;
        const expected = error instanceof Error && /^Cannot |^ERR_SQLITE/.test(`${codeOf(error)}${error.message}`);
        if (!expected && !(error instanceof Deno.errors.NotFound)) throw error;
        const { message } = error;
        return no(message.startsWith("Cannot ") ? message : `Cannot run "fn ${words.value.command}": ${message}`);
      }
    },
  };
}

const codeOf = (error: Error) => "code" in error ? `${error.code} ` : "";

async function command(work: Work): Promise<Done> {
  const { on, words, found } = work;
  if (words.command === "list") return ok(await list(work));
  const entry = found.tasks.find(({ name }) => name === words.name);
  if (!entry) {
    const broken = found.problems.find((problem) => problem.split(/["/]/).includes(words.name));
    return no(
      broken ?? `Cannot find the function "${words.name}"${meant(words.name, found.tasks.map(({ name }) => name))}`,
    );
  }
  const arena = await arenaOf(work, entry);
  if (words.command === "show") return ok(show(arena, on.json));
  if (words.command === "history") return ok(history(arena, on.json));
  if (words.evolve.proposer === "model" && !words.evolve.demo && !on.hasModel()) {
    const why = 'no model is set; "evo config" shows the settings, and --proposer search needs none';
    return { ...no(`Cannot evolve "${entry.name}": ${why}`), exit: EXIT.config };
  }
  const ready = await arena.prepare(work.how.signal);
  if (!ready.ok) return ready;
  if (words.command === "evolve") return await evolve(work, arena);
  if (words.command === "activate") return await activate(work, arena);
  if (words.command === "bench") {
    return await compare(arena, { ...on, workshop: on.workshop(), signal: work.how.signal });
  }
  const active = arena.archive.revision(arena.archive.standing().active);
  const built = active ? await arena.built(active, work.how.signal) : no(`Cannot call "${entry.name}": it has no body`);
  return built.ok ? await callBuilt(entry, { ...built.value, revision: active?.number ?? 0 }, words.rest) : built;
}

/** The archive is that of this evaluator, declaration and starting body; after a change of one of them scores begin anew. */
async function arenaOf({ on, store }: Pick<Work, "on" | "store">, entry: TaskEntry): Promise<Arena> {
  const { name, file, source, description: _, cassette: __, ...declared } = entry;
  const text = await Deno.readTextFile(file.startsWith("file:") ? new URL(file) : file);
  const task = digest(JSON.stringify([text, source, { ...declared, shipped: 0 }]));
  const { redact, clock } = on;
  const inherited = () => store.inherited(name, task);
  return createArena({
    ...{ entry, archive: store.archive(name, task), workshop: on.workshop(), inherited, redact, now: clock.now },
  });
}

async function list({ on, store, found }: Work): Promise<string> {
  const rows = await Promise.all(found.tasks.map(async (entry) => {
    const { archive } = await arenaOf({ on, store }, entry);
    const active = archive.revision(archive.standing().active), start = archive.revision(0);
    const scores = [start?.score?.score, active?.score?.score, entry.goal];
    return [entry.name, entry.shipped ? "shipped" : "own", active?.number, archive.count(), ...scores];
  }));
  const head = ["function", "from", "active", "revisions", "start", "score", "goal"];
  const shown = rows.length > 0 || on.json ? table(head, rows, on.json) : "There are no functions.";
  return [shown, ...found.problems.map((problem) => on.json ? JSON.stringify({ problem }) : problem)].join("\n");
}

async function activate({ words, how }: Work, arena: Arena): Promise<Outcome<string>> {
  const { entry, archive } = arena;
  const bad = (why: string) => no(`Cannot activate revision "${words.rest[0] ?? ""}" of "${entry.name}": ${why}`);
  const revision = /^\d+$/.test(words.rest[0] ?? "") ? archive.revision(Number(words.rest[0])) : undefined;
  if (!revision) return bad(`it has revisions 0 to ${archive.count() - 1}; see fn history ${entry.name}`);
  if (!revision.score) return bad(`it was rejected (${revision.kind}) and never scored; choose another`);
  const built = await arena.built(revision, how.signal);
  if (!built.ok) return built;
  archive.activate(revision.number);
  const why = revision.state === "rejected" ? `; it had been rejected (${revision.kind})` : "";
  return ok(`Revision ${revision.number} of "${entry.name}" is active, score ${scored(revision.score)}${why}`);
}

async function evolve(work: Work, arena: Arena): Promise<Done> {
  const { on, how, words: { evolve: asked } } = work;
  const { entry, archive } = arena;
  const before = archive.revision(archive.standing().active);
  if (entry.goal !== undefined && (before?.score?.score ?? -Infinity) >= entry.goal) {
    const again = `fn activate ${entry.name} 0`;
    return ok(`Revision ${before?.number} of "${entry.name}" reaches its goal already; to start over: ${again}`);
  }
  if (asked.demo && entry.cassette === undefined) {
    return no(`Cannot play a demo of "${entry.name}": it has no cassette`);
  }
  const byModel = asked.demo || (asked.proposer ?? (on.hasModel() ? "model" : "search")) === "model";
  if (!byModel && asked.proposer === undefined) {
    how.update("no model is set: searching without one (--proposer search)");
  }
  const ended = await limited(work, arena, byModel);
  if (ended.failure && ended.won.length === 0) {
    return { ...no(`Cannot evolve "${entry.name}": ${ended.why}`), exit: exitFor(ended.failure.kind) };
  }
  const polished = how.signal.aborted || ended.won.length === 0 ? ok("") : await arena.polish(how.signal);
  const after = archive.revision(archive.standing().active);
  const beside = ended.won.length === 0 ? "none was better" : `what won, joined its front: ${ended.won.join(", ")}`;
  const { input, output, cost } = ended.usage;
  const money = cost === null ? "" : `, ${cost.toFixed(4)} USD`;
  const spent = byModel ? `, ${input + output} tokens${money}` : "";
  return ok(
    [
      `"${entry.name}": ${ended.why}; ${ended.attempts} attempts${spent}`,
      polished.ok ? polished.value : polished.error,
      after?.number === before?.number
        ? `revision ${before?.number} stays active, score ${scored(before?.score)}: ${beside}`
        : `revision ${after?.number} is active: ${scored(before?.score)} -> ${scored(after?.score)}`,
    ].filter(Boolean).join("\n"),
  );
}

/** Runs a proposer within its wall clock; whatever ends it, it ends in good order. */
async function limited({ on, how, words: { evolve: asked } }: Work, arena: Arena, byModel: boolean): Promise<Ended> {
  const { clock } = on;
  const rounds = asked.rounds ?? (byModel ? DEFAULTS.rounds : Infinity);
  const usual = byModel || asked.rounds !== undefined ? DEFAULTS.minutes : DEFAULTS.searchMinutes;
  const minutes = asked.budget.minutes ?? usual;
  const late = new AbortController(), over = new AbortController();
  clock.sleep(minutes * 60_000, over.signal).then(
    () => late.abort(new Error(`its time of ${minutes} min is over`)),
    () => {}, // the run was over first
  );
  const signal = either(how.signal, late.signal);
  const at = new Date(clock.now()).toISOString().slice(0, 19).replace(/\D/g, "");
  const id = `${at}-${crypto.randomUUID().slice(0, 4)}`;
  const run: Run = { arena, id, clock, update: how.update, signal };
  try {
    const ended = byModel
      ? await evolveByModel(run, { ...await lanesOf(on, arena.entry, asked), rounds })
      : await evolveBySearch(run, { rounds, lanes: asked.lanes ?? DEFAULTS.searchLanes, seed: asked.seed });
    return how.signal.aborted ? { ...ended, why: "interrupted, what was found is kept" } : ended;
  } finally {
    over.abort();
  }
}

async function lanesOf(on: FunctionsOptions, { cassette }: TaskEntry, asked: EvolveWords) {
  const played = asked.demo && cassette !== undefined;
  const model = played ? await on.play(cassette) : await on.model();
  const gate = createGate({ tokens: DEFAULTS.tokens, ...asked.budget }, DEFAULTS.flight);
  return { lanes: asked.lanes ?? (played ? 1 : DEFAULTS.lanes), model, gate, prompt: on.prompt };
}
