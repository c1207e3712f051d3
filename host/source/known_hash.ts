/** The hash of a source tree, remembered for as long as no file of it was touched: to read them all takes longer than a start. */
import { createHash } from "node:crypto";
import { attempt, replaceFile } from "../session/files.ts";
import { listSource, sourceHash } from "./source.ts";

/** Where it is remembered, and the time in milliseconds. */
export interface KnownHashOptions {
  cache: string;
  now: number;
}

/** Younger changes (in milliseconds) are not remembered: Deno tells ctime in whole seconds, and the next may come within the same. */
const SETTLED = 2000;

/**
 * As `sourceHash`. What is remembered counts only while paths, inodes, sizes and both times of all files are the same; no
 * program can set a file's time of change (ctime) back. A cache that is missing, damaged or cannot be written costs only time.
 */
export async function knownHash(root: string, { cache, now }: KnownHashOptions): Promise<string> {
  const text = Deno.readTextFile(cache).catch(() => "");
  const { stamp, newest } = stampOf(root, await listSource(root));
  const known = Object(parsed(await text));
  if (known.stamp === stamp && typeof known.hash === "string") return known.hash;
  const hash = await sourceHash(root);
  const again = stampOf(root, await listSource(root));
  const settled = again.stamp === stamp && now - newest > SETTLED;
  if (settled) await replaceFile(cache, JSON.stringify({ stamp, hash })).catch(() => {});
  return hash;
}

/** What tells that a tree was not touched, and when it last was. Throws if a file is gone meanwhile. */
function stampOf(root: string, paths: string[]): { stamp: string; newest: number } {
  const all = createHash("sha256").update(`${root}\0`);
  let newest = 0;
  for (const path of paths) {
    const { dev, ino, size, mode, mtime, ctime } = Deno.lstatSync(`${root}/${path}`);
    const [written, changed] = [mtime?.getTime() ?? Infinity, ctime?.getTime() ?? Infinity];
    newest = Math.max(newest, written, changed);
    all.update(`${path}\0${[dev, ino, size, mode, written, changed]}\n`);
  }
  return { stamp: all.digest("hex"), newest };
}

const parsed = (text: string): unknown => attempt(() => JSON.parse(text));
