import { count, cutLine, lineEndOf, linesOf, withLineEnds } from "./text.ts";

/** One replacement: `old` must be found once, or everywhere it is with `all`. */
export interface Edit {
  old: string;
  new: string;
  all?: boolean | undefined;
}

interface Range {
  start: number;
  end: number;
  text: string;
  edit: number;
}

type Found = { ranges: Omit<Range, "edit">[]; note?: string } | { error: string };

/**
 * Makes all edits or none, each matched against the original text. Tolerant matching is tried only when the exact text is not
 * there, counts only when one place fits, and is told in `notes`. Bytes outside the matches stay as they are.
 */
export function applyEdits(
  text: string,
  edits: Edit[],
): { ok: true; text: string; notes: string[]; lines: number[] } | { ok: false; error: string } {
  const ranges: Range[] = [];
  const notes: string[] = [];
  for (const [index, edit] of edits.entries()) {
    const name = edits.length > 1 ? `edit ${index + 1}` : "the edit";
    const found = findEdit(text, edit);
    if ("error" in found) return { ok: false, error: `${name}: ${found.error}` };
    if (found.note) notes.push(`${name} matched ${found.note}`);
    ranges.push(...found.ranges.map((range) => ({ ...range, edit: index })));
  }
  ranges.sort((a, b) => a.start - b.start);
  for (const [at, range] of ranges.entries()) {
    const next = ranges[at + 1];
    if (next && next.start < range.end) {
      return {
        ok: false,
        error: `edits ${range.edit + 1} and ${next.edit + 1} overlap at line ${
          lineAt(text, next.start)
        }; make one edit of them`,
      };
    }
  }
  let [result, at] = ["", 0];
  for (const { start, end, text: put } of ranges) {
    result += text.slice(at, start) + put;
    at = end;
  }
  result += text.slice(at);
  if (result === text) return { ok: false, error: "nothing would change: old and new are the same" };
  return { ok: true, text: result, notes, lines: ranges.map(({ start }) => lineAt(text, start)) };
}

function findEdit(text: string, edit: Edit): Found {
  if (edit.old === "") return { error: "old is empty; to add text, give a line that is there and repeat it in new" };
  if (!edit.old.isWellFormed() || !edit.new.isWellFormed()) {
    return { error: "old or new holds half of a character; send it whole" };
  }
  const levels = [exact, byLineEnds, byQuotes, byTrailingSpace, byIndentation];
  for (const level of levels) {
    const found = level(text, edit);
    if (!found) continue;
    const { ranges } = found;
    if (ranges.length === 1 || (edit.all && level === exact)) return found;
    const lines = ranges.slice(0, 10).map(({ start }) => lineAt(text, start)).join(", ");
    const how = found.note ? `, ${found.note},` : "";
    const advice = level === exact
      ? "add lines around it to old, or set all"
      : "give the exact text with lines around it";
    return { error: `old is there ${ranges.length} times${how} at lines ${lines}; ${advice}` };
  }
  return { error: `old is not in the file; ${nearest(text, edit.old)}; read it again and copy the text exactly` };
}

function exact(
  text: string,
  { old, new: put, all }: Edit,
): { ranges: Omit<Range, "edit">[]; note?: string } | undefined {
  const ranges = placesOf(text, old, all ? old.length : 1).map((start) => ({ start, end: start + old.length }));
  const fitted = ranges.map((range) => ({ ...range, text: fitLineEnds(text, old, put) }));
  return fitted.length ? { ranges: fitted } : undefined;
}

function byLineEnds(text: string, edit: Edit) {
  return byForm(text, edit, { form: (unit) => unit, note: "after making line ends equal" });
}

function byQuotes(text: string, edit: Edit) {
  return byForm(text, edit, { form: plain, note: "after making quotes, dashes and spaces plain" });
}

/** Matches in a form of the text in which CRLF is LF and each other UTF-16 unit has one plain form; maps the places back. */
function byForm(
  text: string,
  { old, new: put }: Edit,
  { form, note }: { form: (unit: string) => string; note: string },
) {
  const offsets: number[] = [];
  let formed = "";
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "\r" && text[at + 1] === "\n") continue;
    offsets.push(at);
    formed += text[at];
  }
  offsets.push(text.length);
  const wanted = form(old.replaceAll("\r\n", "\n"));
  const ranges = placesOf(form(formed), wanted).map((place) => {
    const first = offsets[place] ?? 0;
    const start = text[first] === "\n" && text[first - 1] === "\r" ? first - 1 : first;
    const end = (offsets[place + wanted.length - 1] ?? 0) + 1;
    return { start, end, text: withLineEnds(put, regionEnd(text, start, end)) };
  });
  return ranges.length ? { ranges, note } : undefined;
}

function byTrailingSpace(text: string, edit: Edit) {
  return byLines(text, edit, { form: (line) => plain(line).trimEnd(), note: "after ignoring space at line ends" });
}

function byIndentation(text: string, edit: Edit) {
  return byLines(text, edit, {
    form: (line) => plain(line).trim(),
    note: "after ignoring indentation; new was indented alike",
  });
}

/** Matches whole lines by a form of each; the replacement takes over the difference in indentation, which must be one for all. */
function byLines(
  text: string,
  { old, new: put }: Edit,
  { form, note }: { form: (line: string) => string; note: string },
) {
  const lines = linesOf(text);
  const wanted = linesOf(old);
  const forms = lines.map(form);
  const wantedForms = wanted.map(form);
  if (wantedForms.every((line) => line === "")) return undefined;
  const starts = [0];
  for (const line of lines) starts.push((starts.at(-1) ?? 0) + line.length);
  const ranges: Omit<Range, "edit">[] = [];
  for (let at = 0; at + wanted.length <= lines.length; at++) {
    if (!wantedForms.every((line, index) => line === forms[at + index])) continue;
    const shift = shiftOf(wanted, lines.slice(at, at + wanted.length));
    const last = lines[at + wanted.length - 1] ?? "";
    const [start, whole] = [starts[at] ?? 0, starts[at + wanted.length] ?? 0];
    const end = old.endsWith("\n") ? whole : whole - (last.match(/\r?\n$/)?.[0].length ?? 0);
    const shifted = shift?.(put);
    if (shifted !== undefined) ranges.push({ start, end, text: withLineEnds(shifted, regionEnd(text, start, end)) });
  }
  return ranges.length ? { ranges, note } : undefined;
}

/** How to carry text from the indentation of `from` to that of `to`; undefined if the lines differ in more than one way. */
function shiftOf(from: string[], to: string[]): ((text: string) => string) | undefined {
  const shifts = new Set<string>();
  for (const [index, line] of from.entries()) {
    if (line.trim() === "") continue;
    const [a, b] = [indentOf(line), indentOf(to[index] ?? "")];
    if (b.endsWith(a)) shifts.add(`+${b.slice(0, b.length - a.length)}`);
    else if (a.endsWith(b)) shifts.add(`-${a.slice(0, a.length - b.length)}`);
    else return undefined;
  }
  const [shift, ...others] = shifts;
  if (shift === undefined || others.length > 0) return undefined;
  const [way, space] = [shift[0], shift.slice(1)];
  return (text) =>
    linesOf(text).map((line) => {
      if (line.trim() === "") return line;
      return way === "+" ? space + line : line.startsWith(space) ? line.slice(space.length) : line.trimStart();
    }).join("");
}

function fitLineEnds(text: string, old: string, put: string): string {
  if (put.includes("\r\n") || !put.includes("\n")) return put;
  return withLineEnds(put, old.includes("\n") ? lineEndOf(old) : lineEndOf(text));
}

function regionEnd(text: string, start: number, end: number): "\n" | "\r\n" {
  const region = text.slice(start, end);
  return lineEndOf(region.includes("\n") ? region : text);
}

/** Each unit by its plain look; as long as the text was. */
function plain(text: string): string {
  return text.replace(/[\u2018\u2019\u201a\u201b]/g, "'").replace(/[\u201c-\u201f]/g, '"')
    .replace(/[\u2010-\u2015\u2212]/g, "-").replace(/[\u00a0\u2002-\u200a\u202f\u205f\u3000]/g, " ");
}

function placesOf(text: string, wanted: string, step = 1): number[] {
  const places: number[] = [];
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + step)) places.push(at);
  return places;
}

function indentOf(line: string): string {
  return line.match(/^[ \t]*/)?.[0] ?? "";
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}

/** The lines most like the longest line of `old`, with their numbers. */
function nearest(text: string, old: string): string {
  const oldLines = linesOf(old);
  const key = oldLines.reduce((a, b) => b.trim().length > a.trim().length ? b : a, "");
  const wanted = pairsOf(key);
  let best = { at: -1, score: 0 };
  const lines = linesOf(text);
  for (const [at, line] of lines.slice(0, 20_000).entries()) {
    const pairs = pairsOf(line);
    let common = 0;
    for (const pair of pairs) if (wanted.has(pair)) common++;
    const score = 2 * common / (pairs.size + wanted.size || 1);
    if (score > best.score) best = { at, score };
  }
  if (best.score < 0.4) return `the file has ${count(lines.length, "line")} and none is like it`;
  const first = Math.max(0, best.at - oldLines.indexOf(key) - 1);
  const shown = lines.slice(first, first + Math.min(oldLines.length, 12) + 2)
    .map((line, index) => `${first + index + 1}: ${cutLine(line.trimEnd(), 200)}`);
  return `the nearest lines are\n${shown.join("\n")}\n`;
}

function pairsOf(line: string): Set<string> {
  const text = line.trim().slice(0, 300);
  const pairs = new Set<string>();
  for (let at = 0; at + 1 < text.length; at++) pairs.add(text.slice(at, at + 2));
  return pairs;
}
