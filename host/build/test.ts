/** `deno task test` and `deno task ok`: every check and test; the last line says how many passed and failed, of all of them. */
import { join } from "node:path";
import { no } from "../../actors/types.ts";
import { LOCKED } from "../gate/run.ts";
import { reason } from "./executable.ts";
import { CHECKOUT, install } from "./install.ts";
import { complaint, runTool } from "./tool.ts";

/** Counts of one run. */
export interface Counts {
  passed: number;
  failed: number;
}

const MIND = ["actors", "plugins", "prompts"];

/** Counts the cases of a JUnit file; ignored ones are neither. A run that failed without a failed case has one failure more. */
export function countCases(junit: string | undefined, code: number): Counts {
  const count = (tag: string) => junit?.match(new RegExp(`<${tag}[\\s/>]`, "g"))?.length ?? 0;
  const bad = count("failure") + count("error");
  const passed = count("testcase") - bad - count("skipped");
  return { passed, failed: bad + (bad === 0 && (code !== 0 || junit === undefined) ? 1 : 0) };
}

/** The test files below folders, in order; without the slow ones if asked. */
export async function findTests(root: string, folders: string[], quick: boolean): Promise<string[]> {
  const found: string[] = [];
  async function walk(folder: string) {
    for await (const { name, isDirectory } of Deno.readDir(join(root, folder))) {
      const path = `${folder}/${name}`;
      if (isDirectory) await walk(path);
      else if (name.endsWith("_test.ts") && !(quick && name.endsWith("_slow_test.ts"))) found.push(path);
    }
  }
  for (const folder of folders) await walk(folder).catch(ignoreMissing);
  return found.sort();
}

/** Runs it all in a checkout and prints as it goes; returns the true counts. */
export async function testAll(root: string, quick: boolean, say: (line: string) => void): Promise<Counts> {
  const scratch = await Deno.makeTempDir({ prefix: "evo-test-" });
  const total: Counts = { passed: 0, failed: 0 };
  let runs = 0;

  function add(name: string, counts: Counts, ms: number, output: string) {
    total.passed += counts.passed;
    total.failed += counts.failed;
    const state = counts.failed === 0 ? "passed" : "FAILED";
    if (counts.failed > 0) say(output);
    say(`${state}  ${name}  ${counts.passed + counts.failed}  ${(ms / 1000).toFixed(1)} s`);
  }
  async function check(name: string, args: string[]) {
    const started = performance.now();
    const ended = await runTool([Deno.execPath(), ...args], { cwd: root });
    const counts = ended.code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
    add(name, counts, performance.now() - started, complaint(ended));
  }
  async function test(name: string, files: string[], options: { flags: string[]; env?: Record<string, string> }) {
    if (files.length === 0) return;
    const started = performance.now();
    const junit = join(scratch, `${runs++}.xml`);
    const args = ["test", ...LOCKED, "--no-check", "--no-prompt", `--junit-path=${junit}`, ...options.flags, ...files];
    const base = Deno.env.get("DENORT_BIN");
    const env = { ...options.env, ...(base ? { DENORT_BIN: base } : {}) };
    const ended = await runTool([Deno.execPath(), ...args], { cwd: root, env, ms: 1_800_000 });
    const text = await Deno.readTextFile(junit).catch(() => undefined);
    add(name, countCases(text, ended.code), performance.now() - started, `${ended.stdout}\n${ended.stderr}`);
  }

  try {
    await check("types", ["check", ...LOCKED]); // first: it fetches what is missing, once
    await Promise.all([check("format", ["fmt", "--check"]), check("lint", ["lint"])]);
    const rooted = (await Array.fromAsync(Deno.readDir(root))).map(({ name }) => name).filter((n) =>
      n.endsWith("_test.ts")
    );
    await test("mind", [...rooted, ...await findTests(root, MIND, quick)], { flags: [] });
    const host = (await findTests(root, ["host"], quick)).filter((path) => !path.startsWith("host/e2e/"));
    const shards = [0, 1].map((shard) => host.filter((_, at) => at % 2 === shard));
    await Promise.all(shards.map((files, at) => test(`host ${at + 1}/2`, files, { flags: ["-A"] })));
    if (!quick) await endToEnd();
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
  return total;

  async function endToEnd() {
    const started = performance.now();
    const built = await install(root, say).catch((error) => no(reason(error)));
    const counts = built.ok ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
    add("build", counts, performance.now() - started, built.ok ? "" : built.error);
    if (!built.ok) return;
    const files = await findTests(root, ["host/e2e"], false);
    const env = { EVO_BIN: built.value };
    const evolving = files.filter((path) => path.includes("/evolve_"));
    const talking = files.filter((path) => !evolving.includes(path));
    await test("executable", talking, { flags: ["-A", "--parallel"], env });
    await test("evolution", evolving, { flags: ["-A"], env });
  }
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

if (import.meta.main) {
  const say = (line: string) => void Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
  const { passed, failed } = await testAll(CHECKOUT, Deno.args.includes("--quick"), say);
  say(`${passed} passed, ${failed} failed`);
  Deno.exit(failed === 0 && passed > 0 ? 0 : 1);
}
