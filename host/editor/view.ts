/** The editor as rows of the live region, with the place of the caret. */
import { display, type Editor } from "./editor.ts";
import { graphemes, graphemeWidth, truncate, width } from "../render/width.ts";

/** Rows to show below the output; `row` and `column` say where the real cursor stands. */
export interface Live {
  rows: string[];
  row: number;
  column: number;
}

/** How much text on either side of the caret is laid out. */
const AROUND = 2000;

/**
 * Lays the editor out in at most so many rows that contain the caret. The label stands before the first row; the last column
 * stays free, so that no terminal wraps by itself.
 */
export function layout(
  editor: Editor,
  { label, columns, rows }: { label: string; columns: number; rows: number },
): Live {
  const lead = width(label) + 8 > columns ? truncate("> ", Math.max(0, columns - 4)) : label;
  const indent = " ".repeat(width(lead));
  const room = Math.max(2, columns - 1 - indent.length);
  const lines = [""];
  let used = 0;
  let caret = { row: 0, column: 0 };
  const put = (piece: string) => {
    const size = graphemeWidth(piece);
    if (used + size > room) (lines.push(""), used = 0);
    lines.push(lines.pop() + piece);
    used += size;
  };
  const from = Math.max(0, editor.caret - AROUND);
  let at = from;
  const mark = () => (caret = { row: lines.length - 1, column: used });
  for (const grapheme of graphemes(editor.text.slice(from, editor.caret + AROUND))) {
    if (at === editor.caret) mark();
    at += grapheme.length;
    if (grapheme === "\n") (lines.push(""), used = 0);
    else for (const piece of graphemes(display(editor, grapheme))) put(piece);
  }
  if (at === editor.caret) mark();
  const first = Math.max(0, caret.row - rows + 1);
  return {
    rows: lines.slice(first, first + rows).map((line, index) => (index === 0 ? lead : indent) + line),
    row: caret.row - first,
    column: indent.length + caret.column,
  };
}
