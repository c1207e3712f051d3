import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import type { Signatures } from "../../actors/functions.ts";
import { checkModule } from "../assembly/policy.ts";
import { build, compile, I32, LIMITS, start } from "./fixture_test.ts";

const FIZZ = `export function f(n: i32): i32 {
  if (n % 15 == 0) return 3;
  if (n % 5 == 0) return 2;
  return n % 3 == 0 ? 1 : 0;
}`;

async function refusal(source: string, functions: Signatures = I32): Promise<string> {
  const made = await compile(source, functions);
  return made.ok ? "compiled" : `${made.kind}: ${made.diagnostics}`;
}

Deno.test("a body becomes a module that imports nothing, exports its functions, and gives the same bytes again", async () => {
  const first = await build(FIZZ, I32);
  equal(WebAssembly.Module.imports(first.module), []);
  const names = WebAssembly.Module.exports(first.module).map(({ name }) => name);
  equal(names.toSorted(), ["$spent", "f"]);
  await compile("export function f(n: i32): i32 { return g(n) }", I32);
  await compile("export function f(n: i32): i32 { return [1, 2, 3].map<i32>((x) => x * 2)[n] }", I32);
  const again = await build(FIZZ, I32);
  ok(
    new Uint8Array(again.wasm).every((byte, at) => byte === first.wasm[at]) && again.wasm.length === first.wasm.length,
  );
  equal(again.plain, first.plain);
  ok(first.plain.length < first.wasm.length);
});

Deno.test("a winner's -O3 computes what the search's -O1 computed, for the same fuel", async () => {
  const source = `function cube(x: i32): i32 { let y = 0; for (let i = 0; i < x * x; i++) y += x; return y }
export function f(n: i32): i32 { return cube(n) + 1 }`;
  const [one, three] = [await start(source, I32), await start(source, I32, { optimize: 3 })];
  equal(one.functions.f(9), 730);
  equal(three.functions.f(9), 730);
});

const MENDED: [what: string, source: string][] = [
  ["an export that is missing", "function f(n: i32): i32 { return n }"],
  ["an exported helper", "export function g(n: i32): i32 { return n } export function f(n: i32): i32 { return g(n) }"],
  ["an export list", "function f(n: i32): i32 { return K } const K: i32 = 3; export { f, K }"],
  ["an exported class", "export class P { x: i32 = 1 } export function f(n: i32): i32 { return new P().x }"],
  ["another argument's name", "export function f(value: i32): i32 { return value }"],
];
for (const [what, source] of MENDED) {
  Deno.test(`${what} is mended, and nothing but the signature leaves the module`, async () => {
    const { module } = await build(source, I32);
    const names = WebAssembly.Module.exports(module).map(({ name }) => name).filter((name) => !name.startsWith("$"));
    equal(names.filter((name) => name !== "memory"), ["f"]);
  });
}

const REFUSED: [source: string, said: RegExp][] = [
  ["export function f(n: i32): i32 {\n  return n +;\n}", /^parse: line 2, column 13: .*\n {4}return n \+;/],
  ["export function f(n: i32): i32 {\n  return m;\n}", /^compile: line 2, column 10: .*m/],
  ["export function f(n: i32): i32 {\n  let s: string = 3;\n  return n;\n}", /^compile: line 2/],
  [
    "export function g(n: i32): i32 { return n }",
    /^signature: .*function f is missing.*export function f\(n: i32\): i32/,
  ],
  ["export function f(n: f64): i32 { return 1 }", /^signature: .*parameter 1 \(n\) is f64 instead of i32/],
  ["export function f(n: i32): f64 { return 1 }", /^signature: .*result is f64 instead of i32/],
  ["export function f(): i32 { return 1 }", /^signature: .*takes 0 arguments instead of 1/],
  ["export function f(n: i32 = 3): i32 { return n }", /^signature: .*plain/],
  ["export function f<T>(n: i32): i32 { return n }", /^signature: .*generic/],
  ["export default function f(n: i32): i32 { return n }", /^signature: .*export default/],
  ["import { x } from 'env'; export function f(n: i32): i32 { return n }", /^policy: .*import is not allowed/],
  ["export * from 'env'; export function f(n: i32): i32 { return n }", /^policy: .*import is not allowed/],
  ["declare function h(): void; export function f(n: i32): i32 { h(); return n }", /^policy: .*declare is not allowed/],
  [
    "@external('env', 'x') declare function h(): void; export function f(n: i32): i32 { return n }",
    /^policy: [^]*@external is not allowed/,
  ],
  ["@unsafe function h(): void {} export function f(n: i32): i32 { return n }", /^policy: .*@unsafe is not allowed/],
  ["@global function h(): void {} export function f(n: i32): i32 { return n }", /^policy: .*@global/],
  ["export function f(n: i32): i32 { const a = [1]; return unchecked(a[n]) }", /^policy: .*unchecked/],
  ["export function f(n: i32): i32 { return load<i32>(n) }", /^policy: .*load is not allowed/],
  ["export function f(n: i32): i32 { store<i32>(n, 1); return 1 }", /^policy: .*store/],
  ["export function f(n: i32): i32 { return i32.load8_u(n) }", /^policy: .*load8_u/],
  ["export function f(n: i32): i32 { return changetype<i32>('a') }", /^policy: .*changetype/],
  ["export function f(n: i32): i32 { memory.fill(0, 1, n); return 1 }", /^policy: .*fill/],
  ["export function f(n: i32): i32 { let memory = 1; { memory.fill(0, 1, n) } return 1 }", /^policy: .*fill/],
  ["export function f(n: i32): i32 { return <i32>heap.alloc(8) }", /^policy: .*alloc/],
  ["export function f(n: i32): i32 { return <i32>__new(8, 0) }", /^policy: .*__new/],
  ["export function f(n: i32): i32 { const a = [1]; return a.__uget(n) }", /^policy: .*__uget/],
  ["export function f(n: i32): i32 { return String.UTF16.decodeUnsafe(0, 4).length }", /^policy: .*decodeUnsafe/],
  ["export function f(n: i32): i32 { return <i32>new Uint8Array(1).dataStart }", /^policy: .*dataStart/],
  [
    "export function f(n: i32): i32 { return <i32>(Math.random() * 9) }",
    /^policy: .*random is not allowed: the same input/,
  ],
  ["export function f(n: i32): i32 { return <i32>Date.now() }", /^policy: .*Date/],
  ["export function f(n: i32): i32 { console.log('a'); return 1 }", /^policy: .*console/],
  ["export function f(n: i32): i32 { process.exit(1); return 1 }", /^policy: .*process/],
  ["export function f(n: i32): i32 { trace('a'); return 1 }", /^policy: .*trace/],
  ["export function f(n: i32): i32 { crypto.getRandomValues(new Uint8Array(1)); return 1 }", /^policy: .*crypto/],
  ["export function f(n: i32): i32 { return <i32>seed() }", /^policy: .*seed/],
  ["export function f(n: i32): i32 { return <i32>JSMath.sin(1) }", /^policy: .*JSMath/],
  ["let calls = 0; export function f(n: i32): i32 { return calls++ }", /^policy: .*calls keeps state/],
  ["namespace N { export let c: i32 = 0 } export function f(n: i32): i32 { return N.c++ }", /^policy: .*c keeps state/],
  ["class S { static c: i32 = 0 } export function f(n: i32): i32 { return S.c++ }", /^policy: .*static c keeps state/],
  [
    "const A = new Array<i32>(1); export function f(n: i32): i32 { return A[0]++ }",
    /^policy: .*A is computed or mutable/,
  ],
  ["const M = new Map<i32, i32>(); export function f(n: i32): i32 { return M.size }", /^policy: .*M is computed/],
  ["const A: i32[] = [1]; export function f(n: i32): i32 { return A[0]++ }", /^policy: .*may only be read/],
  ["const A: i32[] = [1]; export function f(n: i32): i32 { A[0] += 2; return 1 }", /^policy: .*may only be read/],
  [
    "const A: i32[] = [1]; export function f(n: i32): i32 { A.push(2); return A.length }",
    /^policy: .*may only be read/,
  ],
  [
    "const A: i32[] = [1]; export function f(n: i32): i32 { const b = A; b[0] = 2; return 1 }",
    /^policy: .*may only be read/,
  ],
  [
    "function g(a: i32[]): void { a[0]++ } const A: i32[] = [1]; export function f(n: i32): i32 { g(A); return 1 }",
    /^policy: .*may only be read/,
  ],
  ["const A: i32[] = [1]; export function f(n: i32): i32 { (A)[0] = 2; return 1 }", /^policy: .*may only be read/],
  ["const A: i32[][] = [[1]]; export function f(n: i32): i32 { return A[0][0]++ }", /^policy: .*computed or mutable/],
  ["f(1); export function f(n: i32): i32 { return n }", /^policy: .*a statement outside of a function/],
  ["export function $reset(): void {} export function f(n: i32): i32 { return n }", /^policy: .*\$reset/],
];
for (const [source, said] of REFUSED) {
  Deno.test(`refused with ${said.source.slice(0, 40)}: ${source.slice(0, 90)}`, async () =>
    match(await refusal(source), said));
}

const ALLOWED: [what: string, source: string, result: number][] = [
  [
    "a table that is read",
    "const T: StaticArray<i32> = [5, 6, 7]; export function f(n: i32): i32 { return T[n] + T.length }",
    9,
  ],
  [
    "computed constants",
    "const P = 2.0 * Math.PI, Q: i32 = -(1 << 3); export function f(n: i32): i32 { return <i32>P + Q }",
    -2,
  ],
  [
    "computed strings and lists",
    "const K = 2.0, S = 'a' + 'b', T: f64[] = [K / 3.0, -K]; export function f(n: i32): i32 { return (S + 'c').length * 100 + S.charCodeAt(1) + <i32>T[1] }",
    396,
  ],
  [
    "variables with the names of builtins",
    "export function f(load: i32): i32 { const heap = [load], seed = 1; heap.push(seed); return heap.length }",
    2,
  ],
  [
    "a helper with the name of a builtin",
    "function seed(): i32 { return 4 } export function f(n: i32): i32 { return seed() }",
    4,
  ],
  [
    "classes, maps, closures' kin",
    "class A { constructor(public x: i32) {} } export function f(n: i32): i32 { const m = new Map<i32, A>(); m.set(n, new A(7)); return m.get(n).x + [1, 2].reduce<i32>((a, b) => a + b, 0) }",
    10,
  ],
  ["enums and recursion", "enum E { A = 3 } export function f(n: i32): i32 { return n == 0 ? E.A : f(n - 1) + 1 }", 4],
];
for (const [what, source, result] of ALLOWED) {
  Deno.test(`${what} are allowed`, async () => {
    const { functions } = await start(source, I32);
    equal([functions.f(1), functions.f(1), functions.f(1)], [result, result, result]);
  });
}

Deno.test("a body of 5 MB is refused before it is parsed, and one that nests too deeply before it can hurt the parser", async () => {
  match(await refusal(`${FIZZ}//${"x".repeat(5_000_000)}`), /^policy: The body has \d+ characters; at most 50000/);
  const nested = (depth: number) =>
    `export function f(n: i32): i32 { return ${"(".repeat(depth)}n${")".repeat(depth)} }`;
  match(await refusal(nested(20_000)), /^policy: Brackets are nested/);
  equal(await refusal(nested(90)), "compiled");
  match(
    await refusal(`export function f(n: i32): i32 { return n${"+n".repeat(20_000)} }`),
    /^policy: .*nested more than/,
  );
  equal(await refusal(`export function f(n: i32): i32 { return n${"+n".repeat(400)} }`), "compiled");
  match(await refusal(`export function f(n: i32): i32 { return ${"-".repeat(20_000)}n }`), /^(compile|policy|parse): /);
  match(await refusal(`export function f(n: i32): i32 { return ${"9".repeat(40_000)} }`), /^(compiled|compile|parse)/);
  match(
    await refusal(`export function f(n: i32): i32 { ${"if (n) ".repeat(10_000)} return 1 }`),
    /^(compile|policy|parse): /,
  );
  equal((await start(FIZZ, I32)).functions.f(30), 3, "the compiler works on");
});

Deno.test("diagnostics are few and each names its line", async () => {
  const body = Array.from({ length: 30 }, (_, at) => `  x${at};`).join("\n");
  const said = await refusal(`export function f(n: i32): i32 {\n${body}\n  return n;\n}`);
  ok(said.split("\n").length < 20, said);
  match(said, /line 2, column 3.*\n.*\nline 3, column 3/);
  match(said, /and \d+ more$/);
});

Deno.test("the module itself is checked: imports, exports and memory", async () => {
  const { wasm, plain } = await build("export function f(n: i32): i32 { return 'ab'.repeat(n).length }", I32);
  const wanted = { functions: ["f"], pages: LIMITS.pages };
  equal(checkModule(plain, wanted), undefined);
  match(checkModule(plain, { ...wanted, functions: [] }) ?? "", /exports f, which the signature does not name/);
  match(checkModule(plain, { ...wanted, functions: ["f", "g"] }) ?? "", /does not export g/);
  match(checkModule(plain, { ...wanted, pages: 3 }) ?? "", /may grow to 16 pages/);
  const importing = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 2, 7, 1, 1, 97, 1, 98, 0, 0);
  match(checkModule(importing, wanted) ?? "", /imports a.b/);
  equal(WebAssembly.Module.imports(new WebAssembly.Module(wasm)), [{ module: "host", name: "memory", kind: "memory" }]);
});
