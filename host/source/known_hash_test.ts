import { deepStrictEqual as equal, notDeepStrictEqual as differs, rejects } from "node:assert/strict";
import { knownHash } from "./known_hash.ts";
import { sourceHash } from "./source.ts";

/** Long after every write of a test. */
const LATER = Date.now() + 3_600_000;

async function inTree(
  test: (at: { root: string; cache: string; hash(now?: number): Promise<string> }) => Promise<void>,
) {
  const root = await Deno.makeTempDir();
  const cache = `${root}/.evo/source.json`;
  try {
    await Deno.mkdir(`${root}/host`);
    await Deno.mkdir(`${root}/actors`);
    await Deno.writeTextFile(`${root}/main.ts`, "export const a = 1;\n");
    await Deno.writeTextFile(`${root}/host/b.ts`, "export const b = 1;\n");
    await test({ root, cache, hash: (now = LATER) => knownHash(root, { cache, now }) });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** Makes the cache say something else for the tree as it is, so that it shows whether it was asked. */
async function mark(cache: string): Promise<void> {
  const known = JSON.parse(await Deno.readTextFile(cache));
  await Deno.writeTextFile(cache, JSON.stringify({ ...known, hash: "from the cache" }));
}

const changes: [string, (root: string) => Promise<unknown>][] = [
  ["a file of the same size whose time was set back", async (root) => {
    const { atime, mtime } = await Deno.stat(`${root}/main.ts`);
    await new Promise((done) => setTimeout(done, 1100)); // times of change are told in whole seconds
    await Deno.writeTextFile(`${root}/main.ts`, "export const a = 2;\n");
    await Deno.utime(`${root}/main.ts`, atime ?? 0, mtime ?? 0);
  }],
  ["a file that another one was renamed onto", async (root) => {
    const { atime, mtime } = await Deno.stat(`${root}/main.ts`);
    await Deno.writeTextFile(`${root}/other`, "export const a = 3;\n");
    await Deno.utime(`${root}/other`, atime ?? 0, mtime ?? 0);
    await Deno.rename(`${root}/other`, `${root}/main.ts`);
  }],
  ["a new file", (root) => Deno.writeTextFile(`${root}/actors/c.ts`, "")],
  ["a removed file", (root) => Deno.remove(`${root}/host/b.ts`)],
  ["a renamed file", (root) => Deno.rename(`${root}/host/b.ts`, `${root}/host/c.ts`)],
  ["a file that may be executed now", (root) => Deno.chmod(`${root}/main.ts`, 0o755)],
];
for (const [what, change] of changes) {
  Deno.test(`The hash of a tree is remembered until there is ${what}`, () =>
    inTree(async ({ root, cache, hash }) => {
      const first = await sourceHash(root);
      equal(await hash(), first);
      await mark(cache);
      equal(await hash(), "from the cache");
      await change(root);
      equal(await hash(), await sourceHash(root));
      differs(await sourceHash(root), first);
    }));
}

Deno.test("The hash of a tree that was just written is not remembered", () =>
  inTree(async ({ root, cache, hash }) => {
    equal(await hash(Date.now()), await sourceHash(root));
    await rejects(Deno.lstat(cache), Deno.errors.NotFound);
  }));

Deno.test("A damaged cache, or one that cannot be written, changes nothing", () =>
  inTree(async ({ root, cache, hash }) => {
    await hash();
    for (const text of ["", "{", "null", '{"stamp":1}', '{"hash":"x"}']) {
      await Deno.writeTextFile(cache, text);
      equal(await hash(), await sourceHash(root));
    }
    await Deno.remove(cache);
    await Deno.mkdir(cache);
    equal(await hash(), await sourceHash(root));
  }));
