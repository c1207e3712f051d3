import * as z from "zod";
import { replaceFile } from "../session/files.ts";
import { hashOf } from "../workspace/text.ts";
import { createRules, walk } from "../workspace/walk.ts";

const MAX_BYTES = 5_000_000;
const MAX_FILES = 20_000;
const MAX_TOTAL = 1_000_000_000;
const AT_ONCE = 16;

/** The state of all files below a root: path, hash and mode of files, path and target of links; `skipped` are in it by name only. */
export const Snapshot = z.object({
  files: z.array(z.tuple([z.string(), z.string(), z.number()])),
  links: z.array(z.tuple([z.string(), z.string()])),
  folders: z.array(z.string()),
  skipped: z.array(z.string()),
  full: z.boolean(),
});
export type Snapshot = z.infer<typeof Snapshot>;

const Index = z.array(z.tuple([z.string(), z.object({ stamp: z.string(), hash: z.string() })]));
type Known = Map<string, { stamp: string; hash: string }>;

/** Takes and keeps snapshots. */
export interface Snapshots {
  /** Stores the present state of all files; returns the name under which `load` finds it. */
  take(): Promise<string>;
  load(name: string): Promise<Snapshot>;
  /** The bytes that have this hash; throws if they are gone or damaged. */
  bytes(hash: string): Promise<Uint8Array<ArrayBuffer>>;
}

/**
 * Snapshots of the files below `root` in the folder `store`, each content stored once by its hash. Files that did not change
 * by size, times and inode are not read again. Whatever is in the store is whole: it is written beside and renamed.
 */
export function createSnapshots({ root, store }: { root: string; store: string }): Snapshots {
  let index: Known | undefined;
  const stored = new Set<string>();
  return { take, load, bytes };

  async function take(): Promise<string> {
    const before = index ??= await readIndex();
    const after: Known = new Map();
    const shot: Snapshot = { files: [], links: [], folders: [], skipped: [], full: false };
    const waiting: string[] = [];
    const now = Date.now();
    let total = 0;
    const flush = async () => {
      const taken = await Promise.all(waiting.splice(0).map((path) => takeFile(path, { before, after, now })));
      for (const { path, hash, mode, size } of taken) {
        if (hash) shot.files.push([path, hash, mode]);
        else shot.skipped.push(path);
        total += size;
      }
    };
    for await (const { path, kind } of walk(root, { rules: await createRules(root) })) {
      if (kind === "folder") shot.folders.push(path);
      if (kind === "link") shot.links.push([path, await Deno.readLink(`${root}/${path}`).catch(() => "")]);
      if (kind === "file") waiting.push(path);
      if (waiting.length === AT_ONCE) await flush();
      shot.full = shot.files.length + shot.skipped.length >= MAX_FILES || total > MAX_TOTAL;
      if (shot.full) break;
    }
    await flush();
    index = after;
    await put(`${store}/index.json`, [...after]);
    return await keep(new TextEncoder().encode(JSON.stringify(shot)));
  }

  async function takeFile(path: string, { before, after, now }: { before: Known; after: Known; now: number }) {
    const full = `${root}/${path}`;
    const info = await Deno.lstat(full).catch(() => undefined);
    if (!info?.isFile || info.size > MAX_BYTES) return { path, hash: undefined, mode: 0, size: 0 };
    const changedAt = Math.max(info.mtime?.getTime() ?? now, info.ctime?.getTime() ?? now);
    const stamp = [info.size, info.mtime?.getTime(), info.ctime?.getTime(), info.ino].join();
    const old = before.get(path);
    let hash = old?.stamp === stamp && await has(old.hash) ? old.hash : undefined;
    const content = hash ? undefined : await Deno.readFile(full).catch(() => undefined);
    if (content) hash = await keep(content);
    if (!hash) return { path, hash: undefined, mode: 0, size: 0 };
    if (now - changedAt > 2000) after.set(path, { stamp, hash }); // younger: it may change again within one tick of the clock
    return { path, hash, mode: (info.mode ?? 0o644) & 0o7777, size: info.size };
  }

  async function load(name: string): Promise<Snapshot> {
    return Snapshot.parse(JSON.parse(new TextDecoder().decode(await bytes(name))));
  }

  async function bytes(hash: string): Promise<Uint8Array<ArrayBuffer>> {
    const found = await Deno.readFile(blob(hash));
    if (await hashOf(found) !== hash) throw new Error(`Cannot use "${blob(hash)}": it is damaged`);
    return found;
  }

  async function keep(content: Uint8Array<ArrayBuffer>): Promise<string> {
    const hash = await hashOf(content);
    if (await has(hash)) return hash;
    await replaceFile(blob(hash), content); // not synced: a kill loses nothing, and after a power cut the hash tells
    stored.add(hash);
    return hash;
  }

  async function has(hash: string): Promise<boolean> {
    if (!stored.has(hash) && await Deno.lstat(blob(hash)).then(() => true, () => false)) stored.add(hash);
    return stored.has(hash);
  }

  function blob(hash: string): string {
    return `${store}/blobs/${hash.slice(0, 2)}/${hash.slice(2)}`;
  }

  async function readIndex(): Promise<Known> {
    try {
      return new Map(Index.parse(JSON.parse(await Deno.readTextFile(`${store}/index.json`))));
    } catch {
      return new Map(); // the index only saves time
    }
  }
}

/** Writes a value as JSON, whole or not at all, readable by the user only. */
export async function put(path: string, value: unknown): Promise<void> {
  await replaceFile(path, JSON.stringify(value));
}
