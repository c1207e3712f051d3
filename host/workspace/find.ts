import { no, ok } from "../../actors/types.ts";
import type { Hit, Workspace } from "../../actors/ports.ts";
import { cut } from "../session/files.ts";
import { notFile, place } from "./paths.ts";
import { expressionOf, globOf } from "./pattern.ts";
import { createRules, walk } from "./walk.ts";

/** Most files that one listing or search looks at. */
export const MAX_FILES = 20_000;
const MAX_SEARCHED = 2_000_000;
const MAX_LINE = 2_000;
const SHOWN = 300;
const AT_ONCE = 16;

type Listing = Parameters<Workspace["list"]>[0];
type Searching = Parameters<Workspace["search"]>[0];

/** Lists and searches files below `root`, which is a real path. */
export function createFinder(
  { root, allow }: { root: string; allow?: ((relative: string) => boolean) | undefined },
): Pick<Workspace, "list" | "search"> {
  return { list, search };

  async function list({ path = ".", glob, limit, signal }: Listing): ReturnType<Workspace["list"]> {
    const found = await place(root, path, { act: "list", allow });
    if (!found.ok) return found;
    const { relative, info } = found.value;
    if (!info) return no(`Cannot list "${path}": no such folder; use list_files without a path to see what there is`);
    const fits = globOf(glob ?? "**");
    if (!fits.ok) return fits;
    if (!info.isDirectory) {
      const why = notFile(info);
      return why ? no(`Cannot list "${path}": ${why}`) : ok({ files: [relative], truncated: false });
    }
    const start = relative === "" ? 0 : relative.length + 1;
    const files: string[] = [];
    let seen = 0;
    for await (const entry of walk(root, { from: relative, rules: await createRules(root), signal })) {
      if (entry.kind !== "file") continue;
      if (++seen > MAX_FILES) return ok({ files, truncated: true });
      if (!fits.value(entry.path) && !fits.value(entry.path.slice(start))) continue;
      if (files.length === limit) return ok({ files, truncated: true });
      files.push(entry.path);
    }
    return ok({ files, truncated: false });
  }

  async function search({ pattern, ignoreCase, limit, ...where }: Searching): ReturnType<Workspace["search"]> {
    const expression = expressionOf(pattern, ignoreCase);
    if (!expression.ok) return expression;
    const listed = await list({ ...where, limit: MAX_FILES });
    if (!listed.ok) return listed;
    const { files, truncated } = listed.value;
    const hits: Hit[] = [];
    for (let at = 0; at < files.length; at += AT_ONCE) {
      where.signal.throwIfAborted();
      const paths = files.slice(at, at + AT_ONCE);
      const texts = await Promise.all(paths.map((path) => textOf(`${root}/${path}`)));
      for (const [index, path] of paths.entries()) {
        for (const [line, whole] of (texts[index]?.split(/\r?\n/) ?? []).entries()) {
          const text = cut(whole, MAX_LINE);
          const fits = expression.value(text);
          if (fits === undefined) {
            return no(
              `Cannot search for ${JSON.stringify(pattern)}: it takes too long on ${path}:${
                line + 1
              }; use a simpler pattern`,
            );
          }
          if (!fits) continue;
          if (hits.length === limit) return ok({ hits, truncated: true });
          hits.push({ path, line: line + 1, text: cut(text, SHOWN) });
        }
      }
    }
    return ok({ hits, truncated });
  }
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    const info = await Deno.lstat(path);
    if (!info.isFile || info.size > MAX_SEARCHED) return undefined;
    const bytes = await Deno.readFile(path);
    return bytes.subarray(0, 8000).includes(0) ? undefined : new TextDecoder().decode(bytes);
  } catch {
    return undefined; // a file that cannot be read has no hits
  }
}
