/** Files that are whole or not there, whatever kills the process or the machine. */
import { basename, dirname, join } from "node:path";
import { reason } from "../session/files.ts";

/** Writes a file in one step and to the disk: a reader sees the old or the new, never a part. */
export async function writeDurable(path: string, data: Uint8Array | string, mode = 0o644): Promise<void> {
  const folder = dirname(path);
  await Deno.mkdir(folder, { recursive: true });
  const temp = join(folder, `.${basename(path)}.${crypto.randomUUID()}`);
  try {
    await Deno.writeFile(temp, typeof data === "string" ? new TextEncoder().encode(data) : data, {
      createNew: true,
      mode,
    });
    await syncPath(temp);
    await Deno.rename(temp, path);
  } catch (error) {
    await removeIfThere(temp);
    throw error;
  }
  await syncPath(folder);
}

/** Forces a file's bytes, or a folder's entries, to the disk. */
export async function syncPath(path: string): Promise<void> {
  using handle = await Deno.open(path);
  await handle.sync();
}

/** Reads JSON and parses it; undefined if there is no such file, a thrown sentence if it is not what it should be. */
export async function readJson<T>(path: string, schema: { parse(value: unknown): T }): Promise<T | undefined> {
  const text = await readText(path);
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    const why = reason(error).replaceAll(/\s+/g, " ").slice(0, 200);
    throw new TypeError(`Cannot read "${path}": it is damaged (${why}); restore it from a backup or remove it`);
  }
}

/** Reads a text file; undefined if there is none. */
export async function readText(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Removes a file or folder, if there is one. */
export async function removeIfThere(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}

/** True if something is at this path, a dangling link too. */
export const isThere = (path: string): Promise<boolean> => Deno.lstat(path).then(() => true, () => false);

/** Takes a file lock that cannot outlive this process; undefined if another process holds it. Close the file to release. */
export async function tryLock(path: string): Promise<Deno.FsFile | undefined> {
  await Deno.mkdir(dirname(path), { recursive: true });
  const file = await Deno.open(path, { create: true, write: true, read: true, mode: 0o600 });
  if (await file.tryLock(true)) return file;
  file.close();
  return undefined;
}

/** As `tryLock`, but waits up to `ms` for another process to let go. */
export async function waitForLock(path: string, ms: number): Promise<Deno.FsFile | undefined> {
  for (const end = performance.now() + ms;;) {
    const lock = await tryLock(path);
    if (lock || performance.now() > end) return lock;
    await new Promise((done) => setTimeout(done, 100));
  }
}
