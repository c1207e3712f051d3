import { deepStrictEqual as equal } from "node:assert/strict";
import { findImport, strip } from "./strip.ts";

const CASES: [code: string, line: number][] = [
  [`import a from "b"`, 1],
  [`\n\nimport "b"`, 3],
  [`const a = await import("b")`, 1],
  [`x;import/**/("b")`, 1],
  [`export { a } from "b"`, 1],
  [`export * from "b"`, 1],
  [`export * as c from 'b'`, 1],
  [`const a = /"/; import("b"); "`, 1],
  ["const a = `b`; import(`c`)", 1],
  [`// import "b"\n/* import("c") */ const a = 'import("d")' + "import"`, 0],
  ["const a = `\nimport b from 'c'\n`", 0],
  [`const a = { import: 1 }, b = a.import, c = import.meta.url, important = 2, reimport = /import "x"/`, 0],
  [`export const from = "b"; export default () => from`, 0],
  [`export default ({ tool }) => tool({ description: "export it from \\"b\\"" })`, 0],
];

for (const [code, line] of CASES) {
  Deno.test(`in ${JSON.stringify(code)} ${line ? `line ${line} imports a value` : "no value is imported"}`, () => {
    equal(findImport(code), line);
  });
}

Deno.test("types go, lines and JavaScript stay", async () => {
  const source = `import type { A } from "x";\ntype B = A;\nexport const c = (d: B): string => \`é\${d as unknown}\`;`;
  const stripped = await strip(source, "/x/a.ts");
  equal(stripped.ok && stripped.value.split("\n").map((line) => line.replace(/\s+/g, " ").trim()), [
    "",
    "",
    "export const c = (d ) => `é${d }`;",
  ]);
  equal(await strip("const a = 1", "/x/a.js"), { ok: true, value: "const a = 1" });
});
