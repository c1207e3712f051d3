/** Which repository an evolution starts from: Evo's own checkout if it is what is running, else the source carried inside. */
import { join, resolve } from "node:path";
import { no, ok, type Outcome } from "../../actors/types.ts";
import { git, mustGit } from "../source/git.ts";
import { isSource, sourceHash, unpackSource } from "../source/source.ts";
import { isThere, removeIfThere } from "../build/disk.ts";
import { headOf, materialize } from "./tree.ts";

/** A repository, and the commit of it that is the accepted source. */
export interface SourceRoot {
  root: string;
  commit: string;
}

/** The source that the executable carries. `source` reads it: gzip, as `packSource` made it. */
export interface Embedded {
  sourceHash: string;
  source: () => Promise<Uint8Array<ArrayBuffer>>;
}

/** Finds the repository whose HEAD is the source with this hash: the checkout at `cwd`, else `<home>/source`, unpacked if need be. */
export async function findSourceRoot(
  { home, cwd, embedded }: { home: string; cwd: string; embedded: Embedded },
): Promise<Outcome<SourceRoot>> {
  const top = await git(cwd, ["rev-parse", "--show-toplevel"]);
  const root = top.stdout.trim();
  if (top.code === 0 && await isThere(join(root, "host/boot.ts"))) {
    const found = await matching(root, home, embedded.sourceHash);
    if (found) return found;
    if (resolve(home) === join(root, ".evo")) {
      return no(
        `Cannot evolve "${root}": its source is not what this executable was built from; run "deno task build" and start again`,
      );
    }
  }
  return await findUnpacked(join(home, "source"), home, embedded);
}

/** The hash of the source as committed, whatever lies uncommitted above it. Call with the promotion lock held. */
export async function hashOfTree(root: string, options: { tree: string; home: string }): Promise<string> {
  const scratch = join(options.home, "tree");
  await removeIfThere(scratch).catch(() => {}); // left by a kill; a git that outlived it may still write there
  await Deno.mkdir(scratch, { recursive: true });
  const folder = await Deno.makeTempDir({ dir: scratch });
  try {
    await materialize(root, options.tree, folder);
    return await sourceHash(folder);
  } finally {
    await removeIfThere(scratch).catch(() => {});
  }
}

async function matching(root: string, home: string, hash: string): Promise<Outcome<SourceRoot> | undefined> {
  if ((await git(root, ["rev-parse", "--verify", "--quiet", "HEAD"])).code !== 0) return undefined;
  const commit = await headOf(root);
  if (await hashOfTree(root, { tree: commit, home }) === hash) return ok({ root, commit });
  if (await sourceHash(root).catch(() => "") !== hash) return undefined;
  const status = await mustGit(root, ["status", "--porcelain", "-z", "--untracked-files=all", "--no-renames"]);
  const paths = status.split("\0").map((line) => line.slice(3)).filter(isSource);
  const what = `this executable was built with uncommitted changes in ${paths.join(", ")}`;
  return no(`Cannot evolve "${root}": ${what}; commit them first`);
}

async function findUnpacked(root: string, home: string, embedded: Embedded): Promise<Outcome<SourceRoot>> {
  if (!await isThere(join(root, ".git"))) {
    await Deno.mkdir(root, { recursive: true });
    await mustGit(root, ["init", "--quiet", "--initial-branch=main"]);
  } else {
    const found = await matching(root, home, embedded.sourceHash);
    if (found) return found;
    const status = await mustGit(root, ["status", "--porcelain", "--untracked-files=all"]);
    if (status !== "" && (await git(root, ["rev-parse", "--verify", "--quiet", "HEAD"])).code === 0) {
      return no(`Cannot unpack Evo's source to "${root}": it has uncommitted changes; commit them or remove it`);
    }
  }
  for await (const { name } of Deno.readDir(root)) {
    if (name !== ".git") await removeIfThere(join(root, name));
  }
  await unpackSource(await embedded.source(), root);
  await mustGit(root, ["add", "--all", "--force", "."]);
  const message = `source: as carried by the executable\n\nSource: ${embedded.sourceHash}\n`;
  await mustGit(root, ["commit", "--quiet", "--allow-empty", "-F", "-"], { input: message });
  return ok({ root, commit: await headOf(root) });
}
