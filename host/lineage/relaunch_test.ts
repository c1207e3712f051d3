import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { HANDOVER, relaunch, takeHandover } from "./relaunch.ts";

function fakeEnv(values: Record<string, string>) {
  return { get: (name: string) => values[name], delete: (name: string) => void delete values[name] };
}

Deno.test("a hand-over survives a failed exec, is for its owner only, and is taken once", async () => {
  const home = await Deno.makeTempDir();
  try {
    const seen: Record<string, string> = {};
    const handover = { session: "s", queue: ["é 漢字"] };
    const failed = await relaunch({
      ...{ home, executable: "/x/evo", args: ["--resume"], handover, env: { KEEP: "1" } },
      execute: (_path, _args, env) => (Object.assign(seen, env), `Cannot become "/x/evo": it does not exist`),
    });
    ok(!failed.ok);
    match(failed.error, /it does not exist; the conversation is kept in ".*\.json"/);
    equal(seen.KEEP, "1");
    const path = seen[HANDOVER] ?? "";
    equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
    const env = fakeEnv(seen);
    equal(await takeHandover({ home, env }), handover);
    equal(await takeHandover({ home, env }), undefined);
    equal(await Array.fromAsync(Deno.readDir(join(home, "handover"))), []);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("a hand-over variable that names a file elsewhere is neither read nor removed", async () => {
  const home = await Deno.makeTempDir();
  try {
    const precious = join(home, "precious.json");
    await Deno.writeTextFile(precious, `{"session":"x"}`);
    for (const path of [precious, `${home}/handover/../precious.json`]) {
      equal(await takeHandover({ home, env: fakeEnv({ [HANDOVER]: path }) }), undefined);
    }
    equal(await Deno.readTextFile(precious), `{"session":"x"}`);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("a torn hand-over is none", async () => {
  const home = await Deno.makeTempDir();
  try {
    const path = join(home, "handover", `${crypto.randomUUID()}.json`);
    await Deno.mkdir(join(home, "handover"));
    await Deno.writeTextFile(path, `{"session"`);
    equal(await takeHandover({ home, env: fakeEnv({ [HANDOVER]: path }) }), undefined);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});
