/** Reads the small files that configure Evo, each once. */
import { reason } from "../session/files.ts";

/** A text file as it was read: `path` as it was asked for, `real` where it is; `truncated` if there is more in it than was read. */
export type Piece = { path: string; real: string; text: string; truncated: boolean };

const LONGEST = 1 << 20;

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
    const { isFile, isDirectory, size: told } = Deno.statSync(real);
    if (strict && isDirectory) throw new Error("it is a folder, where a file belongs");
    if (!isFile) return undefined;
    using file = Deno.openSync(real, { read: true });
    const bytes = new Uint8Array(Math.min(told, LONGEST) + 1);
    let size = 0;
    for (let count = file.readSync(bytes); count; count = file.readSync(bytes.subarray(size))) size += count;
    const text = new TextDecoder().decode(bytes.subarray(0, Math.min(size, LONGEST)));
    return { path, real, text, truncated: size > LONGEST };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw new Error(`Cannot read "${path}": ${reason(error)}; make it readable or remove it`);
  }
}
