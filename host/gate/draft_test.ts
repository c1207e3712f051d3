import { deepStrictEqual as equal, match, ok, rejects } from "node:assert/strict";
import type { Workspace } from "../../actors/ports.ts";
import { ok as fine } from "../../actors/types.ts";
import { git, mustGit } from "../source/git.ts";
import { createDraft } from "./draft.ts";

const signal = new AbortController().signal, goal = { title: "t", predicted: "p" };

async function withDraft(
  body: (
    stage: { repository: string; home: string; root: string; make: () => ReturnType<typeof createDraft> },
  ) => Promise<void>,
) {
  const base = await Deno.realPath(await Deno.makeTempDir()),
    repository = `${base}/ünï source`,
    home = `${repository}/.evo`;
  try {
    await Deno.mkdir(`${repository}/actors`, { recursive: true });
    await Deno.writeTextFile(`${repository}/.gitignore`, "/.evo/*\n*.log\n");
    await Deno.writeTextFile(`${repository}/actors/a.ts`, "export const a = 1;\r\n");
    await Deno.writeTextFile(`${repository}/deno.json`, "{}\n");
    await mustGit(repository, ["init", "--quiet"]);
    await mustGit(repository, ["add", "--all"]);
    await mustGit(repository, ["commit", "--quiet", "-m", "start"]);
    const make = () =>
      createDraft({
        home,
        sourceRoot: () => Promise.resolve(fine({ root: repository, generation: 7 })),
        createWorkspace: (options) => options as unknown as Workspace,
      });
    await body({ repository, home, root: `${home}/draft`, make });
  } finally {
    await Deno.remove(base, { recursive: true });
  }
}

Deno.test("a draft is a copy of HEAD, whatever lies uncommitted in the source, and the source stays as it is", async () => {
  await withDraft(async ({ repository, root, make }) => {
    await Deno.writeTextFile(`${repository}/actors/a.ts`, "mine");
    const draft = make(), opened = await draft.open(signal);
    ok(opened.ok);
    equal([opened.value.root, opened.value.generation], [root, 7]);
    equal(opened.value.sourceMap.split("\n"), ["  .gitignore 2", "* actors/a.ts 1", "  deno.json 1"]);
    equal(await Deno.readTextFile(`${root}/actors/a.ts`), "export const a = 1;\r\n");
    await Deno.writeTextFile(`${root}/actors/a.ts`, "changed");
    equal(await Deno.readTextFile(`${repository}/actors/a.ts`), "mine");
    equal((await mustGit(repository, ["status", "--porcelain"])).trim(), "M actors/a.ts");
    await draft.close();
  });
});

Deno.test("a candidate is all that is in the draft: new, ignored and removed files, with its counts", async () => {
  await withDraft(async ({ root, make }) => {
    const draft = make();
    await draft.open(signal);
    match(JSON.stringify(await draft.candidate(goal)), /nothing in it differs/);
    await Deno.writeTextFile(`${root}/actors/b é.ts`, "1\n2\n");
    await Deno.writeTextFile(`${root}/hidden.log`, "x\n");
    await Deno.remove(`${root}/actors/a.ts`);
    const made = await draft.candidate(goal);
    ok(made.ok);
    equal([made.value.paths, made.value.added, made.value.removed], [
      ["actors/a.ts", "actors/b é.ts", "hidden.log"],
      3,
      1,
    ]);
    match(made.value.diff, /-export const a = 1;\r\n[^]*\+2\n/);
    await draft.discard();
    equal((await draft.candidate(goal)).ok, false);
    equal(await Deno.readTextFile(`${root}/actors/a.ts`), "export const a = 1;\r\n");
    await draft.close();
  });
});

Deno.test("a change is thrown away although a git that was killed left its lock in the draft", async () => {
  await withDraft(async ({ root, make }) => {
    const draft = make();
    ok((await draft.open(signal)).ok);
    await Deno.writeTextFile(`${root}/actors/a.ts`, "changed");
    await Deno.writeTextFile(`${root}/new.log`, "new");
    await Deno.writeTextFile((await mustGit(root, ["rev-parse", "--git-path", "index.lock"])).trim(), "");
    await draft.discard();
    match(JSON.stringify(await draft.candidate(goal)), /nothing in it differs/);
    equal(await Deno.readTextFile(`${root}/actors/a.ts`), "export const a = 1;\r\n");
    await draft.close();
  });
});

Deno.test("a second evolution is kept out until the first closes, and no lock outlives its holder", async () => {
  await withDraft(async ({ home, make }) => {
    const first = make(), second = make();
    ok((await first.open(signal)).ok);
    ok((await first.open(signal)).ok);
    match(JSON.stringify(await second.open(signal)), /another one is running/);
    await first.close();
    ok((await second.open(signal)).ok);
    await second.close();
    const code = `const f = await Deno.open(${
      JSON.stringify(`${home}/evolve.lock`)
    }, { write: true }); f.lockSync(true); console.log("held"); setInterval(() => {}, 1e6);`;
    const child = new Deno.Command(Deno.execPath(), { args: ["eval", code], stdout: "piped" }).spawn();
    const reader = child.stdout.getReader();
    await reader.read();
    match(JSON.stringify(await first.open(signal)), /another one is running/);
    child.kill("SIGKILL");
    await child.status;
    await reader.cancel();
    ok((await first.open(signal)).ok);
    await first.close();
  });
});

const BROKEN: [name: string, damage: (root: string, repository: string) => Promise<unknown>][] = [
  ["left-over changes", (root) => Deno.writeTextFile(`${root}/left.log`, "x")],
  [
    "a stale index lock",
    async (root) =>
      await Deno.writeTextFile((await mustGit(root, ["rev-parse", "--git-path", "index.lock"])).trim(), ""),
  ],
  ["a lost .git", (root) => Deno.remove(`${root}/.git`)],
  ["lost administrative files", (_, repository) => Deno.remove(`${repository}/.git/worktrees`, { recursive: true })],
  ["a removed folder", (root) => Deno.remove(root, { recursive: true })],
  [
    "a file in its place",
    async (root) => (await Deno.remove(root, { recursive: true }), await Deno.writeTextFile(root, "x")),
  ],
  [
    "a link in its place",
    async (
      root,
      repository,
    ) => (await Deno.remove(root, { recursive: true }), await Deno.symlink(`${repository}/actors`, root)),
  ],
  [
    "a repository of its own in its place",
    async (root) => (await Deno.remove(root, { recursive: true }), await Deno.mkdir(root), await git(root, ["init"])),
  ],
  [
    "a broken index",
    async (root) =>
      await Deno.writeTextFile((await mustGit(root, ["rev-parse", "--git-path", "index"])).trim(), "no index"),
  ],
];
Deno.test("a draft that a crash left behind is mended or made again", async (t) => {
  await withDraft(async ({ repository, root, make }) => {
    for (const [name, damage] of BROKEN) {
      await t.step(name, async () => {
        const draft = make();
        ok((await draft.open(signal)).ok);
        await draft.close();
        await damage(root, repository);
        const opened = await draft.open(signal);
        equal(opened.ok ? "" : opened.error, "");
        equal((await Array.fromAsync(Deno.readDir(root), ({ name }) => name)).sort(), [
          ".git",
          ".gitignore",
          "actors",
          "deno.json",
        ]);
        equal(await Deno.readTextFile(`${repository}/actors/a.ts`), "export const a = 1;\r\n");
        await draft.close();
      });
    }
  });
});

Deno.test("git runs no hook and no filter of the user, and inherits no repository", async () => {
  await withDraft(async ({ repository, root, make }) => {
    const hook = `#!/bin/sh\ntouch ${JSON.stringify(`${repository}/ran`)}\n`;
    for (const name of ["post-checkout", "pre-commit", "post-commit"]) {
      await Deno.writeTextFile(`${repository}/.git/hooks/${name}`, hook, { mode: 0o755 });
    }
    await mustGit(repository, ["config", "commit.gpgSign", "true"]);
    await mustGit(repository, ["config", "core.autocrlf", "true"]);
    const draft = make();
    ok((await draft.open(signal)).ok);
    await mustGit(root, ["commit", "--quiet", "--allow-empty", "-m", "x"], { env: {} });
    await rejects(Deno.stat(`${repository}/ran`));
    equal(await Deno.readTextFile(`${root}/actors/a.ts`), "export const a = 1;\r\n");
    equal((await mustGit(root, ["log", "-1", "--format=%an <%ae>"])).trim(), "Evo <evo@localhost>");
    await new Deno.Command("git", {
      args: ["commit", "--allow-empty", "--no-gpg-sign", "-m", "x"],
      cwd: root,
      stdout: "null",
      stderr: "null",
      env: { GIT_AUTHOR_NAME: "a", GIT_AUTHOR_EMAIL: "b", GIT_COMMITTER_NAME: "a", GIT_COMMITTER_EMAIL: "b" },
    }).output();
    ok((await Deno.stat(`${repository}/ran`)).isFile);
    await draft.close();
  });
});

Deno.test("what a draft cannot do is said in one sentence", async () => {
  await withDraft(async ({ home, repository, make }) => {
    const lost = createDraft({
      home,
      sourceRoot: () => Promise.resolve(fine({ root: `${repository}/none`, generation: 0 })),
      createWorkspace: (o) => o as unknown as Workspace,
    });
    match(JSON.stringify(await lost.open(signal)), /Cannot run git in/);
    await Deno.mkdir(`${repository}/actors/plain`);
    const { stderr } = await git("/", ["rev-parse", "HEAD"]);
    match(stderr, /not a git repository/);
    await rejects(
      mustGit("/", ["rev-parse", "HEAD"]),
      /^Error: Cannot run "git rev-parse" in "\/": not a git repository/,
    );
    await rejects(make().open(AbortSignal.abort()), /abort/i);
    const next = make();
    ok((await next.open(signal)).ok);
    await next.close();
  });
});
