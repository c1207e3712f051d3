/** Keeps the store of `/undo` small: sessions that are long over go, and the oldest beyond a size, with what only they refer to. */
import { Snapshot } from "./snapshot.ts";
import { State } from "./undo.ts";
import { attempt } from "../session/files.ts";

/** What is kept: `current` is the session that is never pruned; times in milliseconds, size in bytes. */
export interface PruneOptions {
  current: string;
  now: number;
  oldest?: number;
  most?: number;
}

const DAY = 86_400_000;

/**
 * Prunes a store (`<cwd>/.evo/undo`) if no other process uses it, and says from now on, by a lock that ends with this process,
 * that one does; returns what ends that sooner. Never throws: what cannot be removed stays.
 */
export async function tendUndo(store: string, options: PruneOptions): Promise<() => void> {
  try {
    await Deno.mkdir(store, { recursive: true, mode: 0o700 });
    const lock = await Deno.open(`${store}/lock`, { read: true, write: true, create: true, mode: 0o600 });
    if (await lock.tryLock(true)) {
      await pruneUndo(store, options).catch(() => {});
      await lock.unlock();
    }
    await lock.lock(false);
    return () => lock.close();
  } catch {
    return () => {}; // a full or read-only disk: a capture says so
  }
}

/** Removes what is not kept; the lock is the caller's. Sessions that were used last stay first. Throws what the system says. */
export async function pruneUndo(store: string, options: PruneOptions): Promise<void> {
  const { current, now, oldest = 14 * DAY, most = 500_000_000 } = options;
  const sessions = await sessionsOf(store, current);
  const sizes = await blobsOf(store);
  const blobs = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  const all = sessions.reduce((sum, { size }) => sum + size, blobs);
  if (all <= most && sessions.every(({ id, at }) => id === current || now - at <= oldest)) return;
  const used = new Set<string>();
  let total = 0;
  let full = false;
  for (const { id, at, size } of sessions) {
    const needed = await neededBy(store, id);
    const more = [...needed].filter((hash) => !used.has(hash)).reduce(
      (sum, hash) => sum + (sizes.get(hash) ?? 0),
      size,
    );
    full ||= total + more > most;
    if (id !== current && (full || now - at > oldest)) await Deno.remove(`${store}/${id}`, { recursive: true });
    else for (const hash of (total += more, needed)) used.add(hash);
  }
  for (const hash of sizes.keys()) {
    if (!used.has(hash)) await Deno.remove(`${store}/blobs/${hash.slice(0, 2)}/${hash.slice(2)}`).catch(() => {});
  }
}

/** The sessions of a store, the current one first, then by when they were used last. */
async function sessionsOf(store: string, current: string): Promise<{ id: string; at: number; size: number }[]> {
  const found = [];
  for await (const { name, isDirectory } of Deno.readDir(store)) {
    if (!isDirectory || name === "blobs") continue;
    const info = await Deno.stat(`${store}/${name}/state.json`).catch(() => Deno.stat(`${store}/${name}`));
    found.push({ id: name, at: info.mtime?.getTime() ?? 0, size: await sizeOf(`${store}/${name}`) });
  }
  const rank = ({ id, at }: { id: string; at: number }) => id === current ? Infinity : at;
  return found.sort((a, b) => rank(b) - rank(a) || 0);
}

async function sizeOf(folder: string): Promise<number> {
  let sum = 0;
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    sum += isDirectory ? await sizeOf(`${folder}/${name}`) : (await Deno.lstat(`${folder}/${name}`)).size;
  }
  return sum;
}

/** Sizes of the stored contents by hash; what a kill left half-written is among them, under a name that nothing refers to. */
async function blobsOf(store: string): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  const folders = await Array.fromAsync(Deno.readDir(`${store}/blobs`)).catch(() => []);
  for (const { name } of folders) {
    for await (const file of Deno.readDir(`${store}/blobs/${name}`)) {
      sizes.set(name + file.name, (await Deno.lstat(`${store}/blobs/${name}/${file.name}`)).size);
    }
  }
  return sizes;
}

/** The contents that a session's snapshots refer to, themselves among them; none if its state cannot be read, for then no undo can. */
async function neededBy(store: string, id: string): Promise<Set<string>> {
  const needed = new Set<string>();
  const read = async (path: string) => {
    const text = await Deno.readTextFile(path).catch(() => "");
    return attempt(() => JSON.parse(text));
  };
  const state = State.safeParse(await read(`${store}/${id}/state.json`)).data;
  for (const name of new Set([state?.base, ...(state?.turns ?? []).flatMap(({ before, after }) => [before, after])])) {
    if (name === undefined) continue;
    needed.add(name);
    const shot = Snapshot.safeParse(await read(`${store}/blobs/${name.slice(0, 2)}/${name.slice(2)}`)).data;
    for (const [, hash] of shot?.files ?? []) needed.add(hash);
  }
  return needed;
}
