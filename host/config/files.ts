/** Reads the small files that configure Evo, each once. */
import { reason } from "../session/files.ts";

/** A text file as it was read: `path` as it was asked for, `real` where it is; `truncated` if there is more in it than was read. */
export type Piece = { path: string; real: string; text: string; truncated: boolean };

const LONGEST = 1 << 20;

/**
 * Reads at most 1 MiB of a regular file, following links; undefined if there is no such file. Throws a sentence if it cannot be
 * read, and with `strict` if a folder is in its place.
 */
export async function readPiece(path: string, { strict = false } = {}): Promise<Piece | undefined> {
  try {
    const real = await Deno.realPath(path);
    const { isFile, isDirectory } = await Deno.stat(real);
    if (strict && isDirectory) throw new Error("it is a folder, where a file belongs");
    if (!isFile) return undefined;
    using file = await Deno.open(real, { read: true });
    const bytes = new Uint8Array(LONGEST + 1);
    let size = 0;
    for (let count = await file.read(bytes); count; count = await file.read(bytes.subarray(size))) size += count;
    const text = new TextDecoder().decode(bytes.subarray(0, Math.min(size, LONGEST)));
    return { path, real, text, truncated: size > LONGEST };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw new Error(`Cannot read "${path}": ${reason(error)}; make it readable or remove it`);
  }
}
