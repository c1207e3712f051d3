/** Frames between two processes: one JSON value and byte arrays, behind a mark, so that stray output between them is skipped. */
import { no, ok, type Outcome } from "../../actors/types.ts";

/** One message. */
export interface Frame {
  head: unknown;
  bytes: Uint8Array<ArrayBuffer>[];
}

/** The mark of frames whose sender prints nothing else, and of the first frame in each direction. */
export const PLAIN_MARK = "evo-functions-1";
/** Most bytes of one frame. */
export const MOST = 64 << 20;
const NUMBERS = 8;

/** Writes a frame: mark, length of the JSON, length of the rest (u32, little endian), JSON with the lengths of `bytes`, `bytes`. */
export function encode({ head, bytes }: { head: unknown; bytes: Uint8Array[] }, mark: string): Uint8Array<ArrayBuffer> {
  const start = new TextEncoder().encode(mark);
  const json = new TextEncoder().encode(JSON.stringify({ head, lengths: bytes.map((part) => part.length) }));
  const rest = bytes.reduce((sum, part) => sum + part.length, 0);
  if (json.length + rest > MOST) {
    throw new RangeError(`Cannot send a frame of ${json.length + rest} bytes: ${MOST} is the limit`);
  }
  const frame = new Uint8Array(start.length + NUMBERS + json.length + rest);
  const view = new DataView(frame.buffer);
  frame.set(start);
  view.setUint32(start.length, json.length, true);
  view.setUint32(start.length + 4, rest, true);
  let at = start.length + NUMBERS;
  for (const part of [json, ...bytes]) {
    frame.set(part, at);
    at += part.length;
  }
  return frame;
}

/** Reads frames out of a stream's chunks, in order; what is not a frame is passed over. `use` changes the mark from then on. */
export function createReader(mark: string): { push(chunk: Uint8Array): Frame[]; use(mark: string): void } {
  let start = new TextEncoder().encode(mark);
  let held: Uint8Array<ArrayBuffer> = new Uint8Array(0), filled = 0;
  const append = (chunk: Uint8Array) => {
    if (filled + chunk.length > held.length) {
      const larger = new Uint8Array(Math.max(held.length * 2, filled + chunk.length));
      larger.set(held.subarray(0, filled));
      held = larger;
    }
    held.set(chunk, filled);
    filled += chunk.length;
  };
  const drop = (count: number) => {
    held.copyWithin(0, count, filled);
    filled -= count;
  };
  const take = (): Frame | undefined => {
    for (;;) {
      const found = find(held.subarray(0, filled), start);
      if (found > 0) drop(found);
      if (filled < start.length + NUMBERS) return undefined;
      const view = new DataView(held.buffer, start.length);
      const json = view.getUint32(0, true), rest = view.getUint32(4, true);
      const whole = start.length + NUMBERS + json + rest;
      if (json + rest <= MOST) {
        if (filled < whole) return undefined;
        const frame = decode(held.slice(start.length + NUMBERS, whole), json);
        drop(frame.ok ? whole : 1);
        if (frame.ok) return frame.value;
      } else drop(1);
    }
  };
  return {
    push(chunk) {
      append(chunk);
      const frames: Frame[] = [];
      for (let frame = take(); frame; frame = take()) frames.push(frame);
      return frames;
    },
    use: (next) => void (start = new TextEncoder().encode(next)),
  };
}

/** Where the mark, or what there is of it at the end, begins. */
function find(bytes: Uint8Array, mark: Uint8Array): number {
  for (let at = 0; at < bytes.length; at++) {
    const most = Math.min(mark.length, bytes.length - at);
    let same = 0;
    while (same < most && bytes[at + same] === mark[same]) same++;
    if (same === most) return at;
  }
  return bytes.length;
}

function decode(frame: Uint8Array<ArrayBuffer>, json: number): Outcome<Frame> {
  try {
    const { head, lengths } = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(frame.subarray(0, json)));
    if (!Array.isArray(lengths)) return no("Cannot read a frame: it has no lengths");
    let at = json;
    return ok({ head, bytes: lengths.map((length) => frame.slice(at, at += Number(length))) });
  } catch {
    return no("Cannot read a frame: its head is not JSON");
  }
}
