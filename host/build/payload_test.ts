import { deepStrictEqual as equal, ok } from "node:assert/strict";
import { join } from "node:path";
import { noise, writeExecutable } from "../lineage/fixture_test.ts";
import { cut, identify, restorePayload, storePayload } from "./payload.ts";

async function inFolder(body: (folder: string) => Promise<void>) {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function sizeOf(folder: string): Promise<number> {
  let size = 0;
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    size += entry.isDirectory ? await sizeOf(path) : (await Deno.stat(path)).size;
  }
  return size;
}

Deno.test("cuts join to the same bytes and stay within bounds", () => {
  for (const length of [0, 1, 8 << 10, 100_000, 1_000_000]) {
    const bytes = noise(length, 5);
    const parts = cut(bytes);
    equal(parts.reduce((sum, part) => sum + part.length, 0), length);
    equal(new Uint8Array(parts.flatMap((part) => [...part])), bytes);
    ok(parts.slice(0, -1).every((part) => part.length >= 8 << 10 && part.length <= 128 << 10));
  }
  ok(cut(new Uint8Array(1_000_000)).length <= 1_000_000 / (8 << 10) + 1);
});

Deno.test("an insertion changes few parts, wherever it is", () => {
  const bytes = noise(2_000_000, 6);
  const known = new Set(cut(bytes).map((part) => part.join()));
  for (const at of [0, 777_777, 1_999_999]) {
    const changed = new Uint8Array(bytes.length + 3);
    changed.set(bytes.subarray(0, at));
    changed.set(bytes.subarray(at), at + 3);
    const fresh = cut(changed).filter((part) => !known.has(part.join()));
    ok(fresh.length <= 3, `${fresh.length} new parts at ${at}`);
  }
});

Deno.test("an executable is restored byte by byte, and small changes cost little", async () => {
  await inFolder(async (folder) => {
    const [home, file] = [join(folder, "home"), join(folder, "evo")];
    const payload = noise(3_000_000, 1);
    await writeExecutable(file, payload);
    ok((await storePayload(home, file)).ok);
    const first = await sizeOf(home);
    for (let change = 0; change < 10; change++) {
      payload.set(noise(500, change + 2), 100_000 + change * 250_000);
      await writeExecutable(file, payload);
      ok((await storePayload(home, file)).ok);
    }
    const mean = (await sizeOf(home) - first) / 10;
    ok(mean < 300_000, `${mean} bytes a change`);
    const stored = await storePayload(home, file);
    ok(stored.ok);
    const to = join(folder, "restored");
    ok((await restorePayload(home, stored.value, to)).ok);
    equal(await Deno.readFile(to), await Deno.readFile(file));
    equal(await identify(to), stored.value.payload.sha);
    equal(((await Deno.stat(to)).mode ?? 0) & 0o111, 0o111);
  });
});

Deno.test("nothing is restored from damaged parts", async () => {
  await inFolder(async (folder) => {
    const [home, file] = [join(folder, "home"), join(folder, "evo")];
    await writeExecutable(file, noise(400_000, 1));
    const stored = await storePayload(home, file);
    ok(stored.ok);
    const swapped = { ...stored.value, parts: stored.value.parts.toReversed() };
    ok(stored.value.parts.length > 1);
    const to = join(folder, "restored");
    const wrong = await restorePayload(home, swapped, to);
    ok(!wrong.ok && /the parts do not make/.test(wrong.error));
    ok(await Deno.stat(to).then(() => false, () => true));
  });
});
