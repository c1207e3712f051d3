import { deepStrictEqual as equal, match } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { attach } from "../build/attached.ts";
import { findBase } from "../build/base.ts";
import { runTool } from "../build/tool.ts";
import { packModules } from "./embed.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const MAIN = `
import { createCompiler } from "${new URL("./compile.ts", import.meta.url)}";
import { createInstance } from "${new URL("./instance.ts", import.meta.url)}";
import { packModules } from "${new URL("./embed.ts", import.meta.url)}";
import { strip } from "${new URL("../workers/strip.ts", import.meta.url)}";
const functions = { f: { parameters: [["n", "i32"]], result: "i32" } } as const;
const limits = { fuel: 1000, pages: 1, deadlineMs: 1000, source: 1000 };
const { compile } = await createCompiler();
const made = await compile({ source: "export function f(n: i32): i32 { return 42 / n }", functions, limits, optimize: 3 });
if (!made.ok) throw new Error(made.diagnostics);
const { f } = createInstance(new WebAssembly.Module(made.wasm), { functions, limits, size: 0, metered: true }).functions;
let trap = "";
try { f(0); } catch (error) { trap = String(error); }
const packed = await packModules({ source: Deno.args[0] ?? "", deno: ["false"], cache: Deno.args[1] ?? "" });
const plain = await strip("const a: number = 1;", "/x/a.ts");
const said = { six: f(7), trap, packed, plain, alone: Deno.build.standalone };
await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(said)));
`;

for (const [where, attached] of [["attached to its base", true], ["among its files", false]] as const) {
  Deno.test(`a bare executable uses the modules that it carries ${where}, leaves no file, and hands them on without a bundler`, async () => {
    const scratch = await Deno.realPath(await Deno.makeTempDir());
    const run = async (command: string[], env: Record<string, string> = {}) => {
      const ended = await runTool(command, { cwd: scratch, env });
      equal(ended.code, 0, ended.stderr);
      return ended.stdout;
    };
    try {
      const deno = [Deno.execPath()];
      const found = await findBase({ home: `${ROOT}/.evo`, deno, env: (name) => Deno.env.get(name) });
      const packed = await packModules({ source: ROOT, deno, cache: `${scratch}/one` });
      if (!found.ok || !packed.ok) throw new Error("there is no base or no bundler");
      equal(Object.keys(packed.value), ["asc.gz", "amaro.gz"]);
      const base = await attach(scratch, found.value, attached ? packed.value : {});
      await Deno.writeTextFile(`${scratch}/main.ts`, MAIN);
      const config = ["--config", `${ROOT}/deno.json`];
      const bundle = ["bundle", "--quiet", "--minify", "--code-splitting", ...config, "--outdir", "stage", "main.ts"];
      await run([...deno, ...bundle]);
      if (!attached) {
        for (const [name, path] of Object.entries(packed.value)) await Deno.copyFile(path, `${scratch}/stage/${name}`);
      }
      const flags = ["--quiet", "--no-check", "--no-config", "--no-code-cache", "-A", "--include", "stage"];
      const named = base.path ? { DENORT_BIN: base.path } : undefined;
      await run([...deno, "compile", ...flags, "--output", "app", "stage/main.js"], named);
      await Deno.mkdir(`${scratch}/temp`);
      const said = await run([`${scratch}/app`, ROOT, `${scratch}/two`], { TMPDIR: `${scratch}/temp` });
      const { six, trap, packed: handed, plain, alone } = JSON.parse(said);
      equal([six, plain.value ?? plain, alone], [6, "const a         = 1;", true]);
      match(trap, /^FunctionTrap: f trapped at line 1: divide by zero$/);
      for (const [name, path] of Object.entries(packed.value)) {
        equal(await Deno.readFile(handed.value[name]), await Deno.readFile(path));
      }
      equal(await Array.fromAsync(Deno.readDir(`${scratch}/temp`)), []);
    } finally {
      await Deno.remove(scratch, { recursive: true });
    }
  });
}
