/** A commit lands in a repository that a person works in: only files that the change touches move, and no work is lost. */
import { dirname, join } from "node:path";
import { no, ok, type Outcome } from "../../actors/types.ts";
import { git, mustGit } from "../source/git.ts";
import { isThere, removeIfThere } from "../build/disk.ts";

/** What a path of a change is on disk: as before the change, as after it, gone, half written, or a person's work. */
type Found = "old" | "new" | "gone" | "part" | "other";

/** The commit that HEAD is at. */
export const headOf = async (root: string): Promise<string> => (await mustGit(root, ["rev-parse", "HEAD"])).trim();

/** Called between steps, so that a test can end the process there. */
export type At = (step: string) => void | Promise<void>;

/** One path of a change, with its blobs before and after (undefined where there is none), and its entry for the index. */
interface Change {
  path: string;
  from: string | undefined;
  to: string | undefined;
  entry: string;
}

/** The paths that differ between two commits or trees. */
export async function changedPaths(root: string, from: string, to: string): Promise<string[]> {
  return (await findChanges(root, from, to)).map(({ path }) => path);
}

async function findChanges(root: string, from: string, to: string): Promise<Change[]> {
  const fields = (await mustGit(root, ["diff-tree", "-r", "--no-renames", "-z", from, to])).split("\0");
  const blob = (hash: string) => /^0+$/.test(hash) ? undefined : hash;
  const changes: Change[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [, mode = "", before = "", after = ""] = (fields[at] ?? "").split(" ");
    const path = fields[at + 1] ?? "";
    changes.push({ path, from: blob(before), to: blob(after), entry: `${mode} ${after}\t${path}\0` });
  }
  return changes;
}

const indexOf = async (root: string) =>
  (await mustGit(root, ["rev-parse", "--path-format=absolute", "--git-path", "index"])).trim();

/** Makes a commit object of a tree; nothing refers to it yet. */
export async function commitTree(
  root: string,
  tree: string,
  options: { parent: string; message: string },
): Promise<string> {
  const args = ["-c", "core.fsync=all", "commit-tree", tree, "-p", options.parent, "-F", "-"];
  return (await mustGit(root, args, { input: options.message })).trim();
}

/** The paths of a change that hold a person's uncommitted work: edited, staged, deleted, or in the way. */
async function findUncommitted(root: string, from: string, to: string): Promise<string[]> {
  const changes = await findChanges(root, from, to);
  const states = await findStates(root, changes);
  const staged = new Set((await mustGit(root, ["diff-index", "--cached", "--name-only", "-z", "HEAD"])).split("\0"));
  return changes.map(({ path }) => path).filter((path) => states.get(path) !== "old" || staged.has(path));
}

/** Why a commit cannot land, as a clause; undefined if it can. */
export async function findBlock(root: string, from: string, to: string): Promise<string | undefined> {
  const head = await headOf(root);
  if (head !== from) return `it has commits made since ${from.slice(0, 12)}`;
  const lock = `${await indexOf(root)}.lock`;
  if (await isThere(lock)) return `"${lock}" says that git is at work there`;
  const dirty = await findUncommitted(root, from, to);
  return dirty.length > 0 ? `it has uncommitted changes in ${dirty.join(", ")}` : undefined;
}

/** Moves HEAD from one commit to the next, then files and index. Doing it again finishes what was begun. Bad: nothing was moved. */
export async function land(root: string, options: { from: string; to: string; at: At }): Promise<Outcome<string[]>> {
  const { from, to, at } = options;
  const head = await headOf(root);
  if (head === from) {
    const blocked = await findBlock(root, from, to);
    if (blocked) return no(`"${root}": ${blocked}`);
    const moved = await git(root, ["update-ref", "-m", "evolve", "HEAD", to, from]);
    if (moved.code !== 0) return no(`HEAD of "${root}" cannot be moved (${moved.stderr.trim()})`);
    await at("moved");
  } else if (head !== to) {
    const onward = await git(root, ["merge-base", "--is-ancestor", to, head]);
    return onward.code === 0 ? ok([]) : no(`"${root}" has commits made since`);
  }
  return ok(await landFiles(root, options));
}

/** Returns the paths that were left alone, because a person's work is there. */
async function landFiles(root: string, { from, to, at }: { from: string; to: string; at: At }): Promise<string[]> {
  const changes = await findChanges(root, from, to);
  const index = await indexOf(root);
  const lock = `${index}.lock`;
  const own = `${index}.evo`;
  // A lock that is our own file, linked, was left by a kill between the two steps below.
  if (await sameFile(own, lock)) await Deno.rename(lock, index);
  const states = await findStates(root, changes);
  const free = changes.filter(({ path }) => states.get(path) !== "other");
  await removeIfThere(`${own}.lock`);
  await removeIfThere(own);
  await Deno.copyFile(index, own);
  const env = { GIT_INDEX_FILE: own };
  await setEntries(root, changes, env);
  await at("staged");
  const input = free.filter(({ to }) => to).map(({ path }) => `${path}\0`).join("");
  await mustGit(root, ["checkout-index", "--force", "--index", "-z", "--stdin"], { env, input });
  for (const { path, to } of free) if (!to) await removeFile(root, path);
  await at("written");
  await takeLock(own, lock);
  await at("locked");
  await Deno.rename(lock, index);
  await removeIfThere(own);
  return changes.filter((change) => !free.includes(change)).map(({ path }) => path);
}

async function setEntries(root: string, changes: Change[], env: Record<string, string>): Promise<void> {
  await mustGit(root, ["update-index", "-z", "--index-info"], {
    env,
    input: changes.map(({ entry }) => entry).join(""),
  });
}

/** Removes a file and the folders that it leaves empty, as git does. */
async function removeFile(root: string, path: string): Promise<void> {
  await removeIfThere(join(root, path));
  const empty = (folder: string) => Deno.remove(join(root, folder)).then(() => true, () => false);
  for (let folder = dirname(path); folder !== "." && await empty(folder);) folder = dirname(folder);
}

async function findStates(root: string, changes: Change[]): Promise<Map<string, Found>> {
  const states = new Map<string, Found>();
  const files: Change[] = [];
  for (const change of changes) {
    const info = await lookUp(root, change.path);
    if (info === "file" && !change.path.includes("\n")) files.push(change);
    else states.set(change.path, info === "none" ? (change.from ? "gone" : "old") : "other");
  }
  if (files.length === 0) return states;
  const input = files.map(({ path }) => path).join("\n") + "\n";
  const hashes = (await mustGit(root, ["hash-object", "--stdin-paths"], { input })).trim().split("\n");
  for (const [at, change] of files.entries()) {
    const found = hashes[at] === change.from ? "old" : hashes[at] === change.to ? "new" : undefined;
    states.set(change.path, found ?? (await isPart(root, change) ? "part" : "other"));
  }
  return states;
}

/** What is at a path: a plain file, nothing (and nothing in its way), or something that must stay. */
async function lookUp(root: string, path: string): Promise<"file" | "none" | "other"> {
  for (let end = path.indexOf("/"); end > 0; end = path.indexOf("/", end + 1)) {
    const folder = await Deno.lstat(join(root, path.slice(0, end))).catch(() => undefined);
    if (!folder?.isDirectory) return folder ? "other" : "none";
  }
  const info = await Deno.lstat(join(root, path)).catch(() => undefined);
  return !info ? "none" : info.isFile ? "file" : "other";
}

/** True for a file that a kill left half written: the beginning of what it was to become. */
async function isPart(root: string, { path, to }: Change): Promise<boolean> {
  if (!to) return false;
  const whole = await mustGit(root, ["cat-file", "blob", to]);
  return whole.startsWith(await Deno.readTextFile(join(root, path)));
}

/** Git's own lock, taken by git's own rule: it must not be there. A person's git command is waited for, five seconds. */
async function takeLock(own: string, lock: string): Promise<void> {
  for (let tries = 0;; tries++) {
    try {
      return await Deno.link(own, lock);
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists) || tries >= 50) {
        throw new Error(`Cannot update the git index: "${lock}" is taken; remove it if no git runs`);
      }
      await new Promise((done) => setTimeout(done, 100));
    }
  }
}

async function sameFile(left: string, right: string): Promise<boolean> {
  const [a, b] = await Promise.all([left, right].map((path) => Deno.lstat(path).catch(() => undefined)));
  return a !== undefined && b !== undefined && a.ino === b.ino && a.dev === b.dev;
}

/** Writes the files of a commit or tree below an empty folder, without touching the repository's index or worktree. */
export async function materialize(root: string, tree: string, into: string): Promise<void> {
  const env = { GIT_INDEX_FILE: `${into}.index` };
  try {
    await mustGit(root, ["read-tree", tree], { env });
    await mustGit(root, ["checkout-index", "--all", "--force", `--prefix=${into}/`], { env });
  } finally {
    await removeIfThere(env.GIT_INDEX_FILE);
  }
}

/** The tree of `onto` in which the paths that `pick` accepts are as in `from`. */
export async function mergeTree(
  root: string,
  options: { onto: string; from: string; pick: (path: string) => boolean; scratch: string },
): Promise<string> {
  const env = { GIT_INDEX_FILE: options.scratch };
  try {
    await mustGit(root, ["read-tree", options.onto], { env });
    const changes = (await findChanges(root, options.onto, options.from)).filter(({ path }) => options.pick(path));
    await setEntries(root, changes, env);
    return (await mustGit(root, ["write-tree"], { env })).trim();
  } finally {
    await removeIfThere(options.scratch);
  }
}
