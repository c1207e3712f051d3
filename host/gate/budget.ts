/** The size of the source and the direction of its imports: both are part of the gate. */
import { isEvolvable, isTest, listSource } from "../source/source.ts";
import { withoutComments } from "../lint/lines.ts";

/**
 * Most lines of a file, of a function, of the contract (types, ports, growing, functions and plugins of `actors/`), of the rest of the mind, of the
 * body and of one folder of `host/`; tests, their fixtures in `host/testing` and `host/bench` do not count. Only a person raises them.
 */
export const BUDGET = { file: 250, function: 60, contract: 620, mind: 1_850, body: 18_000, folder: 1_000 };

/** Lines of code (no blanks, comments, tests) of one file. */
export interface Measured {
  path: string;
  lines: number;
}

/** An import of one source file by another; `type` if nothing of it is left at run time, `dynamic` for `import()`. */
export interface Arrow {
  from: string;
  to: string;
  kind: "value" | "type" | "dynamic";
}

const isCode = (path: string) => path.endsWith(".ts") && !path.endsWith(".d.ts") && !isTest(path);

const known = new Map<string, string>();

/** A text without its comments; remembered, since most files are the same in every draft. */
export function strip(text: string): string {
  if (known.size > 2_000) known.clear();
  const found = known.get(text) ?? withoutComments(text);
  known.set(text, found);
  return found;
}

/** Reads ahead what a gate will measure of a draft that differs little from this source. */
export function readAhead(source: Map<string, string>): void {
  for (const [path, text] of source) if (isEvolvable(path) && isCode(path)) strip(text);
}

const stripped = async (root: string, path: string) => strip(await Deno.readTextFile(`${root}/${path}`));

/** Counts the source files of code below a root, tests left out; all, or those of `among`. */
export async function measure(root: string, among?: string[]): Promise<Measured[]> {
  const paths = (among ?? await listSource(root)).filter(isCode);
  return await Promise.all(paths.map(async (path) => ({
    path,
    lines: (await stripped(root, path)).split("\n").filter((line) => line.trim() !== "").length,
  })));
}

/** What breaks the budget, one sentence each. */
export function violations(measured: Measured[]): string[] {
  const sums = new Map<string, number>();
  const add = (name: string, lines: number) => sums.set(name, (sums.get(name) ?? 0) + lines);
  const found: string[] = [];
  for (const { path, lines } of measured) {
    if (lines > BUDGET.file) found.push(`"${path}" has ${lines} lines of code, ${BUDGET.file} is the limit; split it`);
    if (CONTRACT.test(path)) add("contract", lines);
    else if (path === "main.ts" || path.startsWith("actors/")) add("mind", lines);
    if (/^host\/(testing|bench)\//.test(path)) continue;
    if (path.startsWith("host/")) add("body", lines);
    const folder = /^host\/[^/]+(?=\/)/.exec(path)?.[0];
    if (folder) add(folder, lines);
  }
  for (const [name, lines] of sums) {
    const limit = name === "contract" || name === "mind" || name === "body" ? BUDGET[name] : BUDGET.folder;
    if (lines > limit) found.push(`${name} has ${lines} lines of code, ${limit} is the limit; make it smaller`);
  }
  return found;
}

const IMPORT =
  /(?:^|[;}\s])(import|export)(\s+type\b)?(?:\s[^"'`;()]*?\sfrom)?\s*["']([^"'\n]+)["']|\b(import)\(\s*(?:"([^"\n]+)"|new URL\("([^"\n]+)")/g;

/** What a source file imports of the others. `text` is without comments: one inside an import would hide it. */
export function importsOf(from: string, text: string): Arrow[] {
  return [...text.matchAll(IMPORT)].flatMap(([, , type, fixed, dynamic, name, url]) => {
    const to = fixed ?? name ?? url ?? "";
    if (!to.startsWith(".")) return [];
    return [{ from, to: resolve(from, to), kind: dynamic ? "dynamic" : type ? "type" : "value" }];
  });
}

/** Imports of source files below a root by others, tests left out; of all files, or of those of `among`. */
export async function arrows(root: string, among?: string[]): Promise<Arrow[]> {
  const paths = (among ?? await listSource(root)).filter(isCode);
  return (await Promise.all(paths.map(async (path) => importsOf(path, await stripped(root, path))))).flat();
}

const CONTRACT = /^actors\/(types|ports|growing|functions|plugins)\.ts$/;
const ALLOWED: [from: RegExp, to: RegExp][] = [
  [/^main\.ts$/, /^actors\//],
  [/^actors\//, /^actors\//],
  [/^plugins\//, /^plugins\//],
  [/^plugins\//, CONTRACT],
  [/^host\//, /^host\//],
  [/^host\//, CONTRACT],
  [/^host\/boot\.ts$/, /^main\.ts$/],
];

/** Imports that point outward, and cycles of imports that remain at run time; one sentence each. */
export function arrowViolations(found: Arrow[]): string[] {
  const outward = found
    .filter(({ from, to }) => !ALLOWED.some(([a, b]) => a.test(from) && b.test(to)))
    .map(({ from, to }) => `"${from}" may not import "${to}"`);
  const next = new Map<string, string[]>();
  for (const { from, to, kind } of found) if (kind === "value") next.set(from, [...next.get(from) ?? [], to]);
  const cycles: string[] = [], done = new Set<string>();
  function visit(path: string, trail: string[]) {
    const start = trail.indexOf(path);
    if (start >= 0) cycles.push(`Imports form a cycle: ${[...trail.slice(start), path].join(" -> ")}`);
    if (start >= 0 || done.has(path)) return;
    for (const to of next.get(path) ?? []) visit(to, [...trail, path]);
    done.add(path);
  }
  for (const path of next.keys()) visit(path, []);
  return [...outward, ...cycles];
}

function resolve(from: string, to: string): string {
  return decodeURIComponent(new URL(to, `file:///${from}`).pathname.slice(1));
}
