// What the tests of this folder share: a real repository with a person's work in it, and executables of the real shape.
import { ok as good } from "node:assert/strict";
import { join } from "node:path";
import type { Candidate, Goal } from "../../actors/types.ts";
import { prepareWorktree } from "../gate/draft.ts";
import { mustGit, stageTree } from "../source/git.ts";
import { packSource, sourceHash } from "../source/source.ts";
import { createLineage, type LineageOptions } from "./lineage.ts";

/** Bytes that do not repeat, from a seed. */
export function noise(length: number, seed: number): Uint8Array {
  let state = seed | 1;
  return Uint8Array.from({ length }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state & 255;
  });
}

/** Writes base ++ payload ++ trailer, as `deno compile` does. */
export async function writeExecutable(path: string, payload: Uint8Array, base = noise(40_000, 7)): Promise<void> {
  const bytes = new Uint8Array(base.length + payload.length + 16);
  bytes.set(base);
  bytes.set(payload, base.length);
  const view = new DataView(bytes.buffer, bytes.length - 16);
  view.setUint32(0, 0x501e, true);
  view.setBigUint64(8, BigInt(payload.length + 16), true);
  const temp = `${path}.${crypto.randomUUID()}`;
  await Deno.writeFile(temp, bytes, { mode: 0o755 });
  await Deno.rename(temp, path);
}

/** A checkout with a built executable, and a person's uncommitted work around it. */
export interface World {
  root: string;
  home: string;
  exe: string;
}

const FILES: Record<string, string> = {
  "host/boot.ts": "export const boot = 1;\n",
  "main.ts": "export const main = 1;\n",
  "actors/a.ts": "export const a = 1;\n",
  "actors/gone.ts": "export const gone = 1;\n",
  "prompts/chat.md": "Hello.\n",
  "README.md": "# Evo\n",
  "docs/own.md": "not source\n",
  ".gitignore": "/bin/\n/.evo/*\n",
};

/** What the person has not committed: an edit of another file, a staged one, and a new one. */
export const WORK: Record<string, string> = {
  "prompts/chat.md": "Hello, edited by a person.\n",
  "docs/own.md": "staged by a person\n",
  "notes.txt": "mine\n",
};

/** Makes a world below a fresh temporary folder. */
export async function makeWorld(): Promise<World> {
  const root = await Deno.realPath(await Deno.makeTempDir({ prefix: "evo-lineage-" }));
  for (const [path, text] of Object.entries(FILES)) {
    await Deno.mkdir(join(root, path, ".."), { recursive: true });
    await Deno.writeTextFile(join(root, path), text);
  }
  await mustGit(root, ["init", "--quiet", "--initial-branch=main"]);
  await mustGit(root, ["add", "--all"]);
  await mustGit(root, ["commit", "--quiet", "-m", "first"]);
  for (const [path, text] of Object.entries(WORK)) await Deno.writeTextFile(join(root, path), text);
  await mustGit(root, ["add", "docs/own.md"]);
  await Deno.mkdir(join(root, "bin"));
  const exe = join(root, "bin/evo");
  await writeExecutable(exe, noise(200_000, 1));
  return { root, home: join(root, ".evo"), exe };
}

/** The source of a repository as committed: its hash, and packed. */
export async function committed(root: string) {
  const copy = await Deno.makeTempDir({ prefix: "evo-lineage-copy-" });
  try {
    await mustGit(root, ["worktree", "add", "--detach", "--quiet", join(copy, "w"), "HEAD"]);
    return { hash: await sourceHash(join(copy, "w")), packed: await packSource(join(copy, "w")) };
  } finally {
    await mustGit(root, ["worktree", "remove", "--force", join(copy, "w")]);
    await Deno.remove(copy, { recursive: true });
  }
}

/** Opens a lineage on a world whose gate has passed everything, with an executable to match. */
export async function openLineage(world: World, options: Partial<LineageOptions> = {}) {
  const { hash, packed } = await committed(world.root);
  const lineage = createLineage({
    home: world.home,
    cwd: world.root,
    executable: world.exe,
    embedded: { sourceHash: hash, source: () => Promise.resolve(packed) },
    gatePassed: () => ({ proof: true, build: true }),
    builtExecutable: () => join(world.root, "bin/candidate"),
    model: () => "demo",
    clock: { now: () => 1_700_000_000_000 },
    notice: () => {},
    ...options,
  });
  const source = await lineage.sourceRoot();
  good(source.ok, JSON.stringify(source));
  return lineage;
}

/** The change most tests promote: one file edited, one added, one removed; none of them the person's. */
export const EDIT: Record<string, string | null> = {
  "actors/a.ts": "export const a = 2;\n",
  "actors/b.ts": "export const b = 'é 漢字 👩‍👩‍👧';\n",
  "actors/gone.ts": null,
};

/** Makes a candidate in a real draft, and its executable. */
export async function makeCandidate(world: World, edit = EDIT, options: { seed?: number; goal?: Partial<Goal> } = {}) {
  const draft = join(world.home, "draft");
  const head = (await mustGit(world.root, ["rev-parse", "HEAD"])).trim();
  await prepareWorktree(world.root, draft, head);
  for (const [path, text] of Object.entries(edit)) {
    if (text === null) await Deno.remove(join(draft, path));
    else {
      await Deno.mkdir(join(draft, path, ".."), { recursive: true });
      await Deno.writeTextFile(join(draft, path), text);
    }
  }
  const tree = await stageTree(draft);
  const diff = await mustGit(draft, ["diff", "--cached", "--no-renames", "HEAD"]);
  await writeExecutable(join(world.root, "bin/candidate"), noise(200_000, options.seed ?? 2));
  const goal = { title: "Say more", predicted: "more is said", ...options.goal };
  return { goal, tree, diff, paths: Object.keys(edit).sort(), added: 2, removed: 2 } satisfies Candidate;
}

/** Evidence as the machine hands it over. */
export const EVIDENCE = {
  steps: [{ name: "types", pass: true, ms: 12.4 }],
  usage: { input: 10, output: 5, cached: 0, cost: 0.01, estimated: false },
  decision: "no veto",
};

/** Reads a file; undefined if there is none. */
export const textAt = (root: string, path: string) => Deno.readTextFile(join(root, path)).catch(() => undefined);

// A child of the kill sweep: promotes, and ends itself by force at the step that it is told.
const child = Deno.env.get("EVO_TEST_KILL");
if (child) {
  const { world, step } = JSON.parse(child);
  const at = (name: string) => {
    if (name === step) Deno.kill(Deno.pid, "SIGKILL");
    Deno.stdout.writeSync(new TextEncoder().encode(`${name}\n`));
  };
  const lineage = await openLineage(world, { at });
  await lineage.promote(JSON.parse(Deno.env.get("EVO_TEST_CANDIDATE") ?? ""), EVIDENCE);
}
