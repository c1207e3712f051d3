import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { landlockAvailable, sandboxed } from "../sandbox/landlock.ts";
import { runTests, type SandboxArgv } from "./sandbox.ts";

const BODIES: Record<string, string> = {
  "fine_test.ts":
    'Deno.test(`a "title" <&>`, () => {});\nDeno.test.ignore("later", () => {});\nDeno.test("no", () => Promise.reject(new Error("x")));\n',
  "early_test.ts": 'Deno.test("first", () => {});\nDeno.exit(0);\n',
  "inside_test.ts": 'Deno.test("first", () => Deno.exit(0));\n',
  "package_test.ts": 'import "npm:left-pad@1.3.0";\nDeno.test("x", () => {});\n',
  "late_package_test.ts": 'Deno.test("x", async () => void await import("npm:left-pad@1.3.0"));\n',
  "spin_test.ts": 'Deno.test("x", () => { for (;;); });\n',
  "reads_test.ts": `Deno.test("read", () => Deno.readTextFileSync("/etc/passwd"));
Deno.test("write", () => Deno.writeTextFileSync("own.txt", "x"));
Deno.test("net", () => fetch("http://127.0.0.1:1"));
Deno.test("run", () => void new Deno.Command("true").outputSync());
Deno.test("env", () => void Deno.env.get("HOME"));
Deno.test("ffi", () => void Deno.dlopen("libc.so.6", {}));
Deno.test("code", () => void (() => {}).constructor("return 1")());
Deno.test("own", () => void Deno.readTextFileSync("deno.json"));
`,
};

async function inSandbox(files: string[], options: { ms?: number; sandboxArgv?: SandboxArgv } = {}) {
  const base = await Deno.realPath(await Deno.makeTempDir()), root = `${base}/draft`, scratch = `${base}/scratch`;
  try {
    await Deno.mkdir(root);
    await Deno.writeTextFile(`${root}/deno.json`, "{}");
    await Deno.writeTextFile(`${base}/outside.ts`, "export const secret = 1;\n");
    for (const [path, text] of Object.entries(BODIES)) await Deno.writeTextFile(`${root}/${path}`, text);
    await Deno.writeTextFile(
      `${root}/outside_test.ts`,
      `Deno.test("x", async () => void await import("${base}/outside.ts"));\n`,
    );
    return await runTests({
      deno: Deno.execPath(),
      root,
      files,
      scratch,
      ms: options.ms ?? 30_000,
      signal: new AbortController().signal,
      sandboxArgv: options.sandboxArgv ?? ((command) => command),
    });
  } finally {
    await Deno.remove(base, { recursive: true });
  }
}

Deno.test("a run reports each test with its file, its line and whether it passed", async () => {
  const { report, code } = await inSandbox(["fine_test.ts"]);
  equal(report?.map(({ file, line, title, pass }) => [file, line, title, pass]), [
    ["fine_test.ts", 1, 'a "title" <&>', true],
    ["fine_test.ts", 2, "later", false],
    ["fine_test.ts", 3, "no", false],
  ]);
  equal(code, 1);
});

Deno.test("a file that ends the process early with code 0 leaves no report to believe", async () => {
  const { report, code } = await inSandbox(["early_test.ts", "fine_test.ts"]);
  equal([code, report], [0, undefined]);
});

Deno.test("a test that ends the process has not passed", async () => {
  const { report, code } = await inSandbox(["inside_test.ts"]);
  ok(code !== 0 || !report?.some(({ pass }) => pass));
});

Deno.test("packages are not fetched", async () => {
  for (const file of ["package_test.ts", "late_package_test.ts"]) {
    const { code, output } = await inSandbox([file]);
    ok(code !== 0);
    match(output, /left-pad|cached/);
  }
});

Deno.test("effects are denied, reading the draft is not", async () => {
  const { report } = await inSandbox(["reads_test.ts"]);
  equal(report?.filter(({ pass }) => pass).map(({ title }) => title), ["own"]);
  equal(report?.length, 8);
});

Deno.test("a test that spins is ended at the deadline", async () => {
  const { timedOut, report, code } = await inSandbox(["spin_test.ts"], { ms: 1_500 });
  equal([timedOut, report, code], [true, undefined, 124]);
});

Deno.test("the command that runs is the confined one, which may read the draft and write only its cache and its own folder", async () => {
  const seen: { ro: string[]; rw: string[] }[] = [];
  const { code } = await inSandbox(["outside_test.ts"], {
    sandboxArgv: (command, access) => (seen.push(access), ["sh", "-c", "exit 7", ...command]),
  });
  equal(code, 7);
  ok(seen[0]?.ro.some((path) => path.endsWith("/draft")) && !seen[0].rw.some((path) => path.endsWith("/draft")));
});

Deno.test("without confinement an import of what lies outside works: permissions do not stop it", async () => {
  equal((await inSandbox(["outside_test.ts"])).code, 0);
});

Deno.test({
  name: "under Landlock an import of what lies outside fails, and the rest of a run does not notice",
  ignore: !landlockAvailable(),
  async fn() {
    const folder = await Deno.makeTempDir(), script = `${folder}/self.ts`;
    try {
      const landlock = new URL("../sandbox/landlock.ts", import.meta.url),
        config = new URL("../../deno.json", import.meta.url);
      const text = `import { runSandboxed } from "${landlock}";\nthrow new Error(runSandboxed(Deno.args.slice(1)));\n`;
      await Deno.writeTextFile(script, text);
      const self = [Deno.execPath(), "run", "-A", `--config=${config.pathname}`, script];
      const { report } = await inSandbox(["outside_test.ts", "fine_test.ts"], {
        sandboxArgv: (command, rules) => sandboxed(command, { rules, self }),
      });
      equal(report?.map(({ file, pass }) => [file, pass]), [
        ["outside_test.ts", false],
        ["fine_test.ts", true],
        ["fine_test.ts", false],
        ["fine_test.ts", false],
      ]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
