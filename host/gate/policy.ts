/** The cheap half of the gate: what a change may touch at all, judged on the real diff. */
import { isEvolvable, isSource, listSource, whyProtected } from "../source/source.ts";
import { mustGit } from "../source/git.ts";
import { attempt } from "../session/files.ts";
import { arrows, arrowViolations, measure, violations } from "./budget.ts";

const FILE = "100644", NONE = "000000", MOST = 262_144;
const NAME = /^(?:[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}\/)*[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}$/;
const TURNING = /[\u202a-\u202e\u2066-\u2069\u200b\u2060\ufeff]/;
const MODES: Record<string, string> = {
  "120000": "a link",
  "160000": "a repository of its own",
  "100755": "executable",
};

/** One path of a diff against HEAD, as git sees it. */
export interface Change {
  path: string;
  status: string;
  modes: [before: string, after: string];
}

/** What differs between HEAD and a tree; renames are a removal and an addition. */
export async function changes(root: string, tree: string): Promise<Change[]> {
  const raw = (await mustGit(root, ["diff-tree", "-r", "-z", "--no-renames", "--raw", "HEAD", tree])).split("\0");
  const found: Change[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const [before = "", after = "", , , status = ""] = (raw[at] ?? "").replace(/^:/, "").split(" ");
    found.push({ path: raw[at + 1] ?? "", status, modes: [before, after] });
  }
  return found;
}

/** What is wrong with a change of the draft, one sentence each: paths, links, modes, names, kinds of file, content. */
export async function checkPolicy(root: string, tree: string): Promise<string[]> {
  const real = await Deno.realPath(root), found = await changes(root, tree);
  if (found.length === 0) return ["Cannot examine the draft: nothing differs from its parent"];
  return (await Promise.all(found.map(async ({ path, modes: [before, after] }) => {
    if (!NAME.test(path)) {
      return `Cannot accept ${JSON.stringify(path)}: a path may hold only letters, digits, "_", "-" and "."`;
    }
    if (after !== FILE && after !== NONE) return `Cannot accept "${path}": it is ${MODES[after] ?? `of mode ${after}`}`;
    if (before !== FILE && before !== NONE) {
      return `Cannot accept "${path}": it was ${MODES[before] ?? `of mode ${before}`}`;
    }
    const why = whyProtected(path);
    if (why) return `Cannot change "${path}": ${why}`;
    if (after === NONE) return undefined;
    const resolved = await Deno.realPath(`${real}/${path}`);
    if (resolved !== `${real}/${path}`) return `Cannot accept "${path}": it leads to "${resolved}"`;
    return checkContent(path, await Deno.readFile(resolved));
  }))).filter((why) => why !== undefined);
}

function checkContent(path: string, bytes: Uint8Array): string | undefined {
  if (bytes.length > MOST) return `Cannot accept "${path}": it has ${bytes.length} bytes, ${MOST} is the limit`;
  if (bytes.includes(0)) return `Cannot accept "${path}": it is binary`;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return TURNING.test(text) ? `Cannot accept "${path}": it holds invisible characters` : undefined;
  } catch {
    return `Cannot accept "${path}": it is not UTF-8 text`;
  }
}

/** Protected files of the draft that differ from the running generation's, are missing or are new. */
export async function checkProtected(root: string, parent: Map<string, string>): Promise<string[]> {
  const isProtected = (path: string) => isSource(path) && !isEvolvable(path);
  const here = (await listSource(root)).filter(isProtected), there = [...parent.keys()].filter(isProtected);
  if (there.length === 0) return ["Cannot compare protected files: the running generation names none"];
  const paths = [...new Set([...here, ...there])].sort();
  return paths.flatMap((path) => whyDifferent(path, { root, expected: parent.get(path) }) ?? []);
}

/** At once: some hundred small files are read faster than they are waited for. */
function whyDifferent(path: string, { root, expected }: { root: string; expected: string | undefined }) {
  if (expected === undefined) return `"${path}" is protected and not part of the running generation`;
  const text = attempt(() => Deno.readTextFileSync(`${root}/${path}`));
  if (text === undefined) return `"${path}" is protected and missing`;
  return text === expected ? undefined : `"${path}" is protected and differs from the running generation's`;
}

/**
 * What breaks the size budget or the direction of imports, as far as a self-edit can have broken it: only what it may change is
 * read. A cycle through anything else would need an import that points outward.
 */
export async function checkSize(root: string): Promise<string[]> {
  const among = (await listSource(root)).filter(isEvolvable);
  return [...violations(await measure(root, among)), ...arrowViolations(await arrows(root, among))];
}
