import { deepStrictEqual as equal } from "node:assert/strict";
import { join } from "node:path";
import { countCases, findTests } from "./test.ts";

const junit = (cases: string) =>
  `<?xml version="1.0"?><testsuites tests="9"><testsuite name="x">${cases}</testsuite></testsuites>`;
const GOOD = `<testcase name="a &lt;failure&gt;" line="1"></testcase>`;
const BAD = `<testcase name="b"><failure message="&lt;testcase">x</failure></testcase>`;
const IGNORED = `<testcase name="c"><skipped/></testcase>`;

for (
  const [title, text, code, expected] of [
    ["good cases", junit(GOOD + GOOD), 0, { passed: 2, failed: 0 }],
    ["a bad case", junit(GOOD + BAD), 1, { passed: 1, failed: 1 }],
    ["an ignored case", junit(GOOD + IGNORED), 0, { passed: 1, failed: 0 }],
    ["a run that failed outside of its cases", junit(GOOD), 1, { passed: 1, failed: 1 }],
    ["a run that ended early with code 0 and no report", undefined, 0, { passed: 0, failed: 1 }],
    ["a run that crashed", undefined, 139, { passed: 0, failed: 1 }],
  ] as const
) {
  Deno.test(`${title} are counted as they are`, () => equal(countCases(text, code), expected));
}

Deno.test("counts agree with a real run of deno test", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const text =
      `Deno.test("a", () => {}); Deno.test("b", () => { throw new Error("<testcase>"); }); Deno.test.ignore("c", () => {});`;
    await Deno.writeTextFile(join(folder, "x_test.js"), text);
    const args = ["test", "--no-config", `--junit-path=${join(folder, "x.xml")}`, join(folder, "x_test.js")];
    const { code } = await new Deno.Command(Deno.execPath(), { args, stdout: "null", stderr: "null" }).output();
    equal(countCases(await Deno.readTextFile(join(folder, "x.xml")), code), { passed: 1, failed: 1 });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("tests are found in order, slow ones only when there is time", async () => {
  const root = await Deno.makeTempDir();
  try {
    await Deno.mkdir(join(root, "a/b"), { recursive: true });
    for (const name of ["a/z_test.ts", "a/b/y_slow_test.ts", "a/x.ts"]) await Deno.writeTextFile(join(root, name), "");
    equal(await findTests(root, ["a", "none"], false), ["a/b/y_slow_test.ts", "a/z_test.ts"]);
    equal(await findTests(root, ["a", "none"], true), ["a/z_test.ts"]);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
