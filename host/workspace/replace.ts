import { dirname } from "node:path";

/** The beginning of the name of every temporary file; the walk skips them. */
export const TEMPORARY = ".evo-tmp-";

/** How a file is replaced: `mode` and `owner` for the new file; `verify` says at the last moment why it must not be. */
export interface Replacement {
  mode?: number | undefined;
  owner?: Pick<Deno.FileInfo, "uid" | "gid"> | undefined;
  verify?: (() => Promise<string | undefined>) | undefined;
}

/**
 * Puts bytes in the place of `path`, whole or not at all: a temporary file of its own name beside it, synced, then renamed.
 * Returns why not when `verify` refuses or the folder was swapped; throws what the system throws. A folder that is swapped for
 * a link in the middle of it can at worst get an empty temporary file outside: the bytes are written once the open file is
 * known to be in its place, and its random name is not found elsewhere by the rename.
 */
export async function replaceFile(
  path: string,
  bytes: Uint8Array,
  { mode, owner, verify }: Replacement,
): Promise<string | undefined> {
  const temporary = `${dirname(path)}/${TEMPORARY}${crypto.randomUUID()}`;
  const file = await Deno.open(temporary, { write: true, createNew: true, mode: (mode ?? 0o666) & 0o777 });
  let why: string | undefined;
  try {
    try {
      const made = await file.stat();
      if (!await isAt(temporary, made)) why = "its folder was swapped meanwhile; look at the folder and try again";
      for (let at = 0; at < bytes.length && !why;) at += await file.write(bytes.subarray(at));
      if (mode !== undefined && made.mode !== null && (made.mode & 0o7777) !== mode) await Deno.chmod(temporary, mode);
      if (owner && (owner.uid !== made.uid || owner.gid !== made.gid)) {
        await Deno.chown(temporary, owner.uid, owner.gid).catch(() => {}); // only root may give files away
      }
      await file.sync();
    } finally {
      file.close();
    }
    why ??= await verify?.();
    if (why) await Deno.remove(temporary).catch(() => {});
    else await Deno.rename(temporary, path);
    return why;
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}

/**
 * True if an open file of this process, told by its inode, really is at `path`, a real path. On Linux the system itself is
 * asked, so that no swapping to and fro deceives it; elsewhere a swap between two looks can.
 */
export async function isAt(path: string, { ino, dev }: { ino: number | null; dev: number }): Promise<boolean> {
  const same = (info: Deno.FileInfo | undefined) => info?.ino === ino && info?.dev === dev;
  if (Deno.build.os !== "linux") return same(await Deno.lstat(path)) && await Deno.realPath(path) === path;
  for await (const { name } of Deno.readDir("/proc/self/fd")) {
    const open = `/proc/self/fd/${name}`;
    if (await Deno.readLink(open).catch(() => "") !== path) continue;
    if (same(await Deno.stat(open).catch(() => undefined))) return true;
  }
  return false;
}
