import { constants, type FileHandle, open } from "node:fs/promises";
import { no, ok, type Outcome } from "../../actors/types.ts";
import type { FileText, Workspace } from "../../actors/ports.ts";
import { notFile, type Place, place, reason } from "./paths.ts";
import { isAt, replaceFile } from "./replace.ts";
import { createTurns, decode, encode, hashOf } from "./text.ts";
import { createFinder } from "./find.ts";

/** What a workspace is made of: `root` must exist; sizes in bytes. */
export interface WorkspaceOptions {
  root: string;
  /** Largest file that is read or written; 10 MB unless given. */
  maxBytes?: number;
  /** Says why a path below the root may not be written or removed, if so. */
  mayWrite?: (relative: string) => string | undefined;
  /** Runs before each write or removal, once that is decided on. */
  beforeWrite?: () => Promise<void>;
  /** Exempts paths below the root from the rule that `.git` and `.evo` are closed. */
  allow?: (relative: string) => boolean;
}

/** The files below one root. Throws if the root does not exist; see the port for the rest of the contract. */
export function createWorkspace(options: WorkspaceOptions): Workspace {
  const { maxBytes = 10_000_000, mayWrite, beforeWrite, allow } = options;
  const root = Deno.realPathSync(options.root);
  const known = new Map<string, string>();
  const inTurn = createTurns();

  return { root, read, write, remove, ...createFinder({ root, allow }) };

  async function read(path: string): Promise<Outcome<FileText>> {
    const found = await file(path, "read");
    if (!found.ok) return found;
    const { real, relative } = found.value;
    const bytes = await bytesOf(found.value);
    if (!bytes.ok) return no(`Cannot read "${relative}": ${bytes.error}`);
    const decoded = decode(bytes.value);
    if (!decoded.ok) return no(`Cannot read "${relative}": ${decoded.error}`);
    const hash = await hashOf(bytes.value);
    known.set(real, hash);
    return ok({ path: relative, hash, ...decoded.value });
  }

  function write(path: string, text: string, { bom = false } = {}): ReturnType<Workspace["write"]> {
    return inTurn(async () => {
      const cannot = (why: string) => no(`Cannot write "${path}": ${why}`);
      if (!text.isWellFormed()) {
        return cannot(
          `the text holds half of a character at position ${text.search(/\p{Cs}/u)}; send that character whole`,
        );
      }
      const bytes = encode(text, bom);
      if (bytes.length > maxBytes) {
        return cannot(`it would be ${size(bytes.length)}, over the limit of ${size(maxBytes)}`);
      }
      const found = await mutable(path, "write");
      if (!found.ok) return found;
      const { real, relative, info } = found.value;
      const made: string[] = [];
      try {
        await makeFolders(root, relative, made);
        const mode = info?.mode === null || info?.mode === undefined ? undefined : info.mode & 0o7777;
        const why = await replaceFile(real, bytes, { mode, owner: info, verify: () => changed(found.value) });
        if (why) return cannot(why);
        known.set(real, await hashOf(bytes));
        return ok({ path: relative, created: !info });
      } catch (error) {
        for (const folder of made.reverse()) await Deno.remove(folder).catch(() => {}); // only if still empty
        return cannot(reason(error));
      }
    });
  }

  function remove(path: string): ReturnType<Workspace["remove"]> {
    return inTurn(async () => {
      const found = await mutable(path, "delete");
      if (!found.ok) return found;
      const { real, relative, info } = found.value;
      const cannot = (why: string) => no(`Cannot delete "${path}": ${why}`);
      if (!info) return cannot("no such file");
      const stale = await changed(found.value);
      if (stale) return cannot(stale);
      try {
        await Deno.remove(real);
        known.delete(real);
        return ok({ path: relative });
      } catch (error) {
        return cannot(reason(error));
      }
    });
  }

  async function mutable(path: string, act: string): Promise<Outcome<Place>> {
    const found = await file(path, act);
    if (!found.ok) return found;
    const { relative, info } = found.value;
    const cannot = (why: string) => no(`Cannot ${act} "${path}": ${why}`);
    const forbidden = mayWrite?.(relative);
    if (forbidden) return cannot(forbidden);
    if (info?.mode && (info.mode & 0o222) === 0) {
      return cannot("it is marked read-only; ask the user, or change its mode first");
    }
    const stale = await changed(found.value);
    if (stale) return cannot(stale);
    await beforeWrite?.();
    return found;
  }

  async function file(path: string, act: string): Promise<Outcome<Place>> {
    const found = await place(root, path, { act, allow });
    if (!found.ok) return found;
    const { info, real } = found.value;
    if (!info && act === "read") {
      known.delete(real);
      return no(`Cannot read "${path}": no such file; use list_files to see what there is`);
    }
    const why = info && notFile(info);
    return why ? no(`Cannot ${act} "${path}": ${why}`) : found;
  }

  async function changed({ real, relative, info }: Place): Promise<string | undefined> {
    const hash = known.get(real);
    const now = await place(root, relative, { act: "read", allow });
    if (!now.ok || now.value.real !== real) return "it was swapped for something else meanwhile; look at it again";
    if (!info && now.value.info) return "something of that name appeared meanwhile; read it first";
    if (hash === undefined || !now.value.info) return undefined;
    const bytes = await bytesOf(now.value);
    if (bytes.ok && await hashOf(bytes.value) === hash) return undefined;
    return "it changed on disk since it was last read; read it again, then repeat the change";
  }

  async function bytesOf({ real, info }: Place): Promise<Outcome<Uint8Array<ArrayBuffer>>> {
    const limit = `over the limit of ${size(maxBytes)}`;
    if (info && info.size > maxBytes) {
      return no(`it is ${size(info.size)}, ${limit}; use search, or shell to print a part`);
    }
    let handle: FileHandle | undefined;
    try {
      // O_NONBLOCK: a FIFO that is swapped in does not hang the open; O_NOFOLLOW: a link does not lead away.
      handle = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      const opened = await handle.stat();
      if (!opened.isFile() || !await isAt(real, opened)) return no("it was swapped meanwhile; look at it again");
      const bytes = new Uint8Array(Math.min(opened.size, maxBytes) + 1);
      let length = 0;
      for (let got = -1; got !== 0 && length < bytes.length; length += got) {
        got = (await handle.read(bytes, length, bytes.length - length)).bytesRead;
      }
      if (length === bytes.length) return no("it grows while it is read; try again when it is complete");
      return ok(bytes.slice(0, length));
    } catch (error) {
      return no(reason(error));
    } finally {
      await handle?.close();
    }
  }
}

/** Makes the folders above a path below the root, one by one so that no link is followed; `made` collects the new ones. */
export async function makeFolders(root: string, relative: string, made: string[]): Promise<void> {
  let at = root;
  for (const name of relative.split("/").slice(0, -1)) {
    at += `/${name}`;
    try {
      await Deno.mkdir(at);
      made.push(at);
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
  }
}

function size(bytes: number): string {
  return bytes < 1_000_000 ? `${Math.ceil(bytes / 1000)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
