/** The way back: an earlier generation's executable and source as a new generation. */
import { dirname, join } from "node:path";
import { no, NO_USAGE, ok, type Outcome } from "../../actors/types.ts";
import { reason } from "../build/executable.ts";
import { git, mustGit } from "../source/git.ts";
import { isSource } from "../source/source.ts";
import { type Manifest, nextManifest, readHead, readManifest } from "./manifest.ts";
import type { Intent } from "./promote.ts";
import { identify, restorePayload } from "../build/payload.ts";
import { commitTree, findBlock, mergeTree } from "./tree.ts";

/** What is to be returned to, where, and why. `source` is the repository and the commit it must be at; null leaves source alone. */
export interface Return {
  home: string;
  executable: string;
  number: number;
  source: { root: string; commit: string } | null;
  decision: string;
  confirmed: boolean;
  bad: number[];
  now: number;
}

/** Prepares a return: the executable stands beside the old one, verified, and the commit exists. Bad: nothing was changed. */
export async function planReturn(options: Return): Promise<Outcome<Intent>> {
  const { home, executable, number, decision, confirmed, bad } = options;
  const { manifest: old } = await readManifest(home, number);
  const next = ((await readHead(home))?.number ?? 0) + 1;
  const goal = `Return to generation ${number}`;
  const alone = { root: null, from: old.commit, commit: old.commit, tree: old.tree, patch: "" };
  const source = options.source ? await planSource(options.source, { home, old, next, goal }) : ok(alone);
  if (!source.ok) return source;
  const temp = tempBeside(executable);
  const restored = await restorePayload(home, old.executable, temp);
  if (!restored.ok) return restored;
  const { root, from, commit, tree, patch } = source.value;
  const facts = { source: old.source, tree, commit, executable: old.executable };
  const told = { parent: number, goal, steps: [], usage: NO_USAGE, decision, model: "none" };
  const manifest = await nextManifest(home, { ...told, ...facts }, { patch, now: options.now });
  const before = await identify(executable) ?? null;
  return ok({ v: 1, manifest, patch, root, from, executable, temp, before, confirmed, bad });
}

/** A name for the new executable in the folder of the old one, so that it can take its place in one step. */
export const tempBeside = (executable: string): string =>
  join(dirname(executable), `.evo-${crypto.randomUUID().slice(0, 8)}.new`);

async function planSource(
  { root, commit: from }: { root: string; commit: string },
  { home, old, next, goal }: { home: string; old: Manifest; next: number; goal: string },
): Promise<Outcome<Pick<Intent, "root" | "from" | "patch"> & Pick<Manifest, "commit" | "tree">>> {
  try {
    if ((await git(root, ["cat-file", "-e", `${old.commit}^{tree}`])).code !== 0) {
      return no(`"${root}" does not have its commit ${old.commit}`);
    }
    const scratch = join(home, "index");
    const tree = await mergeTree(root, { onto: from, from: old.commit, pick: isSource, scratch });
    const trailers = `Generation: ${next}\nParent: ${old.number}\n`;
    const message = `evolve(${String(next).padStart(4, "0")}): ${goal}\n\n${trailers}`;
    const commit = await commitTree(root, tree, { parent: from, message });
    const blocked = await findBlock(root, from, commit);
    if (blocked) return no(`"${root}": ${blocked}; mend that and try again`);
    return ok({ root, from, commit, tree, patch: await mustGit(root, ["diff", "--no-color", from, commit]) });
  } catch (error) {
    return no(reason(error));
  }
}
