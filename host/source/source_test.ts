import { deepStrictEqual as equal, match, ok, rejects } from "node:assert/strict";
import {
  isEvolvable,
  isSource,
  listSource,
  packSource,
  readPacked,
  sourceHash,
  unpackSource,
  whyProtected,
} from "./source.ts";

const PATHS: [path: string, source: boolean, evolvable: boolean, writable: boolean][] = [
  ["main.ts", true, true, true],
  ["README.md", true, true, true],
  ["AGENTS.md", true, true, true],
  ["ARCHITECTURE.md", true, true, true],
  ["actors/root.ts", true, true, true],
  ["actors/deep/a.ts", true, true, true],
  ["actors/a.json", true, true, false],
  ["actors/a.d.ts", true, true, false],
  ["actors/package.json", true, true, false],
  ["plugins/tools/read_file.ts", true, true, true],
  ["plugins/functions/sort/function.ts", true, true, true],
  ["plugins/functions/sort/task.ts", true, false, false],
  ["plugins/functions/sort/TASK.ts", true, false, false],
  ["plugins/functions/sort/notes.md", true, true, true],
  ["prompts/memory/a.md", true, true, true],
  ["prompts/a.ts", true, true, false],
  ["host/boot.ts", true, false, false],
  ["deno.json", true, false, false],
  ["imports.json", true, false, false],
  ["LICENSE", true, false, false],
  [".evo/config.jsonc", true, false, false],
  [".github/workflows/ci.yml", true, false, false],
  ["actors", false, false, false],
  ["actors/.env", false, false, false],
  ["actors/node_modules/x/a.ts", false, false, false],
  ["actors/../host/boot.ts", false, false, false],
  ["./main.ts", false, false, false],
  ["/main.ts", false, false, false],
  ["actors//a.ts", false, false, false],
  ["actors\\a.ts", false, false, false],
  [".evo/sessions/x", false, false, false],
  ["bin/evo", false, false, false],
  ["", false, false, false],
];
for (const [path, source, evolvable, writable] of PATHS) {
  Deno.test(`"${path}" is ${source ? "" : "not "}source, ${evolvable ? "" : "not "}evolvable, ${writable ? "" : "not "}writable`, () => {
    equal([isSource(path), isEvolvable(path), whyProtected(path) === undefined], [source, evolvable, writable]);
  });
}

async function inTree(body: (root: string) => Promise<void>) {
  const root = await Deno.makeTempDir();
  try {
    for (const folder of ["actors", "host/x", ".ci", "bin", ".evo"]) {
      await Deno.mkdir(`${root}/${folder}`, { recursive: true });
    }
    await Deno.writeTextFile(`${root}/main.ts`, "\ufeffcrlf\r\n🦕\n");
    await Deno.writeTextFile(`${root}/actors/a.ts`, "a\n");
    await Deno.writeTextFile(`${root}/host/x/b.ts`, "");
    await Deno.writeTextFile(`${root}/.ci/run`, "#!/bin/sh\n", { mode: 0o755 });
    await Deno.writeTextFile(`${root}/bin/evo`, "no");
    await Deno.writeTextFile(`${root}/.evo/config.jsonc`, "{}\n");
    await Deno.symlink("/etc/passwd", `${root}/actors/link.ts`);
    await body(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}
const ALL = [".ci/run", ".evo/config.jsonc", "actors/a.ts", "host/x/b.ts", "main.ts"];

Deno.test("a packed source unpacks to the same bytes, modes and hash", async () => {
  await inTree(async (root) => {
    const packed = await packSource(root), into = `${root}/outputs/copy`;
    await unpackSource(packed, into);
    equal(await listSource(into), ALL);
    equal(await Deno.readFile(`${into}/main.ts`), await Deno.readFile(`${root}/main.ts`));
    equal((await Deno.stat(`${into}/.ci/run`)).mode, (await Deno.stat(`${root}/.ci/run`)).mode);
    equal(await sourceHash(into), await sourceHash(root));
    equal(await packSource(into), packed);
    equal([...(await readPacked(packed)).keys()], ALL);
  });
});

Deno.test("the hash changes with a byte, a name, an execute bit and a file, and not with what is no source", async () => {
  await inTree(async (root) => {
    const hashes = [await sourceHash(root)];
    match(hashes[0] ?? "", /^[0-9a-f]{64}$/);
    const after = async (change: Promise<unknown>) => (await change, hashes.push(await sourceHash(root)));
    await after(Deno.writeTextFile(`${root}/actors/a.ts`, "a\r\n"));
    await after(Deno.rename(`${root}/actors/a.ts`, `${root}/actors/b.ts`));
    await after(Deno.chmod(`${root}/actors/b.ts`, 0o755));
    await after(Deno.writeTextFile(`${root}/LICENSE`, ""));
    equal(new Set(hashes).size, 5);
    await after(Deno.writeTextFile(`${root}/bin/evo`, "other"));
    equal(hashes[5], hashes[4]);
  });
});

Deno.test("what is not text, and a pack that is not one, is an error that says so", async () => {
  await inTree(async (root) => {
    await Deno.writeFile(`${root}/actors/a.ts`, new Uint8Array([0xff]));
    await rejects(sourceHash(root), /Cannot read "actors\/a.ts": it is not UTF-8 text/);
    await rejects(readPacked(new Uint8Array([1, 2, 3])));
    const text = JSON.stringify([{ path: "../out.ts", text: "" }]);
    const stray = new Uint8Array(
      await new Response(new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer(),
    );
    await rejects(unpackSource(stray, `${root}/into`), /"..\/out.ts" does not belong/);
    ok(!await Deno.stat(`${root}/out.ts`).catch(() => false));
  });
});
