import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { noise, writeExecutable } from "../lineage/fixture_test.ts";
import { findBase, keepBase, PACKAGES } from "./base.ts";
import { hashRange, splitExecutable } from "./executable.ts";

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const env = (values: Record<string, string> = {}) => (name: string) => values[name];
const BASE = noise(40_000, 7);

async function inFolder(body: (folder: string) => Promise<void>) {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A `deno` that only knows `install`: it puts an executable where the package would be. */
async function fakeDeno(folder: string, base: Uint8Array): Promise<string[]> {
  const executable = join(folder, "published");
  await writeExecutable(executable, noise(5_000, 3), base);
  const path = join(folder, "deno");
  const script = `#!/bin/sh
[ "$1" = install ] || { echo "no network" >&2; exit 1; }
mkdir -p node_modules/@x/cli/bin && cp ${executable} node_modules/@x/cli/bin/steady
`;
  await Deno.writeTextFile(path, script, { mode: 0o755 });
  return [path];
}

const options = (folder: string) => ({
  ...{ home: join(folder, "home"), env: env(), target: "x86_64-unknown-linux-gnu", version: "2.7.11" },
  host: "http://127.0.0.1:1/",
  packages: { "2.7.11 x86_64-unknown-linux-gnu": { name: "@x/cli@1.0.0", file: "bin/steady", sha: sha256(BASE) } },
});

Deno.test("an executable is split at its trailer, and what has none is refused", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "evo");
    await writeExecutable(path, noise(5_000, 3), BASE);
    equal(await splitExecutable(path), { ok: true, value: { baseLength: 40_000, payloadLength: 5_016 } });
    const bytes = await Deno.readFile(path);
    for (
      const [name, change] of Object.entries({
        magic: () => bytes.fill(0, -16, -15),
        "a payload longer than the file": () => bytes.fill(0x1e, -16, -15).fill(9, -5, -4),
      })
    ) {
      change();
      const bad = join(folder, "bad");
      await Deno.writeFile(bad, bytes);
      const split = await splitExecutable(bad);
      ok(!split.ok && /it does not end in the trailer/.test(split.error), name);
    }
    for (const short of [0, 15]) {
      await Deno.writeFile(join(folder, "short"), new Uint8Array(short));
      ok(!(await splitExecutable(join(folder, "short"))).ok);
    }
    ok(!(await splitExecutable(join(folder, "none"))).ok);
  });
});

Deno.test("DENORT_BIN comes first, and must exist", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "denort");
    await Deno.writeFile(path, BASE);
    const named = await findBase({ ...options(folder), deno: ["false"], env: env({ DENORT_BIN: path }) });
    equal(named, { ok: true, value: { path, from: "DENORT_BIN" } });
    const gone = await findBase({ ...options(folder), deno: ["false"], env: env({ DENORT_BIN: `${path}x` }) });
    ok(!gone.ok && /there is no such file/.test(gone.error));
  });
});

Deno.test("a running executable is its own base, copied once", async () => {
  await inFolder(async (folder) => {
    const executable = join(folder, "evo");
    await writeExecutable(executable, noise(5_000, 3), BASE);
    const found = await findBase({ ...options(folder), deno: ["false"], executable });
    ok(found.ok && found.value.path);
    equal(found.value.from, "the running executable");
    equal(await Deno.readFile(found.value.path), BASE);
    const before = (await Deno.stat(found.value.path)).ino;
    await writeExecutable(executable, noise(9_000, 4), BASE);
    const kept = await keepBase(join(folder, "home"), executable);
    ok(kept.ok && kept.value.sha === sha256(BASE));
    equal((await Deno.stat(kept.value.path)).ino, before);
  });
});

Deno.test("where Deno's host is not reachable, the base comes out of the npm package, and is kept", async () => {
  await inFolder(async (folder) => {
    const deno = await fakeDeno(folder, BASE);
    const found = await findBase({ ...options(folder), deno });
    ok(found.ok && found.value.path, JSON.stringify(found));
    equal(found.value.from, "npm (@x/cli@1.0.0)");
    equal(await hashRange(found.value.path, 0, BASE.length), sha256(BASE));
    const again = await findBase({ ...options(folder), deno: ["false"] });
    ok(again.ok && again.value.from === "an earlier build");
  });
});

Deno.test("a base with another hash stops the build, fresh or kept", async () => {
  await inFolder(async (folder) => {
    const other = noise(40_000, 8);
    const fresh = await findBase({ ...options(folder), deno: await fakeDeno(folder, other) });
    ok(!fresh.ok);
    match(fresh.error, /its SHA-256 is [0-9a-f]{64}, not [0-9a-f]{64}/);
    const kept = join(folder, "home/base", sha256(BASE));
    await Deno.mkdir(join(folder, "home/base"), { recursive: true });
    await Deno.writeFile(kept, other);
    const damaged = await findBase({ ...options(folder), deno: ["false"] });
    ok(!damaged.ok && damaged.error.includes(kept));
    ok((await findBase({ ...options(folder), packages: {}, deno: ["false"] })).ok === false);
  });
});

Deno.test("a reachable host is asked first, and its failure falls back to npm", async () => {
  await inFolder(async (folder) => {
    let asked = 0;
    const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, () => (asked++, new Response()));
    try {
      const host = `http://127.0.0.1:${server.addr.port}/`;
      const found = await findBase({ ...options(folder), host, deno: await fakeDeno(folder, BASE) });
      ok(found.ok && found.value.from.startsWith("npm"));
      equal(asked, 1);
    } finally {
      await server.shutdown();
    }
  });
});

Deno.test("other systems use Deno's download, and an unknown Linux says what to set", async () => {
  await inFolder(async (folder) => {
    const mac = await findBase({ ...options(folder), target: "aarch64-apple-darwin", deno: ["false"] });
    equal(mac, { ok: true, value: { from: "Deno's download" } });
    const odd = await findBase({ ...options(folder), version: "9.9.9", deno: ["false"] });
    ok(!odd.ok && /set DENORT_BIN/.test(odd.error));
  });
});

Deno.test("the published hashes are those that were measured", () => {
  equal(Object.values(PACKAGES).map(({ sha }) => sha.slice(0, 8)), ["f12d5d38", "9c888d91"]);
});
