/** The Functions port: `evo fn`, `/fn` and the tool, over the store, the workshop and the two proposers. */
import { join } from "node:path";
import type { Clock, Functions, Model } from "../../actors/ports.ts";
import { either, no, ok, type Outcome } from "../../actors/types.ts";
import { findTasks } from "../evaluation/tasks.ts";
import type { FoundTasks, TaskEntry, Workshop } from "../evaluation/types.ts";
import { type Arena, createArena, digest } from "./arena.ts";
import type { Revision } from "./archive.ts";
import { createGate } from "../proposers/budget.ts";
import { callBuilt } from "./call.ts";
import { compare } from "./compare.ts";
import { type Ended, evolveByModel, type Run } from "../proposers/lanes.ts";
import { historyLine, scored, signatures, table } from "../proposers/prompt.ts";
import { evolveBySearch } from "../proposers/search.ts";
import { writeFunction } from "../evaluation/new_task.ts";
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
}

type How = Parameters<Functions["run"]>[1];

/** One command at work. */
interface Work {
  on: FunctionsOptions;
  words: Words;
  how: How;
  store: Store;
  found: FoundTasks;
}

const DEFAULTS = { rounds: 5, tokens: 1_000_000, minutes: 30, searchMinutes: 1, flight: 4, lanes: 2, searchLanes: 4 };
const READS = new Set(["list", "show", "history"]), TRIES = new Set(["call", "bench"]), INTERRUPTED = 130;
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
  async function once(words: Words, how: How): Promise<Outcome<string> & { exit?: number }> {
    const none = READS.has(words.command) && !await Deno.stat(path).then(() => true, () => false);
    const { redact, clock } = on;
    const open = (path: string) => openStore({ path, now: clock.now, redact, warn: how.update });
    const store = opened(() => open(none ? ":memory:" : path), () => open(":memory:"), words);
    try {
      const cache = none ? {} : { cache: join(folderOf(on.cwd), "declared.json") };
      const declare = (file: string) => on.workshop().declare(file);
      const given = { shipped: on.shipped, folders: await on.folders(), declare, ...cache };
      const named = words.name === "" ? undefined : await findTasks({ ...given, only: words.name });
      const found = named && named.tasks.length + named.problems.length > 0 ? named : await findTasks(given);
      const done = await command({ on, words, how, store, found });
      if (words.command !== "evolve" || !done.ok) return done;
      if (!await Deno.stat(path).then(() => true, () => false)) {
        return no(`Cannot keep what was found: "${path}" was removed meanwhile; it said: ${done.value}`);
      }
      return how.signal.aborted ? { ...done, exit: INTERRUPTED } : done;
    } finally {
      store.close();
    }
  }
  return {
    async run(said, how) {
      if (said[0] === "help" || said[0] === "--help") return ok(help());
      const words = parseWords(said);
      if (!words.ok) return words;
      if (words.value.command === "new") {
        return await writeFunction(words.value.name, { ...on, folder: ownFolder(on.cwd) });
      }
      try {
        return await once(words.value, how).catch((error) => {
          if (error instanceof DamagedStore) return once(words.value, how);
          throw error;
        });
      } catch (error) {
        if (how.signal.aborted) return no(`"fn ${said.join(" ")}" was interrupted; what it had found is kept`);
        const expected = error instanceof Error && /^Cannot |^ERR_SQLITE/.test(`${codeOf(error)}${error.message}`);
        if (!expected && !(error instanceof Deno.errors.NotFound)) throw error;
        return no(
          error.message.startsWith("Cannot ")
            ? error.message
            : `Cannot run "fn ${words.value.command}": ${error.message}`,
        );
      }
    },
  };
}

const codeOf = (error: Error) => "code" in error ? `${error.code} ` : "";

async function command(work: Work): Promise<Outcome<string>> {
  const { words, found } = work;
  if (words.command === "list") return ok(await list(work));
  const entry = found.tasks.find(({ name }) => name === words.name);
  if (!entry) {
    const broken = found.problems.find((problem) => problem.includes(words.name));
    return no(
      broken ?? `Cannot find the function "${words.name}"${meant(words.name, found.tasks.map(({ name }) => name))}`,
    );
  }
  const arena = await arenaOf(work, entry);
  if (words.command === "show") return ok(show(arena));
  if (words.command === "history") return ok(history(arena));
  work.how.signal.throwIfAborted();
  const ready = await arena.prepare(work.how.signal);
  if (!ready.ok) return ready;
  if (words.command === "evolve") return await evolve(work, arena);
  if (words.command === "activate") return await activate(work, arena);
  if (words.command === "bench") return await compare(arena, { workshop: work.on.workshop(), signal: work.how.signal });
  const active = arena.archive.revision(arena.archive.standing().active);
  const built = active ? await arena.built(active, work.how.signal) : no(`Cannot call "${entry.name}": it has no body`);
  return built.ok ? await callBuilt(entry, built.value, words.rest) : built;
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
    const goal = entry.goal === undefined ? "" : String(Number(entry.goal.toPrecision(7)));
    const own = entry.shipped ? "shipped" : "own";
    const now = active ? `${active.number} of ${archive.count()}` : "-";
    return [entry.name, own, now, alone(start), alone(active), goal];
  }));
  const shown = table(["function", "from", "active", "start", "score", "goal"], rows);
  return [rows.length === 0 ? "There are no functions." : shown, ...found.problems].join("\n");
}

/** A revision's score without its other metrics. */
const alone = (revision?: Revision) => revision?.score ? String(Number(revision.score.score.toPrecision(7))) : "-";

function show({ entry, archive }: Arena): string {
  const active = archive.revision(archive.standing().active), start = archive.revision(0);
  const { limits, goal } = entry;
  const { looks } = archive.standing();
  return [
    `${entry.name}: ${entry.description}`,
    signatures(entry),
    `limits: fuel ${limits.fuel} a call, ${limits.pages} pages of 64 KiB, ${limits.deadlineMs} ms, ${limits.source} characters`,
    `score: ${scored(active?.score, 20)} (start ${scored(start?.score, 0)}${
      goal === undefined ? "" : `, goal ${goal}`
    }); ` +
    `${archive.count()} revisions, ${looks} looks at held-out data`,
    ...(active?.feedback ?? []).slice(0, 10).map((line) => `  ${line}`),
    `active: revision ${active?.number ?? "0, not scored yet"}\n\n${(active?.source ?? entry.source).trimEnd()}`,
  ].join("\n");
}

function history({ entry, archive }: Arena): string {
  if (archive.count() === 0) return `"${entry.name}" has no revisions yet: fn evolve ${entry.name}`;
  const { active } = archive.standing();
  const rows = new Map<number, Revision>();
  for (const one of [...archive.list("accepted", 30), ...archive.list("recent", 20)]) rows.set(one.number, one);
  const sorted = [...rows.values()].sort((a, b) => a.number - b.number).map((one) => historyLine(one, active));
  const more = archive.count() - sorted.length;
  const head = ["revision", "state", "score", "fuel", "by", "", "when (UTC)"];
  return table(head, sorted) + (more > 0 ? `\n${more} more are in the database` : "");
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

async function evolve(work: Work, arena: Arena): Promise<Outcome<string>> {
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
  if (ended.failed && ended.won.length === 0) return no(`Cannot evolve "${entry.name}": ${ended.why}`);
  const polished = how.signal.aborted || ended.won.length === 0 ? ok("") : await arena.polish(how.signal);
  const after = archive.revision(archive.standing().active);
  const { input, output, cost } = ended.usage;
  const money = cost === null ? "" : `, ${cost.toFixed(4)} USD`;
  const spent = byModel ? `, ${input + output} tokens${money}` : "";
  return ok(
    [
      `"${entry.name}": ${ended.why}; ${ended.attempts} attempts${spent}`,
      ended.won.length === 0
        ? `revision ${before?.number} stays active, score ${scored(before?.score)}: none was better`
        : `revision ${after?.number} is active: ${scored(before?.score)} -> ${scored(after?.score)}`,
      polished.ok ? polished.value : polished.error,
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
  const id = `${new Date(clock.now()).toISOString().slice(0, 19).replace(/\D/g, "")}-${
    crypto.randomUUID().slice(0, 4)
  }`;
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
