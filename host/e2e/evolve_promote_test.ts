/** The compiled executable evolves itself: promotion, relaunch, lineage, return. */
import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { EVO } from "../testing/evo.ts";
import { type Checkout, each, goal, note, say, use } from "../testing/checkout.ts";

const SHOUT = `/** Says it in capitals. */
import * as z from "zod";
import { tool } from "../../actors/ports.ts";

export default tool({
  name: "shout",
  description: "Says a text in capitals.",
  input: z.object({ text: z.string() }),
  readOnly: () => true,
  summary: ({ text }) => \`shout \${text}\`,
  run: ({ text }) => Promise.resolve({ ok: true, text: text.toUpperCase() }),
});
`;
const SHOUT_TEST = `import { deepStrictEqual as equal } from "node:assert/strict";
import type { ToolContext } from "../../actors/ports.ts";
import shout from "./shout.ts";

Deno.test("shout says it in capitals", async () => {
  const nothing = {} as unknown as ToolContext;
  equal(await shout.run({ text: "straße é" }, nothing), { ok: true, text: "STRASSE É" });
});
`;
const SUGGESTION = {
  title: "Shout without a shell",
  evidence: "e",
  predicted: "p",
  verify: "shout says it in capitals",
};
const SHOUTING = [
  use("chat", [["shout", { text: "grüße" }]], { contains: "say it", tools: ["shout"] }),
  say("chat", "said"),
];

const sourceOf = async ({ run }: Checkout) => /^source (.*)$/m.exec((await run(["--version"])).out)?.[1];

async function promotes(checkout: Checkout): Promise<void> {
  const { root, run, git, cassette, events, faults } = checkout;
  const mine = "mine, not committed\n", status = " M README.md\n?? notes.txt\n";
  for (const name of ["README.md", "notes.txt"]) await Deno.writeTextFile(join(root, name), mine);
  const [first, tree] = [await sourceOf(checkout), await git("rev-parse", "HEAD^{tree}")];
  const model = await cassette([
    say("reflect", JSON.stringify([SUGGESTION])),
    ...note("one", { contains: SUGGESTION.title }),
    use("evolve", [
      ["write_file", { path: "plugins/tools/shout.ts", content: SHOUT }],
      ["write_file", { path: "plugins/tools/shout_test.ts", content: SHOUT_TEST }],
    ]),
    say("evolve", goal("Add the tool shout", "shout says it in capitals")),
  ]);
  equal((await run(["-p", "hello", "--model", await cassette([say("chat", "hi")])])).code, 0); // to reflect on
  const building = join(root, ".evo/stage/host"); // a person's build, begun meanwhile
  await Deno.mkdir(building, { recursive: true });
  const evolved = await run(["evolve", "--max-changes", "2", "--model", model]);
  equal([evolved.code, evolved.signal], [0, null], evolved.err);
  ok((await Deno.stat(building)).isDirectory, "it is not touched, and so what is compiled is not of it");

  const seen = await events();
  equal(seen.map(({ seq }) => seq), seen.map((_, at) => at + (seen[0]?.seq ?? 0)));
  equal(seen.flatMap(({ kind, data }) => kind === "relaunch" ? [data.pid] : []), [evolved.pid], evolved.err);
  const steps = seen.flatMap(({ kind, data }) => kind === "step" ? [String(data.name)] : []);
  for (const step of ["policy", "types", "sealed", "red-green", "compile", "canary"]) ok(steps.includes(step), step);
  equal(await faults(status), []);

  const [shout = "", words = ""] = (await git("log", "-2", "--format=%B%x00")).split("\0\n");
  for (const text of ["Generation: 2", "Parent: 1", "Goal: Add the tool shout"]) {
    ok(shout.includes(`\n${text}\n`), shout);
  }
  for (const trailer of [/^Gate: .*canary \d+ ms/m, /^Cost: /m, /^Lineage: [0-9a-f]{64}$/m]) match(shout, trailer);
  match(words, /^evolve\(0001\): Note one\n/);
  match(
    (await run(["lineage"])).out,
    / 0 .* confirmed .*Built by a person\n.* 1 .*Note one\n.* 2 .* confirmed .*Add the tool shout\n/,
  );
  const why = await run(["why", "2"]);
  equal(why.code, 0);
  for (const text of ["Add the tool shout", "as its goal says", "+++ b/plugins/tools/shout.ts", "canary"]) {
    ok(why.out.includes(text), `${text}: ${why.out}`);
  }
  const journal = new DatabaseSync(join(root, ".evo/journal.db"), { readOnly: true });
  const rows = journal.prepare("SELECT proposed_action, outcome, lessons_learned FROM journal_entries ORDER BY id")
    .all();
  journal.close();
  equal(rows.map((row) => Object.values(row)), [
    ["Note one", "promoted as generation 1", '["predicted: better: Note one"]'],
    ["Add the tool shout", "promoted as generation 2", '["predicted: better: Add the tool shout"]'],
  ]);

  const used = await run(["-p", "say it", "--model", await cassette(SHOUTING)]);
  equal([used.code, used.out], [0, "said\n"], used.err);
  equal((await events()).flatMap(({ kind, data }) => kind === "tool_result" ? [data.text] : []), ["GRÜSSE"]);

  const back = await run(["rollback", "0"]);
  equal(back.code, 0, back.err);
  equal(await sourceOf(checkout), first);
  equal([await git("rev-parse", "HEAD^{tree}"), await git("rev-list", "--count", "HEAD")], [tree, "4\n"]);
  equal(await faults(status), []);
  equal(await Deno.readTextFile(join(root, "README.md")), mine);
  const gone = await run(["-p", "say it", "--model", await cassette(SHOUTING)]);
  ok(gone.code !== 0 && /shout/.test(gone.err), "the tool is gone with its generation");

  const manifest = join(root, ".evo/generations/0001/manifest.json");
  await Deno.writeTextFile(manifest, (await Deno.readTextFile(manifest)).replace("Note one", "Note two"));
  const forged = await run(["lineage", "verify"]);
  equal([forged.code, forged.out], [1, ""], "a forged generation is found");
}

async function keepsTalking({ run, cassette, events, sessions, faults }: Checkout): Promise<void> {
  const model = await cassette([
    say("chat", "answer one", { contains: "first" }),
    say("chat", "answer two", { contains: "second\nin two lines" }),
    say("chat", "answer three", { contains: "third 日本" }),
    ...note("talk"),
  ]);
  const stdin = "first\n/evolve\nsecond\\\nin two lines\n/why 1\nthird 日本\n/exit\nnever heard\n";
  const talk = await run(["--max-changes", "1", "--model", model], { stdin });
  equal([talk.code, talk.signal], [0, null], talk.err);
  match(talk.out, /answer one[^]*answer two[^]*Note talk[^]*answer three/);
  const seen = await events();
  equal((await sessions()).length, 1);
  equal(seen.map(({ seq }) => seq), seen.map((_, at) => at + (seen[0]?.seq ?? 0)));
  const told = seen.flatMap(({ kind, data }) => kind === "user_input" ? [data.text] : []);
  equal(told.filter((text) => !String(text).startsWith("/")), ["first", "second\nin two lines", "third 日本"]);
  const starts = seen.flatMap(({ kind, data }) => kind === "session_start" ? [[data.generation, data.resumed]] : []);
  equal(starts, [[0, false], [1, true]]);
  equal(seen.flatMap(({ kind, data }) => kind === "relaunch" ? [data.pid] : []), [talk.pid]);
  equal(seen.at(-1)?.kind, "session_end");
  equal(await faults(), []);
}

async function carriesItself({ root, home, run, cassette, faults }: Checkout): Promise<void> {
  const model = await cassette(note("bare"));
  const evolved = await run(["evolve", "--max-changes", "1", "--model", model]);
  equal(evolved.code, 0, evolved.err);
  match(await Deno.readTextFile(join(home, "source/prompts/memory/bare.md")), /This is bare/);
  equal((await Array.fromAsync(Deno.readDir(root))).map(({ name }) => name).sort(), [".evo", "evo"]);
  match((await run(["--version"])).out, /^generation 1$/m);
  equal(await faults(), []);
}

async function refusesConflict({ root, exe, run, git, cassette, events, faults }: Checkout): Promise<void> {
  const path = "prompts/judge.md", mine = `${await Deno.readTextFile(join(root, path))}\nMine, not committed.\n`;
  const before = [await git("rev-parse", "HEAD"), (await Deno.stat(exe)).ino];
  await Deno.writeTextFile(join(root, path), mine);
  const model = await cassette([
    use("evolve", [["edit_file", {
      path,
      edits: [{ old: "You judge one change", new: "You judge a single change" }],
    }]]),
    say("evolve", goal("Say single")),
  ]);
  const refused = await run(["evolve", "--max-changes", "1", "--model", model]);
  const text = `${refused.out}${refused.err}`;
  match(text, /prompts\/judge\.md[^]*kept as branch evo\/candidate-1[^]*git merge evo\/candidate-1/);
  equal(refused.code, 1);
  equal(await Deno.readTextFile(join(root, path)), mine);
  equal([await git("rev-parse", "HEAD"), (await Deno.stat(exe)).ino], before);
  equal((await events()).filter(({ kind }) => kind === "promotion" || kind === "relaunch"), []);
  equal(await faults(` M ${path}\n`), []);
  await git("stash", "--quiet"); // as the sentence says
  await git("merge", "--quiet", "evo/candidate-1");
  match(await Deno.readTextFile(join(root, path)), /^You judge a single change/);
}

Deno.test("the executable evolves into the next one", { ignore: EVO === undefined }, async (t) => {
  await each(t, [
    { name: "evo evolve promotes words and a tool; lineage, why, journal and rollback agree", run: promotes },
    { name: "a conversation over pipes goes on in the same process, lines typed ahead in order", run: keepsTalking },
    { name: "a bare executable evolves the source that it carries", bare: true, run: carriesItself },
    { name: "a file with uncommitted changes stops a promotion; the branch can be merged", run: refusesConflict },
  ]);
});
