/** Reads JSON-lines files of any size piece by piece, so that a long session never has to fit in memory twice. */
import { Buffer } from "node:buffer";

const NEWLINE = 10;

/** What `scanLines` saw: the offset after the last newline, and the bytes behind it (a line torn by a kill, or none). */
export type Scan = { end: number; rest: Uint8Array };

/** Visits each whole line (without its newline) from byte `from`; the bytes are valid only during the visit. Throws what opening throws. */
export function scanLines(path: string, visit: (line: Uint8Array) => void, from = 0): Scan {
  const lines = readLines(path, from);
  for (let next = lines.next();; next = lines.next()) {
    if (next.done) return next.value;
    visit(next.value);
  }
}

/** The same lines one after the other, each valid until the next is asked for; the file is opened with the first. */
export function* readLines(path: string, from = 0): Generator<Uint8Array, Scan, undefined> {
  using file = Deno.openSync(path, { read: true });
  let end = file.seekSync(from, Deno.SeekMode.Start);
  const chunk = new Uint8Array(1 << 20);
  let pieces: Uint8Array[] = [];
  for (let count = file.readSync(chunk); count !== null; count = file.readSync(chunk)) {
    const read = chunk.subarray(0, count);
    let start = 0;
    for (let at = read.indexOf(NEWLINE); at >= 0; at = read.indexOf(NEWLINE, start)) {
      const line = joined(pieces, read.subarray(start, at));
      pieces = [];
      end += line.length + 1;
      start = at + 1;
      yield line;
    }
    if (start < count) pieces.push(read.slice(start));
  }
  return { end, rest: joined(pieces, new Uint8Array()) };
}

const joined = (pieces: Uint8Array[], last: Uint8Array) =>
  pieces.length === 0 ? last : Buffer.concat([...pieces, last]);

const HEAD = /^\{"v":1,"seq":(\d{1,15}),"ts":"([^"\\]{1,40})","kind":"([^"\\]{1,60})"/;
const decoder = new TextDecoder();

/** What the first bytes of a line that `createLog` wrote say, without reading the rest of it; undefined if it is no such line. */
export function lineHead(line: Uint8Array): { seq: number; ts: string; kind: string } | undefined {
  const [, seq, ts, kind] = HEAD.exec(decoder.decode(line.subarray(0, 160))) ?? [];
  return seq && ts && kind ? { seq: Number(seq), ts, kind } : undefined;
}
