/** The checks that run a tool on the draft: format, source check, types, tests, red-green. */
import { isEvolvable, isTest, listSource } from "../source/source.ts";
import { mustGit } from "../source/git.ts";
import { countLines } from "../lint/lines.ts";
import { BUDGET, strip } from "./budget.ts";
import { runUnseen } from "./cases.ts";
import { prepareWorktree } from "./draft.ts";
import type { Facts } from "../lint/inspect.ts";
import { inspect } from "../lint/inspect.ts";
import type { Change } from "./policy.ts";
import { checkRatchet, onlySmaller } from "./ratchet.ts";
import { cut, LOCKED, relative, run } from "./run.ts";
import { type Ran, runTests, type SandboxArgv, type Tested } from "./sandbox.ts";

/** Where the checks of one examination work, and what they found so far. */
export interface Bench {
  deno: string;
  draft: string;
  parent: string;
  scratch: string;
  sandboxArgv: SandboxArgv;
  changed: Change[];
  facts: Map<string, Facts>;
  before: Map<string, Facts>;
  tested: Tested | undefined;
  /** What ran on the parent. */
  ran: Ran[];
}

const SEALED = /^host\/gate\/sealed\/[^/]+_test\.ts$/;
const isCode = (path: string) => path.endsWith(".ts") && !path.endsWith(".d.ts") && isEvolvable(path);
const TEST_MS = 120_000;

async function must(bench: Bench, args: string[], signal: AbortSignal): Promise<string[]> {
  const { code, stdout, stderr, timedOut } = await run([bench.deno, ...args], { cwd: bench.draft, ms: 90_000, signal });
  if (code === 0) return [];
  return [
    cut(relative(`${stdout}\n${stderr}`, bench.draft).trim()) ||
    `deno ${args[0]} ended with code ${code}${timedOut ? ", out of time" : ""}`,
  ];
}

/** Formats and lints what changed; with `fix`, in place. */
export async function checkFormat(
  bench: Bench,
  { fix, signal }: { fix: boolean; signal: AbortSignal },
): Promise<string[]> {
  const paths = bench.changed.filter(({ status }) => status !== "D").map(({ path }) => path),
    code = paths.filter(isCode);
  const config = `--config=${bench.draft}/deno.json`;
  const linted = code.length > 0 ? await must(bench, ["lint", config, ...fix ? ["--fix"] : [], ...code], signal) : [];
  const formatted = paths.length > 0
    ? await must(bench, ["fmt", config, ...fix ? [] : ["--check"], ...paths], signal)
    : [];
  return [...linted, ...formatted];
}

/** The source check, and the draft's facts. */
export async function checkSource(bench: Bench, signal: AbortSignal): Promise<string[]> {
  const { deno, draft: root, scratch } = bench;
  const files = await listCode(root);
  const { faults, facts } = await inspect({ deno, plugins: root, root, files, scratch: `${scratch}/draft`, signal });
  bench.facts = facts;
  const long = [...facts].filter(([path]) => isCode(path) && !isTest(path)).flatMap(([path, { long }]) =>
    long.map(({ name, line, lines }) =>
      `${path}:${line} "${name}" has ${lines} lines, ${BUDGET.function} is the limit; split it`
    )
  );
  return [...faults, ...long];
}

/** Fetches, once, the packages that the lock file names. */
export async function checkPackages(bench: Bench, signal: AbortSignal): Promise<string[]> {
  return await must(bench, ["cache", "--quiet", ...LOCKED, "--no-remote", ...[...bench.facts.keys()]], signal);
}

/** Types of the whole program, body included. Before there are facts: of the draft as it is. */
export async function checkTypes(bench: Bench, signal: AbortSignal): Promise<string[]> {
  const files = bench.facts.size > 0 ? [...bench.facts.keys()] : await listCode(bench.draft);
  return await must(bench, ["check", "--quiet", ...LOCKED, "--no-remote", "host/boot.ts", ...files], signal);
}

const listCode = async (root: string) => (await listSource(root)).filter((path) => isCode(path) || SEALED.test(path));

/** Tests of the draft, or the sealed ones; all that the files name must have run and passed. */
export async function checkTests(
  bench: Bench,
  { sealed, signal }: { sealed: boolean; signal: AbortSignal },
): Promise<string[]> {
  const { facts, draft: root } = bench;
  const files = [...facts.keys()].filter((path) => sealed ? SEALED.test(path) : isCode(path) && isTest(path));
  if (files.length === 0) return [sealed ? "The sealed tests are missing" : "There is no test"];
  const tested = await (sealed ? runTests : runUnseen)({ ...bench, root, files, ms: TEST_MS, signal });
  if (!sealed) bench.tested = tested;
  const { code, report, output, timedOut } = tested;
  if (timedOut) return [`The tests did not end within ${TEST_MS / 1_000} s`, output];
  if (!report) {
    return [`The tests ended with code ${code} before the runner could report; nothing may end the process`, output];
  }
  const silent = files.flatMap((file) => (facts.get(file)?.tests ?? []).map((test) => ({ file, test })))
    .filter(({ file, test }) => !report.some((ran) => ran.file === file && ran.line === test.line && ran.pass));
  const faults = [
    ...report.filter(({ pass }) => !pass).map(({ file, title }) => `${file}: "${title}" failed or was skipped`),
    ...silent.map(({ file, test }) => `${file}:${test.line} "${test.title}" did not pass or did not run`),
  ];
  if (code !== 0) faults.push(`The runner ended with code ${code}`);
  if (report.length === 0) faults.push("No test ran");
  return faults.length > 0 ? [...new Set(faults), output] : [];
}

/** The files of code, tests left out, that differ from the parent's in more than comments and empty lines. */
async function changedCode({ draft, parent, changed }: Bench): Promise<string[]> {
  const paths = changed.map(({ path }) => path).filter((path) => isCode(path) && !isTest(path));
  const read = async (root: string, path: string) => {
    const text = await Deno.readTextFile(`${root}/${path}`).catch(() => undefined); // it may be new, or gone
    return text && strip(text).replace(/\s*\n/g, "\n").trim();
  };
  const differs = await Promise.all(paths.map(async (path) => await read(draft, path) !== await read(parent, path)));
  return paths.filter((_, at) => differs[at]);
}

/** Tests and assertions that went away; and the parent's facts. */
export async function checkKept(bench: Bench, signal: AbortSignal): Promise<string[]> {
  const { deno, draft, parent: root, scratch } = bench;
  const head = (await mustGit(draft, ["rev-parse", "HEAD"])).trim();
  await prepareWorktree(draft, root, head);
  const files = (await listSource(root)).filter(isCode);
  bench.before = (await inspect({ deno, plugins: draft, root, files, scratch: `${scratch}/parent`, signal })).facts;
  bench.ran = (await runUnseen({ ...bench, root, files: files.filter(isTest), ms: TEST_MS, signal })).report ?? [];
  const after = new Map([...bench.facts].filter(([path]) => isCode(path)));
  return checkRatchet(bench.before, after, (await changedCode(bench)).length === 0);
}

/** Cases of a table of tests that went away. */
export function checkCases({ before, facts, ran, tested }: Bench): Promise<string[]> {
  const sites = (tests: Facts["tests"], title: string) =>
    tests.filter((test) => test.title === title).map(({ line }) => line);
  const passed = (all: Ran[], file: string, lines: number[]) =>
    all.filter((one) => one.file === file && lines.includes(one.line) && one.pass).length;
  const faults = [...before].flatMap(([file, { tests }]) =>
    [...new Set(tests.map(({ title }) => title))].flatMap((title) => {
      const then = sites(tests, title), now = sites(facts.get(file)?.tests ?? [], title);
      const had = passed(ran, file, then), has = passed(tested?.report ?? [], file, now);
      return now.length >= then.length && has < had
        ? [`"${file}": the tests "${title}" were ${had} and are ${has}; keep them`]
        : [];
    })
  );
  return Promise.resolve(faults);
}

/** A change of code must bring a test that fails on the parent's code and passes on its own. */
export async function checkRedGreen(bench: Bench, signal: AbortSignal): Promise<string[]> {
  const { draft, parent, before, facts, tested } = bench;
  const code = await changedCode(bench);
  if (code.length === 0) return [];
  const side = async (root: string, known: Map<string, Facts>) => ({
    facts: new Map([...known].filter(([path]) => code.includes(path))),
    lines: (await Promise.all(code.map((path) => Deno.readTextFile(`${root}/${path}`).then(countLines, () => 0))))
      .reduce((a, b) => a + b, 0),
  });
  if (onlySmaller(await side(parent, before), await side(draft, facts))) return [];
  const mended = bench.changed.filter(({ path }) => isCode(path) && isTest(path)).map(({ path }) => path);
  const green = (tested?.report ?? []).filter(({ file, pass }) => pass && mended.includes(file));
  const files = [...new Set(green.map(({ file }) => file))];
  for (const file of files) {
    await Deno.mkdir(`${parent}/${file}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.copyFile(`${draft}/${file}`, `${parent}/${file}`);
  }
  const runs = await Promise.all(files.map(async (file) => ({
    file,
    tested: await runTests({ ...bench, root: parent, files: [file], ms: 30_000, signal }),
  })));
  const isRed = ({ file, line, title }: Ran) => {
    const there = runs.find((one) => one.file === file)?.tested;
    if (!there || there.timedOut || there.code === 0) return false;
    if (!there.report?.length) {
      return /does not provide an export|Module not found|Cannot find module|SyntaxError|TypeError|ReferenceError/.test(
        there.output,
      );
    }
    return there.report.some((ran) => ran.line === line && ran.title === title && !ran.pass);
  };
  if (green.some(isRed)) return [];
  const fresh = green.filter((one) => !bench.ran.some(({ file, title }) => file === one.file && title === one.title));
  const names = code.join(", ");
  return fresh.length === 0
    ? [`Code changed (${names}), but no test is new: add one that fails without the change and passes with it`]
    : [
      `Code changed (${names}), but its new tests pass without it, too: ${
        fresh.map(({ title }) => `"${title}"`).join(", ")
      }`,
    ];
}
