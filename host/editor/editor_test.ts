import { deepStrictEqual as equal } from "node:assert/strict";
import { type Editor, EMPTY, expand, press } from "./editor.ts";
import type { Key } from "./keys.ts";
import { layout } from "./view.ts";
import { fold, width } from "../render/width.ts";

const HISTORY = ["git log", "deno test", "multi\nline"];

/** Keys in a row: names in angle brackets, the rest typed. Shows the caret as `|`. */
function after(keys: string, history = HISTORY): { shown: string; sent: string[]; editor: Editor } {
  let editor = EMPTY;
  const sent: string[] = [];
  for (const [, name, text] of keys.matchAll(/<([a-z-]+)>|([^<]+)/g)) {
    const key: Key = name ? { name, text: "" } : { name: "text", text: text ?? "" };
    const pressed = press(editor, key, history);
    editor = pressed.editor;
    if (pressed.deed.type !== "none") sent.push(pressed.deed.type === "submit" ? pressed.deed.text : "complete");
  }
  return { shown: `${editor.text.slice(0, editor.caret)}|${editor.text.slice(editor.caret)}`, sent, editor };
}

const table: [what: string, keys: string, shown: string, sent?: string[]][] = [
  ["typing", "abc", "abc|"],
  ["left and insert", "ac<left>b", "ab|c"],
  ["left beyond the start", "a<left><left><left>b", "b|a"],
  ["right beyond the end", "a<right>b", "ab|"],
  ["left over a ZWJ family", "a👩‍👩‍👧<left>", "a|👩‍👩‍👧"],
  ["backspace of a flag", "🇩🇪🇫🇷<backspace>", "🇩🇪|"],
  ["backspace of a combined letter", "xe\u0301<backspace>", "x|"],
  ["delete", "abc<home><delete>", "|bc"],
  ["Ctrl-D with text deletes", "abc<ctrl-a><ctrl-d>", "|bc"],
  ["home and end", "abc<ctrl-a>x<ctrl-e>y", "xabcy|"],
  ["Ctrl-K and Ctrl-Y", "hello world<home><alt-f><ctrl-k><home><ctrl-y>", " world|hello"],
  ["Ctrl-U", "hello<ctrl-u>x", "x|"],
  ["Ctrl-W", "git commit -m<ctrl-w>", "git commit |"],
  ["Ctrl-W over CJK", "中文<ctrl-w>", "|"],
  ["word left and right", "one two three<alt-b><alt-b>", "one |two three"],
  ["Alt-D", "one two<home><alt-d>", "| two"],
  ["Enter submits and empties", "abc<enter>", "|", ["abc"]],
  ["a trailing backslash starts a line", "one\\<enter>two", "one\ntwo|"],
  ["two trailing backslashes submit", "one\\\\<enter>", "|", ["one\\\\"]],
  ["Alt-Enter and Shift-Enter start a line", "a<alt-enter>b<shift-enter>c", "a\nb\nc|"],
  ["up and down between lines keep the column", "abc<alt-enter>de<up>", "ab|c\nde"],
  ["down again", "abc<alt-enter>de<up><end><down>", "abc\nde|"],
  ["up does not split a grapheme", "👍👍<alt-enter>abc<up>", "👍|👍\nabc"],
  ["Ctrl-A in the second line", "abc<alt-enter>de<ctrl-a>", "abc\n|de"],
  ["Ctrl-U at a line's start joins lines", "a<alt-enter><ctrl-u>", "a|"],
  ["history up", "<up>", "multi\nline|"],
  ["history twice up through a multi-line entry", "<up><up><up>", "deno test|"],
  ["history and back keeps the draft", "draft<up><down>", "draft|"],
  ["history up beyond the oldest", "<up><up><up><up><up><up>", "git log|"],
  ["down with no history shown", "x<down>", "x|"],
  ["Ctrl-R", "<ctrl-r>deno", "deno test|"],
  ["Ctrl-R older", "<ctrl-r>o<ctrl-r>", "git log|"],
  ["Ctrl-R without a match keeps what is there", "x<ctrl-r>zzz", "x|"],
  ["Ctrl-R then Esc restores", "draft<ctrl-r>git<esc>", "draft|"],
  ["Ctrl-R then Enter takes without sending", "<ctrl-r>git<enter>", "git log|"],
  ["Ctrl-R then an arrow goes on editing", "<ctrl-r>git<left>x", "git lox|g"],
  ["Tab asks for completion", "/he<tab>", "/he|", ["complete"]],
  ["unknown keys do nothing", "a<pageup><ctrl-t><insert>", "a|"],
];
for (const [what, keys, shown, sent = []] of table) {
  Deno.test(`editor: ${what}`, () => {
    const result = after(keys);
    equal(result.shown, shown);
    equal(result.sent, sent);
  });
}

const paste = (editor: Editor, text: string) => press(editor, { name: "paste", text }, []).editor;

Deno.test("editor: a long paste is one unit, deleted at once, and sent in full; a short one is text", () => {
  const long = "x".repeat(5000);
  const editor = paste(paste(EMPTY, "short\n"), long);
  equal(editor.text.startsWith("short\n"), true);
  equal(expand(editor), `short\n${long}`);
  const shown = layout(editor, { label: "> ", columns: 60, rows: 3 });
  equal(shown.rows, ["> short", "  [paste, 5000 characters]"]);
  equal(expand(press(editor, { name: "backspace", text: "" }, []).editor), "short\n");
  equal(press(editor, { name: "enter", text: "" }, []).deed, { type: "submit", text: `short\n${long}` });
});

Deno.test("editor: a killed paste comes back whole, and private characters typed by hand stand for no paste", () => {
  const long = "line\n".repeat(50);
  let editor = paste(EMPTY, long);
  for (const name of ["ctrl-w", "ctrl-y"]) editor = press(editor, { name, text: "" }, []).editor;
  equal(expand(editor), long);
  equal(expand(press(editor, { name: "text", text: "\u{f0000}" }, []).editor), long);
});

Deno.test("the layout holds the caret at every place and every width, and no row is wider than the window", () => {
  const text = "中文 mixed with ascii 👩‍👩‍👧 and\nlines e\u0301\n" + "word ".repeat(40);
  for (const columns of [8, 12, 20, 40, 80]) {
    for (let caret = 0; caret <= text.length; caret++) {
      const live = layout({ ...EMPTY, text, caret }, { label: "evo 3> ", columns, rows: 3 });
      const where = `caret ${caret} at ${columns}`;
      equal(live.rows.length <= 3 && live.rows.length > 0, true, where);
      equal(live.row >= 0 && live.row < live.rows.length, true, where);
      equal(live.column < columns, true, where);
      for (const row of live.rows) equal(width(row) < columns, true, `${where}: ${row}`);
    }
  }
});

Deno.test("the caret stands behind exactly the text that is before it", () => {
  const text = "ab中👍e\u0301z";
  for (const caret of [0, 1, 2, 3, 5, 7, 8]) {
    const { column } = layout({ ...EMPTY, text, caret }, { label: "> ", columns: 40, rows: 3 });
    equal(column, 2 + width(text.slice(0, caret)));
  }
});

Deno.test("a megabyte in the editor is laid out at once", () => {
  const text = "a".repeat(1 << 20);
  equal(layout({ ...EMPTY, text, caret: text.length }, { label: "> ", columns: 20, rows: 3 }).rows.length, 3);
  equal(fold(text, 80, { hard: true }).length, Math.ceil(text.length / 80));
});
