import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { mustGit } from "../source/git.ts";
import {
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
import { readHead } from "./manifest.ts";
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

/** Runs the promotion in a process that ends itself by force at a step. */
async function promoteAndDie(world: World, step: string) {
  const candidate = await makeCandidate(world);
  const { code, signal, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", new URL("./fixture_test.ts", import.meta.url).pathname],
    env: { EVO_TEST_KILL: JSON.stringify({ world, step }), EVO_TEST_CANDIDATE: JSON.stringify(candidate) },
    stdout: "null",
    stderr: "piped",
  }).output();
  return { candidate, killed: signal === "SIGKILL", code, stderr: new TextDecoder().decode(stderr) };
}

const at = (world: World) => ({ home: world.home, executable: world.exe });

for (
  const step of [
    ...["checked", "prepared", "intended", "moved", "staged", "written", "locked", "landed"],
    ...["recorded", "marked", "replaced", "current", "done"],
  ]
) {
  test(`a kill at "${step}" leaves tree, executable and lineage in agreement after the next start`, async (world) => {
    const old = await identify(world.exe);
    const { candidate, killed, stderr } = await promoteAndDie(world, step);
    ok(killed, stderr);
    const start = await recover(at(world));
    const head = await readHead(world.home);
    const promoted = !["checked", "prepared"].includes(step);
    await start.leave();
    equal(head?.number ?? 0, promoted ? 1 : 0, start.notices.join());
    const tree = (await mustGit(world.root, ["rev-parse", "HEAD^{tree}"])).trim();
    equal(tree === candidate.tree, promoted);
    equal(await identify(world.exe), promoted ? await identify(join(world.root, "bin/candidate")) : old);
    for (const [path, text] of Object.entries(EDIT)) {
      const before: Record<string, string> = {
        "actors/a.ts": "export const a = 1;\n",
        "actors/gone.ts": "export const gone = 1;\n",
      };
      equal(await textAt(world.root, path), promoted ? text ?? undefined : before[path]);
    }
    for (const [path, text] of Object.entries(WORK)) equal(await textAt(world.root, path), text);
    equal(await mustGit(world.root, ["status", "--porcelain"]), "M  docs/own.md\n M prompts/chat.md\n?? notes.txt\n");
    equal(start.relaunch, promoted && !["replaced", "current", "done"].includes(step), step);
    const lineage = await openLineage(world);
    const verified = await lineage.verify();
    ok(verified.ok, JSON.stringify(verified));
    equal((await Array.fromAsync(Deno.readDir(join(world.root, "bin")))).map(({ name }) => name).sort(), [
      "candidate",
      "evo",
    ]);
    const next = await recover(at(world));
    equal([next.generation, next.relaunch, next.notices], [promoted ? 1 : 0, false, []]);
    await next.leave();
  });
}

test("without recovery the same kill leaves tree and executable apart", async (world) => {
  const old = await identify(world.exe);
  const { candidate, killed } = await promoteAndDie(world, "landed");
  ok(killed);
  equal((await mustGit(world.root, ["rev-parse", "HEAD^{tree}"])).trim(), candidate.tree);
  equal(await identify(world.exe), old);
});

test("a file that a kill left half written is finished, one that a person then edited stays", async (world) => {
  ok((await promoteAndDie(world, "moved")).killed);
  await Deno.writeTextFile(join(world.root, "actors/b.ts"), "export const b");
  await Deno.writeTextFile(join(world.root, "actors/a.ts"), "mine\n");
  const start = await recover(at(world));
  match(start.notices.join("\n"), /Left alone, since they were changed meanwhile: actors\/a.ts/);
  equal(await textAt(world.root, "actors/b.ts"), EDIT["actors/b.ts"]);
  equal(await textAt(world.root, "actors/a.ts"), "mine\n");
  equal((await readHead(world.home))?.number, 1);
});

test("a person's edit or commit after a kill undoes the intent and keeps a branch", async (world) => {
  const { candidate } = await promoteAndDie(world, "intended");
  await Deno.writeTextFile(join(world.root, "actors/a.ts"), "mine\n");
  const old = await identify(world.exe);
  const start = await recover(at(world));
  match(
    start.notices.join("\n"),
    /uncommitted changes in actors\/a.ts: the candidate is kept as branch evo\/candidate-1/,
  );
  equal([start.relaunch, await identify(world.exe), await textAt(world.root, "actors/a.ts")], [false, old, "mine\n"]);
  equal((await mustGit(world.root, ["rev-parse", "evo/candidate-1^{tree}"])).trim(), candidate.tree);
  equal((await readHead(world.home))?.number, 0);
  equal((await recover(at(world))).notices, []);
});

test("a generation that died before its first prompt is replaced by the last confirmed one", async (world) => {
  const lineage = await openLineage(world);
  const old = await identify(world.exe);
  ok((await lineage.promote(await makeCandidate(world), EVIDENCE)).ok);
  await startAndDie(world);
  const start = await recover(at(world));
  equal(start.relaunch, true, start.notices.join());
  match(start.notices.join("\n"), /Generation 1 died before its first prompt: generation 0 is restored as 2/);
  equal(await identify(world.exe), old);
  equal(await textAt(world.root, "actors/a.ts"), "export const a = 1;\n");
  equal(await textAt(world.root, "prompts/chat.md"), WORK["prompts/chat.md"]);
  const next = await recover(at(world));
  equal([next.generation, next.relaunch, next.notices], [2, false, []]);
  const after = await openLineage(world);
  equal((await after.list()).map(({ state }) => state), ["confirmed", "bad", "confirmed"]);
  ok((await after.verify()).ok);
});

test("a confirmed generation, one that left in order, and one that is starting elsewhere are not given up", async (world) => {
  const lineage = await openLineage(world);
  ok((await lineage.promote(await makeCandidate(world), EVIDENCE)).ok);
  const left = await recover(at(world));
  equal(left.generation, 1);
  await left.leave();
  const slow = await startInChild(world);
  const beside = await recover(at(world));
  equal([beside.relaunch, beside.notices], [false, []]);
  await beside.confirm();
  await beside.leave(); // a conversation that was begun is left, too: what is closed is not closed again
  await slow.end();
  const later = await recover(at(world));
  equal([later.relaunch, later.generation, later.notices], [false, 1, []]);
});

test("work that a person has not committed stays when only the executable can be restored", async (world) => {
  const lineage = await openLineage(world);
  const old = await identify(world.exe);
  ok((await lineage.promote(await makeCandidate(world), EVIDENCE)).ok);
  await Deno.writeTextFile(join(world.root, "actors/a.ts"), "mine\n");
  await startAndDie(world);
  const start = await recover(at(world));
  match(start.notices.join("\n"), /Its source was left as it is: .* has uncommitted changes in actors\/a.ts/);
  equal([await identify(world.exe), await textAt(world.root, "actors/a.ts")], [old, "mine\n"]);
});

test("Evo does not return without end", async (world) => {
  const lineage = await openLineage(world);
  ok((await lineage.promote(await makeCandidate(world), EVIDENCE)).ok);
  await Deno.writeTextFile(join(world.home, "restores.json"), JSON.stringify([900, 950, 990]));
  await startAndDie(world);
  const stuck = await recover({ ...at(world), now: () => 1000 });
  equal(stuck.relaunch, false);
  match(stuck.notices.join(), /tries no more/);
  await stuck.leave();
  equal((await recover({ ...at(world), now: () => 1_000_000 })).relaunch, true);
});

test("an executable that the lineage does not know starts without a count, and so does a first start", async (world) => {
  const first = await recover(at(world));
  equal([first.generation, first.relaunch, first.notices], [undefined, false, []]);
  const lineage = await openLineage(world);
  await lineage.list();
  await writeExecutable(world.exe, noise(1000, 5));
  equal((await recover(at(world))).generation, undefined);
});

test("damaged state never keeps Evo from starting", async (world) => {
  const lineage = await openLineage(world);
  await lineage.list();
  for (const name of ["intent.json", "current.json"]) {
    await Deno.writeTextFile(join(world.home, name), "{");
    const start = await recover(at(world));
    equal(start.relaunch, false);
    match(start.notices.join(), /Cannot recover the lineage .* is damaged/);
    await Deno.remove(join(world.home, name));
  }
});

const CHILD = `import { recover } from ${JSON.stringify(new URL("./recover.ts", import.meta.url).href)};
await recover(JSON.parse(Deno.args[0]));
await Deno.stdout.write(new Uint8Array([33]));
await new Promise((done) => setTimeout(done, 60000));`;

/** A start in a process of its own that has not reached its prompt. */
async function startInChild(world: World) {
  const script = join(world.root, "bin/child.ts");
  await Deno.writeTextFile(script, CHILD);
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--config", config, script, JSON.stringify(at(world))],
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  return {
    end: async () => {
      child.kill("SIGKILL");
      await child.status;
      await reader.cancel();
    },
  };
}

async function startAndDie(world: World) {
  await (await startInChild(world)).end();
}
