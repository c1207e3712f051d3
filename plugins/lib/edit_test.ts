import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { applyEdits, type Edit } from "./edit.ts";

const good: { title: string; text: string; edits: Edit[]; result: string; note?: RegExp }[] = [
  { title: "an exact piece", text: "a b c", edits: [{ old: "b", new: "x" }], result: "a x c" },
  { title: "a deletion", text: "a\nb\nc\n", edits: [{ old: "b\n", new: "" }], result: "a\nc\n" },
  { title: "all places", text: "a a a", edits: [{ old: "a", new: "aa", all: true }], result: "aa aa aa" },
  {
    title: "several, against the original, in any order",
    text: "one two three",
    edits: [{ old: "three", new: "one" }, { old: "one", new: "two" }, { old: "two", new: "three" }],
    result: "two three one",
  },
  { title: "neighbours that touch", text: "ab", edits: [{ old: "a", new: "1" }, { old: "b", new: "2" }], result: "12" },
  { title: "dollar signs as they are", text: "a", edits: [{ old: "a", new: "$& $1 $$" }], result: "$& $1 $$" },
  { title: "emoji", text: "x 😀 y 😁", edits: [{ old: "😀", new: "👩‍👩‍👧" }], result: "x 👩‍👩‍👧 y 😁" },
  {
    title: "CRLF kept when new has LF",
    text: "a\r\nb\r\nc\r\n",
    edits: [{ old: "b", new: "x\ny" }],
    result: "a\r\nx\r\ny\r\nc\r\n",
  },
  {
    title: "LF in old against CRLF in the file",
    text: "a\r\nb\r\nc\r\n",
    edits: [{ old: "a\nb\n", new: "x\ny\n" }],
    result: "x\r\ny\r\nc\r\n",
    note: /line ends/,
  },
  {
    title: "CRLF in old against LF in the file",
    text: "a\nb\nc\n",
    edits: [{ old: "a\r\nb", new: "x\r\ny" }],
    result: "x\ny\nc\n",
    note: /line ends/,
  },
  {
    title: "only the matched lines of mixed line ends",
    text: "a\nb\r\nc\nd\n",
    edits: [{ old: "b\nc", new: "B\nc" }],
    result: "a\nB\r\nc\nd\n",
    note: /line ends/,
  },
  {
    title: "curly quotes and dashes, within a line, other bytes untouched",
    text: "say “hi” – ‘now’ “x”",
    edits: [{ old: "\"hi\" - 'now'", new: "bye" }],
    result: "say bye “x”",
    note: /quotes/,
  },
  {
    title: "space at line ends, kept elsewhere",
    text: "a  \n  b\t\n  c\nd  \n",
    edits: [{ old: "  b\n  c", new: "  x" }],
    result: "a  \n  x\nd  \n",
    note: /space at line ends/,
  },
  {
    title: "indentation, carried over",
    text: "class A {\n    f() {\n      return 1;\n    }\n}\n",
    edits: [{ old: "f() {\n  return 1;\n}", new: "f() {\n  if (x) {\n\n    return 2;\n  }\n}" }],
    result: "class A {\n    f() {\n      if (x) {\n\n        return 2;\n      }\n    }\n}\n",
    note: /indentation/,
  },
  {
    title: "indentation, taken away",
    text: "a\nif x:\n  y()\n",
    edits: [{ old: "    if x:\n      y()", new: "    if z:\n      y()\n      w()" }],
    result: "a\nif z:\n  y()\n  w()\n",
    note: /indentation/,
  },
];

for (const { title, text, edits, result, note } of good) {
  Deno.test(`applyEdits() replaces ${title}`, () => {
    const edited = applyEdits(text, edits);
    equal(edited.ok ? edited.text : edited.error, result);
    if (edited.ok && note) match(edited.notes.join(), note);
    else equal(edited.ok && edited.notes, []);
  });
}

const bad: { title: string; text: string; edits: Edit[]; error: RegExp }[] = [
  {
    title: "a piece that is there twice",
    text: "a\nb\na",
    edits: [{ old: "a", new: "x" }],
    error: /2 times at lines 1, 3/,
  },
  { title: "a piece that overlaps itself", text: "aaa", edits: [{ old: "aa", new: "x" }], error: /2 times/ },
  {
    title: "edits that overlap",
    text: "abc",
    edits: [{ old: "ab", new: "1" }, { old: "bc", new: "2" }],
    error: /edits 1 and 2 overlap/,
  },
  {
    title: "the same edit twice",
    text: "abc",
    edits: [{ old: "b", new: "1" }, { old: "b", new: "2" }],
    error: /overlap/,
  },
  { title: "an empty old", text: "a", edits: [{ old: "", new: "x" }], error: /old is empty/ },
  { title: "no change", text: "a", edits: [{ old: "a", new: "a" }], error: /nothing would change/ },
  { title: "half of an emoji", text: "😀", edits: [{ old: "\ud83d", new: "x" }], error: /half of a character/ },
  {
    title: "a new with half of an emoji",
    text: "a",
    edits: [{ old: "a", new: "\ude00" }],
    error: /half of a character/,
  },
  {
    title: "a miss in the second edit, naming the nearest lines",
    text: "one\nconst total = sum(items);\nthree\n",
    edits: [{ old: "one", new: "1" }, { old: "const total = sum(item);", new: "x" }],
    error:
      /^edit 2: old is not in the file; the nearest lines are\n1: one\n2: const total = sum\(items\);\n3: three\n; read it again/,
  },
  {
    title: "a miss with nothing like it",
    text: "a\nb\n",
    edits: [{ old: "completely different", new: "" }],
    error: /2 lines and none is like it/,
  },
  {
    title: "a tolerant match in two places",
    text: "  f(1)  \n  g\n\n  f(1)\t\n  g\n",
    edits: [{ old: "  f(1)\n  g", new: "x", all: true }],
    error: /2 times, after ignoring space at line ends, at lines 1, 4/,
  },
  {
    title: "indentation that differs in two ways",
    text: "  a\n    b\n",
    edits: [{ old: "a\n   b", new: "x" }],
    error: /not in the file/,
  },
  { title: "tabs for spaces", text: "\tab\n", edits: [{ old: "  ab", new: "x" }], error: /not in the file/ },
];

for (const { title, text, edits, error } of bad) {
  Deno.test(`applyEdits() refuses ${title}`, () => {
    const edited = applyEdits(text, edits);
    match(edited.ok ? `let through: ${edited.text}` : edited.error, error);
  });
}

Deno.test("applyEdits() never lets a trailing space match inside a word", () => {
  const edited = applyEdits("returned\n", [{ old: "return  ", new: "x" }]);
  ok(!edited.ok);
});

Deno.test("applyEdits() keeps every byte outside the matches, for any mix of line ends", () => {
  const ends = ["\n", "\r\n", "  \n", "\t\r\n"];
  for (let seed = 0; seed < 256; seed++) {
    const line = (index: number) => ends[(seed >> (2 * index)) & 3] ?? "\n";
    const text = `α${line(0)}mid${line(1)}ω😀${line(2)}end${line(3)}`;
    const edited = applyEdits(text, [{ old: "mid", new: "new" }]);
    equal(edited.ok && edited.text, text.replace("mid", "new"));
  }
});
