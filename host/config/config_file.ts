/** Reads `config.jsonc`: every complaint names the key and the line. */
// @ts-types="./jsonc.d.ts"
import { parse } from "@std/jsonc";
import { no, ok, type Outcome } from "../../actors/types.ts";

/** The keys of a config file. `window` and `maxTokens` count tokens; `maxChanges` 0 means until SKIP or another limit. */
export interface Config {
  apiKey?: string;
  baseUrl?: string;
  model?: string;
  fastModel?: string;
  window?: number;
  maxChanges?: number;
  maxAttempts?: number;
  wallMinutes?: number;
  maxTokens?: number;
  deno?: string;
  home?: string;
}
type Check = (value: unknown) => string | undefined;

const text: Check = (value) => typeof value === "string" && value !== "" ? undefined : "expected a text";
const address: Check = (value) => {
  const shape = /^https?:$/.test(URL.parse(String(value))?.protocol ?? "");
  if (typeof value !== "string" || !shape) return "expected an http or https address";
  return /[@?#]/.test(value) ? "an address here has no credentials, query or fragment" : undefined;
};
const whole = (least: number): Check => (value) => {
  if (typeof value !== "number") return "expected number";
  if (!Number.isSafeInteger(value)) return "expected int, a number without a fraction";
  return value >= least ? undefined : `expected number >=${least}`;
};
const positive: Check = (value) => Number.isFinite(value) && Number(value) > 0 ? undefined : "expected number >0";

/** What is wrong with a key's value, if anything is. By hand: each start checks settings, and a schema would cost it more than all of them. */
export const CHECKS: Record<keyof Config, Check> = {
  apiKey: text,
  baseUrl: address,
  model: text,
  fastModel: text,
  window: whole(1000),
  maxChanges: whole(0),
  maxAttempts: whole(1),
  wallMinutes: positive,
  maxTokens: whole(1),
  deno: text,
  home: text,
};
/** The keys, in the order in which they are shown. */
export const KEYS = Object.keys(CHECKS) as (keyof Config)[];

const FORBIDDEN = /^(?:deno|home|yes|yolo)$|key$|url$|endpoint|header|proxy|approv|permission|bypass|trust|^allow/i;

/**
 * Parses the text of a config file. In a project's file (`project`) the endpoint, the key, proxies, approval modes and the
 * places of Deno and Evo are refused: they come from the user's own config, environment and flags.
 */
export function parseConfig(text: string, { path, project }: { path: string; project: boolean }): Outcome<Config> {
  const source = text.replace(/^\uFEFF/, "");
  const lineAt = (offset: number) => source.slice(0, offset).split("\n").length;
  const refuse = (offset: number, why: string) => no(`Cannot use "${path}", line ${lineAt(offset)}: ${why}`);
  const refuseKey = (key: string, why: string) => refuse(keyOffset(source, key), why);
  let value: unknown;
  try {
    value = blanked(source).trim() ? parse(source) : {};
  } catch (error) {
    const [, at = source.length] = /position (\d+)$/.exec(String(error)) ?? [];
    return refuse(Number(at), "it is not valid JSONC here; mend the syntax");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return refuse(blanked(source).search(/\S/), "it holds no object; begin with { and end with }");
  }
  const config: Config = {};
  for (const [key, held] of Object.entries(value)) {
    const quoted = JSON.stringify(key.slice(0, 60).toWellFormed());
    if (project && FORBIDDEN.test(key)) {
      return refuseKey(key, `a project may not set ${quoted}; set it in your own config, environment or by a flag`);
    }
    const known = KEYS.find((name) => name === key);
    if (known) {
      const wrong = CHECKS[known](held);
      if (wrong) return refuseKey(key, `"${key}" is wrong (${wrong}); correct or remove it`);
      Object.assign(config, { [known]: held });
      continue;
    }
    const near = nearest(key, KEYS);
    const advice = near ? `did you mean "${near}"` : `the keys are ${KEYS.join(", ")}`;
    return refuseKey(key, `there is no setting ${quoted}; ${advice}`);
  }
  return ok(config);
}

/** The name most like `word`, if one is like it at all. */
function nearest(word: string, names: string[]): string | undefined {
  const pairs = (text: string) =>
    Array.from(text.toLowerCase(), (letter, at) => letter + text.toLowerCase().charAt(at + 1));
  const asked = pairs(word.slice(0, 60));
  const shared = (name: string) => pairs(name).filter((pair) => asked.includes(pair)).length;
  const likeness = (name: string) => 2 * shared(name) / (name.length + asked.length);
  const best = names.reduce((a, b) => likeness(b) > likeness(a) ? b : a);
  return likeness(best) >= 0.4 ? best : undefined;
}

/** The last place where the outermost object has this key: the one that counts. */
function keyOffset(source: string, key: string): number {
  let depth = 0;
  let found = 0;
  for (const { 0: token, 1: string, index } of blanked(source).matchAll(/("(?:[^"\\]|\\.)*")(?:\s*:)?|[{}[\]]/g)) {
    if (!string) depth += "{[".includes(token) ? 1 : -1;
    else if (depth === 1 && token !== string && JSON.parse(string) === key) found = index;
  }
  return found;
}

/** The same text with comments turned into spaces, so that offsets stay. */
function blanked(source: string): string {
  const tokens = /"(?:[^"\\\n]|\\.)*"|\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/g;
  return source.replace(tokens, (token) => token.startsWith("/") ? token.replace(/[^\n]/g, " ") : token);
}
