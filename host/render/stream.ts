/** Markdown while it streams: each row as soon as nothing that may follow can change it. */
import type { Token, Tokens } from "marked";
import { blocks, code, inline, lex, marker, type Page, renderMarkdown, SHOWN } from "./markdown.ts";
import { bare, CJK, fold, width } from "./width.ts";

/** A stream of markdown that went through `safe`. Every character of text that is fed comes out exactly once, in order. */
export interface Markdown {
  /** Takes a piece; returns the rows that are now complete. How the text is cut into pieces changes no row. */
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
/** A line that is this only may still become a rule, an item, the underline of a heading or of a table's head. */
const VAGUE = /^[-=|:*+_.)#<>~`\d\s]*$/;
/** The marks of lists at the beginning of a line. */
const MARKS = /^\s*(?:(?:[-*+]|\d{1,9}[.)])\s+)+/;
/** What may stand before the text of a line, and then the line can go on as it is. */
const INDENT = /^\s*((?:[-*+]|\d{1,9}[.)])\s+)*(\[[ xX]\]\s+)?$/;
/** What a later character may make an emphasis, a link, code or HTML of. */
const OPEN = /\*(?![*\s])|(?<![\p{L}\p{N}_])_+(?![_\s])|~(?![~\s])|`|\[(?![^[\]]*\][^([:])|<(?![^a-zA-Z/!?])|\\$/u;
/** Reaches over what comes after it: tabs, a link in HTML, an item without a text. */
const ODD = /\t|<a\s|^(?:\s*(?:[-*+]|\d+[.)]))+\s*$/im;
/** A word and what ends it; a place between two words. */
const WORD = new RegExp(`[^ \n][ \n${CJK}]|[${CJK}]\\P{M}`, "u");
const ENDS = new RegExp(`[\\s${CJK}]`);
const BETWEEN = new RegExp(`^(?:[ \n]|[${CJK}](?=[${CJK}\\p{L}\\p{N}])|[\\p{L}\\p{N}](?=[${CJK}]))`, "u");

/** Makes a stream: code line by line, of other blocks what is settled, the rest when it is complete (a blank line, then one that is not indented). */
export function createMarkdown(page: Page): Markdown {
  const blocks = createBlocks(page);
  let line = "";
  const put = (next: string) => {
    if (next === "\n" || line.length === LONGEST) (blocks.take(line), line = "");
    if (next === "\n") return;
    if (line === "" && next !== " " && next !== "\t") blocks.begin();
    line += next;
    if (!/[-\s\ud800-\udbff]/.test(next)) line = blocks.settle(line);
  };
  return {
    feed(text) {
      for (let at = 0; at < text.length; at++) put(text.charAt(at));
      return blocks.drain();
    },
    tail: () => (line || blocks.last()).replace(/^.*\f/, ""),
    end() {
      if (line !== "") blocks.take(line);
      line = "";
      blocks.end();
      return blocks.drain();
    },
  };
}

/** Gathers lines to blocks and renders them. */
function createBlocks(page: Page) {
  let block: string[] = [];
  let size = 0;
  let wait = 0, enough = 0;
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
    size = wait = 0;
    if (text.trim() !== "") show(renderMarkdown(text, page).slice(shown(text)));
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
    enough = 0;
    if (fence !== undefined) return inFence(next, fence);
    const edge = FENCE.exec(next);
    if (edge !== null) return open(next, edge);
    if (size > LONGEST) flush();
    if (next.trim() === "" && block.length === 0) blank = true;
    else (block.push(next), size += next.length);
    if (ALONE.test(next) && block.length === 1) flush();
  };
  /** Shows what is settled of the block and its unfinished line; returns what that line is now. Looks ever more rarely while nothing is. */
  const settle = (line: string): string => {
    const total = size + line.length;
    const whole = block.at(-1)?.endsWith(SHOWN) ?? true;
    if (fence !== undefined || total < wait || line.length < enough) return line;
    const room = page.columns() - width(line.slice(line.indexOf("\f") + 1));
    enough = line.length + (VAGUE.test(line) ? line.length >> 2 : Math.max(8, room >> 1));
    if (VAGUE.test(line) || (whole && room >= 0)) return line;
    wait = total + Math.max(8, total >> 2);
    const next = settled(block, line, page);
    if (next === undefined) return line;
    show(next.rows);
    block = next.block;
    size = block.join("").length;
    wait = size + next.line.length + (size >> 2);
    enough = 0;
    return next.line;
  };
  return {
    take,
    settle,
    /** A line begins that is not indented. */
    begin: () => block.at(-1)?.trim() === "" && flush(),
    end() {
      flush();
      fence = undefined;
      blank = any = false;
    },
    drain: () => out.splice(0),
    last: () => block.findLast((one) => one.trim() !== "" && !one.endsWith(SHOWN)) ?? "",
  };
}

function shown(text: string): number {
  return text.split(SHOWN).length - 1;
}

/** The rows that are final, and what stands for them before the rest: `SHOWN`, behind the marks of the lists that they are in. */
function settled(block: string[], line: string, page: Page) {
  const text = [...block, line].join("\n");
  const tokens = (ODD.test(text) ? undefined : lex?.(text)) ?? [];
  const rows = blocks(tokens, page.columns(), page);
  let columns = page.columns();
  let last = tokens.at(-1) as Tokens.Generic | undefined;
  while (last?.type === "list") {
    const list = last as Tokens.List;
    columns = Math.max(4, columns - marker(list, list.items.length - 1, page).length);
    last = list.items.at(-1)?.tokens.at(-1);
  }
  const cut = /^(paragraph|text)$/.test(last?.type ?? "") && lastRow(last?.tokens ?? [], columns, page);
  if (!cut || cut.size > line.length || rows.length - cut.rows <= shown(text)) return undefined;
  const left = line.slice(0, line.length - cut.size);
  const whole = INDENT.test(left);
  const own = MARKS.exec(line)?.[0] ?? "";
  const kept = block.flatMap((one) => (MARKS.exec(one) ?? []).map((mark) => mark + SHOWN));
  if (whole ? cut.first && left.trim() === "" : line.includes("|") || (own === "" && kept.length > 0)) return undefined;
  if (whole && own === "" && kept.length === 0) kept.push(SHOWN);
  const next = whole ? line : `${own}${SHOWN}${cut.pad}\f${line.slice(-cut.size)}`;
  // What is left has to go on as it would have: over more rows, and on a line that is not indented.
  const probe = `${" x".repeat(columns)}\nx`;
  const after = [...kept, next].join("\n");
  const wanted = renderMarkdown(text + probe, page).slice(rows.length - cut.rows);
  if (renderMarkdown(after + probe, page).slice(shown(after)).join("\n") !== wanted.join("\n")) return undefined;
  return { rows: rows.slice(shown(text), -cut.rows), block: kept, line: next };
}

/** The last row of a paragraph that surely begins where it does: how many rows and characters of the source come from there. */
function lastRow(tokens: Token[], columns: number, page: Page) {
  const styled = inline(tokens, page);
  const text = bare(styled);
  let end = 0;
  const starts = fold(styled, columns).map(bare).map((row) => {
    const start = text.indexOf(row, end);
    end = start + row.length;
    return start;
  });
  let source = tokens.map(({ raw }) => raw).join("");
  let at = 0, sure = -1;
  const spans = tokens.map((token) => {
    const span = { at, size: source.length, literal: token.type === "text" };
    source = source.slice(token.raw.length);
    const open = span.literal ? token.raw.search(OPEN) : closed(token) && ENDS.test(source) ? -1 : 0;
    if (open >= 0 && sure < 0) sure = at + open;
    at += bare(inline([token], page)).length;
    return span;
  });
  const certain = text.slice(0, sure < 0 ? at : sure);
  for (let index = starts.length - 1; index >= 0; index--) {
    const start = starts[index] ?? 0;
    const span = spans.findLast((one) => one.at <= start);
    if (span === undefined || start > certain.length || (start > span.at && !span.literal)) continue;
    const begins = start === 0 || text[start - 1] === "\n";
    if (!begins && !(BETWEEN.test(text.slice(start - 1, start + 1)) && WORD.test(certain.slice(start)))) continue;
    const pad = " ".repeat(width(text.slice(text.lastIndexOf("\n", start - 1) + 1, start)) % 4);
    return { rows: starts.length - index, size: span.size - (start - span.at), first: index === 0, pad };
  }
  return undefined;
}

/** True if no later text can make something else of a token. */
function closed({ type, raw, tokens }: Tokens.Generic): boolean {
  return type === "text" ? !OPEN.test(raw) : type === "link" || (tokens?.every(closed) ?? type !== "html");
}
