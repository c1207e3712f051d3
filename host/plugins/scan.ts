/** Finds the files that could be plugins, and reads one. Nothing of them is run here. */
import { createHash } from "node:crypto";
import { join, relative } from "node:path";
import { no, ok, type Outcome } from "../../actors/types.ts";
import { reason } from "../session/files.ts";

/** A folder of plugins, an absolute path; `own` if it is Evo's own. */
export interface Folder {
  path: string;
  own: boolean;
}

/** A file of such a folder. */
export interface Found {
  path: string;
  own: boolean;
  /** As a person would type it in the working directory; absolute if it is not below that. */
  file: string;
  /** The file's name without its ending. */
  stem: string;
  kind: "tool" | "wasm";
  /** The `.jsonc` beside a wasm module. */
  notes?: string | undefined;
  /** Changes whenever it (or its notes) is replaced or written. */
  key: string;
  /** Milliseconds since the epoch. */
  changedAt: number;
  /** Why it cannot be a plugin: the end of a sentence. */
  refusal?: string | undefined;
}

/** What was read. `hash` is SHA-256 hex over all of it. */
export interface Content {
  bytes: Uint8Array;
  notes: string | undefined;
  hash: string;
}

/** How many plugins there may be, and bytes of a file. */
export const MOST = { files: 100, bytes: 1 << 19 };

const PLUGIN = /\.(?:ts|js|wasm)$/, NEVER = /^[.#]|_test\.(?:ts|js)$|\.d\.ts$/, PLAIN = /^[A-Za-z0-9][\w-]{0,59}$/;

/** The candidates in the order in which they count: Evo's own first, then by file name. A folder that is not there is empty. */
export async function scan(folders: Folder[], cwd: string): Promise<Found[]> {
  const sorted = folders.toSorted((a, b) => Number(b.own) - Number(a.own));
  const found = (await Promise.all(sorted.map((folder) => scanFolder(folder, cwd).catch(() => [])))).flat();
  const refusal = `there are more than ${MOST.files} plugins; this one and those after it are left out`;
  return found.slice(0, MOST.files + 1).map((one, at) => at < MOST.files ? one : { ...one, refusal });
}

async function scanFolder({ path: folder, own }: Folder, cwd: string): Promise<Found[]> {
  const names: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) if (!isDirectory) names.push(name);
  const plugins = names.filter((name) => PLUGIN.test(name) && !NEVER.test(name)).sort().slice(0, MOST.files + 1);
  const real = await Deno.realPath(folder);
  const found = plugins.map(async (name): Promise<Found[]> => {
    const stem = name.replace(PLUGIN, ""), path = join(folder, name), wasm = name.endsWith(".wasm");
    const notes = wasm && names.includes(`${stem}.jsonc`) ? join(folder, `${stem}.jsonc`) : undefined;
    const [it, beside] = await Promise.all([identify(path, real), notes ? identify(notes, real) : undefined]);
    const strange = PLAIN.test(stem) ? undefined : "a plugin's file name holds only a to z, digits, _ and -";
    return it === undefined ? [] : [{
      ...{ path, own, file: typed(path, cwd), stem, kind: wasm ? "wasm" : "tool", notes },
      key: `${it.key}|${beside?.key}`,
      changedAt: Math.max(it.at, beside?.at ?? 0),
      refusal: it.refusal ?? (beside?.refusal && `of its ${stem}.jsonc: ${beside.refusal}`) ?? strange,
    }];
  });
  return (await Promise.all(found)).flat();
}

/** A path as a person would type it in `cwd`; absolute if it is not below that. */
export const typed = (path: string, cwd: string): string => path.startsWith(`${cwd}/`) ? relative(cwd, path) : path;

type Identity = { key: string; at: number; refusal?: string };

async function identify(path: string, folder: string): Promise<Identity | undefined> {
  try {
    const real = await Deno.realPath(path);
    if (!real.startsWith(`${folder}/`)) return { key: real, at: 0, refusal: "it leads out of its folder" };
    const { isFile, dev, ino, size, mtime } = await Deno.stat(real), at = mtime?.getTime() ?? 0;
    const key = `${dev}:${ino}:${size}:${at}`;
    if (!isFile) return { key, at, refusal: "it is no regular file" };
    return size > MOST.bytes ? { key, at, refusal: `it has ${size} bytes, ${MOST.bytes} is the limit` } : { key, at };
  } catch (error) {
    return error instanceof Deno.errors.NotFound ? undefined : { key: "", at: 0, refusal: reason(error) };
  }
}

/** Reads a candidate whole; a bad outcome is the end of a sentence. */
export async function read(found: Found): Promise<Outcome<Content>> {
  try {
    const bytes = await readFile(found.path), notes = found.notes && await readFile(found.notes);
    const sha = createHash("sha256").update(`${bytes.length}\n`).update(bytes);
    if (notes) sha.update(notes);
    return ok({ bytes, notes: notes ? new TextDecoder().decode(notes) : undefined, hash: sha.digest("hex") });
  } catch (error) {
    return no(`it cannot be read: ${reason(error)}`);
  }
}

async function readFile(path: string): Promise<Uint8Array> {
  const bytes = await Deno.readFile(path);
  if (bytes.length > MOST.bytes) throw new Error(`it has ${bytes.length} bytes, ${MOST.bytes} is the limit`);
  return bytes;
}
