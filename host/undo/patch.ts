import { createTwoFilesPatch, FILE_HEADERS_ONLY } from "diff";
import type { Change, Thing } from "./restore.ts";
import { decode } from "../workspace/text.ts";

const MAX_TEXT = 200_000;

/** The unified diff of changes, at most about 200,000 characters; binary files, links and modes in one line each. */
export async function patchOf(
  changes: Change[],
  bytes: (hash: string) => Promise<Uint8Array<ArrayBuffer>>,
): Promise<string> {
  const parts: string[] = [];
  let length = 0;
  for (const [at, { path, kind, was, is }] of changes.entries()) {
    const part = await onePatch(path, { kind, old: await sideOf(was), new: await sideOf(is) });
    length += part.length;
    if (length > MAX_TEXT && at > 0) return `${parts.join("")}... and ${changes.length - at} more files\n`;
    parts.push(part);
  }
  return parts.join("");

  async function sideOf(thing: Thing | undefined): Promise<{ text?: string; mode?: number }> {
    if (!thing) return { text: "" };
    if ("target" in thing) return { text: `link to ${thing.target}\n` };
    const decoded = decode(await bytes(thing.hash));
    return decoded.ok ? { text: decoded.value.text, mode: thing.mode } : { mode: thing.mode };
  }
}

type Side = { text?: string; mode?: number };

function onePatch(path: string, side: { kind: Change["kind"]; old: Side; new: Side }): string {
  const [from, to] = [
    side.kind === "created" ? "/dev/null" : `a/${path}`,
    side.kind === "deleted" ? "/dev/null" : `b/${path}`,
  ];
  if (side.old.text === undefined || side.new.text === undefined) return `Binary files ${from} and ${to} differ\n`;
  if (side.old.text === side.new.text && side.kind === "changed") {
    const mode = (number?: number) => number?.toString(8) ?? "none";
    return `Mode or encoding of ${path} changed (${mode(side.old.mode)} -> ${mode(side.new.mode)})\n`;
  }
  const options = { context: 3, timeout: 1000, headerOptions: FILE_HEADERS_ONLY };
  return createTwoFilesPatch(from, to, side.old.text, side.new.text, undefined, undefined, options) ??
    `Files ${from} and ${to} differ too much to compare\n`;
}
