import { dirname } from "node:path";
import { place, reason } from "../workspace/paths.ts";
import { replaceFile } from "../workspace/replace.ts";
import type { Snapshot } from "./snapshot.ts";
import { hashOf } from "../workspace/text.ts";
import { createRules } from "../workspace/walk.ts";

type Bytes = (hash: string) => Promise<Uint8Array<ArrayBuffer>>;

/** A file (hash and mode) or a link (its target). */
export type Thing = { hash: string; mode: number } | { target: string };

/** One path that differs between two snapshots: what it was and what it is. */
export interface Change {
  path: string;
  kind: "changed" | "deleted" | "created";
  was: Thing | undefined;
  is: Thing | undefined;
}

/**
 * What differs between two snapshots, sorted by path. A path that only one of them covers, being ignored, too large or beyond
 * the limit in the other, is not taken for created or deleted.
 */
export async function changesOf(
  { root, past, present, bytes }: { root: string; past: Snapshot; present: Snapshot; bytes: Bytes },
): Promise<Change[]> {
  const [was, is] = [thingsOf(past), thingsOf(present)];
  const skipped = new Set(past.skipped);
  const rules = await createRules(root, async (path) => {
    const thing = was.get(path);
    return thing && "hash" in thing ? new TextDecoder().decode(await bytes(thing.hash)) : undefined;
  });
  const changes: Change[] = [];
  for (const path of [...new Set([...was.keys(), ...is.keys()])].sort()) {
    const [a, b] = [was.get(path), is.get(path)];
    if (JSON.stringify(a) === JSON.stringify(b)) continue;
    if (!a && (past.full || skipped.has(path) || await ignoredThen(path))) continue;
    if (a && !b && await same(`${root}/${path}`, a)) continue;
    changes.push({ path, kind: a ? b ? "changed" : "deleted" : "created", was: a, is: b });
  }
  return changes;

  async function ignoredThen(path: string): Promise<boolean> {
    for (let end = path.indexOf("/"); end > 0; end = path.indexOf("/", end + 1)) {
      if (await rules.ignored(path.slice(0, end), true)) return true;
    }
    return await rules.ignored(path, false);
  }
}

/**
 * Makes each path what it was. What was there is first copied below `kept`. Created things go first, then folders that only
 * the present has, if empty. Returns, in words, what could not be restored.
 */
export async function restore(
  changes: Change[],
  { root, kept, past, present, bytes }: { root: string; kept: string; past: Snapshot; present: Snapshot; bytes: Bytes },
): Promise<string[]> {
  const failed: string[] = [];
  const attempt = async (path: string, act: () => Promise<string | undefined | void>) => {
    try {
      const why = await act();
      if (why) failed.push(`${path}: ${why}`);
    } catch (error) {
      failed.push(`${path}: ${reason(error)}`);
    }
  };
  const lost = new Set(changes.map(({ path }) => path));
  for (const { path } of changes) await attempt(path, async () => void (await keep(path), lost.delete(path)));
  const safe = changes.filter(({ path }) => !lost.has(path));
  for (const { path, was } of safe) if (!was) await attempt(path, () => clear(path));
  const [before, after] = [new Set(past.folders), new Set(present.folders)];
  for (const folder of [...after.difference(before)].reverse()) {
    await Deno.remove(`${root}/${folder}`).catch(() => {}); // only if empty
  }
  for (const folder of before.difference(after)) {
    await attempt(folder, () => Deno.mkdir(`${root}/${folder}`, { recursive: true }));
  }
  for (const { path, was } of safe) if (was) await attempt(path, () => bring(path, was));
  return failed;

  async function keep(path: string): Promise<void> {
    const info = await Deno.lstat(`${root}/${path}`).catch(() => undefined);
    if (!info || info.isDirectory) return;
    await Deno.mkdir(dirname(`${kept}/${path}`), { recursive: true, mode: 0o700 });
    if (info.isSymlink) await Deno.symlink(await Deno.readLink(`${root}/${path}`), `${kept}/${path}`);
    else if (info.isFile) await Deno.copyFile(`${root}/${path}`, `${kept}/${path}`);
  }

  async function clear(path: string): Promise<string | undefined> {
    return await astray(path) ?? (await Deno.remove(`${root}/${path}`), undefined);
  }

  async function bring(path: string, was: Thing): Promise<string | undefined> {
    const full = `${root}/${path}`;
    const why = await astray(path);
    if (why) return why;
    await Deno.mkdir(dirname(full), { recursive: true });
    const info = await Deno.lstat(full).catch(() => undefined);
    if (info?.isDirectory) return "a folder is in its place";
    if (info && ("target" in was || !info.isFile)) await Deno.remove(full);
    if ("target" in was) return await Deno.symlink(was.target, full), undefined;
    return await replaceFile(full, await bytes(was.hash), { mode: was.mode });
  }

  async function astray(path: string): Promise<string | undefined> {
    const folder = dirname(path);
    const found = await place(root, folder, { act: "restore" });
    if (!found.ok) return found.error;
    return found.value.relative === (folder === "." ? "" : folder) ? undefined : "its folder is now a link";
  }
}

function thingsOf(snapshot: Snapshot): Map<string, Thing> {
  return new Map<string, Thing>([
    ...snapshot.files.map(([path, hash, mode]) => [path, { hash, mode }] as const),
    ...snapshot.links.map(([path, target]) => [path, { target }] as const),
  ]);
}

async function same(path: string, thing: Thing): Promise<boolean> {
  const info = await Deno.lstat(path).catch(() => undefined);
  if ("target" in thing) return info?.isSymlink === true && await Deno.readLink(path) === thing.target;
  if (!info?.isFile || info.size > 5_000_000 || ((info.mode ?? 0) & 0o7777) !== thing.mode) return false;
  return await hashOf(await Deno.readFile(path)) === thing.hash;
}
