import { parse, type SyntaxNode as Node, type Word } from "unbash";
import { resolve } from "node:path";
import { type Item, prove } from "./rules.ts";

/**
 * What a command may do. `readOnly`: every part of it is provably read-only, judged by its text alone; the `paths` it names must
 * still be inside the working directory on disk. `prefixes`: what "always" would cover, null when it cannot be offered; one that
 * ends in ` *` covers more arguments, any other is exactly one command.
 */
export interface Judgement {
  readOnly: boolean;
  prefixes: string[] | null;
  reason: string;
  paths: Item[];
  git: boolean;
}

interface Simple {
  items: Item[];
  text: string;
}

interface Found {
  source: string;
  simple: Simple[];
  paths: Item[];
  hidden: string[];
  /** The source with every word and redirection that was read blanked out. */
  rest: string[];
  groups: number;
}

/** Words that start another command; they stay in the prefix as they are. */
const WRAPPERS = /^((nohup|setsid|command|exec|timeout \d[\w.]*|nice( -n -?\d+)?|env( \w+=[\w./:,@-]+)+) )*/;
/** Beginnings that say what a command does, however it goes on. */
const BROAD =
  /^((npm|pnpm|yarn) (test|run \w[\w:.-]*)|deno (test|check|lint|fmt|task \w[\w:.-]*)|cargo (test|build|check|clippy|fmt)|go (test|build|vet)|git (add|commit)|make \w[\w.-]*|mkdir|touch|pytest|tsc|eslint)(?= |$)/;

/** Judges a command by its text; what the parser cannot prove simple is not read-only. `cwd` makes absolute paths below it good. */
export function judge(command: string, cwd?: string): Judgement {
  const found: Found = { source: command, simple: [], paths: [], hidden: [], rest: command.split(""), groups: 0 };
  try {
    read(command, found);
  } catch {
    // Nesting deeper than the stack: whatever it is, it is not simple.
    found.hidden.push("it cannot be parsed");
  }
  const unproven: Simple[] = [];
  let reason = found.hidden[0];
  for (const simple of found.simple) {
    const proof = staysHere(simple.items, cwd) ? { paths: [] } : prove(simple.items);
    if ("paths" in proof && proof.paths.every((item) => isLocal(item, cwd))) found.paths.push(...proof.paths);
    else {
      unproven.push(simple);
      reason ??= "reason" in proof
        ? proof.reason
        : "it names a file outside the working directory, or a pattern that may match one";
    }
  }
  if (!found.paths.every((item) => isLocal(item, cwd))) {
    found.hidden.push(reason ??= "it reads a file outside the working directory");
  }
  return {
    readOnly: reason === undefined,
    prefixes: found.hidden.length > 0 ? null : [...new Set(unproven.map(prefixOf))],
    reason: reason ?? "every part of it is read-only",
    paths: found.paths,
    git: found.simple.some(({ items }) => items[0]?.value === "git"),
  };
}

/** `cd` to where the command is anyway. */
function staysHere([name, dir, ...more]: Item[], cwd = "."): boolean {
  return name?.value === "cd" && more.length === 0 && (dir?.value === "." || dir?.value === cwd);
}

function read(command: string, found: Found): void {
  // Invisible characters, and blanks that one parser takes for a separator and another for a letter.
  if (/[^\P{C}\n\t]|[^\P{Z} ]/u.test(command)) found.hidden.push("it has characters that cannot be seen");
  if (command.length > 100_000) return void found.hidden.push("it is too long");
  const script = parse(command);
  if (script.errors?.length || script.commands.length === 0) found.hidden.push("it cannot be parsed");
  walk(script, found);
  // Nothing may stand in the text that the tree does not know of.
  const rest = found.rest.join("").replace(/#[^\n]*|\\\n/g, "");
  const groups = rest.replace(/[^(]/g, "").length;
  if (!/^[\s;&|!(){}]*$/.test(rest) || groups !== found.groups) found.hidden.push("it cannot be parsed");
}

function walk(node: Node, found: Found, whole?: string): void {
  switch (node.type) {
    case "Script":
    case "CompoundList":
      return node.commands.forEach((statement) => walk(statement, found, whole));
    case "Statement":
      if (node.background) found.hidden.push("a part of it runs in the background");
      return walk(node.command, found, whole);
    case "AndOr":
      return node.commands.forEach((command) => walk(command, found, whole));
    case "Pipeline": {
      const plain = node.prefixes.every((prefix) => prefix.type === "Negation") && !node.operators.includes("|&");
      if (!plain) found.hidden.push("its pipeline is not simple");
      // What reads its input from a pipe may do what the input says: its exact form is the whole pipeline.
      const text = whole ?? (node.commands.length > 1 ? found.source.slice(node.pos, node.end) : undefined);
      return node.commands.forEach((command) => walk(command, found, text));
    }
    case "Subshell":
    case "BraceGroup":
      if (node.type === "Subshell") found.groups++;
      return walk(node.body, found, whole);
    case "Command":
      return take(node, found, whole);
    default:
      found.hidden.push(`it has a part that is not a simple command (${node.type})`);
  }
}

function take(node: Extract<Node, { type: "Command" }>, found: Found, whole?: string): void {
  const items: Item[] = [];
  for (const part of [...node.prefix, node.name, ...node.suffix]) {
    if (part) found.rest.fill(" ", part.pos, part.end);
    if (part?.type === "Word") {
      const item = itemOf(part);
      if (item) items.push(item);
      else found.hidden.push(`"${part.text}" is expanded by the shell`);
    } else if (part?.type === "Redirect" && part.target) {
      const target = itemOf(part.target)?.value ?? "";
      const harmless = target === "/dev/null" || (part.operator === ">&" && /^[12]$/.test(target));
      const descriptor = part.descriptor === undefined || part.descriptor.type === "FileDescriptor";
      if (part.operator === "<" && descriptor && target) found.paths.push({ value: target, glob: /[*?]/.test(target) });
      else if (!harmless || !descriptor || ![">", ">>", ">&"].includes(part.operator)) {
        found.hidden.push("it redirects to a file");
      }
    } else found.hidden.push("it sets variables or feeds text to a command");
  }
  found.simple.push({ items, text: whole ?? found.source.slice(node.pos, node.end) });
}

/** The word as the shell will pass it; undefined if anything but quotes and the patterns `*` and `?` is in it. */
function itemOf(word: Word): Item | undefined {
  let glob = false;
  for (const part of word.parts ?? [{ type: "Literal", text: word.text } as const]) {
    if (part.type === "Literal" && /[{}]/.test(part.text.replace(/\\./g, ""))) return undefined;
    if (part.type === "DoubleQuoted" && part.parts.some((child) => child.type !== "Literal")) return undefined;
    if (part.type === "Glob" && part.kind !== "bracket") glob = true;
    else if (!["Literal", "DoubleQuoted", "SingleQuoted"].includes(part.type)) return undefined;
  }
  return { value: word.value, glob };
}

/** Files that hold secrets wherever they are. */
const SECRET =
  /(^|\/)(\.ssh|\.gnupg|\.aws|\.kube|\.docker|\.netrc|\.git-credentials|\.npmrc|\.env[^/]*|id_[a-z0-9]+|[^/]+\.(pem|key))(\/|$)/i;

/** True if the text of this word stays below `cwd`; links are for the caller to resolve. */
function isLocal({ value, glob }: Item, cwd: string | undefined): boolean {
  if (value === "/dev/null") return true;
  if (cwd === "/" || value.startsWith("~") || SECRET.test(value)) return false;
  const parts = value.split("/");
  if (glob && parts.some((part, at) => /[*?]/.test(part) && (part.startsWith(".") || at < parts.length - 1))) {
    return false;
  }
  if (!value.startsWith("/") && !parts.includes("..")) return true;
  return cwd !== undefined && `${resolve(cwd, value)}/`.startsWith(`${cwd}/`);
}

function prefixOf({ items, text }: Simple): string {
  const words = items.map(({ value }) => /^[\w@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`)
    .join(" ");
  const wrappers = WRAPPERS.exec(words)?.[0] ?? "";
  const broad = BROAD.exec(words.slice(wrappers.length))?.[0];
  return broad ? `${wrappers}${broad} *` : text;
}
