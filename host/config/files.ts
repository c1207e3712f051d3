/** Reads the small files that configure Evo, each once. */
import { reason } from "../session/files.ts";

/** A text file as it was read: `path` as it was asked for, `real` where it is; `truncated` if there is more in it than was read. */
export type Piece = { path: string; real: string; text: string; truncated: boolean };

const LONGEST = 1 << 20;
/** Each turn reads the same few files; one that did not change for this long before it was read is what it was. */
const SETTLED_MS = 2000;
const settled = new Map<string, { state: string; piece: Piece }>();

/**
 * Reads at most 1 MiB of a regular file, following links; undefined if there is no such file. Rejects with a sentence if it cannot
 * be read, and with `strict` if a folder is in its place.
 */
export const readPiece = (path: string, { strict = false } = {}): Promise<Piece | undefined> =>
  new Promise((done) => done(read(path, strict)));

/** At once, not step by step: each turn reads a few files, and each step that waits costs more than the whole. */
function read(path: string, strict: boolean): Piece | undefined {
  try {
    const real = Deno.realPathSync(path);
    const { isFile, isDirectory, size: told, dev, ino, mtime, ctime } = Deno.statSync(real);
    const state = [real, dev, ino, told, Number(mtime), Number(ctime)].join(" "), known = settled.get(path);
    if (known?.state === state) return known.piece;
    if (strict && isDirectory) throw new Error("it is a folder, where a file belongs");
    if (!isFile) return undefined;
    using file = Deno.openSync(real, { read: true });
    const bytes = new Uint8Array(Math.min(told, LONGEST) + 1);
    let size = 0;
    for (let count = file.readSync(bytes); count; count = file.readSync(bytes.subarray(size))) size += count;
    const text = new TextDecoder().decode(bytes.subarray(0, Math.min(size, LONGEST)));
    const piece = { path, real, text, truncated: size > LONGEST };
    if (Date.now() - Math.max(Number(mtime), Number(ctime)) > SETTLED_MS) settled.set(path, { state, piece });
    return piece;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw new Error(`Cannot read "${path}": ${reason(error)}; make it readable or remove it`);
  }
}
