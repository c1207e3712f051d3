import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { expressionOf, globOf } from "./pattern.ts";

const globs: [glob: string, fits: string[], fitsNot: string[]][] = [
  ["*.ts", ["a.ts", "x/y/a.ts", ".ts"], ["a.tsx", "ats"]],
  ["**/*.ts", ["a.ts", "x/a.ts", "x/y/a.ts"], ["a.js"]],
  ["src/**", ["src/a", "src/a/b"], ["src", "lib/src/a"]],
  ["src/*", ["src/a"], ["src/a/b"]],
  ["/a.ts", ["x/a.ts", "a.ts"], ["b.ts"]],
  ["./src/*.ts", ["src/a.ts"], ["a.ts"]],
  ["*.{ts,tsx}", ["a.ts", "a.tsx"], ["a.js", "a.{ts,tsx}"]],
  ["{src,lib}/**/*_test.ts", ["src/a_test.ts", "lib/x/b_test.ts"], ["a_test.ts"]],
  ["a?.ts", ["ab.ts", "a😀.ts"], ["a.ts", "a/.ts"]],
  ["[a-c].ts", ["b.ts"], ["d.ts"]],
  ["[!a-c].ts", ["d.ts"], ["b.ts"]],
  ["a+(b).ts", ["a+(b).ts"], ["aab.ts"]],
  ["a,b", ["a,b"], ["a"]],
  ["x}y", ["x}y"], ["xy"]],
];

for (const [glob, fits, fitsNot] of globs) {
  Deno.test(`globOf() understands ${glob}`, () => {
    const test = globOf(glob);
    ok(test.ok, test.ok ? "" : test.error);
    equal(fits.filter((path) => !test.value(path)), []);
    equal(fitsNot.filter((path) => test.value(path)), []);
  });
}

Deno.test("globOf() refuses what it cannot use", () => {
  for (const glob of ["{a", "*".repeat(300), "*a".repeat(20), "[z-a]"]) {
    match(JSON.stringify(globOf(glob)), /Cannot use the glob/);
  }
});

const dangerous = [
  "(a+)+$",
  "(a*)*b",
  "(a|a)*b",
  "(a|aa)+$",
  "(\\w|\\d)*x",
  "(.*)*x",
  "((a|b)|(c))*d",
  "(?:\\s*\\w+)*;",
  "(a?){50}a{50}",
  "(?<n>x+){2,}y",
  "(a{1,30}){1,30}b",
  "a?".repeat(13),
];

for (const pattern of dangerous) {
  Deno.test(`expressionOf() refuses ${pattern}`, () => {
    const expression = expressionOf(pattern);
    match(expression.ok ? "let through" : expression.error, /can take forever; use a simpler pattern/);
  });
}

const usual = [
  "export (async )?function \\w+",
  "import .* from ['\"].*['\"]",
  "(foo|bar)+",
  "\\bTODO\\b",
  "^\\s*#\\s*include",
  "https?://[^\\s)]+",
  "\\(\\w+\\)",
  "[(+*]+",
  "a{2,3}",
  "(?=x)y",
  "\\p{Lu}\\w*",
  "a\\-b",
  "(\\w+\\.)?x",
];

for (const pattern of usual) {
  Deno.test(`expressionOf() lets ${pattern} through`, () => ok(expressionOf(pattern).ok));
}

Deno.test("expressionOf() names what is wrong with a bad pattern", () => {
  match(JSON.stringify(expressionOf("(")), /not a regular expression \(.*nterminated group\)/);
  match(JSON.stringify(expressionOf("")), /it is empty/);
});

Deno.test("a pattern of polynomial cost gives up on a line that would take long, and works on others", () => {
  for (const repeats of [3, 4, 5, 8, 12]) {
    const expression = expressionOf(`${"a.*".repeat(repeats)}b`);
    ok(expression.ok);
    equal(expression.value("a".repeat(2000)), undefined);
    equal(expression.value(`${"a".repeat(repeats)}b`), true);
    equal(expression.value("x".repeat(2000)), false);
  }
});
