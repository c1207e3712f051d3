/** Which tests ran on which code, remembered on disk: an evolution need not run its parent's tests, which the proof of the parent ran. */
import { createHash } from "node:crypto";
import * as z from "zod";
import { attempt, replaceFile } from "../session/files.ts";
import { mustGit } from "../source/git.ts";
import { DOCS } from "../source/source.ts";
import { Ran } from "./sandbox.ts";

const Known = z.record(z.string(), z.array(Ran));

/** Opens the memory at `path`: reports by code, the last few. A file that is missing, damaged or cannot be written costs only time. */
export function createCases(path: string) {
  const read = async () => {
    const text = await Deno.readTextFile(path).catch(() => "");
    return Known.safeParse(attempt(() => JSON.parse(text))).data ?? {};
  };
  return {
    of: async (code: string) => (await read())[code],
    async keep(code: string, ran: Ran[]) {
      const others = Object.entries(await read()).filter(([known]) => known !== code).slice(-3);
      await replaceFile(path, JSON.stringify(Object.fromEntries([...others, [code, ran]]))).catch(() => {});
    },
  };
}

/** The hash of all that a commit or tree holds, but for documents. */
export async function codeOf(root: string, tree: string): Promise<string> {
  const entries = (await mustGit(root, ["ls-tree", "-r", "-z", tree])).split("\0");
  const code = entries.filter((entry) => !DOCS.includes(entry.slice(entry.indexOf("\t") + 1)));
  return createHash("sha256").update(code.join("\0")).digest("hex");
}
