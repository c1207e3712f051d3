/** What must not get through, and what must not be lost, when the compiled executable evolves. */
import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { EVO } from "../testing/evo.ts";
import { type Checkout, each, goal, note, say, until, use } from "../testing/checkout.ts";
import * as mock from "../testing/mock_server.ts";

const PASSED = `guard: { type: "passed", params: ({ event }) => event.output }, target: "judging"`;
const SKIPPED = `guard: () => true, target: "judging"`;
const test = (body: string) =>
  `import { ok } from "node:assert/strict";\n${body}\nDeno.test("loud", () => ok(LOUD));\n`;
const LOUD = `export const LOUD: boolean = true;\n`;

/** What the user has, and what promotion moves. */
const state = async ({ git, exe, root }: Checkout) => [
  await git("rev-parse", "HEAD"),
  (await Deno.stat(exe)).ino,
  await Deno.readTextFile(join(root, "README.md")),
];

async function rejects({ base, root, run, cassette, events, faults, ...rest }: Checkout): Promise<void> {
  const checkout = { base, root, run, cassette, events, faults, ...rest };
  const outside = join(base, "outside.ts");
  await Deno.writeTextFile(outside, `/** Outside. */\n${LOUD}`);
  const before = await state(checkout);
  const path = "actors/stages.ts", loud = "plugins/lib/loud_test.ts";
  const stays = say("refine", goal("Skip the proof"));
  const model = await cassette([
    use("evolve", [["edit_file", { path, edits: [{ old: PASSED, new: SKIPPED }] }]]),
    say("evolve", goal("Skip the proof")),
    use("refine", [
      ["edit_file", { path, edits: [{ old: SKIPPED, new: PASSED }] }],
      ["write_file", { path: loud, content: test(`import { LOUD } from "${outside}";`) }],
    ], { contains: "without passing" }),
    stays,
    use("refine", [["write_file", {
      path: loud,
      content: test("const LOUD = true;\nfetch(new URL('https://example.com'));\nDeno.exit(0);"),
    }]], { contains: "outside.ts" }),
    stays,
    ...note("vetoed", { contains: "- Skip the proof: " }),
    say("judge", '{"veto": true, "reason": "no worth"}'),
  ]);
  const evolved = await run(["evolve", "--max-changes", "3", "--model", model]);
  const seen = await events();
  const failed = seen.flatMap(({ kind, data }) => kind === "step" && data.pass === false ? [String(data.name)] : []);
  ok(failed.includes("sealed"), `the machine was edited, and ${failed} failed\n${evolved.err}`);
  const prompts = seen.flatMap(({ kind, data }) => kind === "model_request" ? [JSON.stringify(data)] : []);
  equal(prompts.filter((text) => text.includes("Step that failed")).length, 2, evolved.err);
  const journal = new DatabaseSync(join(root, ".evo/journal.db"), { readOnly: true });
  const rows = journal.prepare(
    "SELECT change_description, failure_reason, rollback_successful FROM failed_proposals ORDER BY id",
  ).all();
  journal.close();
  equal(rows.map((row) => row.change_description), ["Skip the proof", "Note vetoed"], evolved.err);
  match(String(rows[0]?.failure_reason), /fetch|Deno\.exit/);
  equal([rows[1]?.failure_reason, rows[1]?.rollback_successful], ["vetoed: no worth", 1]);
  match(
    evolved.err,
    /Gave up "Skip the proof": source: plugins\/lib\/loud_test\.ts:\d[^]*Gave up "Note vetoed": vetoed: no worth[^]*Nothing more to change/,
  );
  equal(seen.filter(({ kind }) => kind === "promotion" || kind === "relaunch"), []);
  equal([evolved.code, await state(checkout)], [0, before]);
  equal(await faults(), []);
}

async function survivesModel(checkout: Checkout): Promise<void> {
  const { root, run, cassette, faults, events } = checkout;
  await Deno.writeTextFile(join(root, "README.md"), "mine\n");
  const before = await state(checkout), status = " M README.md\n";
  const write = mock.calls([{
    name: "write_file",
    arguments: { path: "prompts/memory/half.md", content: "---\ndescription: half\n---\n\nHalf.\n" },
  }]);
  const silent = mock.startMock([write, mock.hang()]);
  try {
    const at = { INFERENCE_BASE_URL: silent.url, MODEL_NAME: "mock" };
    const interrupted = await run(["evolve"], {
      env: at,
      async meanwhile(child) {
        await until("the second request", () => Promise.resolve(silent.requests.length === 2));
        const second = await run(["evolve", "--model", await cassette([])]);
        equal(second.code, 1, second.err);
        match(second.err, /Cannot start an evolution in .*: another one is running; wait for it to end, or end it\n/);
        child.kill("SIGINT");
      },
    });
    match(interrupted.err, /Interrupted/);
    equal([interrupted.code, interrupted.signal], [130, null], interrupted.err);
    equal([await state(checkout), await faults(status)], [before, []]);
  } finally {
    await silent.stop();
  }
  const dying = mock.startMock([write, () => (void dying.stop(), mock.broken())]);
  const env = { INFERENCE_BASE_URL: dying.url, MODEL_NAME: "mock" };
  const dead = await run(["evolve"], { env });
  equal([dead.code, dead.signal], [6, null], dead.err);
  match(dead.err, /Cannot get a reply from "mock" at "127\.0\.0\.1:\d+": .*check the network/);
  equal((await events()).at(-1)?.kind, "session_end");
  equal([await state(checkout), await faults(status)], [before, []]);
  const next = await run([
    "evolve",
    "--model",
    await cassette([say("evolve", "SKIP: fine now", { contains: "Files of the source" })]),
  ]);
  equal(next.code, 0, next.err);
  match(next.err, /fine now/);
}

async function goesOnTalking(checkout: Checkout): Promise<void> {
  const { run, events, sessions, faults } = checkout;
  const before = await state(checkout);
  const model = mock.startMock([mock.hang(), mock.say("still here")]);
  try {
    const talk = await run([], {
      env: { INFERENCE_BASE_URL: model.url, MODEL_NAME: "mock" },
      stdin: "/evolve\nare you there?\n/exit\n",
      async meanwhile(child) {
        await until("the request", () => Promise.resolve(model.requests.length === 1));
        child.kill("SIGINT");
      },
    });
    equal([talk.code, talk.signal, model.requests.length], [0, null, 2], talk.err);
    match(talk.out, /still here/);
    equal((await sessions()).length, 1);
    equal((await events()).filter(({ kind }) => kind === "evolve_end").map(({ data }) => data), [
      { changes: 0, reason: "Interrupted" },
    ]);
    equal([await state(checkout), await faults()], [before, []]);
  } finally {
    await model.stop();
  }
}

async function survivesKills(checkout: Checkout): Promise<void> {
  const { base, root, home, run, git, cassette, events, faults } = checkout;
  await Deno.writeTextFile(join(root, "README.md"), "mine\n");
  const before = await state(checkout), status = " M README.md\n";
  const kill = (what: string, seen: () => Promise<boolean>) => async (child: Deno.ChildProcess) => {
    await until(what, seen, 1);
    child.kill("SIGKILL");
  };
  const arrived = (stage: string) => async () =>
    (await events()).some(({ kind, data }) => kind === "step" && data.name === stage);
  const proving = await run(["evolve", "--max-changes", "1", "--model", await cassette(note("proved"))], {
    meanwhile: kill("the source step", arrived("source")),
  });
  equal(proving.signal, "SIGKILL", proving.err);
  await until("the end of the gate's children", () => nobody(base));
  equal([await state(checkout), await faults(status)], [before, []]);

  const intent = () => Deno.lstat(join(home, "intent.json")).then(() => true, () => false);
  const promoting = await run(["evolve", "--max-changes", "1", "--model", await cassette(note("promoted"))], {
    meanwhile: kill("the intent", intent),
  });
  equal(promoting.signal, "SIGKILL", promoting.err);
  const start = await run(["lineage"]);
  match(start.out, / 1 .*Note promoted/, start.err);
  equal(await faults(status), []);
  equal([await intent(), await Deno.readTextFile(join(root, "README.md"))], [false, "mine\n"]);
  match(await git("log", "-1", "--format=%B"), /^Generation: 1$/m);
  const alive = await run(["-p", "hello", "--model", await cassette([say("chat", "I live")])]);
  equal([alive.code, alive.out], [0, "I live\n"], alive.err);
  match((await run(["lineage"])).out, / 1 .* confirmed /);
}

/** True if no process works below the folder. */
async function nobody(folder: string): Promise<boolean> {
  const names = (await Array.fromAsync(Deno.readDir("/proc"))).map(({ name }) => name).filter((name) =>
    /^\d+$/.test(name)
  );
  const lines = await Promise.all(names.map((name) => Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "")));
  return !lines.some((line) => line.includes(folder));
}

async function needsDeno(checkout: Checkout): Promise<void> {
  const { base, run, cassette, faults } = checkout;
  const before = await state(checkout);
  const bin = join(base, "bin");
  await Deno.mkdir(bin);
  for (const name of ["git", "sh"]) {
    const { stdout } = await new Deno.Command("sh", { args: ["-c", `command -v ${name}`] }).output();
    await Deno.symlink(new TextDecoder().decode(stdout).trim(), join(bin, name));
  }
  const model = await cassette(note("never", { contains: "no request may come" }));
  for (const [EVO_DENO, said] of [["/nowhere/deno", /EVO_DENO: none/], ["", /PATH: none, npx: none/]] as const) {
    const without = await run(["evolve", "--model", model], { env: { PATH: bin, EVO_DENO } });
    equal(without.code, 1, without.err);
    match(without.err, said);
    match(without.err, /Cannot find Deno \d+\.\d+\.\d+ .*: install it, or name its executable in EVO_DENO\n/);
  }
  equal([await state(checkout), await faults()], [before, []]);
}

Deno.test(
  "an evolution that must not succeed, or is cut off, changes nothing",
  { ignore: EVO === undefined },
  async (t) => {
    await each(t, [
      { name: "kills during proof and promotion leave tree, executable and lineage in agreement", run: survivesKills },
      { name: "an edited machine, tests that cheat, three failed attempts and a veto are remembered", run: rejects },
      { name: "a second evolution, an interrupt and a dead endpoint leave everything as it was", run: survivesModel },
      { name: "an interrupt ends the evolution, and the conversation goes on", run: goesOnTalking },
      { name: "without Deno the sentence says what to do", run: needsDeno },
    ]);
  },
);
