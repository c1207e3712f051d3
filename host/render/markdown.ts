/** Markdown as rows of styled text, block by block while it streams. */
import type { lexer, Token, Tokens } from "marked";
import type { Paint } from "./style.ts";
import { expandTabs, fold, width } from "./width.ts";

type Lex = typeof lexer;
let lex: Lex | undefined;

/** Loads the markdown lexer; what is rendered before it has come is shown as it was written. */
export async function loadLexer(): Promise<void> {
  lex = (await import("marked")).lexer;
}

/** How to render. `columns` may change between calls. */
export interface Page {
  columns(): number;
  color: boolean;
  paint: Paint;
}

/** A stream of markdown. Every character of text that is fed comes out exactly once, in order. */
export interface Markdown {
  /** Takes a piece; returns the rows that are now complete. */
  feed(text: string): string[];
  /** The text that is not yet complete, as its last line. */
  tail(): string;
  /** Returns the rest. */
  end(): string[];
}

const FENCE = /^( *)(`{3,}|~{3,})([^`]*)$/;
const ALONE = /^(#{1,6} .*|(\*|-|_)( *\2){2,} *)$/;
/** An unfinished block or line longer than this is rendered as it is. */
const LONGEST = 32768;

/** Makes a stream: a block is rendered when it is complete (a blank line, then one that is not indented), code line by line. */
export function createMarkdown(page: Page): Markdown {
  const blocks = createBlocks(page);
  let line = "";
  return {
    feed(text) {
      if (!text.includes("\n") && line.length < LONGEST) {
        line += text;
        return [];
      }
      const lines = (line + text).split("\n");
      line = lines.pop() ?? "";
      for (const one of lines) blocks.take(one);
      if (line.length > LONGEST) (blocks.take(line), line = "");
      return blocks.drain();
    },
    tail: () => line !== "" ? line : blocks.last(),
    end() {
      if (line !== "") blocks.take(line);
      line = "";
      blocks.end();
      return blocks.drain();
    },
  };
}

/** Gathers whole lines to blocks and renders them. */
function createBlocks(page: Page) {
  let block: string[] = [];
  let size = 0;
  let blank = false;
  let any = false;
  let fence: { mark: string; indent: number } | undefined;
  const out: string[] = [];
  const show = (rows: string[]) => {
    if (rows.length === 0) return;
    if (blank && any) out.push("");
    blank = false;
    any = true;
    for (const row of rows) out.push(row);
  };
  const flush = () => {
    const text = block.join("\n");
    block = [];
    size = 0;
    if (text.trim() !== "") show(renderMarkdown(text, page));
    if (/\n\s*$/.test(text)) blank = true;
  };
  const inFence = (next: string, { mark, indent }: { mark: string; indent: number }) => {
    const edge = FENCE.exec(next);
    const ends = edge !== null && edge[2]?.startsWith(mark) && edge[3]?.trim() === "";
    if (!ends) return show(code(next.slice(Math.min(indent, next.search(/\S|$/))), page));
    if (!page.color) show([next]);
    fence = undefined;
  };
  const open = (next: string, [, indent = "", mark = "", info = ""]: RegExpExecArray) => {
    flush();
    fence = { mark, indent: indent.length };
    const label = page.color ? page.paint("dim", info.trim()) : next;
    if (label !== "") show(fold(label, page.columns()));
  };
  const take = (next: string) => {
    if (fence !== undefined) return inFence(next, fence);
    const edge = FENCE.exec(next);
    if (edge !== null) return open(next, edge);
    const empty = next.trim() === "";
    const ends = block.length > 0 && block.at(-1)?.trim() === "" && !empty && !/^\s/.test(next);
    if (ends || size > LONGEST) flush();
    if (empty && block.length === 0) blank = true;
    else (block.push(next), size += next.length);
    if (ALONE.test(next) && block.length === 1) flush();
  };
  const end = () => {
    flush();
    fence = undefined;
    blank = any = false;
  };
  return { take, end, drain: () => out.splice(0), last: () => block.findLast((one) => one.trim() !== "") ?? "" };
}

function code(text: string, { columns, color, paint }: Page): string[] {
  if (!color) return fold(text, columns(), { hard: true });
  return fold(expandTabs(text), columns() - 2, { hard: true }).map((row) => `  ${paint("cyan", row)}`);
}

/** A whole text as rows. */
export function renderMarkdown(text: string, page: Page): string[] {
  if (lex === undefined) return fold(text, page.columns());
  return blocks(lex(text), page.columns(), page);
}

function blocks(tokens: Token[], columns: number, page: Page): string[] {
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
  switch (token.type) {
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

function list(token: Tokens.List, columns: number, page: Page): string[] {
  return token.items.flatMap((item, index) => {
    const mark = token.ordered ? `${Number(token.start || 1) + index}. ` : page.color ? "• " : "- ";
    const inner = item.tokens.filter(({ type }) => type !== "checkbox");
    const body = blocks(inner, Math.max(4, columns - mark.length), page);
    const box = item.task ? (item.checked ? "[x] " : "[ ] ") : "";
    return (body.length > 0 ? body : [""]).map((row, at) =>
      at === 0 ? mark + box + row : " ".repeat(mark.length) + row
    );
  });
}

/** Columns side by side if they fit, else one `header: cell` a line. */
function table(token: Tokens.Table, columns: number, page: Page): string[] {
  const head = token.header.map((cell) => inline(cell.tokens, page));
  const body = token.rows.map((row) => row.map((cell) => inline(cell.tokens, page)));
  const sizes = head.map((cell, at) => Math.max(width(cell), ...body.map((row) => width(row[at] ?? ""))));
  if (sizes.reduce((sum, size) => sum + size + 3, -3) > columns) {
    return body.flatMap((row) =>
      row.flatMap((cell, at) => fold(`${page.paint("bold", head[at] ?? "")}: ${cell}`, columns))
    );
  }
  const line = (cells: string[]) =>
    cells.map((cell, at) => cell + " ".repeat(Math.max(0, (sizes[at] ?? 0) - width(cell)))).join(" │ ").trimEnd();
  const rule = page.paint("dim", sizes.map((size) => "─".repeat(size)).join("─┼─"));
  return [line(head.map((cell) => page.paint("bold", cell))), rule, ...body.map(line)];
}

function inline(tokens: Token[], page: Page): string {
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
