import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { createFinder } from "./find.ts";

const signal = new AbortController().signal;

/** Plants files in a scratch folder. */
async function scratch(files: Record<string, string | Uint8Array>) {
  const root = await Deno.realPath(await Deno.makeTempDir());
  for (const [path, content] of Object.entries(files)) {
    await Deno.mkdir(`${root}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await (typeof content === "string" ? Deno.writeTextFile : Deno.writeFile)(
      `${root}/${path}`,
      content as string & Uint8Array,
    );
  }
  return { root, ...createFinder({ root }), [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }) };
}

const tree = {
  ".gitignore": "*.log\n/build/\n!keep.log\nsecret.*\n",
  ".git/HEAD": "x",
  ".git/info/exclude": "excluded.txt\n",
  ".evo/sessions/s": "x",
  "a.ts": "alpha\nbeta\n",
  "a-b.ts": "x",
  "a/c.ts": "Alpha\r\ngamma\r\n",
  "a/.gitignore": "!debug.log\nlocal\n",
  "a/debug.log": "x",
  "a/other.log": "x",
  "a/local/deep/x.ts": "x",
  "build/out.ts": "x",
  "a/build/in.ts": "x",
  "excluded.txt": "x",
  "keep.log": "x",
  "node_modules/m/index.js": "alpha",
  "a/node_modules/m/index.js": "alpha",
  "secret.env": "x",
  "日本/😀.md": "alpha 😀\n",
  "bin.dat": new Uint8Array([97, 108, 112, 104, 97, 0, 1]),
};

Deno.test("list() honours .gitignore as git does, and is sorted by path", async () => {
  await using at = await scratch(tree);
  const listed = await at.list({ limit: 100, signal });
  const expected = [
    ".gitignore",
    "a-b.ts",
    "a.ts",
    "a/.gitignore",
    "a/build/in.ts",
    "a/c.ts",
    "a/debug.log",
    "bin.dat",
    "keep.log",
    "日本/😀.md",
  ];
  equal(listed, { ok: true, value: { files: expected, truncated: false } });
  equal(expected, [...expected].sort());
  await Deno.remove(`${at.root}/.git`, { recursive: true });
  const run = (...args: string[]) => new Deno.Command("git", { args: ["-C", at.root, ...args] }).output();
  await run("init", "-q");
  await Deno.writeTextFile(`${at.root}/.git/info/exclude`, "excluded.txt\n");
  const git = await run("ls-files", "-z", "--others", "--exclude-standard");
  const told = new TextDecoder().decode(git.stdout).split("\0").filter((path) =>
    path && !/node_modules|^\.evo/.test(path)
  ).sort();
  equal(told, expected);
});

Deno.test("list() takes a folder, a glob and a limit", async () => {
  await using at = await scratch(tree);
  const files = async (options: { path?: string; glob?: string; limit?: number }) => {
    const listed = await at.list({ limit: 100, signal, ...options });
    return listed.ok ? listed.value : listed.error;
  };
  equal(await files({ glob: "**/*.ts" }), { files: ["a-b.ts", "a.ts", "a/build/in.ts", "a/c.ts"], truncated: false });
  equal(await files({ path: "a", glob: "*.{ts,log}" }), {
    files: ["a/build/in.ts", "a/c.ts", "a/debug.log"],
    truncated: false,
  });
  equal(await files({ path: "a", glob: "build/*" }), { files: ["a/build/in.ts"], truncated: false });
  equal(await files({ glob: "a/*.ts" }), { files: ["a/c.ts"], truncated: false });
  equal(await files({ path: "a.ts" }), { files: ["a.ts"], truncated: false });
  equal(await files({ limit: 2 }), { files: [".gitignore", "a-b.ts"], truncated: true });
  match(String(await files({ path: "none" })), /no such folder/);
  match(String(await files({ path: ".git" })), /hold state/);
});

Deno.test("rules of folders above the root count up to the repository, unless they exclude the root itself", async () => {
  await using at = await scratch({
    ".git/HEAD": "",
    ".gitignore": "*.tmp\nout/\n",
    "sub/a": "",
    "sub/b.tmp": "",
    "out/c": "",
    "out/d.tmp": "",
  });
  const list = async (root: string) => {
    const listed = await createFinder({ root }).list({ limit: 9, signal });
    return listed.ok && listed.value.files;
  };
  equal(await list(`${at.root}/sub`), ["a"]);
  equal(await list(`${at.root}/out`), ["c", "d.tmp"]);
});

Deno.test("search() finds lines, in any line ends, and skips what is binary or ignored", async () => {
  await using at = await scratch(tree);
  equal(await at.search({ pattern: "^alpha", ignoreCase: true, limit: 10, signal }), {
    ok: true,
    value: {
      hits: [
        { path: "a.ts", line: 1, text: "alpha" },
        { path: "a/c.ts", line: 1, text: "Alpha" },
        { path: "日本/😀.md", line: 1, text: "alpha 😀" },
      ],
      truncated: false,
    },
  });
  const one = await at.search({ pattern: "gamma$", path: "a", glob: "*.ts", limit: 10, signal });
  equal(one.ok && one.value.hits, [{ path: "a/c.ts", line: 2, text: "gamma" }]);
  const few = await at.search({ pattern: ".", limit: 1, signal });
  equal(few.ok && [few.value.hits.length, few.value.truncated], [1, true]);
  const emoji = await at.search({ pattern: "^\\S+ .$", limit: 5, signal });
  equal(emoji.ok && emoji.value.hits.length, 1);
});

Deno.test("search() looks at long lines as far as 2,000 characters and shows 300, never half of one", async () => {
  await using at = await scratch({ a: "x" + "😀".repeat(3000) + "end", b: "y".repeat(1500) + "late" });
  const found = await at.search({ pattern: "x|late|end", limit: 5, signal });
  ok(found.ok);
  equal(found.value.hits.map(({ path, text }) => [path, text.isWellFormed(), text.length <= 300]), [["a", true, true], [
    "b",
    true,
    true,
  ]]);
});
