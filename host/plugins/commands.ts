/** The `plugins` commands: the list, and a new plugin from a template. */
import { join } from "node:path";
import { no, ok, type Outcome } from "../../actors/types.ts";
import { reason } from "../session/files.ts";
import { describe } from "./permissions.ts";
import { type Folder, typed } from "./scan.ts";
import { pluginText, testText } from "./template.ts";
import type { Row } from "./registry.ts";

/** Runs one command line. */
export async function runCommand(
  words: string[],
  on: { cwd: string; folders: Folder[]; builtIn: () => string[]; rows: () => Promise<Row[]>; json?: boolean },
): Promise<Outcome<string>> {
  const [word = "list", name, ...rest] = words, said = JSON.stringify(words.join(" "));
  if (word === "list" && name === undefined) return ok(table(await on.rows(), on.json));
  if (word !== "new" || rest[0]) return no(`Cannot understand ${said}; say plugins, or plugins new NAME`);
  return name === undefined ? no("Which name? Say plugins new NAME") : await create(name, on);
}

function table(rows: Row[], json?: boolean): string {
  if (json) return rows.map((row) => JSON.stringify(row)).join("\n");
  if (rows.length === 0) return "No plugin is here; plugins new NAME writes one";
  const head = ["name", "kind", "permissions", "state", "calls", "failures", "file"];
  const cells = rows.map((row) =>
    [row.name, row.kind, describe(row.asked) || "-", row.state, row.calls, row.failures, row.file].map(String)
  );
  const wide = head.map((title, at) => Math.max(title.length, ...cells.map((row) => row[at]?.length ?? 0)));
  const line = (row: string[]) => row.map((cell, at) => cell.padEnd(wide[at] ?? 0)).join("  ").trimEnd();
  const lines = cells.flatMap((row, at) => [line(row), ...(rows[at]?.note ? [`  ${rows[at].note}`] : [])]);
  return [line(head), ...lines].join("\n");
}

/** Writes a plugin and its test into this directory's folder, or into Evo's own in its checkout; never over a file. */
async function create(
  name: string,
  { cwd, folders, builtIn }: { cwd: string; folders: Folder[]; builtIn: () => string[] },
): Promise<Outcome<string>> {
  const fail = (why: string) => no(`Cannot make plugin ${JSON.stringify(name)}: ${why}`);
  const plain = /^[a-z][a-z0-9_]{0,59}$/.test(name) && !name.endsWith("_test");
  if (!plain) return fail("a name begins with a letter, holds only a to z, digits and _, and does not end in _test");
  if (builtIn().includes(name)) return fail("a built-in tool has that name");
  const here = folders.find(({ path, own }) => own && path === join(cwd, "plugins")) ?? folders.find(({ own }) => !own);
  if (!here) return fail("there is no folder for it");
  const [file = "", test = ""] = [`${name}.ts`, `${name}_test.ts`].map((one) => join(here.path, one));
  try {
    await Deno.mkdir(here.path, { recursive: true });
    const there = await Promise.all([file, test].map((one) => Deno.lstat(one).then(() => [one], () => [])));
    for (const one of there.flat()) return fail(`"${typed(one, cwd)}" exists`);
    const { API_TYPES } = await import("../workers/check.ts");
    await writeAll([
      ...(here.own ? [] : [[join(here.path, "evo.d.ts"), API_TYPES] as const]),
      [test, testText(name)],
      [file, pluginText(name, here.own ? "../actors/plugins.ts" : "./evo.d.ts")],
    ]);
    const [plugin, tested] = [typed(file, cwd), typed(test, cwd)];
    return ok(`Wrote "${plugin}" and its test; edit it while Evo runs, and test it with: deno test "${tested}"`);
  } catch (error) {
    return fail(reason(error));
  }
}

/** Writes all of them, each whole, or none: on a full disk nothing is left. */
async function writeAll(files: (readonly [path: string, text: string])[]): Promise<void> {
  const draft = crypto.randomUUID();
  try {
    for (const [path, text] of files) await Deno.writeTextFile(`${path}.${draft}`, text, { createNew: true });
    for (const [path] of files) await Deno.rename(`${path}.${draft}`, path);
  } finally {
    for (const [path] of files) await Deno.remove(`${path}.${draft}`).catch(() => {});
  }
}
