/** The line editor: a pure state machine from keys to text and caret. Draws nothing, knows no terminal. */
import type { Key } from "./keys.ts";
import { graphemes } from "../render/width.ts";

/** What is being edited. Long pastes stand as one private character each, `PASTE + index in pastes`; `at` is the history entry shown. */
export interface Editor {
  text: string;
  caret: number;
  kill: string;
  pastes: string[];
  at: number | undefined;
  draft: string;
  search: { query: string; at: number; saved: string } | undefined;
}

/** What the editor asks of its owner after a key. */
export type Deed = { type: "submit"; text: string } | { type: "complete" } | { type: "none" };

/** An empty editor. */
export const EMPTY: Editor = { text: "", caret: 0, kill: "", pastes: [], at: undefined, draft: "", search: undefined };

const PASTE = 0xf0000;
const PLACEHOLDER = /[\u{f0000}-\u{ffffd}]/gu;
const LONG_LINES = 5;
const LONG_TEXT = 1000;
/** How far around the caret is looked for the bounds of a grapheme. */
const NEAR = 200;

/** The text as it will be submitted: pastes in place of their placeholders. */
export function expand(editor: Editor): string {
  return editor.text.replace(PLACEHOLDER, (mark) => editor.pastes[(mark.codePointAt(0) ?? 0) - PASTE] ?? mark);
}

/** What a person sees of one grapheme. */
export function display(editor: Editor, grapheme: string): string {
  const paste = editor.pastes[(grapheme.codePointAt(0) ?? 0) - PASTE];
  if (paste === undefined) return grapheme === "\t" ? "  " : grapheme;
  const lines = paste.split("\n").length;
  return lines > 1 ? `[paste, ${lines} lines]` : `[paste, ${paste.length} characters]`;
}

/** Puts text in at the caret; a long one as a placeholder. */
export function insert(editor: Editor, text: string): Editor {
  const long = text.length > LONG_TEXT || text.split("\n").length > LONG_LINES;
  const added = long ? String.fromCodePoint(PASTE + editor.pastes.length) : text.replace(PLACEHOLDER, "");
  const { caret } = editor;
  return {
    ...editor,
    text: editor.text.slice(0, caret) + added + editor.text.slice(caret),
    caret: caret + added.length,
    pastes: long ? [...editor.pastes, text] : editor.pastes,
  };
}

/** An editor that holds this text, caret at its end. */
export function holding(editor: Editor, text: string): Editor {
  return insert({ ...EMPTY, kill: editor.kill }, text);
}

/** One key. `history` is oldest first. Enter submits, unless the text ends in a backslash: then it starts a new line. */
export function press(editor: Editor, key: Key, history: string[]): { editor: Editor; deed: Deed } {
  if (editor.search !== undefined) {
    const found = pressInSearch(editor, key, history);
    if (found !== undefined) return { editor: found, deed: { type: "none" } };
    return press({ ...editor, search: undefined }, key, history);
  }
  if (key.name === "enter") return enter(editor);
  if (key.name === "tab") return { editor, deed: { type: "complete" } };
  return { editor: edited(editor, key, history), deed: { type: "none" } };
}

function enter(editor: Editor): { editor: Editor; deed: Deed } {
  if (/(^|[^\\])(\\\\)*\\$/.test(editor.text) && editor.caret === editor.text.length) {
    return { editor: insert(remove(editor, editor.caret - 1, editor.caret), "\n"), deed: { type: "none" } };
  }
  return { editor: { ...EMPTY, kill: editor.kill }, deed: { type: "submit", text: expand(editor) } };
}

/** Keys that move the caret, with where it goes. */
const MOVES: Record<string, (editor: Editor) => number> = {
  left: before,
  "ctrl-b": before,
  right: after,
  "ctrl-f": after,
  "ctrl-left": wordBefore,
  "alt-left": wordBefore,
  "alt-b": wordBefore,
  "ctrl-right": wordAfter,
  "alt-right": wordAfter,
  "alt-f": wordAfter,
  home: lineStart,
  "ctrl-a": lineStart,
  end: lineEnd,
  "ctrl-e": lineEnd,
};

/** Keys that take text away between the caret and a place; all but the first three keep it for Ctrl-Y. */
const CUTS: Record<string, (editor: Editor) => number> = {
  backspace: before,
  delete: after,
  "ctrl-d": after,
  "ctrl-k": (editor) => lineEnd(editor) > editor.caret ? lineEnd(editor) : after(editor),
  "ctrl-u": (editor) => lineStart(editor) < editor.caret ? lineStart(editor) : before(editor),
  "ctrl-w": (editor) => wordBefore(editor, /\S+\s*$|\s+$/),
  "alt-backspace": wordBefore,
  "alt-d": wordAfter,
};

function edited(editor: Editor, { name, text }: Key, history: string[]): Editor {
  const { caret } = editor;
  const move = MOVES[name];
  if (move !== undefined) return { ...editor, caret: move(editor) };
  const place = CUTS[name]?.(editor);
  if (place !== undefined) {
    const [from, to] = [Math.min(place, caret), Math.max(place, caret)];
    const left = remove(editor, from, to);
    if (from === to || ["backspace", "delete", "ctrl-d"].includes(name)) return left;
    return { ...left, kill: expand({ ...editor, text: editor.text.slice(from, to) }) };
  }
  if (name === "text" || name === "paste") return insert(editor, text);
  if (/^(alt|shift|ctrl)-enter$/.test(name)) return insert(editor, "\n");
  if (name === "ctrl-y") return insert(editor, editor.kill);
  if (name === "up" || name === "ctrl-p") return vertical(editor, -1, history);
  if (name === "down" || name === "ctrl-n") return vertical(editor, 1, history);
  if (name === "ctrl-r") return { ...editor, search: { query: "", at: history.length, saved: editor.text } };
  return editor;
}

/** Up and down move between lines; beyond the first and last, through history. */
function vertical(editor: Editor, step: -1 | 1, history: string[]): Editor {
  const start = lineStart(editor);
  const column = editor.caret - start;
  if (step === -1 && start > 0) {
    const target = { ...editor, caret: start - 1 };
    return snap({ ...editor, caret: Math.min(lineStart(target) + column, start - 1) });
  }
  const end = lineEnd(editor);
  if (step === 1 && end < editor.text.length) {
    return snap({ ...editor, caret: Math.min(end + 1 + column, lineEnd({ ...editor, caret: end + 1 })) });
  }
  const at = (editor.at ?? history.length) + step;
  if (at < 0 || at > history.length || (editor.at === undefined && step === 1)) return editor;
  const draft = editor.at === undefined ? expand(editor) : editor.draft;
  const shown = at === history.length ? draft : history[at] ?? "";
  return { ...holding(editor, shown), at: at === history.length ? undefined : at, draft };
}

/** Ctrl-R. Returns nothing when the key leaves the search and is to be read again. */
function pressInSearch(editor: Editor, { name, text }: Key, history: string[]): Editor | undefined {
  const { search } = editor;
  if (search === undefined) return undefined;
  const seek = (query: string, from: number): Editor => {
    const at = history.findLastIndex((line, index) => index <= from && line.includes(query));
    if (at === -1 || query === "") return { ...editor, search: { ...search, query } };
    return { ...holding(editor, history[at] ?? ""), search: { ...search, query, at } };
  };
  if (name === "text" || name === "paste") return seek(search.query + text.replaceAll("\n", " "), history.length);
  if (name === "backspace") return seek(graphemes(search.query).slice(0, -1).join(""), history.length);
  if (name === "ctrl-r") return seek(search.query, search.at - 1);
  if (name === "esc" || name === "ctrl-g" || name === "ctrl-c") return holding(editor, search.saved);
  if (name === "enter" || name === "tab") return { ...editor, search: undefined };
  return undefined;
}

function remove(editor: Editor, from: number, to: number): Editor {
  return { ...editor, text: editor.text.slice(0, from) + editor.text.slice(to), caret: from };
}

function before({ text, caret }: Editor): number {
  return caret - (graphemes(text.slice(Math.max(0, caret - NEAR), caret)).at(-1)?.length ?? 0);
}

function after({ text, caret }: Editor): number {
  return caret + (graphemes(text.slice(caret, caret + NEAR))[0]?.length ?? 0);
}

/** The caret, moved left to the start of the grapheme it stands in. */
function snap(editor: Editor): Editor {
  let caret = lineStart(editor);
  for (const grapheme of graphemes(editor.text.slice(caret, editor.caret + NEAR))) {
    if (caret + grapheme.length > editor.caret) break;
    caret += grapheme.length;
  }
  return { ...editor, caret };
}

function wordBefore(
  { text, caret }: Editor,
  word = /[\p{L}\p{N}\p{M}_]+[^\p{L}\p{N}\p{M}_]*$|[^\p{L}\p{N}\p{M}_]+$/u,
): number {
  return caret - (word.exec(text.slice(Math.max(0, caret - NEAR), caret))?.[0].length ?? 0);
}

function wordAfter({ text, caret }: Editor): number {
  return caret + (/^[^\p{L}\p{N}\p{M}_]*[\p{L}\p{N}\p{M}_]*/u.exec(text.slice(caret))?.[0].length ?? 0);
}

function lineStart({ text, caret }: Editor): number {
  return caret === 0 ? 0 : text.lastIndexOf("\n", caret - 1) + 1;
}

function lineEnd({ text, caret }: Editor): number {
  const end = text.indexOf("\n", caret);
  return end === -1 ? text.length : end;
}
