// deno-lint-ignore-file no-control-regex
import { deepStrictEqual as equal, ok } from "node:assert/strict";
import { eastAsianWidth } from "get-east-asian-width";
import { ending, expandTabs, fold, truncate, width } from "./width.ts";

const widths: [string, number][] = [
  ["", 0],
  ["abc", 3],
  ["é", 1],
  ["e\u0301", 1],
  ["中文", 4],
  ["ｆｕｌｌ", 8],
  ["ｱ", 1],
  ["한국", 4],
  ["\u1112\u1161\u11ab", 2],
  ["👍", 2],
  ["👍🏽", 2],
  ["👩‍👩‍👧", 2],
  ["🇩🇪", 2],
  ["☺", 1],
  ["☺\ufe0f", 2],
  ["1\ufe0f\u20e3", 2],
  ["·…→│", 4],
  ["\x1b[1mbold\x1b[22m", 4],
];
for (const [text, columns] of widths) {
  Deno.test(`${JSON.stringify(text)} is ${columns} columns wide`, () => equal(width(text), columns));
}

const folds: [string, number, string[]][] = [
  ["", 10, [""]],
  ["a b c", 10, ["a b c"]],
  ["hello world", 8, ["hello ", "world"]],
  ["name    summary", 20, ["name    summary"]],
  ["  indented text", 11, ["  indented ", "text"]],
  ["averylongwordhere x", 6, ["averyl", "ongwor", "dhere ", "x"]],
  ["中文中文", 5, ["中文", "中文"]],
  ["a中文", 4, ["a中", "文"]],
  ["👩‍👩‍👧👩‍👩‍👧", 3, ["👩‍👩‍👧", "👩‍👩‍👧"]],
  ["a\n\nb", 5, ["a", "", "b"]],
  ["\x1b[1mone two\x1b[22m xx", 5, ["\x1b[1mone \x1b[0m", "\x1b[1mtwo\x1b[22m ", "xx"]],
];
for (const [text, columns, rows] of folds) {
  Deno.test(`${JSON.stringify(text)} folds at ${columns}`, () => equal(fold(text, columns), rows));
}

Deno.test("folding keeps every visible character in order and no row is too wide, at any width", () => {
  const text =
    "Ein Absatz mit 漢字かな交じり文, 👩‍👩‍👧 family, e\u0301 and \x1b[1mbold words\x1b[22m, a_very_long_word_without_blanks_in_it.\n\tcode";
  const bare = (one: string) => one.replaceAll(/\x1b\[[0-9]*m|\s/g, "");
  for (let columns = 2; columns < 100; columns++) {
    const rows = fold(text, columns);
    equal(bare(rows.join("")), bare(text));
    for (const row of rows) ok(width(row) <= columns, `${row} at ${columns}`);
  }
});

Deno.test("tabs stop at every fourth column, counted in columns", () => equal(expandTabs("a\t中\tb"), "a   中  b"));
Deno.test("ending shows the newest of a growing line", () => {
  equal(ending("abcdef", 6), "abcdef");
  equal(ending("abcdefg", 6), "…cdefg");
  equal(ending("中文字", 4), "…字");
});
Deno.test("truncate leaves what fits and marks what it cut", () => {
  equal(truncate("abcdef", 6), "abcdef");
  equal(truncate("abcdefg", 6), "abcde…");
  equal(truncate("中文字", 4), "中…");
});

Deno.test("each character of the quick path is one grapheme of one column by Unicode's own tables, too", () => {
  const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });
  const ranges = [[0x20, 0x7e], [0xa1, 0xac], [0xae, 0x2ff], [0x2010, 0x2027], [0x2500, 0x259f]] as const;
  const all = ranges.flatMap(([from, to]) =>
    Array.from({ length: to - from + 1 }, (_, at) => String.fromCharCode(from + at))
  );
  equal([...segmenter.segment(all.join(""))].map(({ segment }) => segment), all);
  equal(all.filter((one) => eastAsianWidth(one.charCodeAt(0)) !== 1), []);
  equal(
    all.filter((one) => /[\p{Mark}\p{Control}\p{Default_Ignorable_Code_Point}]|\p{Emoji_Presentation}/u.test(one)),
    [],
  );
});
