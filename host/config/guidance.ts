/** The words that the model is given: prompts, the index of memory notes, and AGENTS.md files. */
import type { Guidance } from "../../actors/ports.ts";
import { cut, reason } from "../session/files.ts";
import { type Piece, readPiece } from "./files.ts";

/** What `createGuidance` needs: `promptsRoot` ends in `/`; `userGuide` is the path of the user's own AGENTS.md; `guides` are those that trust let through. */
export type GuidanceOptions = { promptsRoot: URL; userGuide: string; guides: Piece[] };

/** Characters for all AGENTS.md files together. */
export const BUDGET = 32 * 1024;

/** Creates the Guidance port. `prompt` throws a sentence if there is no such prompt. */
export function createGuidance({ promptsRoot, userGuide, guides }: GuidanceOptions): Guidance {
  return {
    async prompt(name) {
      try {
        if (!/^[a-z][a-z0-9_]*$/.test(name)) throw new Error("that is not the name of one");
        return await Deno.readTextFile(new URL(`${name}.md`, promptsRoot));
      } catch (error) {
        throw new Error(`Cannot read prompt ${JSON.stringify(name)}: ${reason(error)}; the prompts are in "prompts/"`);
      }
    },
    async memory() {
      const names: string[] = [];
      try {
        for await (const { isFile, name } of Deno.readDir(new URL("memory/", promptsRoot))) {
          if (isFile && name.endsWith(".md")) names.push(name);
        }
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
      const lines = names.sort().map(async (name) => {
        const text = await Deno.readTextFile(new URL(`memory/${encodeURIComponent(name)}`, promptsRoot));
        return `prompts/memory/${name}: ${describe(text)}`;
      });
      return (await Promise.all(lines)).join("\n");
    },
    async agents() {
      const own = await readPiece(userGuide);
      return own ? shared([own, ...guides], [own, ...guides.toReversed()]) : shared(guides, guides.toReversed());
    },
  };
}

/** The `description:` of the front matter, else the first line that says something. */
function describe(text: string): string {
  const [, front = "", body = text] = /^\uFEFF?---\r?\n([\s\S]*?)\r?\n---(?:\r?\n|$)([\s\S]*)$/.exec(text) ?? [];
  const named = /^description:[ \t]*(["']?)(.+?)\1[ \t\r]*$/m.exec(front)?.[2];
  const line = named ?? body.split("\n").find((line) => /[^\s#]/.test(line)) ?? "";
  return cut(line.replace(/^[\s#]+/, "").trim(), 200);
}

/** In the order of `rank` each takes what room it needs: the user's own file, then the nearest to the working directory. */
function shared(pieces: Piece[], rank: Piece[]): { path: string; text: string; truncated: boolean }[] {
  let room = BUDGET;
  const texts = new Map(rank.map((piece) => {
    const rest = `
[cut here: the rest does not fit in the ${BUDGET} characters for such files]
`;
    const truncated = piece.truncated || piece.text.length > room;
    const text = truncated ? (room > rest.length ? cut(piece.text, room - rest.length) + rest : "") : piece.text;
    room -= text.length;
    return [piece, { path: piece.path, text, truncated }];
  }));
  return pieces.flatMap((piece) => texts.get(piece) ?? []);
}
