import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { sandboxed } from "../sandbox/landlock.ts";
import { settle } from "./grants.ts";
import { hasLandlock } from "./process.ts";

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

Deno.test({
  name:
    "a plugin's Deno can read the bounds of its own stack, without which it panics when it parses or explains a trap",
  ignore: !hasLandlock(),
  sanitizeResources: false, // the library that asked for Landlock stays loaded
  async fn() {
    const self = [Deno.execPath(), "run", "--cached-only", "-A", new URL("../boot.ts", import.meta.url).pathname];
    const settled = await settle({}, { cwd: "/", self });
    ok(settled.ok);
    const { env, rules } = settled.value;
    const maps = async (ro: string[]) => {
      const words = sandboxed(["/bin/cat", "/proc/self/maps"], { rules: { ...rules, ro: [...ro, "/bin/cat"] }, self });
      const options = { args: words.slice(1), env, clearEnv: true };
      return new TextDecoder().decode((await new Deno.Command(words[0] ?? "", options).output()).stdout);
    };
    match(await maps(rules.ro), /\[stack\]/);
    equal(await maps(rules.ro.filter((path) => path !== "/proc/self")), "");
  },
});
