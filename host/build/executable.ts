/** A compiled Linux executable is exactly base runtime ++ payload; the last 16 bytes say where one ends. */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { no, ok, type Outcome } from "../../actors/types.ts";
import { reason as said } from "../session/files.ts";

const TRAILER = 16;
const MAGIC = 0x501e;
const BLOCK = 1 << 20;

/** Lengths in bytes of the two halves of an executable; the payload includes its trailer. */
export interface Split {
  baseLength: number;
  payloadLength: number;
}

/** Finds where the payload begins by reading only the trailer; bad if the file was not compiled by Deno for Linux. */
export async function splitExecutable(file: string): Promise<Outcome<Split>> {
  try {
    using handle = await Deno.open(file);
    const { size } = await handle.stat();
    const trailer = new Uint8Array(TRAILER);
    await handle.seek(Math.max(0, size - TRAILER), Deno.SeekMode.Start);
    await readFull(handle, trailer);
    const view = new DataView(trailer.buffer);
    const magic = view.getUint32(0, true) === MAGIC;
    const payload = view.getBigUint64(8, true);
    if (!magic || payload < TRAILER || payload >= BigInt(size)) {
      return no(`Cannot split "${file}": it does not end in the trailer of a compiled executable; build it anew`);
    }
    return ok({ baseLength: size - Number(payload), payloadLength: Number(payload) });
  } catch (error) {
    return no(`Cannot read the executable "${file}": ${reason(error)}; build it anew`);
  }
}

/** Reads until the buffer is full or the file ends; returns the bytes read. */
export async function readFull(handle: Deno.FsFile, buffer: Uint8Array): Promise<number> {
  let filled = 0;
  while (filled < buffer.length) {
    const read = await handle.read(buffer.subarray(filled));
    if (read === null) break;
    filled += read;
  }
  return filled;
}

/** Bytes `start..end` of a file in blocks of at most 1 MiB; the block is reused, so copy what you keep. */
export async function* blocks(file: string, start: number, end: number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  using handle = await Deno.open(file);
  await handle.seek(start, Deno.SeekMode.Start);
  const buffer = new Uint8Array(BLOCK);
  for (let at = start; at < end;) {
    const read = await readFull(handle, buffer.subarray(0, Math.min(BLOCK, end - at)));
    if (read === 0) throw new RangeError(`Cannot read "${file}": it ends at byte ${at}, before byte ${end}`);
    yield buffer.subarray(0, read);
    at += read;
  }
}

/** Bytes `start..end` of a file. */
export async function readRange(file: string, start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(end - start);
  let at = 0;
  for await (const block of blocks(file, start, end)) {
    bytes.set(block, at);
    at += block.length;
  }
  return bytes;
}

/** SHA-256 (hex) of bytes `start..end` of a file. */
export async function hashRange(file: string, start: number, end: number): Promise<string> {
  const hash = createHash("sha256");
  for await (const block of blocks(file, start, end)) hash.update(block);
  return hash.digest("hex");
}

/** True if the first `length` bytes of both files are the same. */
export async function samePrefix(left: string, right: string, length: number): Promise<boolean> {
  using a = await Deno.open(left);
  using b = await Deno.open(right);
  const [x, y] = [new Uint8Array(BLOCK), new Uint8Array(BLOCK)];
  for (let at = 0; at < length; at += BLOCK) {
    const want = Math.min(BLOCK, length - at);
    const [m, n] = [await readFull(a, x.subarray(0, want)), await readFull(b, y.subarray(0, want))];
    if (m !== want || n !== want || Buffer.compare(x.subarray(0, want), y.subarray(0, want)) !== 0) return false;
  }
  return true;
}

/** What went wrong, as a clause. */
export function reason(error: unknown): string {
  return said(error).replace(/\.$/, "");
}
