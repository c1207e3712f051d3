import { deepStrictEqual as equal, match } from "node:assert/strict";
import { inspect } from "./inspect.ts";

const own = new URL("../../", import.meta.url).pathname.replace(/\/$/, "");

/** What each piece of code must be refused for. */
const REFUSED: [code: string, said: RegExp][] = [
  ["export const a = Deno.args;", /"Deno"/],
  ['export const a = (globalThis as never)["De" + "no"];', /"globalThis"/],
  ['export const a = "De" + "no";', /names a door/],
  ["export const a = `constructor`;", /names a door/],
  ['export const a = (() => {}).constructor("return Deno")();', /"\.constructor"/],
  ['export const a = (() => {})["const" + "ructor"];', /constructor/],
  ["export const a = (k: never) => (() => {})[k];", /function by a computed name/],
  ["export const a = (k: never) => Object[k];", /global or a function by a computed name/],
  ['export const a = (o: Record<string, unknown>, k: string) => o["con" + k];', /from text/],
  ["const { constructor: f } = () => {};\nexport { f };", /"constructor" out of/],
  ["export const a = Object.getPrototypeOf(async () => {});", /getPrototypeOf/],
  ["Array.prototype.push = () => 0;", /prototype/],
  ["JSON.parse = () => 1;", /change a global/],
  ['export const a = eval("1");', /"eval"/],
  ['export const a = (0, eval)("1");', /"eval"/],
  ['export const a = new Function("return 1");', /"Function"/],
  ["export const a = self;", /"self"/],
  ["export const a = window;", /"window"/],
  ["export const process = 1;", /"process"/],
  ["export const a = process.env;", /"process"/],
  ["export const a = typeof fetch;", /"fetch"/],
  ["export const a = { fetch };", /"fetch"/],
  ["export const a = [fetch];", /"fetch"/],
  ["export const a = [, fetch];", /hole/],
  ["export const [, a = fetch] = [1];", /hole/],
  ["export const a = `${fetch}`;", /"fetch"/],
  ["export function a(b = fetch) { return b; }", /"fetch"/],
  ["export class A extends Worker {}", /"Worker"/],
  ["export const a = new XMLHttpRequest();", /XMLHttpRequest/],
  ['export const a = new WebSocket("ws://x");', /WebSocket/],
  ['export const a = new EventSource("x");', /EventSource/],
  ["export const a = WebAssembly.compile;", /WebAssembly/],
  ['export const a = import("zod");', /import\(\)/],
  ['export type A = import("zod").ZodType;', /import\(\) in a type/],
  ["export const a = import.meta.url;", /import\.meta/],
  ['import a from "node:fs";\nexport { a };', /"node:fs"/],
  ['import a from "node:assert/strict";\nexport { a };', /"node:assert\/strict"/],
  ['import a from "npm:left-pad";\nexport { a };', /left-pad/],
  ['export * from "https://example.com/a.ts";', /example\.com/],
  ['import a from "openai";\nexport { a };', /"openai"/],
  ['export * from "../host/boot.ts";', /inward/],
  ['import "../../outside.ts";', /inward/],
  ['import "./data.json";', /inward/],
  ["export const a = Math.random();", /Math\.random/],
  ["export const a = Date.now();", /Date\.now/],
  ["export const a = new Date();", /time/],
  ["export const a = setTimeout;", /"setTimeout"/],
  ["export const a = console;", /"console"/],
  ["export const a = crypto;", /"crypto"/],
  ["export const a = Reflect;", /"Reflect"/],
  ['export const a = prompt("x");', /"prompt"/],
  ["export function f(prompt: string) { return prompt; }\nexport const a = prompt;", /"prompt"/],
  ["export function f() { return arguments; }", /"arguments"/],
  ["declare const hidden: string;\nexport const a = hidden;", /defined elsewhere/],
  ["declare global { interface Array<T> { x: T } }\nexport {};", /ambient/],
  ["// deno-lint-ignore-file\nexport {};", /steers/],
  ["// @ts-nocheck\nexport {};", /steers/],
  ["// @ts-expect-error wrong\nexport const a: number = 1;", /steers/],
  ['/// <reference types="npm:left-pad" />\nexport {};', /steers/],
  ['// @ts-types="npm:left-pad"\nexport * from "zod";', /steers/],
  ["Error.prepareStackTrace = (_, frames) => frames;", /prepareStackTrace|global/],
];

/** Code that must be accepted. */
const FINE = [
  'import * as z from "zod";\nexport const a = z.object({ process: z.string(), Deno: z.number() });',
  "export const a = (o: { window: number; fetch: () => void; constructor: unknown }) => o.window + Number(o.fetch);",
  "export interface A { process(): void; eval: string; Function: 1 }",
  "export class A { #x = 1; constructor(readonly y: number) {} get x() { return this.#x; } static make() { return new A(1); } }",
  "export function f({ prompt, close = 1, ...rest }: Record<string, unknown>) { return [prompt, close, rest]; }",
  "export function f([a, [b = a], ...c]: never[]) { for (const name of c) { try { a; } catch (location) { b; location; name; } } }",
  "export const f = (prompt: string) => { const inner = () => prompt; return inner; };",
  "outer: for (let i = 0; i < 3; i++) { for (;;) { if (i) break outer; else continue outer; } }\nexport {};",
  "export function later() { return helper(); }\nfunction helper() { return 1; }",
  "export function hoisted() { if (true) { var x = 1; } return x; }",
  "export const a = new Date(0).toISOString(), b = new Map<string, number>([...[1, 2]].map((n) => [String(n), n]));",
  "export const a = (o: Record<string, number>, k: string) => o[k] ?? o[`x`] ?? [1, 2, ...[3],][0];",
  "export enum E { A = 1, B = 2 }\nexport const a = E.A satisfies number as unknown as string;",
  "export const a = async function named(n: number): Promise<number> { return n ? await named(n - 1) : 0; };",
  "export const a = typeof undefined, s = Symbol.iterator, g = function* () { yield* [1]; };",
  "export type F = (first: string, ...others: number[]) => void;",
  "export type T = typeof fetchless; const fetchless = 1;",
];

async function lint(files: Record<string, string>) {
  const base = await Deno.realPath(await Deno.makeTempDir()), root = `${base}/tree`;
  try {
    for (const name of ["host/lint/source_lint.ts", "host/lint/facts_lint.ts", "host/lint/lines.ts"]) {
      await Deno.mkdir(`${root}/${name}`.replace(/\/[^/]*$/, ""), { recursive: true });
      await Deno.copyFile(`${own}/${name}`, `${root}/${name}`);
    }
    for (const folder of ["actors", "plugins/tools"]) await Deno.mkdir(`${root}/${folder}`, { recursive: true });
    for (const [path, text] of Object.entries(files)) await Deno.writeTextFile(`${root}/${path}`, text);
    const signal = new AbortController().signal;
    return await inspect({
      deno: Deno.execPath(),
      plugins: root,
      root,
      files: Object.keys(files),
      scratch: `${base}/scratch`,
      signal,
    });
  } finally {
    await Deno.remove(base, { recursive: true });
  }
}

Deno.test("the source check refuses every way to an effect, and has no fault to find in plain code", async (t) => {
  const bad = REFUSED.map(([code], i) => [`actors/bad${i}.ts`, `${code}\n`]),
    good = FINE.map((code, i) => [`actors/fine${i}.ts`, `${code}\n`]);
  const { faults } = await lint(Object.fromEntries([...bad, ...good]));
  for (const [i, [code, said]] of REFUSED.entries()) {
    await t.step(
      `refuses ${code}`,
      () => match(faults.filter((fault) => fault.startsWith(`actors/bad${i}.ts:`)).join("\n"), said),
    );
  }
  equal(faults.filter((fault) => fault.startsWith("actors/fine")), []);
});

Deno.test("imports point inward, and tests may use Deno.test, timers and node:assert alone", async () => {
  const { faults } = await lint({
    "actors/a.ts": 'export * from "./types.ts";\n',
    "actors/b.ts": 'export * from "../plugins/tools/c.ts";\n',
    "plugins/tools/c.ts":
      'export * from "../../actors/types.ts";\nexport * from "../../actors/a.ts";\nexport * from "./d.ts";\n',
    "main.ts": 'export * from "./actors/a.ts";\nexport * from "./plugins/tools/c.ts";\n',
    "actors/a_test.ts":
      'import { ok } from "node:assert/strict";\nimport "../main.ts";\nDeno.test("x", () => void setTimeout(ok, 1));\nDeno.test({ name: "y", ignore: true, fn() {} });\nDeno.test("z", { ignore: true }, () => {});\nDeno.readDir(".");\n',
  });
  equal(faults.map((fault) => fault.slice(0, fault.indexOf(" "))), [
    "actors/a_test.ts:4:1",
    "actors/a_test.ts:5:1",
    "actors/a_test.ts:6:1",
    "actors/b.ts:1:1",
    "main.ts:2:1",
    "plugins/tools/c.ts:2:1",
  ]);
});

Deno.test("the facts of a file name its tests, exports, imports and long functions", async () => {
  const text = 'import { ok as fine } from "node:assert/strict";\nimport { a as b } from "./a.ts";\n\n' +
    'for (const n of [1]) Deno.test(`case ${n}`, () => fine(b));\nDeno.test("p" + "q", () => {});\nexport const [c, { d }] = b, e = 1;\nexport default e;\n' +
    'Deno.test("idle", () => (fine(true), fine([1], "why"), fine.equal(b, b), fine.equal(1, 1), fine()));\n' +
    `export function long() {\n  return () => {\n${"    fine(c);\n".repeat(61)}  };\n}\n`;
  const { facts } = await lint({ "actors/x_test.ts": text });
  const found = facts.get("actors/x_test.ts");
  equal(found?.tests.map(({ title, line, asserts, uses }) => [title, line, asserts, uses.includes("b")]), [
    ["case *", 4, 1, true],
    ['*"p" + "q"', 5, 0, false],
    ["idle", 8, 0, true],
  ]);
  equal([found?.exports, found?.imports.b, found?.asserts], [["c", "d", "e", "default", "long"], "./a.ts#a", 62]);
  equal(found?.long.map(({ lines }) => lines), [63]);
});
