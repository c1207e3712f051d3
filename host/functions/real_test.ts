import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Functions, Model } from "../../actors/ports.ts";
import { createWorkshop } from "../evaluation/pool.ts";
import { createModel } from "../model/model.ts";
import { fakeFunctionModel } from "../testing/fake_workshop.ts";
import { createFunctions } from "./functions.ts";

const ROOT = new URL("../../", import.meta.url);
const SELF = [Deno.execPath(), "run", "-A", fileURLToPath(new URL("host/boot.ts", ROOT))];
const CANARY = ["zq", "held", "out", "canary", "xw"].join("");

/** Counts letters; on held-out data every text holds the canary, which the evaluator also says wherever it can. */
const TASK = `export default ({ task }) => task({
  name: "count",
  description: "Return how many letters the text has.",
  functions: { count: { parameters: [["text", "string"]], result: "f64" } },
  limits: { fuel: 100000, pages: 2, deadlineMs: 2000, source: 5000 },
  goal: 1,
  evaluate(candidate, run) {
    const held = run.set === "held_out", feedback = [];
    let right = 0;
    for (let n = 0; n < 10; n++) {
      const text = (held ? ${JSON.stringify(CANARY)} : "seen ") + "x".repeat(run.random.integer(20));
      const said = candidate.functions.count(text);
      if (said === text.length) right++;
      else feedback.push("case " + text + ": expected " + text.length + ", got " + said);
    }
    return { score: right / 10, feedback, metrics: held ? { ${CANARY}: 1 } : {} };
  },
});
`;
const START = "export function count(text: string): f64 { return 7; }\n";
const BODIES = [
  "export function count(text: string): i32 { return text.length; }",
  "export function count(text: string): f64 { while (true) {} return 1; }",
  "export function count(text: string): f64 { if (text.length > 21) throw new Error(text); return text.length > 15 ? text.length : 5; }",
  "export function count(text: string): f64 { if (text.startsWith('seen')) return text.length; throw new Error(text); }",
  "export function count(text: string): f64 { return text.length; }",
];

/** A directory with real processes. */
async function withReal(
  act: (on: { cwd: string; run(line: string): ReturnType<Functions["run"]>; lines: string[] }) => Promise<void>,
  { model, shipped }: { model?: Model; shipped?: URL },
): Promise<void> {
  const cwd = await Deno.makeTempDir(), lines: string[] = [];
  const workshop = createWorkshop({ self: SELF, size: 2 });
  const own = join(cwd, "tasks"), count = join(own, "count");
  await Deno.mkdir(count, { recursive: true });
  await Deno.writeTextFile(join(count, "task.ts"), TASK);
  await Deno.writeTextFile(join(count, "function.ts"), START);
  const clock = {
    now: Date.now,
    sleep: (_: number, signal: AbortSignal) =>
      new Promise<void>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  };
  const settings = { baseUrl: "", model: "demo", fastModel: "demo" };
  const quiet = { log: { write() {} }, show() {}, clock, redact: String };
  const functions = createFunctions({
    ...{ cwd, clock, redact: String, workshop: () => workshop, hasModel: () => model !== undefined },
    ...{ shipped: shipped ?? new URL("none/", pathToFileURL(`${cwd}/`)), folders: () => Promise.resolve([own]) },
    model: () => model ?? quiet.show() as never,
    play: (text) => createModel({ ...quiet, settings: { ...settings, cassette: { text } } as never }),
    prompt: (name) => Deno.readTextFile(new URL(`prompts/${name}.md`, ROOT)),
  });
  try {
    const update = (line: string) => void lines.push(line);
    const { signal } = new AbortController();
    await act({ cwd, lines, run: (line) => functions.run(line.split(" "), { signal, update }) });
  } finally {
    await workshop.close();
    await Deno.remove(cwd, { recursive: true });
  }
}

Deno.test("a real evolution: each fault is told, the winner is active, and nothing of held-out data is ever written or said", async () => {
  const model = fakeFunctionModel((_, count) => `\`\`\`ts\n${BODIES[count - 1]}\n\`\`\``);
  await withReal(async ({ cwd, run, lines }) => {
    const done = await run("evolve count --lanes 1");
    ok(done.ok, JSON.stringify(done));
    match(done.value, /the goal is reached; 5 attempts/);
    const asked = model.requests.map(({ messages }) => messages.at(-1)?.content ?? "");
    match(asked[0] ?? "", /case seen x*: expected \d+, got 7/);
    match(asked[1] ?? "", /required signature/);
    match(asked[2] ?? "", /used up its fuel/);
    match(asked[4] ?? "", /not on others/);
    const show = await run("show count");
    const call = await run('call count "four"');
    equal(call.ok && call.value.split("\n")[0], "4");
    const history = await run("history count");
    const everything = [JSON.stringify([model.requests, lines, done, show, history, call])];
    for await (const { name } of Deno.readDir(join(cwd, ".evo/functions"))) {
      everything.push(new TextDecoder("latin1").decode(await Deno.readFile(join(cwd, ".evo/functions", name))));
    }
    const all = everything.join("\n");
    ok(all.includes("case seen x") && all.includes("got 7"), "the scan sees what was written");
    ok(!all.includes(CANARY));
  }, { model });
});

Deno.test("the shipped fizzbuzz reaches its goal by its cassette, and is called, benched and gone back from", async () => {
  await withReal(async ({ run }) => {
    const done = await run("evolve fizzbuzz --demo");
    ok(done.ok, JSON.stringify(done));
    match(done.value, /the goal is reached; .*\n.*-O3 and scores the same\n.*is active: .* -> 1$/);
    const call = await run("call fizzbuzz 15");
    match(call.ok ? call.value : "", /^"FizzBuzz"\nfuel \d+$/);
    match(
      JSON.stringify(await run("call fizzbuzz fifteen")),
      /\\"fifteen\\" is no u64 for n; it takes n: u64, each as JSON/,
    );
    match(JSON.stringify(await run("call fizzbuzz 1 2")), /it takes 1 arguments \(n: u64\), 2 were given/);
    const bench = await run("bench fizzbuzz");
    match(bench.ok ? bench.value : "", /0 +start.*\n\d+ +active +1 /);
    equal((await run("activate fizzbuzz 0")).ok, true);
    const before = await run("call fizzbuzz 15");
    match(before.ok ? before.value : "", /^"15"/);
  }, { shipped: new URL("plugins/functions/", ROOT) });
});
