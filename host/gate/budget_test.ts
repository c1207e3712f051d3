import { deepStrictEqual as equal } from "node:assert/strict";
import { arrows, arrowViolations, BUDGET, measure, violations } from "./budget.ts";
import { countLines, withoutComments } from "../lint/lines.ts";

const COUNTED: [text: string, lines: number][] = [
  ["", 0],
  ["a;\n\n  \t\n// c\n/* d\n e */\nb; // f\n", 2],
  ["/** doc\n * more\n */\nf();\r\n\r\n", 1],
  ["const a = \"// no\", b = '/* no';\nc; */\n", 2],
  ["const t = `\n// text\n${x /* gone */ + `\n/* text`}\n`;\n", 5],
  ["const t = `${ { a: `}` }.a }// text`;\n/* c */", 1],
  ['const r = /["\'`/*]/g; // c\nconst s = 1 / 2; // "\nconst u = x.return / 3 / 4;\n', 3],
  ["const r = [/\\//, /[/*]/];\nif (/x'/.test(y)) z;\n", 2],
  ['"unclosed\n// c\n', 1],
  ['"a \\\\" // c\n;', 2],
  ["日本 // 🦕 `\nx;\n", 2],
];
for (const [text, lines] of COUNTED) {
  Deno.test(`${lines} lines are counted in ${JSON.stringify(text)}`, () => {
    equal(countLines(text), lines);
    equal(withoutComments(text).length, text.length);
  });
}

Deno.test("what is over a limit is named, what is on it is not", () => {
  const of = (path: string, lines: number) => ({ path, lines });
  equal(violations([of("plugins/tools/a.ts", BUDGET.file)]), []);
  equal(violations([of("plugins/tools/a.ts", BUDGET.file + 1)]).length, 1);
  const part = BUDGET.mind / 10;
  const mind = Array.from({ length: 10 }, (_, n) => of(`actors/${n}.ts`, part));
  equal([violations(mind), violations([...mind, of("main.ts", 1)]).length], [[], 1]);
  const folder = [1, 2, 3, 4].map((n) => of(`host/x/deep/${n}.ts`, 250));
  equal([violations(folder), violations([...folder, of("host/x/5.ts", 1)]).map((text) => text.split(" ")[0])], [[], [
    "host/x",
  ]]);
  const contract = [1, 2, 3].map((n) =>
    of(`actors/${["", "types", "ports", "functions"][n]}.ts`, Math.floor(BUDGET.contract / 3))
  );
  contract.push(of("actors/plugins.ts", BUDGET.contract - 3 * Math.floor(BUDGET.contract / 3)));
  equal(violations([...contract, of("host/testing/a.ts", 250), of("host/bench/a.ts", 250)]), []);
  equal(violations([...contract, of("actors/plugins.ts", 1)]).map((text) => text.split(" ")[0]), [
    "contract",
  ]);
  const body = Array.from({ length: 90 }, (_, n) => of(`host/f${n}/a.ts`, BUDGET.body / 90));
  equal([violations(body), violations([...body, of("host/boot.ts", 1)]).map((text) => text.split(" ")[0])], [[], [
    "body",
  ]]);
});

async function inTree<T>(files: Record<string, string>, body: (root: string) => Promise<T>): Promise<T> {
  const root = await Deno.makeTempDir();
  try {
    for (const [path, text] of Object.entries(files)) {
      await Deno.mkdir(`${root}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
      await Deno.writeTextFile(`${root}/${path}`, text);
    }
    return await body(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("tests and what is no source are not measured", async () => {
  const files = {
    "main.ts": "a;\n\n// c\n",
    "actors/a_test.ts": "a;\n",
    "bin/a.ts": "a;\n",
    "host/x/a.ts": "a;\nb;\n",
    "prompts/a.md": "a\n",
  };
  equal(await inTree(files, measure), [{ path: "host/x/a.ts", lines: 2 }, { path: "main.ts", lines: 1 }]);
});

Deno.test("arrows that point outward and cycles that remain at run time are found", async () => {
  const files = {
    "host/boot.ts": 'try { await import("../main.ts"); } catch { /* import "../main.ts" */ }\n',
    "host/a/a.ts": 'import { type X, y } from "./b.ts";\nimport type { T } from "../../actors/types.ts";\n',
    "host/a/b.ts": 'import {\n  z,\n} from "../c/c.ts";\nexport const y = z;\n',
    "host/c/c.ts": 'export * from "../a/a.ts";\nexport const z = "import x from \\"../../actors/root.ts\\"";\n',
    "main.ts": 'import "./actors/root.ts";\nimport { x } from "./host/a/a.ts";\n',
    "actors/root.ts": 'import type { A } from "./types.ts";\nimport * as z from "zod";\n',
    "actors/types.ts": 'import type { R } from "./root.ts";\nexport type { Q } from "../plugins/lib/p.ts";\n',
    "plugins/lib/p.ts": 'import { T } from "../../actors/types.ts";\nimport { R } from "../../actors/root.ts";\n',
    "host/a/a_test.ts": 'import "../../main.ts";\n',
  };
  const found = arrowViolations(await inTree(files, arrows));
  equal(found, [
    '"actors/types.ts" may not import "plugins/lib/p.ts"',
    '"main.ts" may not import "host/a/a.ts"',
    '"plugins/lib/p.ts" may not import "actors/root.ts"',
    "Imports form a cycle: host/a/a.ts -> host/a/b.ts -> host/c/c.ts -> host/a/a.ts",
  ]);
});
