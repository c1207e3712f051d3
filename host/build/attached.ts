/**
 * Files behind the base runtime of an executable for Linux. A start reads the payload whole, about a millisecond a megabyte;
 * what is attached to the base is only read when it is asked for, and is stored once for all generations.
 * Layout: base runtime ++ files ++ index as JSON ++ length of the index (u32) ++ MAGIC (u32).
 */
import { createHash, randomUUID } from "node:crypto";
import { join } from "node:path";
import * as z from "zod";
import { type Base, writeFull } from "./base.ts";
import { blocks, hashRange, readRange, splitExecutable } from "./executable.ts";

const MAGIC = 0x0e5041, TRAILER = 8;
const Index = z.object({
  /** Bytes of the runtime alone. */
  base: z.number().int().positive(),
  files: z.record(z.string(), z.object({ start: z.number().int(), end: z.number().int(), sha: z.string() })),
});
type Index = z.infer<typeof Index>;

/**
 * A base with exactly these files (path by name) attached, kept below `home`: the given one if it has them. Without a path,
 * where `deno compile` takes its own, there is nothing to attach to: it comes back as it is.
 */
export async function attach(home: string, base: Base, files: Record<string, string>): Promise<Base> {
  const { path } = base;
  if (!path) return base;
  const size = (await Deno.stat(path)).size, had = await readIndex(path, size);
  const index: Index = { base: had?.base ?? size, files: {} };
  let end = index.base;
  for (const [name, file] of Object.entries(files)) {
    const { size } = await Deno.stat(file);
    index.files[name] = { start: end, end: end += size, sha: await hashRange(file, 0, size) };
  }
  const text = JSON.stringify(index);
  if (JSON.stringify(had) === text || (!had && end === size)) return base;
  const temp = join(home, "base", `temp.${randomUUID()}`), hash = createHash("sha256");
  await Deno.mkdir(join(home, "base"), { recursive: true });
  try {
    {
      using to = await Deno.open(temp, { write: true, createNew: true, mode: 0o755 });
      const write = (bytes: Uint8Array) => (hash.update(bytes), writeFull(to, bytes));
      for await (const block of blocks(path, 0, index.base)) await write(block);
      for (const file of Object.values(files)) await write(await Deno.readFile(file));
      if (end > index.base) await write(encode(text));
      await to.syncData();
    }
    const sha = hash.digest("hex"), to = join(home, "base", sha);
    await Deno.rename(temp, to);
    return { ...base, path: to };
  } finally {
    await Deno.remove(temp).catch(() => {});
  }
}

/** What the running executable carries by that name: attached, or, on another system, among the files of its payload. None in a checkout. */
export async function readAttached(name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (!Deno.build.standalone) return undefined;
  const executable = Deno.execPath(), split = await splitExecutable(executable);
  const at = split.ok ? (await readIndex(executable, split.value.baseLength))?.files[name] : undefined;
  if (at) return await readRange(executable, at.start, at.end);
  for (const root of ["./", "../"]) { // of the main module, which lies beside or one below what it carries
    const found = await Deno.readFile(new URL(root + name, Deno.mainModule)).catch(() => undefined);
    if (found) return found;
  }
  return undefined;
}

/** The index that ends at byte `end` of a file, if one does. */
async function readIndex(file: string, end: number): Promise<Index | undefined> {
  if (end < TRAILER) return undefined;
  const trailer = new DataView((await readRange(file, end - TRAILER, end)).buffer);
  const start = end - TRAILER - trailer.getUint32(0, true);
  if (trailer.getUint32(4, true) !== MAGIC || start < 0) return undefined;
  return Index.parse(JSON.parse(new TextDecoder().decode(await readRange(file, start, end - TRAILER))));
}

function encode(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text), made = new Uint8Array(bytes.length + TRAILER);
  made.set(bytes);
  const trailer = new DataView(made.buffer, bytes.length);
  trailer.setUint32(0, bytes.length, true);
  trailer.setUint32(4, MAGIC, true);
  return made;
}
