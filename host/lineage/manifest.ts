/** The record of generations: one manifest each, chained by hash, and a head that says how long the chain is. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import * as z from "zod";
import { type Generation, Step, Usage } from "../../actors/types.ts";
import { readJson, readText, writeDurable } from "../build/disk.ts";
import { Payload } from "../build/payload.ts";
import { folderOf, stateOf } from "./current.ts";

/** One accepted generation. `previous` is the hash of the manifest before it, `patch` that of change.patch; `at` is ISO 8601. */
export const Manifest = z.object({
  ...{ v: z.literal(1), number: z.number().int().nonnegative(), parent: z.number().int().nonnegative().nullable() },
  ...{ goal: z.string(), suggestion: z.string().optional(), predicted: z.string().optional() },
  ...{ source: z.string(), tree: z.string(), commit: z.string(), executable: Payload, patch: z.string() },
  ...{ steps: z.array(Step), usage: Usage, model: z.string(), decision: z.string() },
  ...{ at: z.string(), previous: z.string().nullable() },
});
export type Manifest = z.infer<typeof Manifest>;

/** The newest generation and the hash of its manifest: without it, a chain that lost its end would look whole. */
const Head = z.object({ number: z.number().int().nonnegative(), hash: z.string() });

/** SHA-256 hex of a text. */
export const hashText = (text: string): string => createHash("sha256").update(text).digest("hex");

/** The newest generation; undefined before the first is recorded. */
export const readHead = (home: string): Promise<z.infer<typeof Head> | undefined> =>
  readJson(join(home, "head.json"), Head);

/** A generation's manifest with the hash of its text; throws one sentence if it is missing or damaged. */
export async function readManifest(home: string, number: number): Promise<{ manifest: Manifest; hash: string }> {
  const path = join(folderOf(home, number), "manifest.json");
  const manifest = await readJson(path, Manifest);
  if (!manifest) throw new Error(`Cannot read generation ${number}: "${path}" is missing; run "evo lineage verify"`);
  return { manifest, hash: hashText(await readText(path) ?? "") };
}

/** The manifest of the generation after the head. `now` in milliseconds. */
export async function nextManifest(
  home: string,
  facts: Omit<Manifest, "v" | "number" | "previous" | "at" | "patch">,
  { patch, now }: { patch: string; now: number },
): Promise<Manifest> {
  const head = await readHead(home);
  const chain = { number: head ? head.number + 1 : 0, previous: head?.hash ?? null };
  return { v: 1, ...chain, ...facts, patch: hashText(patch), at: new Date(now).toISOString() };
}

/** Records a generation and makes it the head. Doing it again changes nothing. */
export async function record(home: string, manifest: Manifest, patch: string): Promise<void> {
  const folder = folderOf(home, manifest.number);
  const text = JSON.stringify(manifest, null, 2) + "\n";
  await writeDurable(join(folder, "change.patch"), patch);
  await writeDurable(join(folder, "manifest.json"), text);
  const head = { number: manifest.number, hash: hashText(text) };
  await writeDurable(join(home, "head.json"), JSON.stringify(head));
}

/** A manifest as the lineage shows it. */
export async function toGeneration(home: string, manifest: Manifest): Promise<Generation> {
  const { number, parent, goal, commit, source, at, steps, usage } = manifest;
  return { number, parent, goal, commit, source, at, steps, cost: usage.cost, state: await stateOf(home, number) };
}
