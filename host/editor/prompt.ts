/** What the person's keys mean at the prompt: a pure state machine around the editor. */
import { type Deed, type Editor, EMPTY, press } from "./editor.ts";
import type { Key } from "./keys.ts";
import { oneLine } from "../render/safe.ts";
import type { Paint } from "../render/style.ts";
import { layout, type Live } from "./view.ts";
import { truncate } from "../render/width.ts";

/** The state of the prompt. `past` is oldest first, `ctrlC` the time of the last Ctrl-C at an empty line. */
export interface Prompt {
  editor: Editor;
  past: string[];
  queue: string[];
  hint: string;
  ctrlC: number;
  working: boolean;
}

/** What a key asks for beyond editing. */
export type Wish = Deed | { type: "interrupt" } | { type: "end" } | { type: "unqueue" } | { type: "suspend" };

/** Rows of the live region. */
const ROWS = 3;
/** Within this time a second Ctrl-C leaves, in milliseconds. */
const TWICE = 2000;

/** A prompt with nothing in it. */
export const FRESH: Prompt = { editor: EMPTY, past: [], queue: [], hint: "", ctrlC: -TWICE, working: false };

/** One key at a time in milliseconds. */
export function react(old: Prompt, key: Key, now: number): { prompt: Prompt; wish: Wish } {
  const { editor, working } = old;
  const prompt = { ...old, hint: "" };
  const wish = (type: Exclude<Wish["type"], "submit">) => ({ prompt, wish: { type } });
  const searching = editor.search !== undefined;
  const empty = editor.text === "" && !searching;
  if (key.name === "ctrl-z") return wish("suspend");
  if (key.name === "esc" && !searching) return wish(working ? "interrupt" : "none");
  if (key.name === "ctrl-d" && empty) return wish("end");
  if (key.name === "up" && empty && old.queue.length > 0) return wish("unqueue");
  if (key.name === "ctrl-c" && !searching) {
    prompt.editor = { ...EMPTY, kill: editor.kill };
    if (!empty) return wish("none");
    if (working) return wish("interrupt");
    prompt.ctrlC = now;
    if (now - old.ctrlC < TWICE) return wish("end");
    prompt.hint = "Press Ctrl-C again to leave";
    return wish("none");
  }
  const pressed = press(editor, key, old.past);
  prompt.editor = pressed.editor;
  return { prompt, wish: pressed.deed };
}

/** What is drawn of a prompt: at most three rows, of which one may be said by a question, a hint or the work that goes on. */
export function drawPrompt(
  prompt: Prompt,
  { view, status, label, columns, paint }: {
    view: { row: string } | { editor: Editor } | undefined;
    status: () => string;
    label: string;
    columns: number;
    paint: Paint;
  },
): Live {
  const { editor, hint, queue } = prompt;
  const rows: string[] = [];
  const row = (style: Parameters<Paint>[0], text: string) =>
    rows.push(paint(style, truncate(oneLine(text), columns - 1)));
  if (view !== undefined && "row" in view) row("yellow", view.row);
  else if (hint !== "") row("dim", hint);
  else if (prompt.working) row("dim", status());
  if (queue.length > 0) row("dim", `queued ${queue.length}: ${queue.at(-1)}`);
  const found = editor.text.includes(editor.search?.query ?? "") ? "search" : "not found";
  const search = editor.search === undefined ? `${label}> ` : `${found} "${editor.search.query}": `;
  const [shown, lead] = view !== undefined && "editor" in view ? [view.editor, "answer> "] : [editor, search];
  const edit = layout(shown, { label: lead, columns, rows: ROWS - rows.length });
  return { rows: [...rows, ...edit.rows], row: rows.length + edit.row, column: edit.column };
}
