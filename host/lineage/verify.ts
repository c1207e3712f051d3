/** Looks at the record without changing it: is it whole, and why is a generation as it is. */
import { join } from "node:path";
import { elapsed, no, ok, type Outcome } from "../../actors/types.ts";
import { reason } from "../build/executable.ts";
import { parseJson } from "../protocol/trouble.ts";
import { git } from "../source/git.ts";
import { isThere, readText } from "../build/disk.ts";
import { folderOf, readCurrent, stateOf } from "./current.ts";
import { hashText, Manifest, readHead, readManifest } from "./manifest.ts";
import { verifyPayload } from "../build/payload.ts";

/** Checks every manifest, patch and payload against its hash, the chain's end against the head, and each commit's witness. */
export async function verifyChain(home: string): Promise<Outcome<string>> {
  try {
    const head = await readHead(home);
    const names = await foldersOf(home);
    if (!head && names.length === 0) return ok("No generation is recorded yet");
    if (!head) return no(`The lineage in "${home}" is damaged: ${names.length} generations, but head.json is missing`);
    const wrong = names.filter((name) => Number(name) > head.number).map((name) =>
      `generation ${name} lies beyond the head`
    );
    const root = (await readCurrent(home))?.root;
    const bases = new Set<string>();
    let previous: string | null = null;
    let bytes = 0;
    for (let number = 0; number <= head.number; number++) {
      const checked = await verifyOne(home, { number, previous, root, bases });
      wrong.push(...checked.wrong.map((text) => `generation ${number}: ${text}`));
      previous = checked.hash;
      bytes += checked.bytes;
    }
    if (previous !== head.hash) wrong.push(`the head does not name the manifest of generation ${head.number}`);
    if (wrong.length > 0) return no(`The lineage in "${home}" is damaged: ${wrong.join("; ")}`);
    const size = (bytes / 1e6).toFixed(1);
    return ok(`Verified generations 0 to ${head.number}: chain, patches, head, and ${size} MB of payloads and bases`);
  } catch (error) {
    return no(reason(error));
  }
}

async function verifyOne(
  home: string,
  options: { number: number; previous: string | null; root: string | null | undefined; bases: Set<string> },
): Promise<{ wrong: string[]; hash: string | null; bytes: number }> {
  const { number, previous, root, bases } = options;
  const folder = folderOf(home, number);
  const text = await readText(join(folder, "manifest.json"));
  if (text === undefined) return { wrong: ["its manifest is missing"], hash: null, bytes: 0 };
  const hash = hashText(text);
  const parsed = Manifest.safeParse(parseJson(text));
  if (!parsed.success) return { wrong: ["its manifest cannot be read"], hash, bytes: 0 };
  const manifest = parsed.data;
  const wrong: string[] = [];
  if (manifest.number !== number) wrong.push(`its manifest says ${manifest.number}`);
  if (manifest.previous !== previous) wrong.push("it does not follow from the one before it");
  if (hashText(await readText(join(folder, "change.patch")) ?? "") !== manifest.patch) {
    wrong.push("its patch is damaged");
  }
  const payload = await verifyPayload(home, manifest.executable, bases);
  if (!payload.ok) wrong.push(payload.error);
  // The commit is the witness outside of this folder: it names the manifest before it.
  const message = root
    ? await git(root, ["log", "-1", "--format=%B", manifest.commit]).catch(() => undefined)
    : undefined;
  const witness = message?.code === 0 ? /^Lineage: ([0-9a-f]{64})$/m.exec(message.stdout)?.[1] : undefined;
  if (witness && witness !== previous) wrong.push("its commit names another history");
  return { wrong, hash, bytes: payload.ok ? payload.value : 0 };
}

/** Evidence, goal, diff, gate and decision of one generation, as text for people. */
export async function explain(home: string, number: number): Promise<Outcome<string>> {
  try {
    const last = (await readHead(home))?.number;
    const there = last === undefined ? "none is recorded yet" : last ? `there are 0 to ${last}` : "there is only 0";
    if (last === undefined || number > last) return no(`There is no generation ${number}: ${there}; see /lineage`);
    const { manifest: m } = await readManifest(home, number);
    const cost = m.usage.cost === null ? "unknown" : `${m.usage.cost.toFixed(4)} USD`;
    const steps = m.steps.map(({ pass, name, ms, note }) =>
      `  ${pass ? "passed" : "failed"}  ${name}  ${Math.round(ms)} ms${note ? `  ${note}` : ""}`
    );
    return ok(
      [
        `Generation ${number} (${await stateOf(home, number)}), parent ${m.parent ?? "none"}, ${m.at}`,
        `Goal: ${m.goal}`,
        ...(m.suggestion ? [`Evidence: answers the suggestion "${m.suggestion}"`] : []),
        ...(m.predicted ? [`Predicted: ${m.predicted}`] : []),
        `Decision: ${m.decision}`,
        `Commit: ${m.commit}   source ${m.source.slice(0, 12)}   payload ${m.executable.payload.sha.slice(0, 12)}`,
        `Cost: ${cost}, ${m.usage.input} tokens in, ${m.usage.output} out${
          m.usage.estimated ? " (~)" : ""
        }, model ${m.model}`,
        `Gate: ${m.steps.length} steps in ${Math.round(elapsed(m.steps))} ms`,
        ...steps,
        "",
        await readText(join(folderOf(home, number), "change.patch")) ?? "",
      ].join("\n").trimEnd(),
    );
  } catch (error) {
    return no(reason(error));
  }
}

async function foldersOf(home: string): Promise<string[]> {
  const folder = join(home, "generations");
  const names = await isThere(folder) ? (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name) : [];
  return names.filter((name) => /^\d{4,}$/.test(name)).sort();
}
