// deno-lint-ignore-file no-control-regex
import { deepStrictEqual as equal, ok } from "node:assert/strict";
import { loadLexer, type Page } from "./markdown.ts";
import { createMarkdown } from "./stream.ts";
import { createPaint } from "./style.ts";
import { width } from "./width.ts";

await loadLexer();
const page = (columns = 40, color = false): Page => ({ columns: () => columns, color, paint: createPaint(color) });

function render(text: string, cut: number, how: Page): string[] {
  const stream = createMarkdown(how);
  const rows: string[] = [];
  for (let at = 0; at < text.length; at += cut) rows.push(...stream.feed(text.slice(at, at + cut)));
  return [...rows, ...stream.end()];
}

const table: [what: string, text: string, plain: string[]][] = [
  ["a paragraph", "one *two* **three** `four` ~~five~~", ["one *two* **three** `four` ~~five~~"]],
  ["headings", "# One\n## Two\ntext", ["# One", "## Two", "text"]],
  ["a blank line between blocks", "one\n\n\ntwo\n", ["one", "", "two"]],
  ["lists", "- a\n- b\n  - c\n\n3. x\n4. y", ["- a", "- b", "  - c", "", "3. x", "4. y"]],
  ["a loose list stays one list", "1. a\n\n   more\n\n2. b", ["1. a", "   ", "   more", "", "2. b"].map((one) => one)],
  ["tasks", "- [ ] a\n- [x] b", ["- [ ] a", "- [x] b"]],
  [
    "the head of a table alone, wider than the page",
    "| Configuration option name | What it does in practice |\n|---|---|\n",
    [
      "Configuration option name │ What it does",
      "in practice",
    ],
  ],
  ["a table with more cells than its head, as written", "| A | B |\n|---|---|\n| `x | y` | the name |", [
    "| A | B |",
    "|---|---|",
    "| `x | y` | the name |",
  ]],
  ["a quote", "> a\n> b", ["> a", "> b"]],
  ["a fence with a blank line and markdown in it", "```ts\n# a\n\n*b*\n```\nx", [
    "```ts",
    "# a",
    "",
    "*b*",
    "```",
    "x",
  ]],
  ["a fence that never ends", "~~~\ncode", ["~~~", "code"]],
  ["a table", "| a | bb |\n|---|---|\n| 1 | 中 |", ["a │ bb", "──┼───", "1 │ 中"]],
  ["links", "[t](http://x) <http://y>", ["t (http://x) http://y"]],
  ["HTML and entities as they are", "<b>x</b> &amp; \\*", ["<b>x</b> &amp; *"]],
  ["a link definition is not lost", "[a]: http://x\n", ["[a]: http://x"]],
  ["a rule", "a\n\n---\n\nb", ["a", "", "---", "", "b"]],
];
for (const [what, text, plain] of table) {
  Deno.test(`markdown: ${what}, the same however it is cut`, () => {
    for (const cut of [1, 2, 3, 7, 1000]) {
      equal(
        render(text, cut, page()).map((row) => row.trimEnd()),
        plain.map((row) => row.trimEnd()),
      );
    }
  });
}

const LONG =
  "# 標題 heading\n\nEin *längerer* Absatz mit **漢字** und `code`, 👩‍👩‍👧.\nSecond line.\n\n1. first\n   ```js\n   let a = 1;\n   ```\n2. second\n\n" +
  "| name | value |\n|---|---|\n| long cell content here | another quite long cell |\n\n> quote **bold**\n> more\n\n    indented code\n\nend <br> &lt; [ref] ![img](http://i) \\\\ ok";

Deno.test("markdown: every letter comes out once and in order, at any cut and width, with and without colour", () => {
  for (const color of [false, true]) {
    for (const columns of [10, 20, 40, 80]) {
      const whole = render(LONG, LONG.length, page(columns, color));
      for (const row of whole) ok(width(row) <= columns, `${row} at ${columns}`);
      for (const cut of [1, 5, 64]) equal(render(LONG, cut, page(columns, color)), whole);
    }
    const letters = (text: string) => text.replace(/\x1b\[[0-9]*m/g, "").replace(/[^\p{L}]/gu, "").replace("js", "");
    equal(letters(render(LONG, 3, page(80, color)).join("")), letters(LONG));
  }
});

Deno.test("markdown: code comes line by line, a paragraph when it is over, and the unfinished line can be seen", () => {
  const stream = createMarkdown(page());
  equal(stream.feed("```\na\nb"), ["```", "a"]);
  equal(stream.tail(), "b");
  equal(stream.feed("\n```\npara"), ["b", "```"]);
  equal(stream.feed("graph\n"), []);
  equal(stream.tail(), "paragraph");
  equal(stream.feed("\nnext"), ["paragraph"]);
  equal(stream.end(), ["", "next"]);
});

Deno.test("markdown: styles in colour", () => {
  equal(render("# T\n**b** `c`\n```\nx\n```\n- i", 99, page(40, true)), [
    "\x1b[1mT\x1b[22m",
    "\x1b[1mb\x1b[22m \x1b[36mc\x1b[39m",
    "  \x1b[36mx\x1b[39m",
    "• i",
  ]);
});

Deno.test("markdown: a megabyte without a newline is neither held nor lost", () => {
  const text = "a".repeat(1 << 20);
  const rows = render(text, 4096, page(80));
  equal(rows.join("").length, text.length);
});
