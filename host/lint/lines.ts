/** Lines of code: what counts against a budget. */

const KEYWORD_BEFORE_REGEX = /(?:^|[^\w$.])(?:return|typeof|case|in|of|do|else|void|delete|throw|new|await|yield)$/;

/** The text with every comment replaced by blanks of the same length; strings, templates and regular expressions stay. */
export function withoutComments(text: string): string {
  let out = "";
  const templates: number[] = [];
  let depth = 0;
  const until = (end: RegExp, from: number) => {
    end.lastIndex = from;
    return end.test(text) ? end.lastIndex : text.length;
  };
  const plain = /[^"'`/{}]+/y;
  for (let at = 0; at < text.length;) {
    plain.lastIndex = at;
    const run = plain.exec(text)?.[0] ?? "";
    out += run;
    at += run.length;
    const one = text[at] ?? "", two = text.slice(at, at + 2);
    let to = at + 1;
    if (two === "//") to = until(/(?=[\r\n])/g, at);
    else if (two === "/*") to = until(/\*\//g, at + 2);
    else if (one === '"' || one === "'") to = endOfString(text, at);
    else if (one === "`" || (one === "}" && templates.at(-1) === depth)) {
      if (one === "}") templates.pop();
      to = endOfTemplate(text, at + 1);
      if (text[to - 1] === "{") templates.push(depth);
    } else if (one === "{") depth++;
    else if (one === "}") depth--;
    else if (one === "/" && startsRegex(out)) to = endOfRegex(text, at + 1);
    const piece = text.slice(at, to);
    out += two === "//" || two === "/*" ? piece.replace(/[^\r\n]/g, " ") : piece;
    at = to;
  }
  return out;
}

/** Counts the lines that hold more than blanks and comments. */
export function countLines(text: string): number {
  return withoutComments(text).split("\n").filter((line) => line.trim() !== "").length;
}

function endOfString(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === text[from] || text[at] === "\n") return at + 1;
  }
  return text.length;
}

function endOfTemplate(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === "`") return at + 1;
    else if (text[at] === "$" && text[at + 1] === "{") return at + 2;
  }
  return text.length;
}

function startsRegex(before: string): boolean {
  const code = before.slice(-200).trimEnd();
  return code === "" || /[(,=:[!&|?{};+\-*%<>~^]$/.test(code) || KEYWORD_BEFORE_REGEX.test(code);
}

function endOfRegex(text: string, from: number): number {
  let inClass = false;
  for (let at = from; at < text.length && text[at] !== "\n"; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === "[") inClass = true;
    else if (text[at] === "]") inClass = false;
    else if (text[at] === "/" && !inClass) return at + 1;
  }
  return from;
}
