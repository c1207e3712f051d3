import ignore from "ignore";
import { dirname, relative as between } from "node:path";
import { isState } from "./paths.ts";
import { TEMPORARY } from "./replace.ts";

/** Which paths below a root `.gitignore` files exclude. A path is judged alone: whoever asks has judged its folders before. */
export interface Rules {
  ignored(path: string, folder: boolean): Promise<boolean>;
}

/** One thing below the root. */
export interface Entry {
  path: string;
  kind: "file" | "folder" | "link" | "other";
}

type Matcher = { test(path: string): { ignored: boolean; unignored: boolean } };

/**
 * The rules of nested `.gitignore` files, of those above the root up to the repository's, and of `.git/info/exclude`. `read`
 * gives the text of a `.gitignore` below the root, so that a past state can be judged by its own rules.
 */
export async function createRules(root: string, read = (path: string) => textAt(`${root}/${path}`)): Promise<Rules> {
  const folders = new Map<string, Promise<Matcher | undefined>>();
  const outer = await rulesAbove(root);
  return { ignored };

  async function ignored(path: string, folder: boolean): Promise<boolean> {
    const whole = folder ? `${path}/` : path;
    for (let at = path; at !== "";) {
      at = at.includes("/") ? at.slice(0, at.lastIndexOf("/")) : "";
      const matcher = await inFolder(at);
      const told = matcher?.test(at === "" ? whole : whole.slice(at.length + 1));
      if (told?.ignored) return true;
      if (told?.unignored) return false;
    }
    for (const { prefix, matcher } of outer) {
      const told = matcher.test(prefix + whole);
      if (told.ignored) return true;
      if (told.unignored) return false;
    }
    return false;
  }

  function inFolder(folder: string): Promise<Matcher | undefined> {
    const found = folders.get(folder) ?? read(folder === "" ? ".gitignore" : `${folder}/.gitignore`).then(matcherOf);
    folders.set(folder, found);
    return found;
  }
}

/**
 * What is below `from`, sorted by path, without what the rules exclude, state folders and `node_modules`. Links are named but
 * not followed; folders that cannot be read are left out. Throws on an abort.
 */
export async function* walk(
  root: string,
  { from = "", rules, signal }: { from?: string; rules: Rules; signal?: AbortSignal | undefined },
): AsyncGenerator<Entry> {
  signal?.throwIfAborted();
  const entries: Deno.DirEntry[] = [];
  try {
    for await (const entry of Deno.readDir(from === "" ? root : `${root}/${from}`)) entries.push(entry);
  } catch (error) {
    if (error instanceof Error && "code" in error) return;
    throw error;
  }
  const key = (entry: Deno.DirEntry) => entry.isDirectory ? `${entry.name}/` : entry.name;
  entries.sort((a, b) => key(a) < key(b) ? -1 : 1);
  for (const { name, isDirectory, isFile, isSymlink } of entries) {
    if (isState(name) || name === "node_modules" || name.startsWith(TEMPORARY)) continue;
    const path = from === "" ? name : `${from}/${name}`;
    if (await rules.ignored(path, isDirectory)) continue;
    yield { path, kind: isDirectory ? "folder" : isFile ? "file" : isSymlink ? "link" : "other" };
    if (isDirectory) yield* walk(root, { from: path, rules, signal });
  }
}

async function rulesAbove(root: string): Promise<{ prefix: string; matcher: Matcher }[]> {
  const found: { prefix: string; matcher: Matcher }[] = [];
  for (let at = root;; at = dirname(at)) {
    const prefix = at === root ? "" : `${between(at, root)}/`;
    const own = at === root ? undefined : matcherOf(await textAt(`${at}/.gitignore`));
    if (own) found.push({ prefix, matcher: own });
    if (await Deno.lstat(`${at}/.git`).then(() => true, () => false)) {
      const exclude = matcherOf(await textAt(`${at}/.git/info/exclude`));
      if (exclude) found.push({ prefix, matcher: exclude });
      const rootIgnored = found.some((rules) => rules.prefix !== "" && rules.matcher.test(rules.prefix).ignored);
      return rootIgnored ? [] : found;
    }
    if (at === dirname(at)) return [];
  }
}

function matcherOf(text: string | undefined): Matcher | undefined {
  if (!text?.trim()) return undefined;
  return ignore({ ignorecase: Deno.build.os === "darwin", allowRelativePaths: true }).add(text.replace(/^\uFEFF/, ""));
}

async function textAt(path: string): Promise<string | undefined> {
  try {
    const info = await Deno.lstat(path);
    return info.isFile && info.size < 1_000_000 ? await Deno.readTextFile(path) : undefined;
  } catch {
    return undefined; // a .gitignore that cannot be read excludes nothing
  }
}
