import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { execute } from "./exec.ts";

const child = (code: string) => {
  const module = new URL("./exec.ts", import.meta.url).href;
  const args = ["eval", "--no-config", `import { execute } from "${module}"; ${code}`];
  return new Deno.Command(Deno.execPath(), { args, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
};
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();

Deno.test("execute becomes another program in the same process", async () => {
  const process = child(`execute("/bin/sh", ["-c", 'echo "$$ $0 $1 $#"; exit 7', "näme", "a b", ""])`);
  const { code, stdout } = await process.output();
  equal({ code, out: text(stdout) }, { code: 7, out: `${process.pid} näme a b 2` });
});

Deno.test("execute replaces the environment only if one is given", async () => {
  const run = async (env: string) => {
    const { stdout } = await child(
      `Deno.env.set("KEPT", "1"); execute("/bin/sh", ["-c", 'echo "[$KEPT][$NEW]"']${env})`,
    ).output();
    return text(stdout);
  };
  equal(await run(""), "[1][]");
  equal(await run(`, { NEW: "é" }`), "[][é]");
});

const FAILURES: [string, string, string[], RegExp][] = [
  ["a missing file", "/no/such/program", [], /^Cannot become "\/no\/such\/program": it does not exist$/],
  ["a folder", "/", [], /^Cannot become "\/": it may not be executed$/],
  ["a NUL character", "/bin/sh", ["a\0b"], /NUL character$/],
];
for (const [name, path, args, expected] of FAILURES) {
  Deno.test(`execute returns with a reason for ${name}`, () => match(execute(path, args), expected));
}

Deno.test("execute returns with a reason for a file that is no program", async () => {
  const path = await Deno.makeTempFile();
  await Deno.writeFile(path, new Uint8Array([1, 2, 3, 4]));
  await Deno.chmod(path, 0o755);
  ok(execute(path, []).startsWith(`Cannot become "${path}": it is not an executable`));
  await Deno.remove(path);
});
