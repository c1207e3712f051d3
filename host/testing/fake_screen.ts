// deno-lint-ignore-file no-control-regex
/** For tests only: a terminal that shows what a person would see. Strict: a sequence it does not know is an error. */
import { graphemes, graphemeWidth } from "../render/width.ts";

/** Makes a screen of so many columns. `rows()` is scrollback and screen together, blanks at line ends removed. */
export function fakeScreen(columns: number) {
  const rows: string[][] = [[]];
  let row = 0;
  let column = 0;
  let raw = "";
  const decoder = new TextDecoder();
  const csi = (parameters: string, end: string) => {
    const number = Number(parameters || 1);
    if (end === "A") row = Math.max(0, row - number);
    else if (end === "C") column = Math.min(columns - 1, column + number);
    else if (end === "J" && parameters === "") {
      rows.length = row + 1;
      rows[row] = (rows[row] ?? []).slice(0, column);
    } else if (end !== "m" && !/^\?(2004|2026|25|7)[hl]$/.test(parameters + end)) {
      throw new Error(`Cannot show "CSI ${parameters}${end}": the fake screen does not know it`);
    }
  };
  const put = (grapheme: string) => {
    const size = graphemeWidth(grapheme);
    if (column + size > columns) (column = 0, row++);
    const cells = rows[row] ??= [];
    while (cells.length < column) cells.push(" ");
    if (size === 0) cells[column - 1] += grapheme;
    else cells.splice(column, size, grapheme, ...Array<string>(size - 1).fill(""));
    column += size;
  };
  const write = (text: string) => {
    raw += text;
    for (
      const [, sequence, parameters = "", end = "", control, plain] of text.matchAll(
        /(\x1b\[([0-?]*)([@-~]))|([\x00-\x1f\x7f-\x9f])|([^\x00-\x1f\x7f-\x9f]+)/g,
      )
    ) {
      if (sequence) csi(parameters, end);
      else if (control === "\r") column = 0;
      else if (control === "\n") (row++, rows[row] ??= []);
      else if (control) throw new Error(`Cannot show a control character: ${JSON.stringify(control)}`);
      else for (const one of graphemes(plain ?? "")) put(one);
    }
  };
  return {
    write: (bytes: Uint8Array) => (write(decoder.decode(bytes, { stream: true })), Promise.resolve(bytes.length)),
    isTerminal: () => true,
    rows: () => rows.map((cells) => cells.join("").trimEnd()),
    raw: () => raw,
    /** Where the cursor stands, and the text left of it in its row. */
    cursor: () => ({ row, column, before: (rows[row] ?? []).slice(0, column).join("") }),
    resize: (next: number) => (columns = next),
  };
}
