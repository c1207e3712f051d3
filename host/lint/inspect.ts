/** What the linter says of a draft's files: faults, and facts. */
import * as z from "zod";
import { parseJson } from "../protocol/trouble.ts";
import { cut, relative, run } from "../gate/run.ts";

/** One call of `Deno.test`. `title` has `*` for what is computed; `uses` are the names in it; `body` is its text without blanks. */
const TestFact = z.object({
  ...{ title: z.string(), line: z.number(), body: z.string(), asserts: z.number(), uses: z.array(z.string()) },
});
/** The facts of one file. `imports` maps a local name to `module#name`; `long` are functions over the limit, with their own lines. */
export const Facts = z.object({
  tests: z.array(TestFact),
  exports: z.array(z.string()),
  imports: z.record(z.string(), z.string()),
  asserts: z.number(),
  long: z.array(z.object({ name: z.string(), line: z.number(), lines: z.number() })),
});
export type Facts = z.infer<typeof Facts>;

const Report = z.object({
  diagnostics: z.array(z.object({
    filename: z.string(),
    range: z.object({ start: z.object({ line: z.number(), col: z.number() }) }),
    message: z.string(),
    code: z.string(),
  })),
  errors: z.array(z.unknown()),
  checked_files: z.array(z.string()),
});

/** AssemblyScript: it is judged when it is compiled, and can reach nothing. */
const BODY = /^plugins\/functions\/[^/]+\/function\.ts$/;
const QUIET = /deno-lint-ignore/;
const STEERS = "May not hold a comment that quiets or steers the linter: mend what it complains of";

/** What an inspection needs: `plugins` is the root whose `host/lint` holds the lint plugins; `files` are relative to `root`. */
export interface Inspection {
  deno: string;
  plugins: string;
  root: string;
  files: string[];
  scratch: string;
  signal: AbortSignal;
}

/** Faults of the source check, one sentence each, and the facts of each file. Throws if the linter did not look at every file. */
export async function inspect(options: Inspection): Promise<{ faults: string[]; facts: Map<string, Facts> }> {
  const { deno, scratch, signal } = options, files = options.files.filter((path) => !BODY.test(path));
  const [root, plugins] = [await Deno.realPath(options.root), await Deno.realPath(options.plugins)];
  const names = ["source_lint", "facts_lint"].map((name) => `file://${encodeURI(`${plugins}/host/lint/${name}.ts`)}`);
  const config = `${scratch}/inspect-${Deno.pid}.json`;
  const rules = { tags: [], include: ["evo/source", "facts/all"] };
  await Deno.mkdir(scratch, { recursive: true });
  await Deno.writeTextFile(config, JSON.stringify({ lint: { plugins: names, rules } }));
  const paths = files.map((file) => `${root}/${file}`);
  const { stdout, stderr } = await run([deno, "lint", "--json", `--config=${config}`, ...paths], {
    cwd: root,
    ms: 30_000,
    signal,
  });
  const parsed = Report.safeParse(parseJson(stdout));
  if (!parsed.success) throw new Error(`Cannot inspect the source: ${cut(relative(stderr || stdout, root), 2_000)}`);
  const { diagnostics, errors, checked_files } = parsed.data;
  if (errors.length > 0) {
    throw new Error(`Cannot inspect the source: ${cut(relative(JSON.stringify(errors), root), 2_000)}`);
  }
  const facts = new Map<string, Facts>(), faults: string[] = [];
  for (const { filename, range, message, code } of diagnostics) {
    const file = relative(decodeURI(filename), root);
    if (code === "facts/all") facts.set(file, Facts.parse(JSON.parse(message)));
    else faults.push(`${file}:${range.start.line}:${range.start.col + 1} ${message}`);
  }
  const own = files.filter((file) => !file.startsWith("host/"));
  const quiet =
    (await Promise.all(own.map(async (file) => QUIET.test(await Deno.readTextFile(`${root}/${file}`)) ? [file] : [])))
      .flat();
  faults.push(...quiet.map((file) => `${file}:1:1 ${STEERS}`));
  const unseen = files.filter((file) => !quiet.includes(file)).filter((file) =>
    !facts.has(file) || !checked_files.includes(`${root}/${file}`)
  );
  if (unseen.length > 0) throw new Error(`Cannot inspect "${unseen[0]}": the linter did not report on it`);
  return { faults: faults.filter((fault) => !fault.startsWith("host/")), facts };
}
