import { deepStrictEqual as equal, match } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { findBase } from "../build/base.ts";
import { runTool } from "../build/tool.ts";
import { packCompiler } from "./embed.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const MAIN = `
import { createCompiler } from "${new URL("./compile.ts", import.meta.url)}";
import { createInstance } from "${new URL("./instance.ts", import.meta.url)}";
import { packCompiler } from "${new URL("./embed.ts", import.meta.url)}";
const functions = { f: { parameters: [["n", "i32"]], result: "i32" } } as const;
const limits = { fuel: 1000, pages: 1, deadlineMs: 1000, source: 1000 };
const { compile } = await createCompiler();
const made = await compile({ source: "export function f(n: i32): i32 { return 42 / n }", functions, limits, optimize: 3 });
if (!made.ok) throw new Error(made.diagnostics);
const { f } = createInstance(new WebAssembly.Module(made.wasm), { functions, limits, size: 0, metered: true }).functions;
let trap = "";
try { f(0); } catch (error) { trap = String(error); }
const packed = await packCompiler({ source: Deno.args[0] ?? "", deno: ["false"], cache: Deno.args[1] ?? "" });
await Deno.stdout.write(new TextEncoder().encode(JSON.stringify({ six: f(7), trap, packed, alone: Deno.build.standalone })));
`;

Deno.test("a bare executable compiles bodies with the compiler it carries, leaves no file, and hands it on without a bundler", async () => {
  const scratch = await Deno.realPath(await Deno.makeTempDir());
  const run = async (command: string[], env: Record<string, string> = {}) => {
    const ended = await runTool(command, { cwd: scratch, env });
    equal(ended.code, 0, ended.stderr);
    return ended.stdout;
  };
  try {
    const deno = [Deno.execPath()];
    const base = await findBase({ home: `${ROOT}/.evo`, deno, env: (name) => Deno.env.get(name) });
    const packed = await packCompiler({ source: ROOT, deno, cache: `${scratch}/one` });
    if (!base.ok || !packed.ok) throw new Error("there is no base or no bundler");
    await Deno.writeTextFile(`${scratch}/main.ts`, MAIN);
    const config = ["--config", `${ROOT}/deno.json`];
    await run([
      ...deno,
      "bundle",
      "--quiet",
      "--minify",
      "--code-splitting",
      ...config,
      "--outdir",
      "stage",
      "main.ts",
    ]);
    await Deno.copyFile(packed.value, `${scratch}/stage/asc.gz`);
    const named = base.value.path ? { DENORT_BIN: base.value.path } : undefined;
    const flags = ["--quiet", "--no-check", "--no-config", "--no-code-cache", "-A", "--include", "stage"];
    await run([...deno, "compile", ...flags, "--output", "app", "stage/main.js"], named);
    await Deno.mkdir(`${scratch}/temp`);
    const said = await run([`${scratch}/app`, ROOT, `${scratch}/two`], { TMPDIR: `${scratch}/temp` });
    const { six, trap, packed: handed, alone } = JSON.parse(said);
    equal([six, alone], [6, true]);
    match(trap, /^FunctionTrap: f trapped at line 1: divide by zero$/);
    equal(await Deno.readFile(handed.value), await Deno.readFile(packed.value));
    equal(await Array.fromAsync(Deno.readDir(`${scratch}/temp`)), []);
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
});
