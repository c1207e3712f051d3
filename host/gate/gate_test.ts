import { deepStrictEqual as equal, match, ok, rejects } from "node:assert/strict";
import type { Workspace } from "../../actors/ports.ts";
import { type Candidate, no, ok as fine, type Shown, type Verdict } from "../../actors/types.ts";
import { git, mustGit } from "../source/git.ts";
import { readSource } from "../source/source.ts";
import { createDraft } from "./draft.ts";
import { createGate, type GateOptions } from "./gate.ts";

const own = new URL("../../", import.meta.url).pathname.replace(/\/$/, "");
const REAL = ["deno.json", "imports.json", "deno.lock", ".gitignore"];
const GATE = [
  "lint/source_lint.ts",
  "lint/facts_lint.ts",
  "lint/lines.ts",
  "testing/walk.ts",
  "gate/sealed/machine_test.ts",
]
  .map((name) => `host/${name}`);
const MACHINE = `import { createMachine } from "xstate";

/** Builds a machine. */
export function createRoot(_ports: unknown) {
  const passed = (target: string) => ({ onDone: [{ guard: "passed", target }, { target: "idle" }] });
  return createMachine({
    initial: "idle",
    states: {
      idle: { on: { go: "proving" } },
      proving: { invoke: { src: "prove", ...passed("building") } },
      building: { invoke: { src: "build", ...passed("promoting") } },
      promoting: { invoke: { src: "promote" } },
    },
  });
}
`;
const SMALL: Record<string, string> = {
  "main.ts": `import { twice } from "./actors/sums.ts";

/** Four. */
export const four = twice(2);
`,
  "host/boot.ts": `const { four } = await import("../main.ts");
if (four !== 4) throw new Error("Cannot start: four is not 4");
`,
  "actors/root.ts": MACHINE,
  "actors/sums.ts": `/** Doubles. */
export function twice(n: number): number {
  return n + n;
}

/** Halves. */
export function half(n: number): number {
  return n / 2;
}
`,
  "actors/sums_test.ts": `import { strictEqual as equal } from "node:assert/strict";
import { half, twice } from "./sums.ts";

Deno.test("twice doubles", () => {
  equal(twice(2), 4);
  equal(twice(0), 0);
});
for (const n of [1, 2]) Deno.test(\`half undoes twice of \${n}\`, () => equal(half(twice(n)), n));
for (const n of [1, 2, 3]) Deno.test(\`twice is even for \${n}\`, () => equal(twice(n) % 2, 0));
Deno.test(\`twice is even for \${0}\`, () => equal(twice(0) % 2, 0));
`,
  "prompts/chat.md": "You are Evo.\n",
  "README.md": "# Evo\n",
};

/** One repository, draft and gate, shared by all cases. */
async function createStage() {
  const base = await Deno.realPath(await Deno.makeTempDir()), repository = `${base}/source`, home = `${base}/home`;
  const files = { ...SMALL };
  for (const path of [...REAL, ...GATE]) files[path] = await Deno.readTextFile(`${own}/${path}`);
  for (const [path, text] of Object.entries(files)) await put(`${repository}/${path}`, text);
  await mustGit(repository, ["init", "--quiet", "--initial-branch=main"]);
  await mustGit(repository, ["add", "--all", "--force"]);
  await mustGit(repository, ["commit", "--quiet", "-m", "start"]);
  const shown: Shown[] = [],
    logged: unknown[] = [],
    parent = new Map((await readSource(repository)).map(({ path, text }) => [path, text]));
  const draft = createDraft({
    home,
    sourceRoot: () => Promise.resolve(fine({ root: repository, generation: 1 })),
    createWorkspace: ({ root }) => ({ root }) as Workspace,
  });
  let bundles = 0;
  const compiled: (number | undefined)[] = []; // which of the bundles
  const options: GateOptions = {
    draftRoot: `${home}/draft`,
    parentRoot: `${home}/parent`,
    scratch: `${base}/scratch`,
    parentFiles: () => Promise.resolve(parent),
    deno: () => Promise.resolve(fine(Deno.execPath())),
    bundle: () => Promise.resolve(fine({ entries: [], ms: ++bundles })),
    compile: (
      root,
      bundled,
    ) => (compiled.push(bundled?.ms), Promise.resolve(fine({ executable: `${root}/../exe`, notes: "" }))),
    canary: () => Promise.resolve(fine("it lives")),
    log: { write: (_, data) => void logged.push(data) },
    show: (event) => void shown.push(event),
    clock: { now: () => performance.now(), sleep: () => Promise.resolve() },
    sandboxArgv: (command) => command,
  };
  const root = options.draftRoot;
  return {
    base,
    repository,
    home,
    root,
    draft,
    options,
    compiled,
    gate: createGate(options),
    shown,
    logged,
    signal: new AbortController().signal,
  };
}
type Stage = Awaited<ReturnType<typeof createStage>>;

async function put(file: string, text: string) {
  await Deno.mkdir(file.replace(/\/[^/]*$/, ""), { recursive: true });
  await Deno.writeTextFile(file, text);
}

async function edit(root: string, path: string, change: (text: string) => string) {
  await put(`${root}/${path}`, change(await Deno.readTextFile(`${root}/${path}`).catch(() => "")));
}

async function propose({ draft }: Stage): Promise<Candidate> {
  const made = await draft.candidate({ title: "a change", predicted: "it is better" });
  if (!made.ok) throw new Error(made.error);
  return made.value;
}

const TRIPLE = "\n/** Triples. */\nexport function triple(n: number): number {\n  return twice(n) + n;\n}\n";
const TRIPLE_TEST = `import { strictEqual as equal } from "node:assert/strict";
import { triple } from "./sums.ts";

Deno.test("triple triples", () => equal(triple(2), 6));
`;
async function addTriple(root: string, { test = TRIPLE_TEST, code = TRIPLE } = {}) {
  await edit(root, "actors/sums.ts", (text) => text + code);
  await put(`${root}/actors/triple_test.ts`, test);
}
const withTest = (body: string) => (root: string) => addTriple(root, { test: `${TRIPLE_TEST}\n${body}\n` });
const withCode = (body: string) => (root: string) => addTriple(root, { code: `${TRIPLE}\n${body}\n` });

function spoil(root: string) {
  Deno.writeTextFileSync(`${root}/prompts/chat.md`, "mine\n");
}

/** Each case: what is done to the draft, the step that must fail, what it must say. */
const REFUSED: [name: string, damage: (root: string) => Promise<unknown>, step: string, said: RegExp][] = [
  [
    "a write into host/",
    (root) => edit(root, "host/boot.ts", (text) => `${text}// mine\n`),
    "policy",
    /"host\/boot.ts"/,
  ],
  ["a new file in host/", (root) => put(`${root}/host/gate/extra.ts`, "export {};\n"), "policy", /extra.ts/],
  [
    "a changed sealed test",
    (root) => edit(root, GATE.at(-1) ?? "", () => 'Deno.test("fine", () => {});\n'),
    "policy",
    /sealed/,
  ],
  ["a function's task", (root) => put(`${root}/plugins/functions/sort/task.ts`, "export {};\n"), "policy", /task.ts/],
  ["a link", (root) => Deno.symlink("/etc/passwd", `${root}/prompts/x.md`), "policy", /a link/],
  ["a linked folder", (root) => Deno.symlink("/tmp", `${root}/plugins`), "policy", /a link/],
  ["an execute bit", (root) => Deno.chmod(`${root}/prompts/chat.md`, 0o755), "policy", /executable/],
  ["a package.json", (root) => put(`${root}/package.json`, "{}\n"), "policy", /package.json/],
  ["a nested deno.json", (root) => put(`${root}/actors/deno.json`, "{}\n"), "policy", /only .ts files/],
  ["an .env", (root) => put(`${root}/plugins/.env`, "A=1\n"), "policy", /\.env/],
  ["a .gitattributes", (root) => put(`${root}/actors/.gitattributes`, "* -diff\n"), "policy", /gitattributes/],
  ["a file that git ignores", (root) => put(`${root}/bin/evo`, "x"), "policy", /bin\/evo/],
  [
    "a nested repository",
    (root) =>
      git(`${root}/plugins`, ["init"]).catch(() =>
        put(`${root}/plugins/x.ts`, "").then(() => git(`${root}/plugins`, ["init"]))
      ).then(() => git(`${root}/plugins`, ["commit", "--allow-empty", "-m", "x"])),
    "policy",
    /repository of its own/,
  ],
  ["a binary", (root) => Deno.writeFile(`${root}/prompts/x.md`, new Uint8Array([65, 0, 66])), "policy", /binary/],
  [
    "text that is not UTF-8",
    (root) => Deno.writeFile(`${root}/prompts/x.md`, new Uint8Array([0xff, 0xfe])),
    "policy",
    /UTF-8/,
  ],
  ["turned text", (root) => put(`${root}/prompts/x.md`, "a \u202e b\n"), "policy", /invisible/],
  ["types declared out of sight", (root) => put(`${root}/actors/x.d.ts`, "declare const a: 1;\n"), "policy", /x.d.ts/],
  [
    "a huge file",
    (root) =>
      put(`${root}/actors/big.ts`, Array.from({ length: 300 }, (_, i) => `export const a${i} = ${i};\n`).join("")),
    "size",
    /300 lines/,
  ],
  [
    "an outward import",
    (root) => edit(root, "actors/sums.ts", (text) => `import "../host/boot.ts";\n${text}`),
    "size",
    /may not import/,
  ],
  [
    "a syntax error",
    (root) => edit(root, "actors/sums.ts", (text) => `${text}export const = ;\n`),
    "format",
    /sums.ts/,
  ],
  [
    "lint that cannot be mended",
    withCode("export const loose = (a: unknown) => a as any;"),
    "format",
    /no-explicit-any/,
  ],
  [
    "a long function",
    withCode(`export function long(n: number) {\n${"  n += 1;\n".repeat(60)}  return n;\n}`),
    "source",
    /"long" has 6\d lines/,
  ],
  ["Deno by another name", withCode('export const d = Object(globalThis["De" + "no"]);'), "source", /globalThis/],
  ["a constructor", withCode('export const d = (() => {}).constructor("return Deno")();'), "source", /constructor/],
  ["fetch", withCode('export const d = () => fetch("http://127.0.0.1");'), "source", /fetch/],
  ["import()", withCode('export const d = () => import("./root.ts");'), "source", /import\(\)/],
  [
    "a package",
    (root) => addTriple(root, { test: `import "npm:left-pad@1.3.0";\n${TRIPLE_TEST}` }),
    "source",
    /left-pad/,
  ],
  [
    "a comment that quiets the linter",
    withCode("// deno-lint-ignore no-explicit-any\nexport const loose = (a: unknown) => a as any;"),
    "source",
    /steers/,
  ],
  ["a test that ends the process", withTest("Deno.exit(0);"), "source", /"Deno"/],
  ["a test that is skipped", withTest('Deno.test.ignore("later", () => {});'), "source", /"Deno"/],
  ["a type error", withCode('export const wrong: number = "1";'), "types", /TS2322/],
  ["a failing test", withTest('Deno.test("no", () => equal(1, 2));'), "tests", /"no"/],
  [
    "a test that never ends well",
    withTest('Deno.test("no", () => Promise.reject(new Error("gone")));'),
    "tests",
    /gone/,
  ],
  [
    "a deleted test",
    async (
      root,
    ) => (await addTriple(root),
      await edit(root, "actors/sums_test.ts", (text) => text.replace("half, ", "").replace(/^for.*$/m, ""))),
    "ratchet",
    /half undoes twice/,
  ],
  [
    "a deleted file of tests",
    async (root) => (await addTriple(root), await Deno.remove(`${root}/actors/sums_test.ts`)),
    "ratchet",
    /"twice doubles"/,
  ],
  [
    "a dropped assertion",
    async (
      root,
    ) => (await addTriple(root),
      await edit(root, "actors/sums_test.ts", (text) => text.replace("  equal(twice(0), 0);\n", ""))),
    "ratchet",
    /2 assertions and has 1/,
  ],
  [
    "a table with fewer cases",
    async (
      root,
    ) => (await addTriple(root), await edit(root, "actors/sums_test.ts", (text) => text.replace("[1, 2]", "[1]"))),
    "cases",
    /"half undoes twice of \*" were 2 and are 1/,
  ],
  [
    "code without a test",
    (root) => edit(root, "actors/sums.ts", (text) => text + TRIPLE),
    "red-green",
    /no test is new/,
  ],
  [
    "a test that passes without the change",
    (root) => addTriple(root, { test: TRIPLE_TEST.replaceAll("triple", "twice").replace("6", "4") }),
    "red-green",
    /pass without it/,
  ],
  [
    "code with another case in a table of tests that passes without it",
    async (root) => {
      await edit(root, "actors/sums.ts", (text) => text + TRIPLE);
      await edit(root, "actors/sums_test.ts", (text) => text.replace("[1, 2]", "[1, 2, 8]"));
    },
    "red-green",
    /pass without it, too: "half undoes twice of 8"$/m,
  ],
  [
    "a machine with a bypass",
    (root) => edit(root, "actors/root.ts", (text) => text.replace('go: "proving"', 'go: "promoting"')),
    "sealed",
    /reaches promotion/,
  ],
];

Deno.test("the gate", async (t) => {
  const stage = await createStage();
  const { draft, gate, root, signal, home } = stage;
  const fresh = async (): Promise<void> => void equal((await draft.open(signal)).ok, true);
  const prove = async (): Promise<Verdict> => await gate.prove(await propose(stage), signal);
  try {
    await t.step("passes a change with a red-green test, and remembers exactly its tree", async () => {
      await fresh();
      await addTriple(root, { code: TRIPLE.replace("return twice", "return    twice") });
      const verdict = await prove();
      equal(verdict.diagnostics, undefined);
      const now = await propose(stage);
      equal([verdict.pass, verdict.tree, gate.passed(now.tree)], [true, now.tree, { proof: true, build: false }]);
      equal(stage.logged.length, verdict.steps.length);
      equal(stage.shown.filter(({ type }) => type === "notice").length, 1);
      const built = await gate.build(now, signal);
      equal([built.diagnostics, gate.passed(now.tree)], [undefined, { proof: true, build: true }]);
      equal(gate.executable(now.tree), `${root}/../exe`);
    });
    await t.step("builds without a second proof when only documents changed since", async () => {
      equal((await prove()).pass, true);
      await edit(root, "README.md", (text) => `${text}\nIt triples.\n`);
      const now = await propose(stage);
      equal(gate.passed(now.tree), { proof: false, build: false });
      stage.compiled.length = 0;
      const built = await gate.build(now, signal);
      ok(stage.compiled[0], "what was bundled beside the tests is compiled");
      equal([(await gate.build(now, signal)).pass, stage.compiled[1]], [true, undefined], "once");
      equal([built.pass, built.steps.some(({ name }) => name === "tests"), gate.passed(now.tree).build], [
        true,
        false,
        true,
      ]);
    });
    await t.step("proves again when code changed since", async () => {
      await edit(root, "actors/sums.ts", (text) => text.replace("n + n", "n + n + 1"));
      const now = await propose(stage);
      const built = await gate.build(now, signal);
      equal([built.pass, built.step, gate.passed(now.tree)], [false, "tests", { proof: false, build: false }]);
    });
    await t.step("checks the draft beforehand, until something is proved", async () => {
      await fresh();
      equal(await gate.warm(), undefined);
      await edit(root, "prompts/chat.md", (text) => `${text}Be warm.\n`);
      const now = await propose(stage), ended = gate.warm().then(() => "whole", () => "ended");
      equal([(await gate.prove(now, signal)).diagnostics, await ended], [undefined, "ended"]);
    });
    await t.step("passes prompts alone, and code that only got smaller", async () => {
      await fresh();
      await edit(root, "prompts/chat.md", (text) => `${text}Be brief.\n`);
      equal((await prove()).diagnostics, undefined);
      await fresh();
      await edit(root, "actors/sums.ts", (text) => text.replace("{\n  return n / 2;\n}", "{ return n / 2; }"));
      await edit(root, "main.ts", () => "/** Four. */\nexport const four = 4;\n");
      equal((await prove()).diagnostics, undefined);
    });
    await t.step("passes comments that changed alone, and refuses with them a test that changed", async () => {
      await fresh();
      await edit(
        root,
        "actors/sums.ts",
        (text) => `// Of numbers.\n\n${text.replace("/** Halves", "/** Really halves")}`,
      );
      equal((await prove()).diagnostics, undefined);
      await edit(root, "actors/sums_test.ts", (text) => text.replace("twice(0), 0", "twice(1), 2"));
      match((await prove()).diagnostics ?? "", /changed, but no code did/);
    });
    await t.step("passes code with another case in a table of tests that fails without it", async () => {
      await fresh();
      await edit(root, "actors/sums.ts", (text) => text.replace("return n / 2", "return n === 1 / 0 ? 1e308 : n / 2"));
      await edit(root, "actors/sums_test.ts", (text) => text.replace("[1, 2]", "[1, 2, 1e308]"));
      equal((await prove()).diagnostics, undefined);
    });
    await t.step("lets a test go with its export, and a test with the same body change its title", async () => {
      await fresh();
      await edit(root, "actors/sums.ts", (text) => text.slice(0, text.indexOf("\n/** Halves")));
      await edit(
        root,
        "actors/sums_test.ts",
        (text) => text.replace("half, ", "").replace(/^for.*\n/m, "").replace("twice doubles", "twice is double"),
      );
      await addTriple(root);
      equal((await prove()).diagnostics, undefined);
    });
    for (const [name, damage, step, said] of REFUSED) {
      await t.step(`refuses ${name}`, async () => {
        await fresh();
        await damage(root);
        const candidate = await propose(stage), verdict = await gate.prove(candidate, signal);
        match(verdict.diagnostics ?? "nothing", said);
        equal([verdict.pass, verdict.step], [false, step]);
        equal(gate.passed(candidate.tree), { proof: false, build: false });
        ok(!verdict.diagnostics?.includes(home));
      });
    }
    await t.step(
      "refuses a draft that changed after it became a candidate, and forgets the proof of an edited one",
      async () => {
        await fresh();
        await addTriple(root);
        const candidate = await propose(stage);
        await edit(root, "prompts/chat.md", (text) => `${text}!\n`);
        equal((await gate.prove(candidate, signal)).step, "unchanged");
        const proved = await gate.prove(await propose(stage), signal);
        equal([proved.pass, gate.passed(proved.tree).proof], [true, true]);
        await edit(root, "prompts/chat.md", (text) => `${text}!\n`);
        equal(gate.passed((await propose(stage)).tree).proof, false);
      },
    );
    await t.step("refuses a tree that changes during the proof", async () => {
      await fresh();
      await addTriple(root);
      const hasty = createGate({
        ...stage.options,
        sandboxArgv(command) {
          if (command.length > 1) spoil(root);
          return command;
        },
      });
      const candidate = await propose(stage), verdict = await hasty.prove(candidate, signal);
      equal([verdict.pass, verdict.step, hasty.passed(verdict.tree).proof], [false, "unchanged", false]);
    });
    await t.step("refuses a build that was not proved, does not compile, or does not live", async () => {
      await fresh();
      await addTriple(root);
      const candidate = await propose(stage);
      equal((await createGate(stage.options).build(candidate, signal)).step, "proof");
      const broken = createGate({
        ...stage.options,
        compile: () => Promise.resolve(no("Cannot compile")),
        canary: () => Promise.reject(new Error("Cannot start")),
      });
      ok((await broken.prove(candidate, signal)).pass);
      equal((await broken.build(candidate, signal)).step, "compile");
      const dead = createGate({ ...stage.options, canary: () => Promise.reject(new Error("Cannot start")) });
      ok((await dead.prove(candidate, signal)).pass);
      const verdict = await dead.build(candidate, signal);
      equal([verdict.step, dead.passed(candidate.tree).build, dead.executable(candidate.tree)], [
        "canary",
        false,
        undefined,
      ]);
    });
    await t.step(
      "refuses protected files that are not the running generation's, even if the diff does not show it",
      async () => {
        await fresh();
        await addTriple(root);
        const other = new Map(await stage.options.parentFiles());
        other.set("host/boot.ts", "");
        other.set("host/gone.ts", "");
        const verdict = await createGate({ ...stage.options, parentFiles: () => Promise.resolve(other) }).prove(
          await propose(stage),
          signal,
        );
        match(
          verdict.diagnostics ?? "",
          /"host\/boot.ts" is protected and differs[^]*"host\/gone.ts" is protected and missing/,
        );
        const empty = createGate({ ...stage.options, parentFiles: () => Promise.resolve(new Map()) });
        equal((await empty.prove(await propose(stage), signal)).step, "protected");
      },
    );
    await t.step("throws on an abort and on nothing else", async () => {
      const candidate = await propose(stage);
      await rejects(gate.prove(candidate, AbortSignal.abort(new DOMException("stop", "AbortError"))), /stop/);
      const lost = createGate({ ...stage.options, deno: () => Promise.resolve(no("Cannot find deno")) });
      match((await lost.prove(candidate, signal)).diagnostics ?? "", /Cannot find deno/);
    });
    await t.step(
      "need not run the tests of a parent whose proof ran them",
      async () => {
        await fresh();
        await addTriple(root);
        const { tree } = await prove();
        const next = (await mustGit(root, ["commit-tree", tree, "-p", "HEAD", "-m", "next"])).trim();
        await mustGit(stage.repository, ["reset", "--quiet", "--hard", next]);
        await fresh();
        await edit(root, "prompts/chat.md", (text) => `${text}Be kind.\n`);
        const roots: string[] = [];
        const later = createGate({
          ...stage.options,
          sandboxArgv: (
            command,
          ) => (roots.push(...command.filter((word) => word.startsWith("--allow-read="))), command),
        });
        equal((await later.prove(await propose(stage), signal)).diagnostics, undefined);
        equal(roots, [`--allow-read=${root}`], "only the sealed tests run");
      },
    );
  } finally {
    await draft.close();
    await Deno.remove(stage.base, { recursive: true });
  }
});
