import { deepStrictEqual as equal, notStrictEqual } from "node:assert/strict";
import { canonical, lastBlock } from "./source.ts";

const F = { f: { parameters: [["n", "i32"]], result: "i32" } } as const;
const FG = { ...F, g: F.f };
const BODY = "export function f(n: i32): i32 { return n; }";
const block = (code: string, tag = "ts", fence = "```") => `${fence}${tag}\n${code}\n${fence}`;

const FOUND: [what: string, reply: string, body: string][] = [
  ["the only block", `Here:\n${block(BODY)}\nDone.`, BODY],
  ["the last of two", `${block(BODY.replace("n;", "1;"))}\nBetter:\n${block(BODY)}`, BODY],
  ["the last that holds the function", `${block(BODY)}\nUsage:\n${block("f(3)")}`, BODY],
  [
    "the last that closes its brackets",
    `${block(BODY)}\n${block("export function f(n: i32): i32 { return (n; }")}`,
    BODY,
  ],
  ["a longer fence around a shorter one", block(`// \`\`\`\n${BODY}`, "typescript", "````"), `// \`\`\`\n${BODY}`],
  ["tildes", block(BODY, "", "~~~"), BODY],
  ["a block that the reply's end closes", `\`\`\`ts\n${BODY}`, BODY],
  ["windows line ends", block(BODY).replaceAll("\n", "\r\n"), BODY],
  [
    "brackets within strings and comments",
    block(`// :-(\n/* ((( */ const A = ")";\n${BODY}`),
    `// :-(\n/* ((( */ const A = ")";\n${BODY}`,
  ],
];
for (const [what, reply, body] of FOUND) {
  Deno.test(`the body of a reply is ${what}`, () => equal(lastBlock(reply, F), { ok: true, value: `${body}\n` }));
}

const NOT: [what: string, reply: string, error: RegExp][] = [
  ["without a block", BODY, /no fenced code block/],
  ["with a fence within a line", `see \`\`\`ts ${BODY} \`\`\``, /no fenced code block/],
  ["with another function only", block(BODY.replace(" f(", " h(")), /function f, g is missing/],
  ["with one of two functions", block(BODY), /function g is missing/],
  ["that names a function in a comment", block(`${BODY}\n// function g(n`), /function g is missing/],
  ["cut off", `\`\`\`ts\n${BODY}\nexport function g(n: i32): i32 { return (`, /cut off/],
];
for (const [what, reply, error] of NOT) {
  Deno.test(`a reply ${what} has no body, and the error says why`, () => {
    const found = lastBlock(reply, FG);
    equal([found.ok, !found.ok && error.test(found.error)], [false, true]);
  });
}

const SAME: [string, string][] = [
  ["a+b", "a +\n\tb"],
  ["f( x )", "f(x) // comment"],
  ["a /* b */ c", "a c"],
  ["'a  b'", " 'a  b'"],
];
for (const [one, other] of SAME) {
  Deno.test(`${JSON.stringify(one)} is the same body as ${JSON.stringify(other)}`, () =>
    equal(canonical(one), canonical(other)));
}
const DIFFERENT: [string, string][] = [
  ["a + +b", "a++ b"],
  ["'a  b'", "'a b'"],
  ["'//a'", "'"],
  ["a b", "ab"],
  ["1 .5", "1.5"],
  ["x = 1.50", "x = 1.5"],
];
for (const [one, other] of DIFFERENT) {
  Deno.test(`${JSON.stringify(one)} is another body than ${JSON.stringify(other)}`, () =>
    notStrictEqual(canonical(one), canonical(other)));
}
