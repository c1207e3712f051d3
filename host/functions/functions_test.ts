import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { bodyOf, DECLARED, fakeFunctionModel, fakeWorkshop } from "../testing/fake_workshop.ts";
import { type Bench, withFunctions } from "../testing/functions_fixtures.ts";
import { COMMANDS, help, parseWords } from "./words.ts";

const fenced = (source: string) => `\`\`\`ts\n${source}\`\`\``;
const answering = (...bodies: string[]) =>
  fakeFunctionModel((_, count) => bodies[count - 1] ? fenced(bodies[count - 1] ?? "") : "no more");

async function textOf(run: ReturnType<Bench["run"]>): Promise<string> {
  const done = await run;
  ok(done.ok, JSON.stringify(done));
  return done.value;
}
async function errorOf(run: ReturnType<Bench["run"]>): Promise<string> {
  const done = await run;
  ok(!done.ok, JSON.stringify(done));
  return done.error;
}

const wrong: [line: string, error: RegExp][] = [
  ["lst", /^Cannot run "fn lst": there is no such command; did you mean "list"$/],
  ["dance", /there is no such command; there are list, show/],
  ["show", /^Cannot run "fn show" without a name: say fn show NAME$/],
  ["show line 3", /^Cannot run "fn show" with "3": say fn show NAME$/],
  ["show lime", /^Cannot find the function "lime"; did you mean "line"$/],
  ["evolve line --round 3", /^Cannot evolve: there is no option "--round"; did you mean "rounds"$/],
  ["evolve line --rounds 0", /"--rounds 0" is not a whole number from 1/],
  ["evolve line --lanes=65", /"--lanes 65" is not a whole number from 1 to 64/],
  ["evolve line --budget 5", /is not of the form tokens=N,usd=X,minutes=M/],
  ["evolve line --budget tokens=-5", /the budget "tokens=-5" is not a number above 0/],
  ["evolve line --proposer luck", /neither model nor search/],
  ["evolve line --demo", /^Cannot play a demo of "line": it has no cassette$/],
  ["activate line", /^Cannot run "fn activate" without a revision: say fn activate NAME REV$/],
  ["activate line 7", /^Cannot activate revision "7" of "line": it has revisions 0 to 0; see fn history line$/],
  ["activate line x", /^Cannot activate revision "x"/],
];

Deno.test("what cannot be done is one sentence that says what to do", () =>
  withFunctions(async ({ run }) => {
    for (const [line, error] of wrong) match(await errorOf(run(line)), error);
    equal((await run("lst")).exit, 2);
    equal((await run("show lime")).exit, undefined);
    equal(await textOf(run("help")), help());
    for (const name of Object.keys(COMMANDS)) ok(help().includes(`fn ${name}`));
  }));

Deno.test("options are read in both spellings", () => {
  const parsed = parseWords(
    "evolve f --rounds=3 --lanes 2 --budget tokens=5,usd=0.5,minutes=2 --seed 9 --proposer=search --demo".split(" "),
  );
  ok(parsed.ok);
  equal(parsed.value.evolve, {
    ...{ rounds: 3, lanes: 2, seed: 9, proposer: "search", demo: true },
    budget: { tokens: 5, usd: 0.5, minutes: 2 },
  });
  equal(parseWords([]).ok && parseWords([]), parseWords(["list"]));
});

Deno.test("looking around writes nothing; evolving makes the database", () =>
  withFunctions(async ({ run, cwd }) => {
    match(await textOf(run("list")), /line +shipped +- +0 +- +- +1/);
    match(
      await textOf(run("show line")),
      /Return as much.*\nexport function f.*\n.*0 revisions.*not scored yet.*return 0.1/s,
    );
    match(await textOf(run("history line")), /no revisions yet: fn evolve line/);
    const names = () => Array.from(Deno.readDirSync(cwd), ({ name }) => name).sort();
    equal(names(), ["shipped"]);
    await textOf(run("evolve line", { model: answering(bodyOf(1)) }));
    equal(names(), [".evo", "shipped"]);
  }));

Deno.test("show, history and list tell the active revision; activate goes back, also to a worse one, never to a broken one", () =>
  withFunctions(async ({ run }) => {
    const bodies = [bodyOf(0.5), bodyOf(1, "TRAP"), bodyOf(0.4), bodyOf(1)];
    await textOf(run("evolve line --lanes 1", { model: answering(...bodies) }));
    match(
      await textOf(run("history line")),
      /0 +accepted.*\n1 +accepted.*\n2 +rejected: trap.*\n3 +rejected: worse +0.4.*\n4 +active +1 /,
    );
    match(
      await textOf(run("activate line 3")),
      /Revision 3 of "line" is active, score 0.4; it had been rejected \(worse\)/,
    );
    match(
      await textOf(run("show line")),
      /score: 0.4 \(start 0.1, goal 1\); 5 revisions.*active: revision 3\n\n.*0.4/s,
    );
    match(await errorOf(run("activate line 2")), /it was rejected \(trap\) and never scored; choose another$/);
    match(await textOf(run("bench line")), /0 +start +0.1 +3 .*\n3 +active +0.4 +3 /);
    await textOf(run("activate line 4"));
    match(await textOf(run("evolve line")), /reaches its goal already; to start over: fn activate line 0/);
  }));

Deno.test("with json each row is a JSON object on a line of its own, its numbers are numbers", () =>
  withFunctions(async ({ run }) => {
    const rows = async (line: string) =>
      (await textOf(run(line, { json: true }))).split("\n").filter(Boolean).map((one) => JSON.parse(one));
    const none = { function: "line", from: "shipped", active: null, revisions: 0, start: null, score: null, goal: 1 };
    equal([await rows("list"), await rows("history line")], [[none], []]);
    await textOf(run("evolve line --lanes 1", { model: answering(bodyOf(0.5), bodyOf(1)) }));
    equal(await rows("list"), [{ ...none, active: 2, revisions: 3, start: 0.1, score: 1 }]);
    const [{ active, score, start, source, goal }] = await rows("show line");
    equal([active, score, start, source, goal], [2, 1, 0.1, bodyOf(1), 1]);
    const told = (await rows("history line")).map(({ revision, state, score, from }) => [revision, state, score, from]);
    equal(told, [[0, "accepted", 0.1, null], [1, "accepted", 0.5, 0], [2, "active", 1, 1]]);
    equal((await rows("bench line")).map(({ revision, is, score }) => [revision, is, score]), [[0, "start", 0.1], [
      2,
      "active",
      1,
    ]]);
  }));

Deno.test("a model is asked for where none is set: one sentence at once, with the way that needs none", () =>
  withFunctions(async ({ run, workshop }) => {
    const error =
      'Cannot evolve "line": no model is set; "evo config" shows the settings, and --proposer search needs none';
    equal(await run("evolve line --proposer model"), { ok: false, error, exit: 4 });
    equal(workshop.compiled, []);
  }));

Deno.test("what is interrupted before it began to search ends with the code of an interruption, too", () =>
  withFunctions(async ({ run }) => {
    for (const line of ["evolve line", "bench line", "call line 1", "list"]) {
      const { ok, exit } = await run(line, { signal: AbortSignal.abort() });
      equal([ok, exit], [false, 130], line);
    }
  }));

Deno.test("a run that finds nothing better did what it was told, and its last line says so", () =>
  withFunctions(async ({ run }) => {
    const done = await run("evolve line --lanes 1 --rounds 1", { model: answering(bodyOf(0.05)) });
    equal([done.ok, done.exit], [true, undefined]);
    match(done.ok ? done.value : "", /\nrevision 0 stays active, score 0.1: none was better$/);
  }));

Deno.test("after going back, a body that won before wins again without being built into another revision", () =>
  withFunctions(async ({ run }) => {
    await textOf(run("evolve line --lanes 1", { model: answering(bodyOf(1)) }));
    await textOf(run("activate line 0"));
    match(
      await textOf(run("evolve line --lanes 1", { model: answering(bodyOf(1)) })),
      /revision 1 is active: 0.1 -> 1/,
    );
    match(await textOf(run("list")), /line +shipped +1 +2 /);
  }));

Deno.test("a task that changed makes old scores count no more: the active body must win again", () =>
  withFunctions(async ({ run, task }) => {
    await textOf(run("evolve line --lanes 1 --rounds 1", { model: answering(bodyOf(0.5)) }));
    await Deno.writeTextFile(task, "// another evaluator");
    match(await textOf(run("list")), /line +shipped +- /);
    match(
      await textOf(run("evolve line --lanes 1 --rounds 1", { model: answering(bodyOf(0.2)) })),
      /revision 1 stays active, score 0.5/,
    );
    match(await textOf(run("history line")), /1 +active +0.5 +3 +inherited/);
  }));

Deno.test("bodies that trade one objective for another share a front, and the dominated leave it", () => {
  const workshop = traders();
  return withFunctions(async ({ run }) => {
    const bodies = ["[3,1]", "[2,2]", "[1,5]", "[2,1]"].map((pair) =>
      bodyOf(`0.5; /*${pair}*/ const p = ${pair}; p[0]`)
    );
    await textOf(run("evolve line --lanes 1 --rounds 4", { model: answering(...bodies) }));
    const text = await textOf(run("history line"));
    match(text, /\n1 +accepted/); // [3,1] is dominated by [2,1]
    match(text, /\n2 +accepted/);
    match(text, /\n3 +(front|active)/);
    match(text, /\n4 +(front|active)/);
  }, { workshop, start: bodyOf("0.5; const p = [9,9]; p[0]") });
});

/** A workshop whose bodies carry two measures, the lower the better: `[a,b]` in the source. */
function traders(): ReturnType<typeof fakeWorkshop> {
  const { goal: _, ...open } = DECLARED;
  const workshop = fakeWorkshop({ ...open, objectives: { a: "lower", b: "lower" } });
  const pair = (bytes: Uint8Array) =>
    /\[(\d),(\d)\]/.exec(new TextDecoder().decode(bytes))?.slice(1).map(Number) ?? [9, 9];
  const told = (bytes: Uint8Array) => {
    const [a = 9, b = 9] = pair(bytes);
    return { ok: true as const, score: { score: -a - b, metrics: { a, b }, feedback: [] }, fuel: 1, ms: 1 };
  };
  return {
    ...workshop,
    score: ({ candidate }) => Promise.resolve(told(candidate)),
    evaluate({ candidate, best }) {
      const { a = 9, b = 9 } = told(candidate).score.metrics;
      const beatsTraining = !best.some(({ metrics = {} }) => (metrics.a ?? 0) <= a && (metrics.b ?? 0) <= b);
      return Promise.resolve({ ...told(candidate), beatsTraining, ...(beatsTraining && { beatsHeldOut: true }) });
    },
  };
}

for (
  const [what, start, error] of [
    [
      "does not compile",
      bodyOf(0.1, "SYNTAX"),
      /its starting body does not compile: line 1: what is SYNTAX; mend its task$/,
    ],
    ["makes the evaluator fail", bodyOf(0.1, "EVALUATOR"), /its evaluator failed: it threw; mend its task$/],
    ["traps", bodyOf(0.1, "TRAP"), /its starting body failed \(trap\): f trapped at line 1; mend its task$/],
  ] as const
) {
  Deno.test(`a starting body that ${what} is one sentence, and nothing else is disturbed`, () =>
    withFunctions(async ({ run }) => {
      match(await errorOf(run("evolve line")), error);
      match(await textOf(run("list")), /line/);
    }, { start }));
}

Deno.test("a damaged database is put aside in one line, and the command goes on", () =>
  withFunctions(async ({ run, lines, database }) => {
    await textOf(run("evolve line --lanes 1 --rounds 1", { model: answering(bodyOf(0.5)) }));
    await Deno.writeTextFile(database, "broken".repeat(1000));
    match(await textOf(run("bench line")), /0 +start/);
    equal(lines.filter((line) => line.startsWith("The functions' database was damaged")).length, 1);
  }));

Deno.test("a directory that disappears is one sentence", () =>
  withFunctions(async ({ run, cwd }) => {
    await Deno.remove(cwd, { recursive: true });
    await Deno.writeTextFile(cwd, "a file in its place");
    equal(await textOf(run("list")), "There are no functions.");
    match(await errorOf(run("evolve line")), /^Cannot open ".*functions.db": .*make its folder writable/);
    await Deno.remove(cwd);
    await Deno.mkdir(cwd);
  }));
