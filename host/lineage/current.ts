/** What a start must know of the lineage: what the executable is, and whether its generation is good. */
import { join } from "node:path";
import type { Generation } from "../../actors/types.ts";
import { isThere, readJson, writeDurable } from "../build/disk.ts";
import { fingerprint } from "../home.ts";

/**
 * What the executable file (told by inode, size and time) is: its source's hash, its generation (null: built by a person, not
 * yet recorded), and the repository that holds its source, if known.
 */
export type Current = { number: number | null; file: string; root: string | null; source: string };
/** By hand: each start reads it, and a schema would cost more than the start. */
const Current = {
  parse(value: unknown): Current {
    const { number, file, root, source } = Object(value);
    const whole = (number === null || typeof number === "number") && (root === null || typeof root === "string");
    if (whole && typeof file === "string" && typeof source === "string") return { number, file, root, source };
    throw new TypeError("expected number, file, root and source");
  },
};

/** The folder of a generation. */
export const folderOf = (home: string, number: number): string =>
  join(home, "generations", String(number).padStart(4, "0"));

/** What is known of a generation's life. Marks are files of their own, so that processes cannot overwrite each other's. */
export async function stateOf(home: string, number: number): Promise<Generation["state"]> {
  const folder = folderOf(home, number);
  if (await isThere(join(folder, "bad"))) return "bad";
  return await isThere(join(folder, "confirmed")) ? "confirmed" : "unconfirmed";
}

/** Marks a generation as confirmed (it reached its first prompt) or bad (it died before). */
export async function mark(home: string, number: number, state: "confirmed" | "bad"): Promise<void> {
  const path = join(folderOf(home, number), state);
  if (!await isThere(path)) await writeDurable(path, "");
}

/** What the executable was when it was last put in place, by a build or by the lineage. */
export const readCurrent = (home: string): Promise<Current | undefined> =>
  readJson(join(home, "current.json"), Current);

/** Remembers what has just been put in place. */
export async function writeCurrent(home: string, executable: string, facts: Omit<Current, "file">): Promise<void> {
  const current: Current = { ...facts, file: await fingerprint(executable) ?? "" };
  await writeDurable(join(home, "current.json"), JSON.stringify(current));
}
