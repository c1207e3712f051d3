import { deepStrictEqual as equal } from "node:assert/strict";
import { createLanes } from "./lanes.ts";

Deno.test("lanes bound what is done at a time, in order, but for what goes first", async () => {
  const lane = createLanes(1), gates = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
  const begun: number[] = [];
  const jobs = gates.map(({ promise }, at) => lane(async () => (begun.push(at), await promise), { first: at === 3 }));
  for (const count of [1, 2, 3, 4]) {
    await new Promise((done) => setTimeout(done, 1));
    equal(begun.length, count);
    for (const at of begun) gates[at]?.resolve();
  }
  await Promise.all(jobs);
  equal(begun, [0, 3, 1, 2]);
});
