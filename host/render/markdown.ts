/** Markdown as rows of styled text. */
import type { lexer, Token, Tokens } from "marked";
import type { Paint } from "./style.ts";
import { expandTabs, fold, width } from "./width.ts";

type Lex = typeof lexer;
/** Nothing as long as it has not come. */
export let lex: Lex | undefined;

/** Loads the markdown lexer; what is rendered before it has come is shown as it was written. */
export async function loadLexer(): Promise<void> {
  lex = (await import("marked")).lexer;
}

/** Stands in a text for a row of it that was shown before; no text has it (`safe`). */
export const SHOWN = "\x01";

/** How to render. `columns` may change between calls. */
export interface Page {
  columns(): number;
  color: boolean;
  paint: Paint;
}

/** Code as rows, indented if there is colour. */
export function code(text: string, { columns, color, paint }: Page): string[] {
  if (!color) return fold(text, columns(), { hard: true });
  return fold(expandTabs(text), columns() - 2, { hard: true }).map((row) => `  ${paint("cyan", row)}`);
}

/** A whole text as rows. */
export function renderMarkdown(text: string, page: Page): string[] {
  return lex === undefined ? fold(text, page.columns()) : blocks(lex(text), page.columns(), page);
}

/** Blocks as rows. */
export function blocks(tokens: Token[], columns: number, page: Page): string[] {
  const rows: string[] = [];
  for (const token of tokens) {
    const next = renderBlock(token, columns, page);
    const gap = token.type === "space" && rows.length > 0 && token !== tokens.at(-1) && tokens.length > 1;
    rows.push(...(gap ? [""] : next));
  }
  return rows;
}

function renderBlock(token: Token, columns: number, page: Page): string[] {
  const { paint, color } = page;
  const known = token as Tokens.Generic & { type: string };
  switch (/^(heading|table)$/.test(token.type) && token.raw.includes(SHOWN) ? "raw" : token.type) {
    case "space":
      return [];
    case "heading": {
      const text = inline(known.tokens ?? [], page);
      return fold(color ? paint("bold", text) : `${"#".repeat(Number(known.depth))} ${text}`, columns);
    }
    case "code":
      return known.codeBlockStyle === "indented" || color
        ? code(String(known.text), { ...page, columns: () => columns })
        : fold(token.raw.trimEnd(), columns, { hard: true });
    case "blockquote":
      return blocks(known.tokens ?? [], columns - 2, page).map((row) => `${color ? paint("dim", "│") : ">"} ${row}`);
    case "list":
      return list(token as Tokens.List, columns, page);
    case "table":
      return table(token as Tokens.Table, columns, page);
    case "hr":
      return [color ? paint("dim", "─".repeat(Math.min(columns, 40))) : token.raw.trim()];
    case "paragraph":
    case "text":
      return fold(inline(known.tokens ?? [token], page), columns);
    default:
      return fold(token.raw.trimEnd(), columns);
  }
}

/** What stands before an item of a list. */
export function marker({ ordered, start }: Tokens.List, index: number, { color }: Page): string {
  return ordered ? `${Number(start) + index}. ` : color ? "• " : "- ";
}

function list(token: Tokens.List, columns: number, page: Page): string[] {
  return token.items.flatMap((item, index) => {
    const mark = marker(token, index, page);
    const [box, text] = item.tokens as Tokens.Generic[];
    if (box?.type === "checkbox") (text?.tokens?.unshift(box), item.tokens.shift());
    const body = blocks(item.tokens, Math.max(4, columns - mark.length), page);
    return (body.length > 0 ? body : [""]).map((row, at) => (at === 0 ? mark : " ".repeat(mark.length)) + row);
  });
}

/** Columns side by side if they fit, else one `header: cell` a line. */
function table(token: Tokens.Table, columns: number, page: Page): string[] {
  // Cells beyond the head's are not in the tokens: such a table stays as it was written.
  const cells = (row: string) => row.trim().replace(/^\||(?<!\\)\|$/g, "").split(/(?<!\\)\|/).length;
  const lines = token.raw.trimEnd().split("\n");
  if (lines.some((row) => cells(row) > token.header.length)) return fold(lines.join("\n"), columns);
  const head = token.header.map((cell) => inline(cell.tokens, page));
  const body = token.rows.map((row) => row.map((cell) => inline(cell.tokens, page)));
  const sizes = head.map((cell, at) => Math.max(width(cell), ...body.map((row) => width(row[at] ?? ""))));
  if (sizes.reduce((sum, size) => sum + size + 3, -3) > columns) {
    if (body.length === 0) return fold(head.join(" │ "), columns);
    return body.flatMap((row) =>
      row.flatMap((cell, at) => fold(`${page.paint("bold", head[at] ?? "")}: ${cell}`, columns))
    );
  }
  const line = (cells: string[]) =>
    cells.map((cell, at) => cell + " ".repeat(Math.max(0, (sizes[at] ?? 0) - width(cell)))).join(" │ ").trimEnd();
  const rule = page.paint("dim", sizes.map((size) => "─".repeat(size)).join("─┼─"));
  return [line(head.map((cell) => page.paint("bold", cell))), rule, ...body.map(line)];
}

/** What stands in a paragraph, as one styled text. */
export function inline(tokens: Token[], page: Page): string {
  const { paint, color } = page;
  const styled = (style: Parameters<Paint>[0], text: string, mark: string) =>
    color ? paint(style, text) : mark + text + mark;
  return tokens.map((token): string => {
    const known = token as Tokens.Generic & { type: string };
    const inner = () => inline(known.tokens ?? [], page);
    switch (token.type) {
      case "text":
        return known.tokens ? inner() : String(known.text);
      case "escape":
        return String(known.text);
      case "strong":
        return styled("bold", inner(), "**");
      case "em":
        return styled("italic", inner(), "*");
      case "del":
        return styled("strike", inner(), "~~");
      case "codespan":
        return styled("cyan", String(known.text), "`");
      case "br":
        return "\n";
      case "link": {
        const text = inner();
        return text === known.href || `mailto:${text}` === known.href
          ? paint("underline", text)
          : `${text} (${known.href})`;
      }
      default:
        return token.raw;
    }
  }).join("");
}
