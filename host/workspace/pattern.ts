import { no, ok, type Outcome } from "../../actors/types.ts";

/**
 * A glob as a test of paths: `*` and `?` within a name, `**` across folders, `[a-z]`, `{a,b}`. Without a slash it is about the
 * name alone.
 */
export function globOf(glob: string): Outcome<(path: string) => boolean> {
  const cannot = (why: string) => no(`Cannot use the glob ${JSON.stringify(glob)}: ${why}`);
  if (glob.length > 200 || glob.split("*").length > 12) return cannot("it is too long; use a simpler one");
  const pattern = glob.replace(/^\.?\//, "");
  let source = pattern.includes("/") ? "^" : "^(?:.*/)?";
  let depth = 0;
  for (const [token] of pattern.matchAll(/\*\*\/|\*+|\?|\[[!^]?[^\]/]+\]|\{|\}|,|[^]/gu)) {
    if (token === "**/") source += "(?:.*/)?";
    else if (token === "**") source += ".*";
    else if (token.startsWith("*")) source += "[^/]*";
    else if (token === "?") source += "[^/]";
    else if (token.length > 2 && token.startsWith("[")) {
      source += `[${token.slice(1, -1).replace(/^!/, "^").replace(/[\\[&~]/g, "\\$&")}]`;
    } else if (token === "{") source += (depth++, "(?:");
    else if (token === "}" && depth > 0) source += (depth--, ")");
    else source += token === "," && depth > 0 ? "|" : RegExp.escape(token);
  }
  if (depth > 0) return cannot("a { is not closed");
  try {
    const expression = new RegExp(`${source}$`, "su");
    return ok((path) => expression.test(path));
  } catch (error) {
    return cannot(error instanceof Error ? error.message : String(error));
  }
}

/**
 * A regular expression that is tested on one line at a time and cannot hang: repeats within repeats are refused, since a
 * JavaScript regular expression cannot be stopped once it runs; `test` is undefined when a line takes too long all the same.
 */
export function expressionOf(pattern: string, ignoreCase = false): Outcome<(line: string) => boolean | undefined> {
  const cannot = (why: string) => no(`Cannot search for ${JSON.stringify(pattern)}: ${why}`);
  if (pattern === "") return cannot("it is empty; give a pattern");
  if (pattern.length > 1000) return cannot("it is longer than 1,000 characters; use a shorter one");
  const flags = ignoreCase ? "i" : "";
  let expression: RegExp;
  try {
    expression = new RegExp(pattern, `${flags}u`);
  } catch {
    try {
      expression = new RegExp(pattern, flags);
    } catch (error) {
      const why = error instanceof Error
        ? error.message.replace(/^Invalid regular expression: .*: /s, "")
        : String(error);
      return cannot(`it is not a regular expression (${why}); escape special characters with \\`);
    }
  }
  const { nested, repeats } = repeatsOf(pattern);
  if (nested) {
    return cannot(
      "it repeats a group that itself repeats or has alternatives, which can take forever; use a simpler pattern",
    );
  }
  if (repeats > 12) return cannot("it has more than 12 repeats, which can take forever; use a simpler pattern");
  return ok(repeats < 2 ? (line) => expression.test(line) : (line) => testGently(expression, line, repeats));
}

/** Grows the line step by step, so that a pattern of polynomial cost is noticed while it is still cheap. */
function testGently(expression: RegExp, line: string, repeats: number): boolean | undefined {
  for (let length = repeats > 4 ? 16 : 64; length < line.length; length = Math.ceil(length * 1.25)) {
    const part = line.slice(0, length);
    if (timeOf(expression, part) > 10 && timeOf(expression, part) > 10) return undefined; // twice: once may be chance
  }
  return expression.test(line);
}

function timeOf(expression: RegExp, text: string): number {
  const start = performance.now();
  expression.test(text);
  return performance.now() - start;
}

/** Counts repeats; `nested` when a repeated group holds a repeat or alternatives that may begin alike. */
function repeatsOf(pattern: string): { nested: boolean; repeats: number } {
  const tokens = pattern.match(
    /\\.|\[\^?(?:\\.|[^\]\\])*\]|\((?:\?(?:<?[=!]|:|<\w+>))?|\)|\||[*+?]\??|\{\d+(?:,\d*)?\}\??|[^]/gsu,
  ) ?? [];
  const groups: { repeats: number; starts: string[]; fresh: boolean }[] = [{ repeats: 0, starts: [], fresh: true }];
  let closed: { repeats: number; starts: string[] } | undefined;
  let total = 0;
  for (const token of tokens) {
    const group = groups.at(-1) ?? { repeats: 0, starts: [], fresh: true };
    const repeat = /^(?:[*+?]|\{\d)/.test(token);
    if (repeat) {
      const many = !/^(?:\?|\{[01]\}|\{0?,?1\})/.test(token);
      if (closed && many && (closed.repeats > 0 || alike(closed.starts))) return { nested: true, repeats: total };
      group.repeats++;
      total++;
    }
    closed = undefined;
    if (token.startsWith("(")) {
      if (group.fresh) group.starts.push("(");
      group.fresh = false;
      groups.push({ repeats: 0, starts: [], fresh: true });
    } else if (token === ")" && groups.length > 1) {
      closed = groups.pop();
      if (closed) (groups.at(-1) ?? group).repeats += closed.repeats;
    } else if (token === "|") group.fresh = true;
    else if (!repeat && group.fresh) {
      group.starts.push(token);
      group.fresh = false;
    }
  }
  return { nested: false, repeats: total };
}

/** True unless there is one alternative, or each begins with a letter, digit or underscore of its own. */
function alike(starts: string[]): boolean {
  const lower = starts.map((start) => start.toLowerCase());
  return starts.length > 1 && (!lower.every((start) => /^\w$/.test(start)) || new Set(lower).size < lower.length);
}
