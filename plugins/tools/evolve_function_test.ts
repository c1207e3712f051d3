import { deepStrictEqual as equal, ok } from "node:assert/strict";
import { no, ok as good } from "../../actors/types.ts";
import { call } from "../lib/fakes.ts";
import evolveFunction from "./evolve_function.ts";

/** Functions that tell which words they were run with. */
function fakeFunctions() {
  const asked: string[][] = [];
  return {
    asked,
    run: (words: string[], { update }: { update(text: string): void }) => {
      asked.push(words);
      update("round 1");
      return Promise.resolve(words.includes("none") ? no('Cannot find the function "none"') : good("done"));
    },
  };
}

const table: { input: Record<string, unknown>; words: string[] }[] = [
  { input: { command: "list" }, words: ["list"] },
  { input: { command: "activate", name: "sort", arguments: ["3"] }, words: ["activate", "sort", "3"] },
  {
    input: { command: "evolve", name: "sort", arguments: ["--rounds 3", "--budget", "tokens=5,minutes=1"] },
    words: ["evolve", "sort", "--rounds", "3", "--budget", "tokens=5,minutes=1"],
  },
  {
    input: { command: "call", name: "greet", arguments: ['"a b"', "[1, 2]"] },
    words: ["call", "greet", '"a b"', "[1, 2]"],
  },
];

for (const { input, words } of table) {
  Deno.test(`evolve_function says "fn ${words.join(" ")}"`, async () => {
    const functions = fakeFunctions(), said: string[] = [];
    equal(await call(evolveFunction, input, { functions, update: (text) => said.push(text) }), {
      ok: true,
      text: "done",
    });
    equal([functions.asked, said], [[words], ["round 1"]]);
    ok(evolveFunction.summary(evolveFunction.input.parse(input)).startsWith(`fn ${words[0]}`));
  });
}

Deno.test("a function that is not there is told to the model, and only looking is read-only", async () => {
  const functions = fakeFunctions();
  const input = { command: "show", name: "none" };
  equal(await call(evolveFunction, input, { functions }), { ok: false, text: 'Cannot find the function "none"' });
  const changes = (command: string) =>
    !evolveFunction.readOnly(evolveFunction.input.parse({ command }), { shell: { readOnly: () => false } as never });
  equal(["list", "show", "history", "evolve", "activate", "call", "bench"].filter(changes), [
    "evolve",
    "activate",
    "call",
    "bench",
  ]);
});
