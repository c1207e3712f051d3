/** What a plugin may be granted: each request made plain, resolved for real, and refused where no consent could be safe. */
import { join, relative, resolve } from "node:path";
import type { Permissions } from "../../actors/plugins.ts";
import { no, ok, type Outcome } from "../../actors/types.ts";
import { reason } from "../session/files.ts";
import { realOf, settle } from "../workers/grants.ts";

/** What is granted if a person agrees: real absolute paths, hosts in lower case. `words` say all of it to that person. */
export interface Grant {
  granted: Permissions;
  words: string;
}

const KINDS = ["read", "write", "net", "env", "run"] as const;
const SECRET = /key|token|secret|passw|credential|auth|cookie|session|private|cert|_pat$/i;
const HIDDEN = /[\p{C}\p{Zl}\p{Zp}]/u;

/** True if nothing is asked for. */
export const asksNothing = (asked: Permissions): boolean => KINDS.every((kind) => !asked[kind]?.length);

/** As a short list: `net example.com, read data`. */
export const describe = (asked: Permissions): string =>
  KINDS.flatMap((kind) => asked[kind]?.length ? [`${kind} ${asked[kind].join(" ")}`] : []).join(", ");

/** True if `wide` allows all that `narrow` does; both were granted. */
export function covers(wide: Permissions, narrow: Permissions): boolean {
  const fits = (one: string, other: string) => one === other || (one[0] === "/" && within(one, other));
  return KINDS.every((kind) => narrow[kind]?.every((one) => wide[kind]?.some((other) => fits(one, other))) ?? true);
}

/**
 * Resolves what is asked for. Paths must lead below `cwd`; nothing may be written that is, holds or lies in a `.git`, a `.evo`
 * or one of `closed`. A bad outcome is the end of a sentence.
 */
export async function resolveAsked(
  asked: Permissions,
  on: { self: string[]; cwd: string; closed: string[] },
): Promise<Outcome<Grant>> {
  const granted: Permissions = {}, words: string[] = [];
  for (const kind of KINDS) {
    for (const one of new Set(asked[kind])) {
      try {
        const path = kind === "read" || kind === "write";
        const [grant, said] = path ? await resolvePath(one, { ...on, kind }) : plain(kind, one);
        (granted[kind] ??= []).push(grant);
        words.push(`${kind} ${said}`);
      } catch (error) {
        return no(`it may not be given ${kind} ${JSON.stringify(one)}: ${reason(error)}`);
      }
    }
  }
  const settled = await settle(granted, on); // what no plugin's process would be given must not be asked about
  return settled.ok ? ok({ granted, words: words.join(", ") }) : no(`it may not be given that: ${settled.error}`);
}

function plain(kind: "net" | "env" | "run", one: string): [grant: string, words: string] {
  if (kind === "net") return [one.toLowerCase(), one.toLowerCase()];
  if (kind === "run") return [one, `${one} (a program with your rights)`];
  return [one, `${one}${SECRET.test(one) ? " (it looks like a secret)" : ""}`];
}

async function resolvePath(
  path: string,
  { cwd, closed, kind }: { cwd: string; closed: string[]; kind: "read" | "write" },
): Promise<[grant: string, words: string]> {
  if (HIDDEN.test(path)) throw new Error("the path holds invisible characters");
  const root = await Deno.realPath(cwd), real = await realOf(resolve(root, path));
  if (!within(real, root)) throw new Error("it is outside the working directory");
  if (kind === "write") {
    const parts = real.split("/"), at = parts.findIndex((part) => /^\.(?:git|evo)$/i.test(part));
    const shut = await Promise.all([join(root, ".evo"), join(root, ".git"), ...closed].map(realOf));
    if (await Deno.lstat(join(real, ".git")).then(() => true, () => false)) shut.push(join(real, ".git"));
    if (at > 0) shut.push(parts.slice(0, at + 1).join("/"));
    const met = shut.find((one) => within(one, real) || within(real, one));
    if (met) throw new Error(`it reaches ${JSON.stringify(relative(root, met))}; ask for a folder apart from that`);
  }
  const shown = relative(root, real), plain = /^[\w./-]*$/.test(shown);
  return [real, plain ? shown || ". (everything here, also .env)" : JSON.stringify(shown)];
}

const within = (path: string, root: string): boolean =>
  path === root || path.startsWith(root === "/" ? root : `${root}/`);
