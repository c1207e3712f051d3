import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { isState, place } from "./paths.ts";

const outside = await Deno.realPath(await Deno.makeTempDir());
const root = await Deno.realPath(await Deno.makeTempDir());

/** A tree with every kind of link; the outside holds a file that must never be reached. */
async function plant(): Promise<void> {
  await Deno.writeTextFile(`${outside}/secret`, "secret");
  await Deno.mkdir(`${root}/src/deep`, { recursive: true });
  await Deno.mkdir(`${root}/.git`, { recursive: true });
  await Deno.mkdir(`${root}/.evo/state`, { recursive: true });
  await Deno.writeTextFile(`${root}/src/a.ts`, "a");
  await Deno.writeTextFile(`${root}/.git/config`, "c");
  const links = {
    "out-dir": outside,
    "out-file": `${outside}/secret`,
    "out-dangling": `${outside}/none`,
    "out-relative": `../${outside.split("/").at(-1)}`,
    "chain-1": "chain-2",
    "chain-2": "src/chain-3",
    "src/chain-3": outside,
    "loop-1": "loop-2",
    "loop-2": "loop-1",
    "in-dir": "src",
    "in-dangling": "src/new.ts",
    "in-absolute": `${root}/src/a.ts`,
    "git-link": ".git",
    "evo-link": ".evo/state",
    "slash": "/",
  };
  for (const [name, target] of Object.entries(links)) await Deno.symlink(target, `${root}/${name}`);
}

const good: [path: string, relative: string, there: boolean][] = [
  ["src/a.ts", "src/a.ts", true],
  ["./src//a.ts", "src/a.ts", true],
  ["src/../src/a.ts", "src/a.ts", true],
  ["src/none/../a.ts", "src/a.ts", true],
  [`${root}/src/a.ts`, "src/a.ts", true],
  [`${outside}/../${root.split("/").at(-1)}/src/a.ts`, "src/a.ts", true],
  [".", "", true],
  ["src/", "src", true],
  ["new/folder/file.ts", "new/folder/file.ts", false],
  ["in-dir/a.ts", "src/a.ts", true],
  ["in-dir/new.ts", "src/new.ts", false],
  ["in-dangling", "src/new.ts", false],
  ["in-absolute", "src/a.ts", true],
  ["slash/" + root.slice(1) + "/src/a.ts", "src/a.ts", true],
  [".gitignore", ".gitignore", false],
  [".github/x", ".github/x", false],
  [".evolution", ".evolution", false],
  ["日本/😀.txt", "日本/😀.txt", false],
  ["~x", "~x", false],
  ["a b\n.txt", "a b\n.txt", false],
];

const bad: [path: string, why: RegExp][] = [
  ["", /it is empty/],
  ["a\0b", /NUL/],
  ["a\ud83d", /half of a character/],
  ["~", /~ is not expanded/],
  ["~/x", /~ is not expanded/],
  ["C:\\x", /Windows/],
  ["c:/x", /Windows/],
  ["src\\a.ts", /Windows/],
  ["\\\\?\\C:\\x", /Windows/],
  ["\\??\\C:\\x", /Windows/],
  ["..", /outside/],
  ["../x", /outside/],
  ["src/../../x", /outside/],
  ["/etc/passwd", /really "\/etc\/passwd", outside/],
  [root + "x/a", /outside/],
  ["/", /outside/],
  ["/proc/self/root" + root + "/src/a.ts", /proc/],
  ["/proc/self/cwd/x", /proc/],
  ["slash/proc/self/root/etc/passwd", /proc/],
  ["out-dir", new RegExp(`really "${outside}"`)],
  ["out-dir/secret", new RegExp(`really "${outside}/secret"`)],
  ["out-dir/new", new RegExp(`really "${outside}/new"`)],
  ["out-dir/new/deeper", /outside/],
  ["out-file", /secret", outside/],
  ["out-dangling", /none", outside/],
  ["out-relative/secret", /outside/],
  ["in-dir/../../x", /outside/],
  ["chain-1/secret", /secret", outside/],
  ["slash/etc/passwd", /outside/],
  ["loop-1", /circle/],
  ["loop-1/x", /circle/],
  ["src/a.ts/x", /is a file, not a folder/],
  ["nofolder/", /ends in a slash/],
  [".git", /hold state/],
  [".git/config", /hold state/],
  [".GIT/config", /hold state/],
  ["sub/.git/hooks/x", /hold state/],
  [".evo/state/x", /hold state/],
  [".Evo", /hold state/],
  ["sub/.evo", /hold state/],
  ["git-link/config", /\.git\/config.*hold state/],
  ["evo-link/x", /hold state/],
  [".git/../src/a.ts", /hold state/],
  [`${root}/.git/config`, /hold state/],
  ["x".repeat(300), /too long/],
];

Deno.test("place() resolves what is inside and refuses what is not, naming the real path", async (t) => {
  await plant();
  for (const [path, relative, there] of good) {
    await t.step(`inside: ${JSON.stringify(path.replaceAll(root, "ROOT"))}`, async () => {
      const found = await place(root, path, { act: "read" });
      equal(found.ok && [found.value.relative, found.value.info !== undefined], [relative, there]);
    });
  }
  for (const [path, why] of bad) {
    await t.step(`refused: ${JSON.stringify(path.replaceAll(root, "ROOT").slice(0, 60))}`, async () => {
      const found = await place(root, path, { act: "read" });
      match(found.ok ? "let through" : found.error, why);
    });
  }
  await t.step("without place() each of these links does lead outside", async () => {
    for (const path of ["out-dir/secret", "out-file", "chain-1/secret", "out-relative/secret"]) {
      equal(await Deno.readTextFile(`${root}/${path}`), "secret");
    }
    await Deno.writeTextFile(`${root}/out-dangling`, "escaped");
    equal(await Deno.readTextFile(`${outside}/none`), "escaped");
  });
  await t.step("a root below .evo is judged on the part below it only", async () => {
    const draft = `${root}/.evo/state`;
    ok((await place(draft, "main.ts", { act: "read" })).ok);
    ok((await place(draft, `${draft}/main.ts`, { act: "read" })).ok);
    ok(!(await place(draft, ".evo/x", { act: "read" })).ok);
    ok(!(await place(draft, "../x", { act: "read" })).ok);
  });
  await t.step("allow exempts by the real path, not by the name of a link", async () => {
    const allow = (relative: string) => relative === ".evo/config.jsonc";
    ok((await place(root, ".evo/config.jsonc", { act: "read", allow })).ok);
    ok(!(await place(root, ".evo/other", { act: "read", allow })).ok);
  });
  await Deno.remove(root, { recursive: true });
  await Deno.remove(outside, { recursive: true });
});

Deno.test("isState() knows the spellings that file systems take for .git", () => {
  for (const name of [".git", ".GIT", ".git.", ".git ", ".git::$INDEX_ALLOCATION", ".g\u200cit", "git~1", ".Evo"]) {
    ok(isState(name), name);
  }
  for (const name of [".gitignore", "git", ".github", ".evolve", "evo", ".gitx"]) ok(!isState(name), name);
});
