/** Frames between two processes: JSON, one a line, behind a mark that only they know: whatever else is written there is passed over. */

/** One end of the pipes to another process. */
export interface Wire {
  /** A frame as bytes; undefined if it is over the limit. */
  encode(frame: unknown): Uint8Array<ArrayBuffer> | undefined;
  /** The frames that a piece of the stream completes; throws a RangeError at a line over the limit. A torn last line is dropped. */
  read(piece: Uint8Array): unknown[];
}

/** The length of a mark. */
const MARK = 36;

/** Makes an end; `most` bytes is the longest line. The parent brings a random mark of 36 characters; the child's is that of the first line it reads. */
export function createWire(most: number, mark = ""): Wire {
  const encoder = new TextEncoder(), decoder = new TextDecoder();
  let line = "", size = 0;
  return {
    encode(frame) {
      const bytes = encoder.encode(`\n${mark}${JSON.stringify(frame)}\n`);
      return bytes.length > most ? undefined : bytes;
    },
    read(piece) {
      const frames: unknown[] = [];
      for (let from = 0; from < piece.length;) {
        const end = piece.indexOf(10, from), part = piece.subarray(from, end < 0 ? undefined : end);
        size += part.length;
        if (size > most) throw new RangeError("Cannot read a frame: it is over the limit");
        line += decoder.decode(part, { stream: end < 0 });
        if (end < 0) break;
        mark ||= line.slice(0, MARK);
        if (mark && line.startsWith(mark)) frames.push(JSON.parse(line.slice(MARK)));
        line = "", size = 0;
        from = end + 1;
      }
      return frames;
    },
  };
}
