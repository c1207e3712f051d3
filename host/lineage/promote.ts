/** The one way in which a generation takes effect: an intent on the disk first, then steps that can each be done again. */
import { dirname, join } from "node:path";
import * as z from "zod";
import { no, ok, type Outcome } from "../../actors/types.ts";
import { reason } from "../build/executable.ts";
import { git, mustGit } from "../source/git.ts";
import { isThere, readJson, removeIfThere, syncPath, writeDurable } from "../build/disk.ts";
import { mark, writeCurrent } from "./current.ts";
import { Manifest, readHead, record } from "./manifest.ts";
import { identify, restorePayload } from "../build/payload.ts";
import { type At, land } from "./tree.ts";

/** What is about to happen, whole: whoever reads it can finish it. `root` is null if only the executable changes. */
const Intent = z.object({
  ...{ v: z.literal(1), manifest: Manifest, patch: z.string() },
  ...{ root: z.string().nullable(), from: z.string() },
  ...{ executable: z.string(), temp: z.string(), before: z.string().nullable() },
  ...{ confirmed: z.boolean(), bad: z.array(z.number()) },
});
export type Intent = z.infer<typeof Intent>;

const pathOf = (home: string) => join(home, "intent.json");

/** The open intent, if a process was ended while it promoted. */
export const readIntent = (home: string): Promise<Intent | undefined> => readJson(pathOf(home), Intent);

/** Writes the intent, then carries it out. Call with the promotion lock held. The value holds notes for people. */
export async function carryOut(home: string, intent: Intent, at: At = () => {}): Promise<Outcome<string[]>> {
  await at("prepared");
  await writeDurable(pathOf(home), JSON.stringify(intent), 0o600);
  await at("intended");
  return await finish(home, intent, at);
}

/** Carries out an intent from wherever it stopped; bad means that it was undone, and the candidate kept as a branch. */
export async function finish(home: string, intent: Intent, at: At = () => {}): Promise<Outcome<string[]>> {
  const { manifest } = intent;
  const notes: string[] = [];
  if (intent.root !== null) {
    const landed = await landIn(intent.root, intent, at);
    const begun = (await readHead(home))?.number === manifest.number;
    if (!landed.ok && !begun) return await undo(home, intent, landed.error);
    const left = landed.ok ? landed.value : [];
    if (left.length > 0) notes.push(`Left alone, since they were changed meanwhile: ${left.join(", ")}`);
    await at("landed");
  }
  await record(home, manifest, intent.patch);
  await at("recorded");
  if (intent.confirmed) await mark(home, manifest.number, "confirmed");
  for (const number of intent.bad) await mark(home, number, "bad");
  await at("marked");
  const replaced = await replaceExecutable(home, intent);
  if (!replaced.ok) return replaced;
  if (!replaced.value) notes.push(`"${intent.executable}" was rebuilt meanwhile and stays as it is`);
  await at("replaced");
  const { number, source } = manifest;
  if (replaced.value) await writeCurrent(home, intent.executable, { number, source, root: intent.root });
  await at("current");
  await removeIfThere(pathOf(home));
  await syncPath(home);
  await at("done");
  return ok(notes);
}

/** Keeps a commit as a branch and says in one sentence how to apply it. */
export async function keepBranch(
  root: string,
  options: { name: string; commit: string; why: string },
): Promise<string> {
  const taken = await git(root, ["rev-parse", "--verify", "--quiet", `refs/heads/${options.name}`]);
  const other = taken.code === 0 && taken.stdout.trim() !== options.commit;
  const name = other ? `${options.name}-${options.commit.slice(0, 12)}` : options.name;
  await mustGit(root, ["update-ref", `refs/heads/${name}`, options.commit]);
  return `${options.why}: the candidate is kept as branch ${name} in "${root}"; commit or set aside your changes, ` +
    `then apply it with "git merge ${name}" and build with "deno task build"`;
}

async function landIn(root: string, intent: Intent, at: At): Promise<Outcome<string[]>> {
  if (!await isThere(root)) return no(`"${root}" is gone`);
  const { commit, number } = intent.manifest;
  const landed = await land(root, { from: intent.from, to: commit, at });
  // A reference of its own keeps the commit from being collected if a person rewrites the branch.
  if (landed.ok) await mustGit(root, ["update-ref", `refs/evo/${String(number).padStart(4, "0")}`, commit]);
  return landed;
}

async function undo(home: string, intent: Intent, why: string): Promise<Outcome<never>> {
  const { root, manifest, temp } = intent;
  const sentence = `Cannot promote generation ${manifest.number}: ${why}`;
  const kept = root !== null && await isThere(root)
    ? await keepBranch(root, { name: `evo/candidate-${manifest.number}`, commit: manifest.commit, why: sentence })
    : `${sentence}; nothing was changed`;
  await removeIfThere(temp);
  await removeIfThere(pathOf(home));
  return no(kept);
}

/** False if a person put another executable there since the intent was written: theirs stays. */
async function replaceExecutable(home: string, intent: Intent): Promise<Outcome<boolean>> {
  const { executable, temp, manifest, before } = intent;
  const present = await isThere(executable) ? await identify(executable) ?? null : null;
  const target = manifest.executable.payload.sha;
  if (present === target || (present !== null && present !== before)) {
    await removeIfThere(temp);
    return ok(present === target);
  }
  try {
    if (!await isThere(temp) || await identify(temp) !== target) {
      await removeIfThere(temp);
      const restored = await restorePayload(home, manifest.executable, temp);
      if (!restored.ok) return restored;
    }
    await Deno.rename(temp, executable);
    await syncPath(dirname(executable));
    return ok(true);
  } catch (error) {
    return no(`Cannot replace "${executable}": ${reason(error)}; make its folder writable and start again`);
  }
}
