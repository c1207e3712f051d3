import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { packModules } from "./embed.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

Deno.test("a source that names nothing to pack, and a toolchain that fails, are told", async () => {
  const scratch = await Deno.makeTempDir();
  try {
    const nothing = await packModules({ source: scratch, deno: [Deno.execPath()], cache: scratch });
    equal(nothing, { ok: true, value: {} });
    const broken = await packModules({
      source: ROOT,
      deno: ["sh", "-c", "echo no bundler >&2; exit 3"],
      cache: scratch,
    });
    match(broken.ok ? "" : broken.error, /^Cannot bundle assemblyscript and binaryen: no bundler/);
    equal((await Array.fromAsync(Deno.readDir(scratch))).length, 0);
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
});

Deno.test("a packed module is kept by its versions: others do not take it", async () => {
  const scratch = await Deno.makeTempDir();
  const versions = (asc: string) =>
    JSON.stringify({
      imports: { "assemblyscript/asc": `npm:assemblyscript@${asc}/asc`, binaryen: "npm:binaryen@1.2.3" },
    });
  try {
    const bundler = `await Deno.writeTextFile(Deno.args.at(-2) ?? "", "made " + await Deno.readTextFile("entry.ts"));`;
    await Deno.writeTextFile(`${scratch}/bundler.ts`, bundler);
    const deno = [Deno.execPath(), "run", "-A", "--no-config", `${scratch}/bundler.ts`];
    const pack = async (version: string, command = deno) => {
      await Deno.writeTextFile(`${scratch}/imports.json`, versions(version));
      const packed = await packModules({ source: scratch, deno: command, cache: `${scratch}/cache` });
      return packed.ok ? packed.value["asc.gz"] ?? "" : packed.error;
    };
    const first = await pack("0.1.0");
    const unpacked = new Blob([await Deno.readFile(first)]).stream().pipeThrough(new DecompressionStream("gzip"));
    match(await new Response(unpacked).text(), /^made export .*npm:assemblyscript@0\.1\.0"/);
    equal(await pack("0.1.0", ["false"]), first, "nothing is made twice");
    match(await pack("0.2.0", ["false"]), /^Cannot bundle/);
    const second = await pack("0.2.0");
    ok(second !== first && second.endsWith(".gz"));
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
});
