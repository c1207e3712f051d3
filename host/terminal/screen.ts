/** The only place that moves the cursor: append-only output with a small live region below it. */
import type { Live } from "../editor/view.ts";
import type { Writer } from "./writer.ts";

/** Output above, live region below. */
export interface Screen {
  /** Appends lines to the output and draws the live region anew, in one write. Does nothing if nothing changed. */
  paint(lines: string[], live: Live): void;
  /** Leaves the live region: appends lines, erases it, the cursor stands on an empty row. */
  leave(lines: string[]): void;
  /** The window changed: draws even if nothing else did. */
  forget(): void;
}

const NONE: Live = { rows: [""], row: 0, column: 0 };

/**
 * Makes a screen. Erases nothing but the rows it drew itself: from the first row of the live region down. After the window
 * got narrower a terminal may have folded those rows; then remains of them stay in the scrollback, but no output is lost.
 */
export function createScreen(writer: Writer): Screen {
  let shown: Live = NONE;
  let drawn = "";
  let missed = 0;
  const draw = (lines: string[], live: Live) => {
    const frame = live.rows.join("\r\n") + place(live);
    if (lines.length === 0 && frame === drawn) return;
    const up = shown.row > 0 ? `\x1b[${shown.row}A` : "";
    const note = missed > 0 ? [`[${missed} lines were not shown: the terminal is too slow]`] : [];
    const text = [...note, ...lines].map((line) => `${line}\r\n`).join("");
    missed += lines.length;
    // No wrapping: a terminal that counts an emoji wider than we do must not make two rows of one.
    if (!writer.write(`\x1b[?2026h\r${up}\x1b[J${text}\x1b[?7l${frame}\x1b[?7h\x1b[?2026l`)) return;
    missed = 0;
    shown = live;
    drawn = frame;
  };
  return { paint: draw, leave: (lines) => draw(lines, NONE), forget: () => drawn = "" };
}

/** From the end of the last row to the caret. */
function place({ rows, row, column }: Live): string {
  const up = rows.length - 1 - row;
  return (up > 0 ? `\x1b[${up}A` : "") + "\r" + (column > 0 ? `\x1b[${column}C` : "");
}
