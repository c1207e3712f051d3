import { deepStrictEqual as equal } from "node:assert/strict";
import { runUnseen } from "./cases.ts";

const FILES: Record<string, string> = {
  "deno.json": "{}",
  "near.ts": 'export { b } from "./far.ts";\n',
  "far.ts": "export const b: number = 2;\n",
  "other.ts": "export {};\n",
  "a_test.ts":
    'import {\n  b, // it\'s near; far\n} from "./near.ts";\nDeno.test("a", () => {\n  if (b > 2) throw new Error("no");\n});\n',
  "c_test.ts": 'Deno.test("c", () => {});\n',
};

/** What is done before a second run, how often the runner is then started, and which cases pass. */
const CHANGES: [what: string, change: (at: string) => Promise<void>, runs: number, passed: string[]][] = [
  ["nothing", async () => {}, 0, ["a", "c"]],
  ["a file that no test imports", (at) => Deno.writeTextFile(`${at}/tree/other.ts`, "export const d = 1;\n"), 0, [
    "a",
    "c",
  ]],
  [
    "a file that is imported by an import",
    (at) => Deno.writeTextFile(`${at}/tree/far.ts`, "export const b = 1;\n"),
    1,
    ["a", "c"],
  ],
  ["an import so that its test fails", (at) => Deno.writeTextFile(`${at}/tree/far.ts`, "export const b = 3;\n"), 1, [
    "c",
  ]],
  ["the settings", (at) => Deno.writeTextFile(`${at}/tree/deno.json`, '{ "imports": {} }'), 1, ["a", "c"]],
  ["the memory, which is damaged", (at) => Deno.writeTextFile(`${at}/scratch/cases.json`, "["), 1, ["a", "c"]],
];

for (const [what, change, runs, passed] of CHANGES) {
  Deno.test(`after a change of ${what} tests run ${runs === 0 ? "not again" : "again"}`, async () => {
    const at = await Deno.realPath(await Deno.makeTempDir());
    await Deno.mkdir(`${at}/tree`);
    for (const [path, text] of Object.entries(FILES)) await Deno.writeTextFile(`${at}/tree/${path}`, text);
    let started = 0;
    const run = async () => {
      const { report = [] } = await runUnseen({
        deno: Deno.execPath(),
        root: `${at}/tree`,
        files: ["a_test.ts", "c_test.ts"],
        scratch: `${at}/scratch`,
        ms: 60_000,
        signal: new AbortController().signal,
        sandboxArgv: (command) => (started += 1, command),
      });
      return report.filter(({ pass }) => pass).map(({ title }) => title).sort();
    };
    equal([await run(), started], [["a", "c"], 1]);
    await change(at);
    equal([await run(), started], [passed, 1 + runs]);
    if (passed.length < 2) equal([await run(), started], [passed, 2 + runs], "what failed is never taken as known");
    await Deno.remove(at, { recursive: true });
  });
}
