// deno-lint-ignore-file no-control-regex
/** Columns of text on a terminal, and folding to them. Escape sequences in here are our own styles (SGR), nothing else. */
import { eastAsianWidth } from "get-east-asian-width";

/** Made when first needed: both cost tens of milliseconds, and a prompt has to do without. */
let slow: { segmenter: Intl.Segmenter; emoji: RegExp } | undefined;
const unicode = () =>
  slow ??= {
    segmenter: new Intl.Segmenter("en", { granularity: "grapheme" }),
    emoji: new RegExp("\\p{RGI_Emoji}|\\p{Emoji_Presentation}|\\ufe0f|\\p{Regional_Indicator}{2}", "v"),
  };
const INVISIBLE = /^[\p{Mark}\p{Default_Ignorable_Code_Point}\p{Control}\p{Surrogate}]/u;
const STYLE = /\x1b\[[0-9;]*m/g;
/** One column and one grapheme each: ASCII, Latin, dashes and dots, lines and blocks. */
const PLAIN = /^[\x20-\x7e\u00a1-\u00ac\u00ae-\u02ff\u2010-\u2027\u2500-\u259f]*$/;

/** Characters that a row may be folded before and after, for a class of a pattern. */
export const CJK = "\u2e80-\u9fff\uac00-\ud7af\uff00-\uff60";
/** Units that a row may not be folded in: a run of blanks, one CJK character, a run of others. */
const WORD = new RegExp(` +|[${CJK}]\\p{Mark}*|[^ ${CJK}]+`, "gu");

/** The user-perceived characters of a text. */
export function graphemes(text: string): string[] {
  if (PLAIN.test(text)) return text.split("");
  return Array.from(unicode().segmenter.segment(text), ({ segment }) => segment);
}

/** Columns of one grapheme: 0, 1 or 2. */
export function graphemeWidth(grapheme: string): number {
  if (PLAIN.test(grapheme)) return grapheme.length;
  if (unicode().emoji.test(grapheme)) return 2;
  if (INVISIBLE.test(grapheme)) return 0;
  return eastAsianWidth(grapheme.codePointAt(0) ?? 32, { ambiguousAsWide: false });
}

/** A text without its styles. */
export function bare(text: string): string {
  return text.replace(STYLE, "");
}

/** Columns of a line; styles count nothing. */
export function width(text: string): number {
  const plain = bare(text);
  if (PLAIN.test(plain)) return plain.length;
  return graphemes(plain).reduce((sum, grapheme) => sum + graphemeWidth(grapheme), 0);
}

/** Tabs become blanks up to the next multiple of four columns. */
export function expandTabs(line: string): string {
  if (!line.includes("\t")) return line;
  return line.split("\t").reduce((left, right) => left + " ".repeat(4 - width(left) % 4) + right);
}

/** The start of a line that fits into so many columns, with an ellipsis if something was cut. Styles are closed. */
export function truncate(line: string, columns: number): string {
  if (width(line) <= columns) return line;
  const first = fold(line, Math.max(1, columns - 1), { hard: true })[0] ?? "";
  return columns < 2 ? first : `${first}…`;
}

/** The end of a line that fits into so many columns, with an ellipsis if something was cut. For lines without styles. */
export function ending(line: string, columns: number): string {
  if (width(line) <= columns) return line;
  let used = 1;
  const kept = graphemes(line.slice(-4 * columns)).reverse().filter((one) => (used += graphemeWidth(one)) <= columns);
  return `…${kept.reverse().join("")}`;
}

/**
 * Folds a text to rows of at most so many columns: at blanks and between CJK characters, in a word only if it is longer than
 * a row (`hard`: anywhere). A form feed ends a row as a newline does. Only blanks at a fold are dropped. Styles open at a fold are closed and opened again.
 */
export function fold(text: string, columns: number, { hard = false } = {}): string[] {
  const room = Math.max(2, columns);
  const rows: string[] = [];
  let open: string[] = [];
  let row = "";
  let used = 0;
  const next = () => {
    rows.push(open.length > 0 ? `${row}\x1b[0m` : row);
    row = open.join("");
    used = 0;
  };
  const put = (piece: string) => {
    const columnsOfPiece = piece.startsWith("\x1b") ? 0 : graphemeWidth(piece);
    if (used + columnsOfPiece > room) next();
    if (piece.startsWith("\x1b")) open = restyle(open, piece);
    row += piece;
    used += columnsOfPiece;
  };
  for (const line of text.split("\n").flatMap((one) => expandTabs(one).split("\f"))) {
    const before = rows.length;
    for (const word of hard ? [line] : line.match(WORD) ?? []) {
      const size = width(word);
      const blank = word.startsWith(" ");
      if (!hard && used > 0 && used + size > room && (blank || size <= room)) next();
      if (blank && used === 0 && rows.length > before) continue;
      if (used + size <= room && !word.includes("\x1b")) (row += word, used += size);
      else for (const piece of pieces(word)) put(piece);
    }
    next();
  }
  return rows;
}

/** Graphemes and styles of a word, in order. */
function pieces(word: string): string[] {
  const styles = word.match(STYLE) ?? [];
  return word.split(STYLE).flatMap((bare, index) => [...graphemes(bare), ...styles.slice(index, index + 1)]);
}

/** The styles that are open after one more: closing ones (22 to 29, 39) take theirs away. */
function restyle(open: string[], style: string): string[] {
  const code = Number(style.slice(2, -1));
  if (code === 0) return [];
  if (code < 20 || (code > 29 && code !== 39)) return [...open, style];
  return open.filter((other) => closer(Number(other.slice(2, -1))) !== code);
}

/** The code that ends a style. */
export function closer(code: number): number {
  if (code >= 30) return 39;
  return code === 1 ? 22 : code + 20;
}
