/** Whether the words of a directory may be used: asked once, bound to a hash of what they are. */
import { createHash } from "node:crypto";
import { dirname } from "node:path";
import type { Terminal } from "../../actors/ports.ts";
import { attempt, reason, replaceFile } from "../session/files.ts";
import { type Piece, readPiece } from "./files.ts";

/** What a directory may contribute: the very texts that were hashed, so nothing can change between question and use. */
export interface Granted {
  /** True if the user trusts the directory as it is now: plugins and prompts of the project may load too. */
  trusted: boolean;
  config?: Piece | undefined;
  env?: Piece | undefined;
  /** `.env` for the redactor alone, where the directory is not trusted: a key in it is a key. */
  secrets?: Piece | undefined;
  /** `.evo/prompts/chat.md`: added to the chat's prompt. */
  prompt?: Piece | undefined;
  /** AGENTS.md (or CLAUDE.md) files, from the repository's root down to the working directory. */
  guides: Piece[];
  /** What was not loaded and why, for the user; empty if there is nothing to say. */
  said: string;
  /** True if `what` of the directory may run too: asks once, if nothing made Evo ask before. */
  admit(what: string, signal: AbortSignal): Promise<boolean>;
}

/** What `createTrust` needs. `store` is a file in the user's own state folder; `own` says that this is Evo's checkout, verified. */
export interface TrustOptions {
  store: string;
  cwd: string;
  interactive: boolean;
  own: boolean;
  ask: Terminal["ask"];
  /** Asks what `admit` asks where there is a terminal but no conversation. */
  confirm?: (question: string) => Promise<boolean>;
}

type Store = Record<string, { hash: string; at: string }>;

/** The file of what the user trusts: `evo/trust.json` below `$XDG_STATE_HOME` if that is absolute, else below `~/.local/state`. */
export function trustStore(env: Record<string, string>, home: string): string {
  return `${env.XDG_STATE_HOME?.startsWith("/") ? env.XDG_STATE_HOME : `${home}/.local/state`}/evo/trust.json`;
}

/** The words that a directory adds to the chat's prompt. */
export const promptPath = (cwd: string): string => `${cwd}/.evo/prompts/chat.md`;

/**
 * `decide` decides about one directory. Each file is read once; asks only if something is there that was not trusted as it is.
 * Throws a sentence if a file cannot be read.
 */
export function createTrust(options: TrustOptions): { decide(signal: AbortSignal): Promise<Granted> } {
  const { store, cwd, interactive, own, ask, confirm } = options;
  const decide = async (signal: AbortSignal) => {
    const root = await Deno.realPath(cwd);
    const found = await readPieces(root);
    const pieces = [found.config, found.env, found.prompt, ...found.guides].filter((piece) => piece !== undefined);
    const names = pieces.map((piece) => JSON.stringify(piece.path)).join(", ");
    const yes = () => Promise.resolve(true), never = () => Promise.resolve(false);
    const granted = (note = ""): Granted => ({ ...found, trusted: true, said: joined(note, found.said), admit: yes });
    const refused = (why: string, admit: Granted["admit"] = never): Granted => {
      const said = joined(why && `Did not load ${names}: ${why}`, found.said);
      return { trusted: false, guides: [], secrets: found.env, said, admit };
    };
    if (own) return granted();
    const words = JSON.stringify(pieces.map(({ path, real, text }) => [path, real, text]));
    const hash = createHash("sha256").update(words).digest("hex");
    const before = (await readStore(store))[root]?.hash;
    if (before === hash) return granted();
    if (pieces.length === 0) {
      let asked: Promise<boolean> | undefined;
      return refused("", (what, signal) => asked ??= admit(what, { root, hash, signal }));
    }
    const now = before ? " as it is now, since it changed" : "";
    if (!interactive) return refused(`this directory is not trusted${now}; start evo here at a terminal and say yes`);
    const question = `Trust this directory${now}? ${names} would set the model and instruct it`;
    const answer = await ask(question, { choices: ["yes", "no"], signal });
    if (answer.ok && answer.value === "yes") return granted(await remember(store, { root, hash }));
    return refused("you did not trust this directory; start again to be asked again");
  };
  async function admit(what: string, on: { root: string; hash: string; signal: AbortSignal }): Promise<boolean> {
    const question = `Trust this directory? ${what} would run in it`;
    if (!interactive && !await confirm?.(question)) return false;
    if (interactive) {
      const answer = await ask(question, { choices: ["yes", "no"], signal: on.signal });
      if (!answer.ok || answer.value !== "yes") return false;
    }
    await remember(store, on);
    return true;
  }
  return { decide };
}

function joined(...notes: string[]): string {
  return notes.filter((note) => note !== "").join(". ");
}

async function readPieces(root: string): Promise<Omit<Granted, "trusted" | "admit">> {
  const folders = await foldersOf(root);
  const inside = folders[0] === "/" ? "/" : `${folders[0]}/`;
  const read = folders.map(async (folder) =>
    await readPiece(`${folder}/AGENTS.md`) ?? await readPiece(`${folder}/CLAUDE.md`)
  );
  const prompt = await readPiece(promptPath(root));
  const all = [prompt, ...await Promise.all(read)].filter((piece) => piece !== undefined);
  const outside = all.filter((piece) => !piece.real.startsWith(inside)).map(({ path, real }) =>
    `Did not load ${JSON.stringify(path)}: it leads out of the repository, to ${JSON.stringify(real)}`
  );
  return {
    config: await readPiece(`${root}/.evo/config.jsonc`, { strict: true }),
    env: await readPiece(`${root}/.env`),
    prompt: prompt?.real.startsWith(inside) ? prompt : undefined,
    guides: all.filter((piece) => piece !== prompt && piece.real.startsWith(inside)),
    said: joined(...outside),
  };
}

/** From the repository's root (the nearest folder upward with `.git`, else the directory itself) down to the directory. */
async function foldersOf(root: string): Promise<string[]> {
  const folders = [root];
  for (let at = root; !await Deno.lstat(`${at}/.git`).then(() => true, () => false);) {
    if (at === dirname(at)) return [root];
    folders.unshift(at = dirname(at));
  }
  return folders;
}

/** A store that is missing or damaged trusts nothing. By hand: each start reads it, and a schema would cost more than the start. */
async function readStore(path: string): Promise<Store> {
  const text = await Deno.readTextFile(path).catch(() => "");
  const { v, trusted } = Object(attempt(() => JSON.parse(text)));
  const whole = ([, entry]: [string, unknown]) => {
    const { hash, at } = Object(entry);
    return typeof hash === "string" && typeof at === "string";
  };
  return v === 1 && Object.entries(Object(trusted)).every(whole) ? Object(trusted) : {};
}

async function remember(path: string, { root, hash }: { root: string; hash: string }): Promise<string> {
  try {
    const trusted = await readStore(path);
    const store = { v: 1, trusted: { ...trusted, [root]: { hash, at: new Date().toISOString() } } };
    await replaceFile(path, `${JSON.stringify(store, null, 1)}\n`);
    return "";
  } catch (error) {
    return `Cannot remember in "${path}" that you trust this directory: ${reason(error)}; you will be asked again`;
  }
}
