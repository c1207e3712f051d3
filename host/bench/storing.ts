/**
 * Generations on disk: storage each, and the time to restore one. The executables are variations of the real one, as a small
 * self-edit makes them: one stretch of 32 KiB somewhere in the bundle is new, and so is the last part of the packed source
 * (192 KiB of what does not compress), where a gzip stream differs from the first change on.
 */
import { restorePayload, storePayload } from "../build/payload.ts";
import { splitExecutable } from "../build/executable.ts";
import { makePlace, median, ROUNDS, type Row } from "../testing/measure.ts";

const GENERATIONS = 100;

/** Measures. */
export async function measureStoring(executable: string): Promise<Row[]> {
  const { root } = await makePlace();
  try {
    const split = await splitExecutable(executable);
    if (!split.ok) throw new Error(split.error);
    const { baseLength: start, payloadLength } = split.value;
    const file = `${root}/evo-next`;
    await Deno.copyFile(executable, file);
    const stored = [await keep(root, file)];
    const before = await sizeOf(`${root}/parts`);
    for (let number = 1; number <= GENERATIONS; number++) {
      const room = payloadLength - (256 << 10);
      await overwrite(file, start + Math.floor(room * number / (GENERATIONS + 1)), 32 << 10);
      await overwrite(file, start + room, 192 << 10);
      stored.push(await keep(root, file));
    }
    const each = (await sizeOf(`${root}/parts`) - before) / GENERATIONS;
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const one = stored[Math.floor(GENERATIONS * round / (ROUNDS - 1))];
      const started = performance.now();
      const done = one && await restorePayload(root, one, `${root}/restored`);
      times.push(performance.now() - started);
      if (!done?.ok) throw new Error(done?.error ?? "Cannot restore: nothing was stored");
      await Deno.remove(done.value);
    }
    const note = `of ${GENERATIONS}, made by variation`;
    return [
      { measure: "restore of a generation, slowest", value: Math.max(...times), unit: "ms", target: 1000, note },
      { measure: "restore of a generation, median", value: median(times), unit: "ms" },
      { measure: "storage per generation, mean", value: each / 1e6, unit: "MB", target: 1, note },
    ];
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

async function keep(home: string, file: string) {
  const stored = await storePayload(home, file);
  if (!stored.ok) throw new Error(stored.error);
  return stored.value;
}

async function overwrite(path: string, at: number, length: number): Promise<void> {
  const bytes = new Uint8Array(length);
  for (let from = 0; from < length; from += 65_536) crypto.getRandomValues(bytes.subarray(from, from + 65_536));
  using file = await Deno.open(path, { write: true });
  await file.seek(at, Deno.SeekMode.Start);
  await file.write(bytes);
}

/** Bytes of all files below a folder. */
export async function sizeOf(folder: string): Promise<number> {
  let sum = 0;
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    sum += isDirectory ? await sizeOf(path) : (await Deno.stat(path)).size;
  }
  return sum;
}
