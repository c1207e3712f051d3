import { deepStrictEqual as equal, match, ok, throws } from "node:assert/strict";
import { build, I32, LIMITS } from "./fixture_test.ts";
import { createHandle, followHandle } from "./handle.ts";
import { swapUnderLoad } from "../testing/swap.ts";

const PAIR = {
  first: { parameters: [["n", "i32"]], result: "i32" },
  second: { parameters: [["n", "i32"]], result: "i32" },
} as const;
const pair = async (add: number) =>
  (await build(
    `export function first(n: i32): i32 { return n + ${add} } export function second(n: i32): i32 { return n * 1000 + ${add} }`,
    PAIR,
  )).module;

Deno.test("a handle calls the active revision, all functions of it, and can go back", async () => {
  const handle = createHandle(PAIR, LIMITS);
  const { first, second } = handle.functions;
  throws(() => first(1), { message: 'Cannot call "first": no revision of it is active; activate one' });
  equal([handle.revision(), handle.fuel()], [undefined, 0]);
  const [one, two] = [await pair(1), await pair(2)];
  handle.activate(1, one);
  equal([first(1), second(1), handle.revision()], [2, 1001, 1]);
  handle.activate(2, two);
  equal([first(1), second(1), handle.revision(), handle.fuel()], [3, 1002, 2, 2]);
  handle.activate(1, one);
  equal([first(1), second(1), handle.revision()], [2, 1001, 1]);
});

Deno.test("a module that does not fit is not activated, and what was active stays", async () => {
  const handle = createHandle(PAIR, LIMITS);
  handle.activate(1, await pair(1));
  const other = await build("export function f(n: i32): i32 { return n }", I32);
  throws(() => handle.activate(2, other.module), /does not export it/);
  equal([handle.revision(), handle.functions.first(1)], [1, 2]);
});

Deno.test("a trap in the active revision is that call's, and arguments are checked", async () => {
  const handle = createHandle(I32, LIMITS);
  handle.activate(1, (await build("export function f(n: i32): i32 { return 6 / n }", I32)).module);
  throws(() => handle.functions.f(0), { name: "FunctionTrap", message: "f trapped at line 1: divide by zero" });
  throws(() => (handle.functions.f as (text: unknown) => unknown)("3"), TypeError);
  equal(handle.functions.f(3), 2);
});

Deno.test("a follower starts with the active revision and follows at its next call; many changes leave one", async () => {
  const handle = createHandle(PAIR, LIMITS);
  const modules = await Promise.all([1, 2, 3].map(pair));
  handle.activate(1, modules[0] as WebAssembly.Module);
  const shares = [handle.share(), handle.share()] as const;
  const [follower, late] = [followHandle(shares[0], PAIR, LIMITS), followHandle(shares[1], PAIR, LIMITS)];
  equal([follower.revision(), follower.functions.first(1)], [1, 2]);
  handle.activate(2, modules[1] as WebAssembly.Module);
  handle.activate(3, modules[2] as WebAssembly.Module);
  equal([follower.functions.first(1), follower.revision()], [4, 3]);
  equal([late.revision(), late.functions.second(1)], [3, 1003]);
  handle.close();
  for (const { port } of shares) port.close();
  equal(follower.functions.first(1), 4);
});

Deno.test("two workers and this thread follow 1,000 activations in 100,000 calls: none fails, none sees a mix", async () => {
  const modules = await Promise.all([1, 2, 3, 4].map(pair));
  const seen = await swapUnderLoad(modules, { calls: 100_000, activations: 1_000 });
  equal(seen.failed, 0);
  equal(seen.mixed, 0);
  ok(seen.calls >= 100_000, `${seen.calls} calls`);
  equal(seen.activations, 1_000);
  ok(seen.revisions.every((count) => count > 1), `each thread saw revisions change: ${seen.revisions}`);
  equal(seen.last, [1_000, 1_000, 1_000], "each thread ended with the last");
});

Deno.test("a body that answers by two revisions would be seen", async () => {
  const wrong = await build(
    "export function first(n: i32): i32 { return n + 1 } export function second(n: i32): i32 { return n * 1000 + 9 }",
    PAIR,
  );
  const seen = await swapUnderLoad([wrong.module, wrong.module], { calls: 2_000, activations: 4 });
  match(String(seen.mixed), /^[1-9]/);
});
