/** Styles of our own output. */
import { closer } from "./width.ts";

const CODES = {
  bold: 1,
  dim: 2,
  italic: 3,
  underline: 4,
  strike: 9,
  red: 31,
  green: 32,
  yellow: 33,
  blue: 34,
  cyan: 36,
};

/** Wraps a text in a style; without colour it returns the text as it is. */
export type Paint = (style: keyof typeof CODES, text: string) => string;

/** Makes the painter. Without `color` nothing is painted. */
export function createPaint(color: boolean): Paint {
  return (style, text) => color && text !== "" ? `\x1b[${CODES[style]}m${text}\x1b[${closer(CODES[style])}m` : text;
}

/** True if output may be coloured: a terminal that is not dumb, and no NO_COLOR. */
export function hasColor(
  env: { TERM?: string | undefined; NO_COLOR?: string | undefined },
  isTerminal: boolean,
): boolean {
  return isTerminal && env.TERM !== "dumb" && !env.NO_COLOR;
}
