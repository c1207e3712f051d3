import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { packSource, sourceHash } from "../source/source.ts";
import { identify } from "./payload.ts";
import { findBase } from "./base.ts";
import { compileSource } from "./compile.ts";
import { CHECKOUT, ensure } from "./install.ts";
import { findHome } from "../home.ts";

const FILES: Record<string, string> = {
  "deno.json": `{ "version": "1.2.3" }\n`,
  "main.ts": `export const said = (name: string) => "hello " + name;\n`,
  "host/boot.ts": `
const tool = await import(new URL("../plugins/tools/greet.js", import.meta.url).href);
const prompt = await Deno.readTextFile(new URL("../prompts/chat.md", import.meta.url));
const facts = JSON.parse(await Deno.readTextFile(new URL("../build.json", import.meta.url)));
const packed = await Deno.readFile(new URL("../source.gz", import.meta.url));
const remote = await import("data:text/javascript,export default 1").then(() => "data", () => "no");
const outside = await import(["http:", "127.0.0.1:1/x.js"].join("//")).then(() => "loaded", (error) => error.name);
const { said } = await import("../main.ts");
console.log(JSON.stringify({ said: said(tool.default.name), prompt, facts, packed: packed.length, remote, outside }));
`,
  "plugins/tools/greet.ts": `import { word } from "./greet_word.ts";\nexport default { name: word };\n`,
  "plugins/tools/greet_word.ts": `export const word: string = "漢字";\n`,
  "plugins/tools/greet_test.ts": `throw new Error("not an entry");\n`,
  "prompts/chat.md": "Be kind.\n",
};

Deno.test("the same source gives the same payload wherever it lies, and the executable finds what it carries", async () => {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    const deno = [Deno.execPath()];
    const base = await anyBase();
    const identities: (string | undefined)[] = [];
    for (const [name, stage] of [["one", "stage"], ["deeper/two", "other"]] as const) {
      const source = join(folder, name);
      for (const [path, text] of Object.entries(FILES)) {
        await Deno.mkdir(join(source, path, ".."), { recursive: true });
        await Deno.writeTextFile(join(source, path), text);
      }
      const out = join(folder, name, "bin/evo");
      const options = {
        source,
        out,
        stage: join(folder, stage),
        deno,
        base,
        hash: sourceHash,
        pack: packSource,
      };
      const built = await compileSource(options);
      ok(built.ok, JSON.stringify(built));
      equal(built.value.entries, ["host/boot.ts", "main.ts", "plugins/tools/greet.ts", "plugins/tools/greet_word.ts"]);
      identities.push(await identify(out));
      ok(!await Deno.lstat(options.stage).catch(() => undefined), "the stage is gone");
      const { code, stdout, stderr } = await new Deno.Command(out, { cwd: "/", clearEnv: true }).output();
      equal([code, new TextDecoder().decode(stderr)], [0, ""]);
      const { packed, ...seen } = JSON.parse(new TextDecoder().decode(stdout));
      ok(packed > 100);
      const facts = { version: "1.2.3", sourceHash: built.value.sourceHash, deno: Deno.version.deno };
      const rest = { remote: "data", outside: "TypeError" };
      equal(seen, { said: "hello 漢字", prompt: "Be kind.\n", facts, ...rest });
      equal((await Array.fromAsync(Deno.readDir(join(source, "bin")))).map(({ name }) => name), ["evo"]);
      await Deno.writeTextFile(join(source, "main.ts"), "export const said = (");
      const before = await identify(out);
      const broken = await compileSource(options);
      ok(!broken.ok);
      match(broken.error, /^Cannot bundle /);
      equal(await identify(out), before);
    }
    ok(identities[0]);
    equal(identities[0], identities[1]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** The base of this checkout's own builds, so that only the first test run fetches one. */
async function anyBase() {
  const env = (name: string) => Deno.env.get(name);
  const { home } = await findHome({ env, exe: join(CHECKOUT, "bin/evo") });
  const base = await findBase({ home, env, deno: [Deno.execPath()] });
  ok(base.ok, JSON.stringify(base));
  return base.value;
}

Deno.test("bin/evo is built when it is not what the source says, and only then", async () => {
  const root = await Deno.realPath(await Deno.makeTempDir());
  const before = Deno.env.get("DENORT_BIN");
  try {
    const { path } = await anyBase();
    if (path) Deno.env.set("DENORT_BIN", path);
    for (const [name, text] of Object.entries(FILES)) {
      await Deno.mkdir(join(root, name, ".."), { recursive: true });
      await Deno.writeTextFile(join(root, name), text);
    }
    const build = async () => {
      const lines: string[] = [];
      const out = await ensure(root, (line) => lines.push(line));
      equal(out, { ok: true, value: join(root, "bin/evo") }, lines.join("\n"));
      return lines.length > 0;
    };
    equal([await build(), await build()], [true, false]);
    await Deno.writeTextFile(join(root, "prompts/chat.md"), "Be brief.\n");
    equal([await build(), await build()], [true, false]);
    await Deno.writeTextFile(join(root, "bin/evo"), "not an executable");
    equal([await build(), await build()], [true, false]);
    equal(await Deno.readTextFile(join(root, ".evo/deno")), Deno.execPath());
  } finally {
    if (before === undefined) Deno.env.delete("DENORT_BIN");
    else Deno.env.set("DENORT_BIN", before);
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("a folder that is not Evo's source is refused, and an abort ends a build", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const options = { source: folder, out: join(folder, "evo"), stage: join(folder, "stage"), deno: [Deno.execPath()] };
    const rest = { base: { from: "nowhere" }, hash: sourceHash, pack: packSource };
    const refused = await compileSource({ ...options, ...rest });
    ok(!refused.ok && /it has no host\/boot.ts/.test(refused.error));
    await Deno.mkdir(join(folder, "host"));
    await Deno.writeTextFile(join(folder, "host/boot.ts"), "export {};\n");
    const aborted = compileSource({ ...options, ...rest, signal: AbortSignal.abort(new Error("stopped")) });
    equal(await aborted.then(() => "built", (error) => error.message), "stopped");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
