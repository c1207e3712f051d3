/**
 * Self-edits with an instant model, in a scratch copy: from the last reply of the evolve conversation (its line in the trajectory)
 * to the `session` event of the new generation in the same process: both halves of the gate, promotion and relaunch. Next to each,
 * by hand in another copy with the same edit: check, test, bundle and compile, one after the other, with the tests of the gate.
 */
import { dirname, join } from "node:path";
import * as z from "zod";
import type { Base } from "../build/base.ts";
import { install } from "../build/install.ts";
import { mustGit } from "../source/git.ts";
import { listSource } from "../source/source.ts";
import { converse, makePlace, median, type Place, type Row, timeRun } from "../testing/measure.ts";
import { sizeOf } from "./storing.ts";

const EDITS = 7;
const CHEAP = ["unchanged", "policy", "protected", "size"];
const Ts = z.object({ ts: z.string(), kind: z.string(), data: z.looseObject({ purpose: z.string().optional() }) });
const Step = z.looseObject({
  type: z.literal("step"),
  name: z.string(),
  status: z.string(),
  ms: z.number().optional(),
});

/** Measures; `source` is a checkout. */
export async function measureEvolving(source: string, base: Base, say: (line: string) => void): Promise<Row[]> {
  const place = await makePlace();
  if (base.path) Deno.env.set("DENORT_BIN", base.path); // for both builds: no download while measuring
  const [evo, hand] = [`${place.root}/evo-copy`, `${place.root}/hand-copy`];
  try {
    for (const copy of [evo, hand]) await copySource(source, copy);
    Object.assign(place.env, { EVO_HOME: `${evo}/.evo`, EVO_DENO: Deno.execPath() });
    if (base.path) place.env.DENORT_BIN = base.path;
    const built = await install(evo, say);
    if (!built.ok) throw new Error(built.error);
    const took: number[] = [], byHand: number[] = [], pregate: number[] = [], stored: number[] = [];
    for (let edit = 0; edit < EDITS; edit++) {
      const made = await evolve(built.value, { ...place, cwd: evo }, edit);
      took.push(made.ms);
      pregate.push(made.pregate);
      stored.push(await sizeOf(`${evo}/.evo/parts`));
      byHand.push(await handle({ ...place, cwd: hand }, edit));
      say(`edit ${edit + 1} of ${EDITS}: ${seconds(made.ms)}, by hand ${seconds(byHand.at(-1) ?? NaN)}`);
    }
    const note = `by hand ${seconds(median(byHand))}`;
    const growth = ((stored.at(-1) ?? NaN) - (stored[0] ?? NaN)) / (EDITS - 1) / 1e6;
    const ratio = median(took.map((value, at) => value / (byHand[at] ?? NaN)));
    return [
      { measure: "edit to new generation / by hand", value: ratio, unit: "x", target: 1.2, note },
      { measure: "edit to new generation", value: median(took), unit: "ms", target: 8000 },
      {
        measure: "checks before the gate's tools",
        value: median(pregate),
        unit: "ms",
        target: 50,
        note: CHEAP.join(" "),
      },
      {
        measure: "storage per real small generation",
        value: growth,
        unit: "MB",
        target: 1,
        note: `mean of ${EDITS - 1}`,
      },
    ];
  } finally {
    await Deno.remove(place.root, { recursive: true });
  }
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;

const files = (edit: number): Record<string, string> => ({
  [`plugins/lib/bench_${edit}.ts`]:
    `/** Twice a number, and ${edit}. */\nexport function twice${edit}(n: number): number {\n  return 2 * n + ${edit};\n}\n`,
  [`plugins/lib/bench_${edit}_test.ts`]:
    `import { deepStrictEqual as equal } from "node:assert/strict";\nimport { twice${edit} } from "./bench_${edit}.ts";\n\nDeno.test("twice${edit} doubles and adds ${edit}", () => equal(twice${edit}(2), ${
      4 + edit
    }));\n`,
});

function cassette(edit: number): string {
  const calls = Object.entries(files(edit)).map(([path, content]) => ({
    name: "write_file",
    arguments: { path, content },
  }));
  const goal = {
    title: `Bench ${edit}`,
    suggestion: "bench",
    predicted: "none",
    verify: `twice${edit} doubles and adds ${edit}`,
  };
  const suggestion = { title: "bench", evidence: "the session", predicted: "none", verify: "its test" };
  const fallback = {
    chat: { text: "fine" },
    task: { text: "CONTINUE" },
    reflect: { text: JSON.stringify([suggestion]) },
    evolve: { text: "SKIP: enough" },
    refine: { text: "SKIP" },
    judge: { text: '{"veto": false, "reason": "small, with a test"}' },
    document: { text: "Nothing to edit." },
    compact: { text: "nothing" },
  };
  const lines = [
    { cassette: 1, model: "instant", window: 200_000, lanes: true, fallback },
    { expect: { purpose: "evolve" }, reply: { text: "", calls } },
    { expect: { purpose: "evolve" }, reply: { text: JSON.stringify(goal) } },
  ];
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}

async function evolve(executable: string, place: Place, edit: number) {
  const path = `${place.root}/cassette-${edit}.jsonl`;
  await Deno.writeTextFile(path, cassette(edit));
  const evo = converse(executable, ["--model", `cassette:${path}`, "--max-changes", "1"], place);
  const steps = new Map<string, number>();
  const { id } = await evo.next(({ type }) => type === "session");
  await evo.type("hello");
  await evo.next(({ type }) => type === "turn_end");
  await evo.type("/evolve");
  const failed: string[] = [];
  const taken = await evo.next((event) => {
    const step = Step.safeParse(event).data;
    if (step && step.status !== "started" && !steps.has(step.name)) steps.set(step.name, step.ms ?? NaN);
    if (step?.status === "failed" || event.type === "notice") failed.push(JSON.stringify(event));
    if (event.type === "turn_end") {
      throw new Error(`Cannot measure the edit: it was not accepted: ${failed.join("\n")}`);
    }
    return event.type === "session" && event.resumed === true;
  });
  await evo.type("/exit");
  await evo.end();
  const log = await Deno.readTextFile(join(place.cwd, ".evo/sessions", String(id), "traj.jsonl"));
  const lines = log.trimEnd().split("\n").map((line) => Ts.parse(JSON.parse(line)));
  const last = lines.findLast(({ kind, data }) => kind === "model_reply" && data.purpose === "evolve");
  const ms = performance.timeOrigin + taken.at - Date.parse(last?.ts ?? "");
  const pregate = Math.max(...CHEAP.map((name) => steps.get(name) ?? NaN)); // side by side
  return { ms, pregate };
}

async function handle(place: Place, edit: number): Promise<number> {
  for (const [path, text] of Object.entries(files(edit))) await Deno.writeTextFile(join(place.cwd, path), text);
  const all = (await listSource(place.cwd)).filter((path) => path.endsWith("_test.ts"));
  const tests = all.filter((path) => !path.startsWith("host/") || path.startsWith("host/gate/sealed/"));
  const deno = (...args: string[]) => timeRun([Deno.execPath(), ...args], place);
  const bundle = [
    "bundle",
    "--quiet",
    "--minify",
    "--code-splitting",
    "--outdir",
    ".evo/stage",
    "host/boot.ts",
    "main.ts",
  ];
  const started = performance.now();
  await deno("check", "--quiet", "host/boot.ts", ...tests);
  await deno("test", "--quiet", "--no-check", "-A", ...tests);
  await deno(...bundle);
  const include = [".evo/stage", "--output", "bin/evo", ".evo/stage/host/boot.js"];
  await deno("compile", "--quiet", "--no-check", "--no-config", "--no-code-cache", "-A", "--include", ...include);
  return performance.now() - started;
}

async function copySource(from: string, to: string): Promise<void> {
  for (const path of await listSource(from)) {
    await Deno.mkdir(dirname(join(to, path)), { recursive: true });
    await Deno.copyFile(join(from, path), join(to, path));
  }
  await mustGit(to, ["init", "-q"]);
  await mustGit(to, ["add", "-A"]);
  await mustGit(to, ["commit", "-q", "-m", "The source as it is"]);
}
