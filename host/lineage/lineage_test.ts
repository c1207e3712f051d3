import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { tryLock } from "../build/disk.ts";
import { mustGit } from "../source/git.ts";
import {
  committed,
  EDIT,
  EVIDENCE,
  makeCandidate,
  makeWorld,
  noise,
  openLineage,
  textAt,
  WORK,
  type World,
  writeExecutable,
} from "./fixture_test.ts";
import { recover } from "./recover.ts";
import { identify } from "../build/payload.ts";

function test(name: string, body: (world: World) => Promise<void>) {
  Deno.test(name, async () => {
    const world = await makeWorld();
    try {
      await body(world);
    } finally {
      await Deno.remove(world.root, { recursive: true });
    }
  });
}

async function untouched(world: World) {
  for (const [path, text] of Object.entries(WORK)) equal(await textAt(world.root, path), text);
  const status = await mustGit(world.root, ["status", "--porcelain"]);
  equal(status, "M  docs/own.md\n M prompts/chat.md\n?? notes.txt\n");
}

test("an Evo whose executable another one has replaced changes nothing: the lineage has no fork", async (world) => {
  const stale = await openLineage(world), other = await openLineage(world);
  ok((await other.promote(await makeCandidate(world), EVIDENCE)).ok);
  const [head, exe] = [await mustGit(world.root, ["rev-parse", "HEAD"]), await identify(world.exe)];
  const refused = [
    await stale.promote(await makeCandidate(world, { "actors/c.ts": "export const c = 1;\n" }, { seed: 3 }), EVIDENCE),
    await stale.rollback(0),
  ];
  for (const done of refused) {
    match(done.ok ? "" : done.error, /has become generation 1 while this Evo ran; leave and start it again$/);
  }
  equal([await mustGit(world.root, ["rev-parse", "HEAD"]), await identify(world.exe)], [head, exe]);
  equal((await other.list()).map(({ number }) => number), [0, 1]);
  ok((await other.rollback(0)).ok, "the one that promoted goes on");
});

test("an executable that a person rebuilt while this Evo ran is not recorded as this Evo's", async (world) => {
  const stale = await openLineage(world);
  await writeExecutable(world.exe, noise(200_000, 9));
  const done = await stale.rollback(0);
  match(done.ok ? "" : done.error, /it was rebuilt while this Evo ran; leave and start it again$/);
});

test("a promotion commits, moves only its files, replaces the executable and records a chain", async (world) => {
  const lineage = await openLineage(world);
  const candidate = await makeCandidate(world);
  const before = await identify(world.exe);
  const done = await lineage.promote(candidate, EVIDENCE);
  ok(done.ok, JSON.stringify(done));
  equal([done.value.number, done.value.parent, done.value.state], [1, 0, "unconfirmed"]);
  equal(await textAt(world.root, "actors/a.ts"), EDIT["actors/a.ts"]);
  equal(await textAt(world.root, "actors/b.ts"), EDIT["actors/b.ts"]);
  equal(await textAt(world.root, "actors/gone.ts"), undefined);
  await untouched(world);
  equal((await mustGit(world.root, ["symbolic-ref", "HEAD"])).trim(), "refs/heads/main");
  equal((await mustGit(world.root, ["rev-parse", "HEAD^{tree}"])).trim(), candidate.tree);
  const message = await mustGit(world.root, ["log", "-1", "--format=%B"]);
  match(
    message,
    /^evolve\(0001\): Say more\n[^]*\nGeneration: 1\nParent: 0\nGoal: Say more\nGate: types 12 ms\nCost: 0.0100 USD, 15 tokens\nLineage: [0-9a-f]{64}\n/,
  );
  ok(await identify(world.exe) !== before);
  equal(await identify(world.exe), await identify(join(world.root, "bin/candidate")));
  equal(done.value.source, (await committed(world.root)).hash);
  const verified = await lineage.verify();
  ok(verified.ok, JSON.stringify(verified));
  equal(await lineage.why(99), { ok: false, error: "There is no generation 99: there are 0 to 1; see /lineage" });
  const why = await lineage.why(1);
  ok(why.ok && why.value.includes("Goal: Say more") && why.value.includes("+export const a = 2;"));
  equal((await lineage.list()).map(({ number, state }) => [number, state]), [[0, "confirmed"], [1, "unconfirmed"]]);
});

test("several promotions in one evolution follow each other without a new draft", async (world) => {
  const lineage = await openLineage(world);
  const first = await lineage.promote(await makeCandidate(world), EVIDENCE);
  ok(first.ok);
  const draft = join(world.home, "draft");
  equal(await mustGit(draft, ["rev-parse", "HEAD"]), await mustGit(world.root, ["rev-parse", "HEAD"]));
  const second = await lineage.promote(
    await makeCandidate(world, { "main.ts": "export const main = 2;\n" }, { seed: 3 }),
    EVIDENCE,
  );
  ok(second.ok, JSON.stringify(second));
  equal([second.value.number, second.value.parent], [2, 1]);
  await untouched(world);
});

for (
  const [half, passed, built] of [
    ["neither half", { proof: false, build: false }, true],
    ["only the proof", { proof: true, build: false }, true],
    ["only the build", { proof: false, build: true }, true],
    ["no executable", { proof: true, build: true }, false],
  ] as const
) {
  test(`a tree is refused when the gate passed ${half}`, async (world) => {
    const lineage = await openLineage(world, {
      gatePassed: () => passed,
      ...(built ? {} : { builtExecutable: () => undefined }),
    });
    const head = await mustGit(world.root, ["rev-parse", "HEAD"]);
    const done = await lineage.promote(await makeCandidate(world), EVIDENCE);
    ok(!done.ok && /the gate of this Evo has not passed it/.test(done.error));
    equal(await mustGit(world.root, ["rev-parse", "HEAD"]), head);
  });
}

const conflicts: [string, (world: World) => Promise<void>][] = [
  ["an edited file", ({ root }) => Deno.writeTextFile(join(root, "actors/a.ts"), "mine\n")],
  ["an untracked file in the way", ({ root }) => Deno.writeTextFile(join(root, "actors/b.ts"), "mine\n")],
  ["an ignored file in the way", async ({ root }) => {
    await Deno.writeTextFile(join(root, ".git/info/exclude"), "actors/b.ts\n");
    await Deno.writeTextFile(join(root, "actors/b.ts"), "mine\n");
  }],
  ["an untracked folder in the way", ({ root }) => Deno.mkdir(join(root, "actors/b.ts"))],
  ["a link in the way", ({ root }) => Deno.symlink("nowhere", join(root, "actors/b.ts"))],
  ["a deleted file", ({ root }) => Deno.remove(join(root, "actors/a.ts"))],
  ["a file edited behind skip-worktree", async ({ root }) => {
    await mustGit(root, ["update-index", "--skip-worktree", "actors/a.ts"]);
    await Deno.writeTextFile(join(root, "actors/a.ts"), "mine\n");
  }],
  ["a staged edit that was undone on disk", async ({ root }) => {
    await Deno.writeTextFile(join(root, "actors/a.ts"), "mine\n");
    await mustGit(root, ["add", "actors/a.ts"]);
    await Deno.writeTextFile(join(root, "actors/a.ts"), "export const a = 1;\n");
  }],
  ["a git command at work", ({ root }) => Deno.writeTextFile(join(root, ".git/index.lock"), "")],
  ["a commit made meanwhile", async ({ root }) => {
    await mustGit(root, ["commit", "--quiet", "-m", "mine", "docs/own.md"]);
  }],
];
for (const [title, disturb] of conflicts) {
  test(`promotion refuses and keeps a branch for ${title}`, async (world) => {
    const lineage = await openLineage(world);
    const candidate = await makeCandidate(world);
    await disturb(world);
    const [head, before, status] = [
      await mustGit(world.root, ["rev-parse", "HEAD"]),
      await identify(world.exe),
      await mustGit(world.root, ["status", "--porcelain", "--ignored"]),
    ];
    const done = await lineage.promote(candidate, EVIDENCE);
    ok(!done.ok);
    match(done.error, /the candidate is kept as branch evo\/candidate-1 .* "git merge evo\/candidate-1"/);
    equal((await mustGit(world.root, ["rev-parse", "evo/candidate-1^{tree}"])).trim(), candidate.tree);
    equal(await mustGit(world.root, ["rev-parse", "HEAD"]), head);
    equal(await identify(world.exe), before);
    equal(await mustGit(world.root, ["status", "--porcelain", "--ignored"]), status);
  });
}

test("an executable that cannot be placed changes nothing", async (world) => {
  const lineage = await openLineage(world, { builtExecutable: () => join(world.root, "bin/none") });
  const before = [await mustGit(world.root, ["rev-parse", "HEAD"]), await identify(world.exe)];
  const done = await lineage.promote(await makeCandidate(world), EVIDENCE);
  ok(!done.ok && /Cannot place the new executable/.test(done.error));
  equal([await mustGit(world.root, ["rev-parse", "HEAD"]), await identify(world.exe)], before);
  await untouched(world);
});

test("without an executable there is nothing to record, and it says what to do", async (world) => {
  const notices: string[] = [];
  const lineage = await openLineage(world, { notice: (text) => notices.push(text) });
  await Deno.remove(join(world.root, ".evo"), { recursive: true });
  await Deno.remove(join(world.root, "bin"), { recursive: true });
  equal(await lineage.list(), []);
  match(notices.join(), /there is no such file; run "deno task build"/);
});

test("only one process changes the lineage, and a start beside it does not interfere", async (world) => {
  const lineage = await openLineage(world);
  const candidate = await makeCandidate(world);
  const lock = await tryLock(join(world.home, "promote.lock"));
  await Deno.writeTextFile(join(world.home, "intent.json"), "not finished yet");
  const done = await lineage.promote(candidate, EVIDENCE);
  ok(!done.ok && /another Evo is doing so/.test(done.error));
  equal((await recover({ home: world.home, executable: world.exe })).notices, []);
  await Deno.remove(join(world.home, "intent.json"));
  lock?.close();
  ok((await lineage.promote(candidate, EVIDENCE)).ok);
});

test("paths of any script land and leave again, with the folders made for them", async (world) => {
  const lineage = await openLineage(world);
  const path = "prompts/memory/é 漢字 [x]*.md";
  const edit = { [path]: "\ufeffcrlf\r\n👩‍👩‍👧" };
  const candidate = await makeCandidate(world, edit);
  ok((await lineage.promote(candidate, EVIDENCE)).ok);
  equal(await textAt(world.root, path), edit[path]);
  ok((await lineage.rollback(0)).ok);
  ok(await Deno.stat(join(world.root, "prompts/memory")).then(() => false, () => true));
  await untouched(world);
});

test("promotion works on a detached HEAD and leaves the branch alone", async (world) => {
  await mustGit(world.root, ["checkout", "--quiet", "--detach"]);
  const lineage = await openLineage(world);
  const main = await mustGit(world.root, ["rev-parse", "main"]);
  const done = await lineage.promote(await makeCandidate(world), EVIDENCE);
  ok(done.ok, JSON.stringify(done));
  equal(await mustGit(world.root, ["rev-parse", "main"]), main);
  equal((await mustGit(world.root, ["rev-parse", "HEAD"])).trim(), done.value.commit);
  await untouched(world);
});

test("goals with line breaks cannot forge trailers", async (world) => {
  const lineage = await openLineage(world);
  const goal = { title: "x\n\nGeneration: 99", predicted: "y\n\nParent: 98" };
  const done = await lineage.promote(await makeCandidate(world, EDIT, { goal }), EVIDENCE);
  ok(done.ok);
  const message = await mustGit(world.root, ["log", "-1", "--format=%B"]);
  equal(message.match(/^(Generation|Parent): .*/mg), ["Generation: 1", "Parent: 0"]);
});

test("rollback restores executable and source as a new commit, and keeps other files", async (world) => {
  const lineage = await openLineage(world);
  const first = await identify(world.exe);
  ok((await lineage.promote(await makeCandidate(world), EVIDENCE)).ok);
  const done = await lineage.rollback(0);
  ok(done.ok, JSON.stringify(done));
  equal([done.value.number, done.value.parent, done.value.goal, done.value.state], [
    2,
    0,
    "Return to generation 0",
    "confirmed",
  ]);
  equal(await identify(world.exe), first);
  equal(await textAt(world.root, "actors/a.ts"), "export const a = 1;\n");
  equal(await textAt(world.root, "actors/b.ts"), undefined);
  equal(await textAt(world.root, "actors/gone.ts"), "export const gone = 1;\n");
  equal((await mustGit(world.root, ["rev-list", "--count", "HEAD"])).trim(), "3");
  await untouched(world);
  ok((await lineage.verify()).ok);
  const again = await lineage.rollback(1);
  ok(again.ok && again.value.number === 3 && again.value.state === "unconfirmed");
  equal(await textAt(world.root, "actors/a.ts"), EDIT["actors/a.ts"]);
});

test("rollback refuses to touch uncommitted work, an unknown number and a bad generation", async (world) => {
  const lineage = await openLineage(world);
  ok((await lineage.promote(await makeCandidate(world), EVIDENCE)).ok);
  await Deno.writeTextFile(join(world.root, "actors/a.ts"), "mine\n");
  const before = await identify(world.exe);
  const dirty = await lineage.rollback(0);
  ok(!dirty.ok && /uncommitted changes in actors\/a.ts/.test(dirty.error));
  equal([await textAt(world.root, "actors/a.ts"), await identify(world.exe)], ["mine\n", before]);
  const unknown = await lineage.rollback(7);
  ok(!unknown.ok && /there are generations 0 to 1/.test(unknown.error));
  await Deno.writeTextFile(join(world.home, "generations/0000/bad"), "");
  const bad = await lineage.rollback(0);
  ok(!bad.ok && /died before its first prompt/.test(bad.error));
});

test("an executable that a person rebuilt becomes a generation of its own", async (world) => {
  const one = await openLineage(world);
  equal((await one.list()).map(({ goal }) => goal), ["Built by a person"]);
  await Deno.writeTextFile(join(world.root, "main.ts"), "export const main = 9;\n");
  await mustGit(world.root, ["commit", "--quiet", "-m", "by hand", "main.ts"]);
  await writeExecutable(world.exe, noise(200_000, 9));
  const blind = await one.promote(await makeCandidate(world), EVIDENCE);
  ok(!blind.ok, "a running Evo must not replace what was rebuilt under it");
  const two = await openLineage(world);
  equal((await two.list()).map(({ number, parent, state }) => [number, parent, state]), [[0, null, "confirmed"], [
    1,
    0,
    "confirmed",
  ]]);
  const why = await two.why(1);
  ok(why.ok && why.value.includes("+export const main = 9;"));
  ok((await two.promote(await makeCandidate(world), EVIDENCE)).ok);
  ok((await two.verify()).ok);
});

test("elsewhere the embedded source is unpacked once, and evolves there", async (world) => {
  const elsewhere = await Deno.makeTempDir();
  try {
    const lineage = await openLineage(world, { cwd: elsewhere });
    const source = await lineage.sourceRoot();
    ok(source.ok);
    equal(source.value.root, join(world.home, "source"));
    equal(source.value.generation, 0);
    equal(await textAt(source.value.root, "main.ts"), "export const main = 1;\n");
    equal((await mustGit(source.value.root, ["rev-list", "--count", "HEAD"])).trim(), "1");
    const inner = { ...world, root: source.value.root };
    await Deno.mkdir(join(inner.root, "bin"));
    const built = join(inner.root, "bin/candidate");
    const again = await openLineage(world, { cwd: elsewhere, builtExecutable: () => built });
    const done = await again.promote(await makeCandidate(inner), EVIDENCE);
    ok(done.ok, JSON.stringify(done));
    equal(await textAt(inner.root, "actors/a.ts"), EDIT["actors/a.ts"]);
    equal(await textAt(world.root, "actors/a.ts"), "export const a = 1;\n");
    equal(await identify(world.exe), await identify(built));
    const after = await again.sourceRoot();
    ok(after.ok && after.value.commit === done.value.commit && after.value.generation === 1);
  } finally {
    await Deno.remove(elsewhere, { recursive: true });
  }
});

test("a checkout built with uncommitted source is not evolved before that is committed", async (world) => {
  const { createLineage } = await import("./lineage.ts");
  const { sourceHash } = await import("../source/source.ts");
  const lineage = createLineage({
    ...{ home: world.home, cwd: world.root, executable: world.exe, model: () => "demo", notice: () => {} },
    ...{ gatePassed: () => ({ proof: true, build: true }), builtExecutable: () => undefined, clock: { now: () => 0 } },
    embedded: { sourceHash: await sourceHash(world.root), source: () => Promise.reject(new Error("not asked")) },
  });
  const source = await lineage.sourceRoot();
  ok(!source.ok && /uncommitted changes in prompts\/chat.md; commit them first/.test(source.error));
});

const damages: [string, RegExp, (world: World) => Promise<void>][] = [
  ["a changed manifest", /does not follow|head does not name/, async ({ home }) => {
    const path = join(home, "generations/0000/manifest.json");
    await Deno.writeTextFile(path, (await Deno.readTextFile(path)).replace("Built by a person", "Built by nobody"));
  }],
  ["a changed newest manifest", /head does not name/, async ({ home }) => {
    const path = join(home, "generations/0001/manifest.json");
    await Deno.writeTextFile(path, (await Deno.readTextFile(path)).replace("Say more", "Say less"));
  }],
  [
    "a missing generation",
    /its manifest is missing/,
    ({ home }) => Deno.remove(join(home, "generations/0000"), { recursive: true }),
  ],
  [
    "a chain cut at its end",
    /generation 1: its manifest is missing/,
    ({ home }) => Deno.remove(join(home, "generations/0001"), { recursive: true }),
  ],
  ["a head set back", /beyond the head/, async ({ home }) => {
    const head = JSON.parse(await Deno.readTextFile(join(home, "head.json")));
    await Deno.writeTextFile(join(home, "head.json"), JSON.stringify({ ...head, number: 0 }));
  }],
  ["a missing head", /head.json is missing/, ({ home }) => Deno.remove(join(home, "head.json"))],
  ["a missing part", /part [0-9a-f]+ is missing/, async ({ home }) => {
    await Deno.remove(join(home, "parts"), { recursive: true });
  }],
  ["a damaged part", /is damaged/, async ({ home }) => {
    for await (const { name } of Deno.readDir(join(home, "parts"))) {
      for await (const part of Deno.readDir(join(home, "parts", name))) {
        return await Deno.writeTextFile(join(home, "parts", name, part.name), "x");
      }
    }
  }],
  ["a damaged base", /base runtime [0-9a-f]+ is damaged/, async ({ home }) => {
    for await (const { name } of Deno.readDir(join(home, "base"))) {
      const path = join(home, "base", name);
      const bytes = await Deno.readFile(path);
      bytes[100] = (bytes[100] ?? 0) ^ 1;
      await Deno.writeFile(path, bytes);
    }
  }],
  [
    "a changed patch",
    /its patch is damaged/,
    ({ home }) => Deno.writeTextFile(join(home, "generations/0001/change.patch"), ""),
  ],
  ["a rewritten chain that its own head agrees with", /its commit names another history/, async ({ home }) => {
    const { hashText } = await import("./manifest.ts");
    const [zero, one] = [0, 1].map((n) => join(home, `generations/000${n}/manifest.json`)) as [string, string];
    const forged = (await Deno.readTextFile(zero)).replace("Built by a person", "Built by nobody");
    await Deno.writeTextFile(zero, forged);
    const next = JSON.parse(await Deno.readTextFile(one));
    const text = JSON.stringify({ ...next, previous: hashText(forged) });
    await Deno.writeTextFile(one, text);
    await Deno.writeTextFile(join(home, "head.json"), JSON.stringify({ number: 1, hash: hashText(text) }));
  }],
];
for (const [title, expected, damage] of damages) {
  test(`verify finds ${title}`, async (world) => {
    const lineage = await openLineage(world);
    ok((await lineage.promote(await makeCandidate(world), EVIDENCE)).ok);
    ok((await lineage.verify()).ok);
    await damage(world);
    const verified = await lineage.verify();
    ok(!verified.ok && expected.test(verified.error), JSON.stringify(verified));
  });
}

Deno.test("a git that outlives a killed promotion, and still writes where it was told to, disturbs no later one", async () => {
  const world = await makeWorld();
  const late = setInterval(() => {
    try {
      Deno.mkdirSync(join(world.home, "tree/actors"), { recursive: true });
      Deno.writeTextFileSync(join(world.home, "tree/actors/late.ts"), "export {};\n");
    } catch { /* the folder went between the two: a git would say so, and nobody would hear it */ }
  }, 1);
  try {
    await openLineage(world); // throws if the source is not found to be the executable's
  } finally {
    clearInterval(late);
    await Deno.remove(world.root, { recursive: true });
  }
});
