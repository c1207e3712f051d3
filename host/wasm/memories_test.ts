import { deepStrictEqual as equal, notStrictEqual, ok } from "node:assert/strict";
import { build, LIMITS } from "./fixture_test.ts";
import { createInstance } from "./instance.ts";
import { createMemories } from "./memories.ts";

const TEXT = { f: { parameters: [["n", "i32"]], result: "string" } } as const;
const SOURCE = "export function f(n: i32): string { return 'ab'.repeat(n) }";
const PAGE = 65_536;
const used = (memory: WebAssembly.Memory) => new Uint8Array(memory.buffer).some((byte) => byte !== 0);

Deno.test("an instance on a memory that was lent before is as one on a memory of its own, in result, fuel and bytes", async () => {
  const { module } = await build(SOURCE, TEXT);
  const { lend, giveBack } = createMemories();
  const lent: WebAssembly.Memory[] = [];
  const run = (n: number, own = false) => {
    const options = { functions: TEXT, limits: { ...LIMITS, pages: 2 }, size: 0, metered: true };
    const watched = (initial: number, most: number) => (lent.push(lend(initial, most)), lent.at(-1) ?? lend(1, 1));
    const body = createInstance(module, own ? options : { ...options, lend: watched });
    return [body.functions.f(n), body.fuel()];
  };
  equal(run(4000), run(4000, true));
  const [memory] = lent;
  ok(memory && used(memory), "it has left traces");
  giveBack();
  ok(!used(memory), "which nobody finds");
  equal(run(3), run(3, true));
  equal(lent[1], memory, "the same is lent again");
  run(3);
  notStrictEqual(lent[2], memory, "but not twice at once");
});

Deno.test("what has grown, and what is large, is not lent again; other sizes get their own", () => {
  const { lend, giveBack } = createMemories();
  const [grown, large, small] = [lend(1, 9), lend(5, 5), lend(1, 2)];
  grown.grow(1);
  giveBack();
  const again = [lend(1, 9), lend(5, 5), lend(1, 1), lend(1, 2)];
  equal(again.map(({ buffer }) => buffer.byteLength / PAGE), [1, 5, 1, 1]);
  ok(!again.includes(grown) && !again.includes(large));
  equal(again.indexOf(small), 3);
});

Deno.test("an instance begins small whatever it may grow to, and a body whose constants need more begins with all", async () => {
  const begun = async (source: string) => {
    const { module } = await build(source, TEXT, { limits: { ...LIMITS, pages: 64, source: 1_000_000 } });
    let pages = 0;
    const lend = (initial: number, maximum: number) => (pages = initial, new WebAssembly.Memory({ initial, maximum }));
    const limits = { ...LIMITS, pages: 64 };
    createInstance(module, { functions: TEXT, limits, size: 0, metered: true, lend });
    return pages;
  };
  equal(await begun(SOURCE), 4);
  equal(await begun(`const C = "${"ab".repeat(150_000)}";\nexport function f(n: i32): string { return C }`), 64);
});

Deno.test("a body without memory needs none", async () => {
  const { module } = await build("export function f(n: i32): i32 { return n }", {
    f: { parameters: [["n", "i32"]], result: "i32" },
  });
  equal(WebAssembly.Module.imports(module), []);
});
