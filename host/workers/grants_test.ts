import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { settle } from "./grants.ts";

const SELF = ["/opt/evo"];

Deno.test("a path that leads out of the directory is not granted, whatever it is called", async () => {
  const cwd = await Deno.realPath(await Deno.makeTempDir());
  await Deno.mkdir(`${cwd}/in/deep`, { recursive: true });
  await Deno.symlink("/etc", `${cwd}/link`);
  for (const path of ["..", "/etc", "link", "link/passwd", "in/../../x"]) {
    const settled = await settle({ read: [path] }, { cwd, self: SELF });
    ok(!settled.ok && /outside/.test(settled.error), path);
  }
  const settled = await settle({ read: ["in/deep", "..name"], write: ["out/new/file.txt"] }, { cwd, self: SELF });
  ok(settled.ok);
  equal(settled.value.allowed.read, [`${cwd}/in/deep`, `${cwd}/..name`]);
  equal(settled.value.allowed.write, [`${cwd}/out/new/file.txt`]);
  equal(settled.value.rules.rw, ["/dev/null", cwd]); // Landlock knows no file that is not there yet; the worker's permission is exact.
  await Deno.remove(cwd, { recursive: true });
});

for (const name of ["OPENROUTER_API_KEY", "OPENAI_API_KEY", "EVO_HOME", "DENO_DIR", "LD_PRELOAD", "NODE_OPTIONS"]) {
  Deno.test(`the variable ${name} is never granted`, async () => {
    const settled = await settle({ env: [name] }, { cwd: "/", self: SELF });
    ok(!settled.ok);
    match(settled.error, new RegExp(name));
  });
}

Deno.test("a proxy is told only to a plugin with net, and never with its password", async () => {
  const values: Record<string, string> = { HTTP_PROXY: "http://p:1", HTTPS_PROXY: "http://me:secret@p:1", LANG: "C" };
  const env = (name: string) => values[name];
  const without = await settle({}, { cwd: "/", self: SELF, env });
  const granted = await settle({ net: ["a.b"] }, { cwd: "/", self: SELF, env });
  ok(without.ok && granted.ok);
  equal(without.value.env, { LANG: "C", NO_COLOR: "1" });
  equal(granted.value.env, { LANG: "C", HTTP_PROXY: "http://p:1", NO_COLOR: "1" });
});
