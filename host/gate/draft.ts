/** The draft: an isolated copy of the newest generation, in which one change is made. */
import { type Goal, no, ok, type Outcome } from "../../actors/types.ts";
import type { Draft, Workspace } from "../../actors/ports.ts";
import { isEvolvable, listSource, whyProtected } from "../source/source.ts";
import { git, mustGit, stageTree } from "../source/git.ts";

/** The repository whose HEAD is the newest generation. */
export interface SourceRoot {
  root: string;
  generation: number;
}

/** What a draft needs. `home` is EVO_HOME. */
export interface DraftOptions {
  home: string;
  sourceRoot: () => Promise<Outcome<SourceRoot>>;
  createWorkspace: (options: { root: string; mayWrite: (path: string) => string | undefined }) => Workspace;
}

/** Makes a folder a clean detached worktree of a repository at a commit, reusing what is there, mending or replacing what is broken. */
export async function prepareWorktree(repository: string, folder: string, commit: string): Promise<void> {
  const tree = (await mustGit(repository, ["rev-parse", `${commit}^{tree}`])).trim();
  if (await isWorktreeOf(repository, folder)) {
    await git(folder, ["checkout", "--force", "--detach", commit]);
    await git(folder, ["clean", "-ffdxq"]);
    if (await stageTree(folder).catch(() => "") === tree) return;
  }
  await git(repository, ["worktree", "remove", "--force", "--force", folder]);
  await Deno.remove(folder, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  await mustGit(repository, ["worktree", "prune"]);
  await Deno.mkdir(folder.slice(0, folder.lastIndexOf("/")), { recursive: true });
  await mustGit(repository, ["worktree", "add", "--force", "--detach", folder, commit]);
  const made = await stageTree(folder);
  if (made !== tree) {
    throw new Error(`Cannot make the draft "${folder}": its files differ from commit ${commit}; run "git fsck"`);
  }
}

/** Creates the draft port. The draft is at `home`/draft and outlives crashes; the lock does not outlive its process. */
export function createDraft({ home, sourceRoot, createWorkspace }: DraftOptions): Draft {
  const root = `${home}/draft`;
  let lock: Deno.FsFile | undefined, workspace: Workspace | undefined, repository = "";

  async function take(): Promise<Outcome<true>> {
    if (lock) return ok(true);
    await Deno.mkdir(home, { recursive: true });
    const file = await Deno.open(`${home}/evolve.lock`, { write: true, create: true, mode: 0o600 });
    if (await file.tryLock(true)) return lock = file, ok(true);
    file.close();
    return no(`Cannot start an evolution in "${home}": another one is running; wait for it to end, or end it`);
  }
  async function close() {
    workspace = undefined;
    const held = lock;
    lock = undefined;
    await held?.unlock();
    held?.close();
  }
  async function prepare(signal: AbortSignal) {
    const source = await sourceRoot();
    if (!source.ok) return source;
    signal.throwIfAborted();
    repository = source.value.root;
    await prepareWorktree(repository, root, (await mustGit(repository, ["rev-parse", "HEAD"])).trim());
    signal.throwIfAborted();
    workspace = createWorkspace({ root, mayWrite: whyProtected });
    return ok({ root, generation: source.value.generation, sourceMap: await mapSource(root) });
  }
  /** As it was opened: a git that was killed in it may have left its lock. */
  const clean = async () =>
    await prepareWorktree(repository, root, (await mustGit(root, ["rev-parse", "HEAD"])).trim());
  return {
    async open(signal) {
      const taken = await take();
      if (!taken.ok) return taken;
      try {
        const started = await prepare(signal);
        if (!started.ok) await close();
        return started;
      } catch (error) {
        await close();
        signal.throwIfAborted();
        return no(error instanceof Error ? error.message : String(error));
      }
    },
    workspace() {
      if (!workspace) throw new Error("Cannot use the draft: it is not open");
      return workspace;
    },
    async candidate(goal: Goal) {
      const tree = await stageTree(root);
      if (tree === (await mustGit(root, ["rev-parse", "HEAD^{tree}"])).trim()) {
        return no("Cannot examine the draft: nothing in it differs from its parent; change a file or answer SKIP");
      }
      const compare = ["diff", "--cached", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color"];
      const diff = await mustGit(root, [...compare, "--unified=3", "HEAD"]);
      const rows = (await mustGit(root, [...compare, "--numstat", "-z", "HEAD"])).split("\0").filter(Boolean).map((
        row,
      ) => row.split("\t"));
      const sum = (column: number) => rows.reduce((total, row) => total + (Number(row[column]) || 0), 0);
      return ok({ goal, tree, diff, paths: rows.map((row) => row[2] ?? ""), added: sum(0), removed: sum(1) });
    },
    discard: async () => lock && workspace ? await clean() : undefined,
    close,
  };
}

async function isWorktreeOf(repository: string, folder: string): Promise<boolean> {
  const info = await Deno.lstat(folder).catch(() => undefined),
    dotGit = await Deno.lstat(`${folder}/.git`).catch(() => undefined);
  if (!info?.isDirectory || !dotGit?.isFile) return false;
  const common = ["rev-parse", "--path-format=absolute", "--git-common-dir"];
  const [ours, theirs, top] = await Promise.all([
    git(repository, common),
    git(folder, common),
    git(folder, ["rev-parse", "--show-toplevel"]),
  ]);
  return ours.code === 0 && ours.stdout === theirs.stdout && top.stdout.trim() === await Deno.realPath(folder);
}

async function mapSource(root: string): Promise<string> {
  const rows = (await listSource(root)).map(async (path) => {
    const lines = (await Deno.readTextFile(`${root}/${path}`)).split("\n").length - 1;
    return `${isEvolvable(path) ? "*" : " "} ${path} ${lines}`;
  });
  return (await Promise.all(rows)).join("\n");
}
