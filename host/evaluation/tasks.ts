/** Finds tasks: those in the executable or checkout, and those that people dropped into trusted folders. */
import { dirname } from "node:path";
import * as z from "zod";
import { no, ok, type Outcome } from "../../actors/types.ts";
import { Declared } from "./protocol.ts";
import { replaceFile } from "../session/files.ts";
import { shown } from "./task_file.ts";
import type { Declaration, FoundTasks, TaskEntry, Tried, Workshop } from "./types.ts";
export type { FoundTasks, TaskEntry } from "./types.ts";

/**
 * Where tasks are looked for. `shipped` ends in "/"; `folders` are trusted, absolute, and need not exist. `declare` is the
 * workshop's; `cache` is a file of declarations and failures by content hash, which may be missing, and whose folder is made if
 * the one above is there. A task that failed is tried again when its text changes or it is asked for by name.
 */
export interface FindOptions {
  shipped: URL;
  folders: string[];
  declare: Workshop["declare"];
  cache?: string;
  /** Looks at the task in the folder of this name alone. */
  only?: string;
}

/** Characters of a starting body or cassette that are read at all. */
const MOST = 4_000_000;
const Cache = z.record(z.string(), z.union([Declared, z.object({ error: z.string() })]));
type Cache = z.infer<typeof Cache>;
/** What was declared by this process: where no file can be written, a task that loops is waited for once. */
const remembered: Cache = {};
const recall = (one: Cache[string]): Tried => "error" in one ? { ...no(one.error), lasting: true } : ok(one);

/** Finds all tasks, shipped ones first, each group by name. A task that cannot be used is one sentence and disturbs no other. */
export async function findTasks({ shipped, folders, declare, cache, only }: FindOptions): Promise<FoundTasks> {
  const kept = await readCache(cache), cached = { ...remembered, ...kept };
  const fresh: Cache = {};
  const places = [
    ...(await list(shipped)).map((name) => ({ name, folder: new URL(`${name}/`, shipped), shipped: true })),
    ...(await Promise.all(folders.map(async (folder) => {
      const base = pathToUrl(`${folder}/`);
      const place = (name: string) => ({ name, folder: new URL(`${encodeURIComponent(name)}/`, base), shipped: false });
      return (await list(base)).map(place);
    }))).flat(),
  ];
  const loaded = await Promise.all(places.map(async (place) => {
    if (only !== undefined && place.name !== only) return undefined;
    const task = await readFiles(place);
    if (!task.ok) return task;
    const { hash, file } = task.value;
    const known = cached[hash];
    const again = !known || ("error" in known && only !== undefined);
    const declared = again ? await declare(file) : recall(known);
    if (declared.ok || declared.lasting) fresh[hash] = declared.ok ? declared.value : { error: declared.error };
    if (!declared.ok) return declared;
    return finish(place.name, declared.value, task.value);
  }));
  Object.assign(remembered, fresh);
  const news = Object.entries(fresh).some(([hash, one]) => !kept[hash] || "error" in kept[hash] !== "error" in one);
  if (cache && news) await writeCache(cache, only === undefined ? fresh : { ...kept, ...fresh });
  const found: FoundTasks = { tasks: [], problems: [] };
  for (const outcome of loaded) {
    if (!outcome) continue;
    if (!outcome.ok) found.problems.push(outcome.error);
    else {
      const twin = found.tasks.find(({ name }) => name === outcome.value.name);
      if (twin) {
        const why = `"${where(twin.file)}" has its name; rename its folder and its name`;
        found.problems.push(`Cannot load the task "${where(outcome.value.file)}": ${why}`);
      } else found.tasks.push(outcome.value);
    }
  }
  return found;
}

interface Files {
  file: string;
  hash: string;
  source: string;
  cassette: string | undefined;
  shipped: boolean;
}

async function readFiles({ folder, shipped }: { folder: URL; shipped: boolean }): Promise<Outcome<Files>> {
  const refuse = (why: string) => no(`Cannot load the task "${where(folder.href.slice(0, -1))}": ${why}`);
  try {
    const [file, text] = await firstOf(folder, ["task.ts", "task.js"]);
    if (!file) return refuse("it has no task.ts; write one or remove the folder");
    const [body, source] = await firstOf(folder, ["function.ts", "function.as.txt"]);
    if (!body) return refuse("it has no function.ts, the body to start from; write one");
    const [, cassette] = await firstOf(folder, ["cassette.jsonl"]);
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`${file.href}\n${text}`));
    const hash = new Uint8Array(digest).toHex();
    return ok({ file: shipped ? file.href : urlToPath(file), hash, source, cassette: cassette || undefined, shipped });
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

function finish(name: string, declared: Declaration, files: Files): Outcome<TaskEntry> {
  const { file, source, cassette, shipped } = files;
  const refuse = (why: string) => no(`Cannot load the task "${where(file)}": ${why}`);
  if (declared.name !== name) {
    return refuse(`it is named "${declared.name}" in the folder "${name}"; give both one name`);
  }
  const { length } = source;
  const { source: most } = declared.limits;
  if (length > most) return refuse(`its function.ts has ${length} characters, ${most} is its limit; shorten it`);
  return ok({ ...declared, file, source, shipped, ...(cassette === undefined ? {} : { cassette }) });
}

/** The first of these files that is there, and its text. */
async function firstOf(folder: URL, names: string[]): Promise<[URL | undefined, string]> {
  for (const name of names) {
    const file = new URL(name, folder);
    try {
      const bytes = await Deno.readFile(file);
      if (bytes.length > MOST) {
        throw new RangeError(`its ${name} has ${bytes.length} bytes; ${MOST} is the most that is read`);
      }
      return [file, new TextDecoder().decode(bytes)];
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return [undefined, ""];
}

async function list(folder: URL): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name, isFile } of Deno.readDir(folder)) if (!isFile && !/^[._]/.test(name)) names.push(name);
  } catch {
    return []; // not there, gone, or not to be read: no tasks of it
  }
  return names.sort();
}

async function readCache(file: string | undefined): Promise<Cache> {
  if (!file) return {};
  try {
    return Cache.parse(JSON.parse(await Deno.readTextFile(file)));
  } catch {
    return {}; // missing or torn: everything is declared anew
  }
}

/** A cache that cannot be written costs time only. */
async function writeCache(file: string, cache: Cache): Promise<void> {
  await Deno.mkdir(dirname(file), { mode: 0o700 }).catch(() => {}); // in a place that is there: looking makes none
  if (await Deno.stat(dirname(file)).then(() => true, () => false)) {
    await replaceFile(file, JSON.stringify(cache)).catch(() => {});
  }
}

const where = (file: string) => shown(file.startsWith("file:") ? decodeURIComponent(file) : file);
const urlToPath = (url: URL) => decodeURIComponent(url.pathname);
const pathToUrl = (path: string) => new URL(`file://${path.split("/").map(encodeURIComponent).join("/")}`);
