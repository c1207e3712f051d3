import { deepStrictEqual as equal, ok } from "node:assert/strict";
import { join } from "node:path";
import { noise, writeExecutable } from "../lineage/fixture_test.ts";
import { attach } from "./attached.ts";
import { keepBase } from "./base.ts";
import { hashRange } from "./executable.ts";

const BASE = noise(40_000, 7);

async function inFolder(body: (folder: string, base: string) => Promise<void>) {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeFile(join(folder, "denort"), BASE);
    for (const name of ["one", "two"]) {
      await Deno.writeFile(join(folder, name), noise(3_000, name.length + name.charCodeAt(0)));
    }
    await body(folder, join(folder, "denort"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("files stand behind the base, are not attached twice, are exchanged and taken off, and the runtime stays as it was", async () => {
  await inFolder(async (folder, path) => {
    const from = "an earlier build", given = { path, from };
    equal(await attach(folder, given, {}), given, "nothing to attach: nothing is written");
    const [one, two] = [join(folder, "one"), join(folder, "two")];
    const both = await attach(folder, given, { "a.gz": one, "b.gz": two });
    ok(both.path && both.path !== path);
    const bytes = await Deno.readFile(both.path);
    equal(bytes.subarray(0, BASE.length), new Uint8Array(BASE));
    equal(
      bytes.subarray(BASE.length, BASE.length + 6_000),
      new Uint8Array([...await Deno.readFile(one), ...await Deno.readFile(two)]),
    );
    equal(both.path, join(folder, "base", await hashRange(both.path, 0, bytes.length)));
    equal(((await Deno.stat(both.path)).mode ?? 0) & 0o777, 0o755);
    equal(await attach(folder, both, { "a.gz": one, "b.gz": two }), both);
    const exchanged = await attach(folder, both, { "a.gz": two });
    equal(exchanged, await attach(folder, given, { "a.gz": two }));
    const bare = await attach(folder, exchanged, {});
    equal(await Deno.readFile(bare.path ?? ""), new Uint8Array(BASE));
    equal(
      (await Array.fromAsync(Deno.readDir(join(folder, "base")))).filter(({ name }) => name.startsWith("temp")),
      [],
    );
  });
});

Deno.test("what is attached goes with the base half of an executable, and so into what is built on it", async () => {
  await inFolder(async (folder, path) => {
    const files = { "a.gz": join(folder, "one") };
    const base = await attach(folder, { path, from: "DENORT_BIN" }, files);
    await writeExecutable(join(folder, "evo"), noise(5_000, 3), await Deno.readFile(base.path ?? ""));
    const kept = await keepBase(join(folder, "other"), join(folder, "evo"));
    ok(kept.ok);
    const again = { path: kept.value.path, from: "the running executable" };
    equal(await attach(folder, again, files), again);
  });
});

Deno.test("Deno's own download has no path, and nothing is attached to it", async () => {
  await inFolder(async (folder) => {
    equal(await attach(folder, { from: "Deno's download" }, { "a.gz": join(folder, "one") }), {
      from: "Deno's download",
    });
  });
});
