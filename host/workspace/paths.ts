import { no, ok, type Outcome } from "../../actors/types.ts";

/** Where a path really leads: `real` is absolute and free of links, `relative` is below the root, `info` is undefined if nothing is there. */
export interface Place {
  real: string;
  relative: string;
  info: Deno.FileInfo | undefined;
}

/** How a path is judged: `act` opens the sentence ("read"); `allow` exempts a path below the root from the rule on `.git` and `.evo`. */
export interface Judgement {
  act: string;
  allow?: ((relative: string) => boolean) | undefined;
}

const MAX_LINKS = 40;

/**
 * Resolves a path as a model gives it, link by link, to a place below `root` (itself a real path), or says why not, naming the
 * real path. Links may point anywhere below the root. Hard links cannot be told from files; between two calls of this
 * function a link may be swapped, so callers verify again what they opened.
 */
export async function place(root: string, path: string, { act, allow }: Judgement): Promise<Outcome<Place>> {
  const cannot = (why: string) => no(`Cannot ${act} ${JSON.stringify(path)}: ${why}`);
  const bad = spelling(path);
  if (bad) return cannot(bad);
  try {
    const { at: real, state, info } = await follow(root, path);
    const relative = below(root, real);
    if (relative === undefined) {
      return cannot(`it is really "${real}", outside the working directory "${root}"; use a path below it`);
    }
    if (state && !allow?.(relative)) {
      return cannot(
        `it is really "${real}" by way of "${state}", and .git and .evo hold state that tools may not touch`,
      );
    }
    if (!info && path.endsWith("/")) return cannot("it ends in a slash, and no such folder exists; name a file");
    return ok({ real, relative, info });
  } catch (error) {
    return cannot(reason(error));
  }
}

/** Goes along a path, and along every link on it; `state` is the first step through `.git` or `.evo` below the root. */
async function follow(root: string, path: string): Promise<{ at: string; state?: string; info?: Deno.FileInfo }> {
  const todo = path.split("/").reverse();
  let at = path.startsWith("/") ? "/" : root;
  let info: Deno.FileInfo | undefined;
  let state: string | undefined;
  for (let links = 0; todo.length > 0;) {
    const name = todo.pop();
    if (!name || name === ".") continue;
    if (name === "..") {
      at = at.slice(0, at.lastIndexOf("/")) || "/";
      info = undefined;
      continue;
    }
    const next = at === "/" ? `/${name}` : `${at}/${name}`;
    if (next === "/proc") {
      throw new Error(`it leads through "/proc", outside the working directory "${root}"; use a path below that`);
    }
    if (below(root, next) !== undefined && isState(name)) state ??= next;
    info = await there(next);
    if (!info?.isSymlink) {
      at = info && Deno.build.os !== "linux" ? await Deno.realPath(next) : next; // elsewhere names may differ in case only
      continue;
    }
    if (++links > MAX_LINKS) throw new Error(`its links go in a circle at "${next}"; use the file itself`);
    const target = await Deno.readLink(next);
    if (target.startsWith("/")) at = "/";
    todo.push(...target.split("/").reverse());
    info = undefined;
  }
  info ??= at === root ? await there(at) : undefined;
  return { at, ...(state && { state }), ...(info && { info }) };
}

/** The part of `path` below `root` (empty for the root itself), or undefined if it is outside. Both are absolute. */
export function below(root: string, path: string): string | undefined {
  if (path === root) return "";
  const start = root.endsWith("/") ? root : `${root}/`;
  return path.startsWith(start) ? path.slice(start.length) : undefined;
}

/** True for `.git` and `.evo` in any spelling that some file system takes for them. */
export function isState(name: string): boolean {
  const plain = name.normalize("NFKC").replace(/\p{Default_Ignorable_Code_Point}/gu, "").replace(/:.*$/s, "").replace(
    /[. ]+$/,
    "",
  );
  return /^(\.git|\.evo|git~\d+|evo~\d+)$/i.test(plain);
}

/** Why something that is there is not a plain file, or undefined if it is one. */
export function notFile(
  info: Pick<Deno.FileInfo, "isFile" | "isDirectory" | "isFifo" | "isSocket">,
): string | undefined {
  if (info.isFile) return undefined;
  if (info.isDirectory) return "it is a folder; use list_files to see what is in it";
  return `it is a ${info.isFifo ? "FIFO" : info.isSocket ? "socket" : "device"}, not a file; use a plain file`;
}

/** What the operating system meant, in words. */
export function reason(error: unknown): string {
  const code = error instanceof Object && "code" in error ? String(error.code) : "";
  const words: Record<string, string> = {
    ENOENT: "no such file",
    EACCES: "permission denied",
    EPERM: "the system does not permit it",
    EROFS: "the file system is read-only",
    ENOSPC: "the disk is full; free some space",
    ENAMETOOLONG: "the name is too long; use a shorter one",
    ENOTDIR: "a part of the path is a file, not a folder",
    EINVAL: "it was swapped for something else meanwhile; try again",
    EEXIST: "something else of that name appeared meanwhile; try again",
  };
  return words[code] ?? (error instanceof Error ? error.message : String(error));
}

function spelling(path: string): string | undefined {
  if (path === "") return 'it is empty; give a path such as "src/a.ts", or "." for the working directory';
  if (path.includes("\0")) return "it holds a NUL byte; give a plain path";
  if (path.split("/").some((name) => new TextEncoder().encode(name).length > 255)) {
    return reason({ code: "ENAMETOOLONG" });
  }
  if (!path.isWellFormed()) return "it holds half of a character; give the whole name";
  if (/^~(\/|$)/.test(path)) return "~ is not expanded; give a path below the working directory";
  if (/^[a-z]:[\\/]|\\/i.test(path)) {
    return "it is written the Windows way; give a path below the working directory, with /";
  }
  return undefined;
}

async function there(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
