/** The words that the model is given: prompts, the index of memory notes, and AGENTS.md files. */
import type { Guidance } from "../../actors/ports.ts";
import { cut, reason } from "../session/files.ts";
import { type Piece, readPiece } from "./files.ts";
import type { Granted } from "./trust.ts";

type Words = Pick<Granted, "trusted" | "prompt" | "said">;

/** What a directory adds to the chat's prompt, as long as it is trusted word by word. */
export interface ProjectPrompt {
  path: string;
  /** What was decided at the start. */
  granted: Words;
  /** Decides again about the directory as it is now; asks a person, once for each change. */
  decide(): Promise<Words>;
  warn(text: string): void;
}

/**
 * What `createGuidance` needs: `promptsRoot` ends in `/`; `userGuide` is the path of the user's own AGENTS.md; `guides` are those
 * that trust let through. `live` is the folder of prompts of the checkout that the executable belongs to: they count as they are now.
 */
export type GuidanceOptions = {
  promptsRoot: URL;
  userGuide: string;
  guides: Piece[];
  live?: string;
  project?: ProjectPrompt;
};

/** A prompt that is in use besides those of the executable. */
export type HotPrompt = { name: string; file: string; state: "live" | "not trusted" };

/** Characters for all AGENTS.md files together. */
export const BUDGET = 32 * 1024;

/**
 * Creates the Guidance port. `prompt` throws a sentence if there is no such prompt; each call reads anew, so that a change counts
 * from the next turn on. `prompts` lists those that are not the executable's own.
 */
export function createGuidance(
  { promptsRoot, userGuide, guides, live, project }: GuidanceOptions,
): Guidance & { prompts(): Promise<HotPrompt[]> } {
  const added = project && projectWords(project);
  const lastGood = new Map<string, string>();
  const shipped = (name: string) => Deno.readTextFile(new URL(`${name}.md`, promptsRoot));
  /** A file that is being written, is empty, or is no text leaves the words before it in use. */
  const now = async (name: string) => {
    const piece = live === undefined ? undefined : await readPiece(`${live}/${name}.md`).catch(() => undefined);
    if (piece && !piece.truncated && piece.text.trim() && !piece.text.includes("\ufffd")) {
      lastGood.set(name, piece.text);
    }
    return piece ? lastGood.get(name) : undefined;
  };
  return {
    async prompt(name) {
      try {
        if (!/^[a-z][a-z0-9_]*$/.test(name)) throw new Error("that is not the name of one");
        const words = await now(name) ?? await shipped(name);
        return name === "chat" && added ? words.trimEnd() + await added.text() : words;
      } catch (error) {
        throw new Error(`Cannot read prompt ${JSON.stringify(name)}: ${reason(error)}; the prompts are in "prompts/"`);
      }
    },
    async prompts() {
      const changed = [...lastGood].map(async ([name, text]): Promise<HotPrompt[]> => {
        const same = await shipped(name).catch(() => "") === text;
        return same ? [] : [{ name, file: `prompts/${name}.md`, state: "live" }];
      });
      return [...(await Promise.all(changed)).flat(), ...await added?.list() ?? []];
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

/** The added words that are trusted: changed ones are asked about when they are first wanted, once; without trust never. */
function projectWords({ path, granted: first, decide, warn }: ProjectPrompt) {
  const shut = !first.trusted && first.said !== "";
  let granted = first, judged = first.prompt?.text;
  let deciding: Promise<void> | undefined;
  const judge = async (text: string) => {
    const again = await decide();
    judged = text;
    if (again.trusted) granted = again;
    if (again.said) warn(again.said);
  };
  const current = async () => {
    const text = (await readPiece(path))?.text;
    if (text === undefined || text === judged || shut) return text;
    await (deciding ??= judge(text).finally(() => deciding = undefined));
    return text;
  };
  return {
    async text() {
      const text = await current(), words = granted.prompt?.text ?? "";
      return text === undefined || !granted.trusted || words.trim() === ""
        ? ""
        : `\n\nWhat this directory adds (.evo/prompts/chat.md):\n${cut(words, BUDGET).trimEnd()}\n`;
    },
    async list(): Promise<HotPrompt[]> {
      const text = (await readPiece(path))?.text, used = granted.trusted && granted.prompt?.text === text;
      return text === undefined
        ? []
        : [{ name: "chat", file: ".evo/prompts/chat.md", state: used ? "live" : "not trusted" }];
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
