/** When to draw: rows are gathered, and drawn together with the live region, at most once a frame. */
import { createScreen } from "./screen.ts";
import type { Live } from "../editor/view.ts";
import type { Writer } from "./writer.ts";

/** Output that comes faster than this is drawn together, in milliseconds. */
const FRAME = 16;

/** Gathered output and the live region. */
export interface Canvas {
  add(rows: string[]): void;
  /** Draws soon. */
  refresh(): void;
  /** Draws now. */
  draw(): void;
  /** The window changed: draws all of the live region now. */
  redraw(): void;
  /** Writes what was gathered and takes the live region away. */
  leave(): void;
}

/** Makes a canvas. `live` is the live region, nothing if there is none now, or `hold` while the terminal is somebody else's. */
export function createCanvas(writer: Writer, live: () => Live | "hold" | undefined): Canvas {
  const screen = createScreen(writer);
  const rows: string[] = [];
  let frame: number | undefined;
  const draw = () => {
    clearTimeout(frame);
    frame = undefined;
    const below = live();
    if (below === "hold") return;
    if (below === undefined) screen.leave(rows.splice(0));
    else screen.paint(rows.splice(0), below);
  };
  return {
    add(more) {
      for (const row of more) rows.push(row);
    },
    refresh: () => void (frame ??= setTimeout(draw, FRAME)),
    draw,
    redraw: () => (screen.forget(), draw()),
    leave() {
      clearTimeout(frame);
      frame = undefined;
      screen.leave(rows.splice(0));
    },
  };
}
