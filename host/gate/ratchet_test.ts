import { deepStrictEqual as equal, match } from "node:assert/strict";
import type { Facts } from "../lint/inspect.ts";
import { checkRatchet, onlySmaller } from "./ratchet.ts";

const test = (title: string, { asserts = 1, uses = ["f"], body = title } = {}) => ({
  title,
  line: 1,
  body,
  asserts,
  uses,
});
const tests = (...all: ReturnType<typeof test>[]): Facts => ({
  tests: all,
  exports: [],
  imports: { f: "./f.ts#f", g: "./f.ts#g", equal: "node:assert/strict#equal" },
  asserts: all.reduce((sum, one) => sum + one.asserts, 0),
  long: [],
});
const code = (...exports: string[]): Facts => ({ tests: [], exports, imports: {}, asserts: 0, long: [] });
const known = (files: Record<string, Facts>) => new Map(Object.entries(files));
const before = known({
  "actors/f.ts": code("f", "g"),
  "actors/f_test.ts": tests(test("one", { asserts: 2 }), test("two", { uses: ["g"] })),
});
const after = (test: Facts, exported = code("f", "g"), name = "actors/f_test.ts") =>
  known({ "actors/f.ts": exported, [name]: test });

const CASES: [name: string, candidate: Map<string, Facts>, said: RegExp | undefined][] = [
  ["nothing changed", before, undefined],
  ["a test was added", after(tests(test("one", { asserts: 2 }), test("two"), test("three"))), undefined],
  ["a test is gone", after(tests(test("one", { asserts: 2 }))), /"two" is gone/],
  ["all tests are gone with their file", known({ "actors/f.ts": code("f", "g") }), /"one" is gone[^]*"two" is gone/],
  ["a test went with its export", after(tests(test("one", { asserts: 2 })), code("f")), undefined],
  ["a test went with another's export", after(tests(test("two", { uses: ["g"] })), code("f")), /"one" is gone/],
  [
    "a test has another title and the same body",
    after(tests(test("first", { asserts: 2, body: "one" }), test("two"))),
    undefined,
  ],
  [
    "a test has another title and another body",
    after(tests(test("first", { asserts: 2 }), test("two"))),
    /"one" is gone/,
  ],
  [
    "a test moved to another file",
    after(tests(test("one", { asserts: 2 }), test("two")), code("f", "g"), "actors/g_test.ts"),
    undefined,
  ],
  ["an assertion is gone", after(tests(test("one"), test("two"))), /"one" had 2 assertions and has 1/],
  ["an assertion moved between tests", after(tests(test("one"), test("two", { asserts: 2 }))), /"one" had 2/],
  ["two tests became one", after(tests(test("one", { asserts: 3 }))), /"two" is gone/],
  [
    "assertions of helpers are gone",
    after({ ...tests(test("one", { asserts: 2 }), test("two")), asserts: 2 }),
    /had 3 assertions and have 2/,
  ],
];
for (const [name, candidate, said] of CASES) {
  Deno.test(`the ratchet ${said ? "refuses" : "passes"} when ${name}`, () => {
    const lost = checkRatchet(before, candidate);
    if (said) match(lost.join("\n"), said);
    else equal(lost, []);
  });
}

Deno.test("two tests of one title are two tests", () => {
  const both = code("f", "g"), twice = known({ "f.ts": both, "a_test.ts": tests(test("case *"), test("case *")) });
  match(checkRatchet(twice, known({ "f.ts": both, "a_test.ts": tests(test("case *")) })).join(), /is gone/);
});

Deno.test("code only got smaller if it has fewer lines and every export is still in its file", () => {
  const side = (lines: number, ...exports: string[]) => ({ lines, facts: known({ "actors/f.ts": code(...exports) }) });
  const results = [side(9, "f", "g"), side(10, "f", "g"), side(9, "f"), side(9, "f", "g", "h")].map((now) =>
    onlySmaller(side(10, "f", "g"), now)
  );
  equal(results, [true, false, false, true]);
});

Deno.test("where no code changed, no test may: what it became passes, and nobody can see what it no longer asks", () => {
  const weaker = after(tests(test("one", { asserts: 2, body: "ok(f())" }), test("two"), test("three")));
  equal(checkRatchet(before, weaker), [], "beside a change of code it may be right");
  match(
    checkRatchet(before, weaker, true).join(),
    /^"actors\/f_test.ts": the test "one" changed, but no code did;[^,]*$/,
  );
  equal(checkRatchet(before, after(tests(test("first", { asserts: 2, body: "one" }), test("two"))), true), []);
});
