import { deepStrictEqual as equal, ok } from "node:assert/strict";
import { join } from "node:path";
import { testAll } from "./test.ts";

const FILES: Record<string, string> = {
  "deno.json": "{}\n",
  "host/boot.ts": "export {};\n",
  "actors/a_test.ts": `Deno.test("a", () => {});\n`,
  "host/x/b_test.ts": `Deno.test("b", async () => {\n  await Deno.stat("/");\n});\n`,
  "host/x/c_slow_test.ts": `Deno.test("c", () => {});\n`,
};

const cases: [string, Record<string, string>, { passed: number; failed: number }, RegExp | undefined][] = [
  ["what is good passes", {}, { passed: 5, failed: 0 }, undefined],
  ["a test of the mind has no permissions", { "actors/a_test.ts": FILES["host/x/b_test.ts"] ?? "" }, {
    passed: 4,
    failed: 1,
  }, /mind/],
  ["a wrong format fails", { "host/boot.ts": "export   {}\n" }, { passed: 4, failed: 1 }, /format/],
  ["a type error fails", { "host/boot.ts": `export const n: number = "";\n` }, { passed: 4, failed: 1 }, /types/],
  ["a lint error fails", { "host/boot.ts": "let x = 1;\nexport const y = x;\n" }, { passed: 4, failed: 1 }, /lint/],
  ["a file that ends the run early fails", { "host/x/b_test.ts": "Deno.exit(0);\n" }, { passed: 4, failed: 1 }, /host/],
];

for (const [title, change, expected, failed] of cases) {
  Deno.test(`${title}, and the counts say so`, async () => {
    const root = await Deno.makeTempDir();
    try {
      for (const [path, text] of Object.entries({ ...FILES, ...change })) {
        await Deno.mkdir(join(root, path, ".."), { recursive: true });
        await Deno.writeTextFile(join(root, path), text);
      }
      const lines: string[] = [];
      equal(await testAll(root, true, (line) => lines.push(line)), expected, lines.join("\n"));
      const bad = lines.filter((line) => line.startsWith("FAILED"));
      equal(bad.length, failed ? 1 : 0);
      if (failed) ok(failed.test(bad[0] ?? ""));
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  });
}
