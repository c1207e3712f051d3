/** Reads `config.jsonc`: every complaint names the key and the line. */
// @ts-types="./jsonc.d.ts"
import { parse } from "@std/jsonc";
import * as z from "zod";
import { no, ok, type Outcome } from "../../actors/types.ts";

const text = z.string().min(1);
const name = z.exactOptional(text);
const address = text.refine(
  (text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ""),
  "expected an http or https address",
)
  .refine((text) => !/[@?#]/.test(text), "an address here has no credentials, query or fragment");

/** The keys of a config file. `window` and `maxTokens` count tokens; `maxChanges` 0 means until SKIP or another limit. */
export const Config = z.strictObject({
  apiKey: name,
  baseUrl: z.exactOptional(address),
  model: name,
  fastModel: name,
  window: z.exactOptional(z.int().min(1000)),
  maxChanges: z.exactOptional(z.int().min(0)),
  maxAttempts: z.exactOptional(z.int().min(1)),
  wallMinutes: z.exactOptional(z.number().positive()),
  maxTokens: z.exactOptional(z.int().min(1)),
  deno: name,
  home: name,
});
export type Config = z.infer<typeof Config>;

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
  for (const key of Object.keys(value)) {
    const quoted = JSON.stringify(key.slice(0, 60).toWellFormed());
    if (project && FORBIDDEN.test(key)) {
      return refuseKey(key, `a project may not set ${quoted}; set it in your own config, environment or by a flag`);
    }
    if (Object.hasOwn(Config.shape, key)) continue;
    const near = nearest(key, Object.keys(Config.shape));
    const advice = near ? `did you mean "${near}"` : `the keys are ${Object.keys(Config.shape).join(", ")}`;
    return refuseKey(key, `there is no setting ${quoted}; ${advice}`);
  }
  const parsed = Config.safeParse(value);
  if (parsed.success) return ok(parsed.data);
  const { path: [key], message } = parsed.error.issues[0] ?? { path: [], message: "" };
  return refuseKey(String(key), `"${String(key)}" is wrong (${message}); correct or remove it`);
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
