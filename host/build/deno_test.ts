import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { runTool } from "./tool.ts";
import { findDeno, recordDeno } from "./deno.ts";

async function inFolder(
  body: (folder: string, make: (name: string, version: string) => Promise<string>) => Promise<void>,
) {
  const folder = await Deno.makeTempDir();
  const make = async (name: string, version: string) => {
    const path = join(folder, name);
    await Deno.writeTextFile(path, `#!/bin/sh\necho "deno ${version} (stable)"\n`, { mode: 0o755 });
    return path;
  };
  try {
    await body(folder, make);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("EVO_DENO is taken if it is the right version, and is the only answer if it is not", async () => {
  await inFolder(async (home, make) => {
    const right = await make("right", Deno.version.deno);
    const wrong = await make("wrong", "2.6.8");
    const env = (path: string) => (name: string) => name === "EVO_DENO" ? path : undefined;
    equal(await findDeno({ home, env: env(right) }), { ok: true, value: [right] });
    const refused = await findDeno({ home, env: env(wrong) });
    ok(!refused.ok);
    match(refused.error, /EVO_DENO: 2\.6\.8/);
    ok(!(await findDeno({ home, env: env(join(home, "none")) })).ok);
  });
});

Deno.test("the Deno of the last build is found when that on PATH is another version", async () => {
  await inFolder(async (home, make) => {
    const recorded = await make("recorded", "9.9.9");
    await recordDeno(home, recorded);
    equal(await findDeno({ home, env: () => undefined, version: "9.9.9" }), { ok: true, value: [recorded] });
  });
});

Deno.test("the Deno on PATH is found when it has this version", async () => {
  await inFolder(async (home) => {
    const found = await findDeno({ home, env: () => undefined });
    ok(found.ok);
  });
});

Deno.test("where only one that is here will do, none is fetched", async () => {
  await inFolder(async (home) => {
    const found = await findDeno({ home, env: () => undefined, version: "0.0.0", present: true });
    ok(!found.ok);
    match(found.error, /\(PATH: [^,]*\)/);
  });
});

Deno.test("a task begins before any package is fetched, since deno.json names no lock file", async () => {
  const root = new URL("../../", import.meta.url).pathname;
  const folder = await Deno.makeTempDir();
  try {
    const config = { ...JSON.parse(await Deno.readTextFile(`${root}deno.json`)), tasks: { say: "echo begun" } };
    for (const name of ["imports.json", "deno.lock"]) await Deno.copyFile(root + name, `${folder}/${name}`);
    const begin = async (change: Record<string, unknown>) => {
      await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify({ ...config, ...change }));
      const env = { DENO_DIR: `${folder}/cache`, HTTPS_PROXY: "http://127.0.0.1:1" };
      const { stdout } = await runTool([Deno.execPath(), "task", "say"], { cwd: folder, env });
      return stdout.trim();
    };
    equal(await begin({}), "begun");
    equal(await begin({ lock: undefined }), "", "with it, it would want the registry first");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
