/** Tests that passed on exactly this code are not run again: what a test file can see is hashed, and what its cases did is remembered. */
import { createHash } from "node:crypto";
import * as z from "zod";
import { attempt, replaceFile } from "../session/files.ts";
import { importsOf, strip } from "./budget.ts";
import { Ran, runTests, type Tested, type TestRun } from "./sandbox.ts";

const Known = z.record(z.string(), z.array(Ran));
const KEPT = 400, SETTINGS = ["deno.json", "imports.json", "deno.lock"];

/** As `runTests`, but for files that passed before: a test has no file, clock, network or variable but what it imports. */
export async function runUnseen(run: TestRun): Promise<Tested> {
  const memory = `${run.scratch}/cases.json`, known = await read(memory), keys = await keysOf(run);
  const seen = (file: string) => known[keys.get(file) ?? ""];
  const files = run.files.filter((file) => !seen(file)), before = run.files.flatMap((file) => seen(file) ?? []);
  if (files.length === 0) return { code: 0, report: before, output: "", timedOut: false };
  const tested = await runTests({ ...run, files }), { code, report } = tested;
  if (code === 0 && report?.every(({ pass }) => pass)) {
    const fresh = files.map((file) => [keys.get(file), report.filter((ran) => ran.file === file)]);
    const all = [...Object.entries(await read(memory)), ...fresh].slice(-KEPT); // another run may have added to it
    await replaceFile(memory, JSON.stringify(Object.fromEntries(all))).catch(() => {});
  }
  return { ...tested, report: report && [...before, ...report] };
}

/** Missing or damaged, it costs only time. */
async function read(memory: string): Promise<z.infer<typeof Known>> {
  const text = await Deno.readTextFile(memory).catch(() => "");
  return Known.safeParse(attempt(() => JSON.parse(text))).data ?? {};
}

/** For each test file the hash of itself, of all that it imports, near and far, and of what else decides how it runs. */
async function keysOf({ deno, root, files }: TestRun): Promise<Map<string, string>> {
  const texts = new Map<string, string>(), { size, mtime } = await Deno.stat(deno);
  const see = (path: string) => attempt(() => Deno.readTextFileSync(`${root}/${path}`)) ?? "";
  const settings = [deno, size, mtime?.getTime(), ...SETTINGS.map(see)];
  return new Map(files.map((file) => {
    const reached = new Set([file]);
    for (const path of reached) {
      if (!texts.has(path)) texts.set(path, see(path));
      for (const { to } of importsOf(path, strip(texts.get(path) ?? ""))) reached.add(to);
    }
    const code = [...reached].sort().map((path) => [path, texts.get(path)]);
    return [file, createHash("sha256").update(JSON.stringify([settings, code])).digest("hex")];
  }));
}
