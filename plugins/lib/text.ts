/** Cuts text to at most `limit` UTF-16 units, never inside a character. */
export function cut(text: string, limit: number): string {
  return text.length <= limit ? text : text.slice(0, limit).replace(/[\uD800-\uDBFF]$/, "");
}

/** Cuts one line for people or models, saying how much is missing. */
export function cutLine(line: string, limit: number): string {
  const kept = cut(line, limit);
  return kept === line ? line : `${kept}… [${line.length - kept.length} more characters in this line]`;
}

/** The lines of a text, each with its line end, so that joining them gives the text back. An empty text has none. */
export function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** The line end that a text uses most; LF when it has none. */
export function lineEndOf(text: string): "\n" | "\r\n" {
  const [all, crlf] = [text.split("\n").length - 1, text.split("\r\n").length - 1];
  return crlf * 2 > all ? "\r\n" : "\n";
}

/** Gives a text the line ends `end`. */
export function withLineEnds(text: string, end: "\n" | "\r\n"): string {
  const plain = text.replaceAll("\r\n", "\n");
  return end === "\n" ? plain : plain.replaceAll("\n", end);
}

/** "1 line", "2 lines". */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** One line for people: control characters and line ends become spaces, long text is cut. */
export function oneLine(text: string, limit = 100): string {
  const plain = text.replace(/[\p{Cc}\s]+/gu, " ").trim();
  return plain.length <= limit ? plain : `${cut(plain, limit)}…`;
}
