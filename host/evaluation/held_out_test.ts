import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { heldOutSeed, LOOKS_PER_SEED, newSecret } from "./held_out.ts";

Deno.test("a held-out seed serves a fixed number of looks, then another takes its place", () => {
  const secret = newSecret();
  const seeds = Array.from({ length: LOOKS_PER_SEED * 3 }, (_, looks) => heldOutSeed(secret, looks));
  equal(new Set(seeds).size, 3);
  equal(new Set(seeds.slice(0, LOOKS_PER_SEED)).size, 1);
  for (const seed of seeds) ok(Number.isSafeInteger(seed) && seed >= 2 ** 32);
});

Deno.test("held-out seeds follow from the secret alone: another secret, other seeds", () => {
  const [first, second] = [newSecret(), newSecret()];
  match(first, /^[0-9a-f]{32}$/);
  equal(heldOutSeed(first, 5), heldOutSeed(first, 6));
  ok(heldOutSeed(first, 5) !== heldOutSeed(second, 5));
});
