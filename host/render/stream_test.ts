import { deepStrictEqual as equal, ok } from "node:assert/strict";
import { loadLexer, type Page, renderMarkdown } from "./markdown.ts";
import { createMarkdown } from "./stream.ts";
import { createPaint } from "./style.ts";

await loadLexer();
const page = (columns: number, color = false): Page => ({ columns: () => columns, color, paint: createPaint(color) });

const PARAGRAPH =
  "Words come **one by one**, in `code spans`, in [links](http://x.y/z_a) and _often_ in snake_case or 3 * 4, " +
  "and www.example.org, too. 漢字かな交じり文と**太字**も続きます、どこで切っても同じ行になります。 👩‍👩‍👧 and 🇩🇪 e\u0301 <b>html</b> end.";

/** Blocks: each is rendered as a whole when it is over, by the old rule, and so must it be when it streams. */
const BLOCKS = [
  PARAGRAPH,
  "Soft wrapped text here\nof *three* lines that\nare quite short",
  "- apples\n- pears and **plums** and other fruit that need more than one row\n  - nested one\n  - nested two\n    1. deep\n    2. deeper\n- last",
  "1. first\n1. second\n1. third of them\n1. fourth",
  "8) eight\n9) nine\n10) ten, which is a longer item than the others\n    more of ten\n11) eleven",
  "Intro of a list:\n* [ ] open task that is long enough for rows\n* [x] done\n\n  A second paragraph of the item.\n* end",
  "Here is a table, after a text that is long enough:\n| a | bb |\n|---|---|\n| 1 | 中 |",
  "a | head of a table that has no bar in front of it\n---|---\n1 | 2",
  "Unclosed **emphasis goes on and on, and `code too, and [a link, until the end of it all",
  "Ends *late, after some rows of words that were held back* and then goes on with other words.",
  "> A quote that is long enough\n> for two rows of text",
  "title\n---",
  "title\n===",
  "~5 minutes, ~~struck out~~, a_b_c, 5 < 6, Vec<T>, a[0] and [1], \\*literal\\* and &amp; all of them in a text",
  "text - with - dashes and 1. numbers and # marks, folded so that a row begins with - any of them - or + 1. so",
];

const cuts = [() => 1, () => 2, () => 7, () => 1 + Math.floor(Math.random() * 20), () => 1 << 20];

function render(text: string, cut: () => number, how: Page): string[] {
  const stream = createMarkdown(how);
  const rows: string[] = [];
  for (let at = 0, size = cut(); at < text.length; at += size, size = cut()) {
    rows.push(...stream.feed(text.slice(at, at + size)));
  }
  return [...rows, ...stream.end()];
}

Deno.test("stream: the rows of a block are those of the whole block, at any cut, width and colour", () => {
  for (const color of [false, true]) {
    for (const columns of [10, 17, 24, 40, 80]) {
      for (const text of BLOCKS) {
        for (const cut of cuts) {
          equal(render(text, cut, page(columns, color)), renderMarkdown(text, page(columns, color)), text);
        }
      }
    }
  }
});

Deno.test("stream: many blocks are the blocks one after the other, at any cut", () => {
  const how = page(24, true);
  const rows = BLOCKS.flatMap((text, at) => [...(at > 0 ? [""] : []), ...renderMarkdown(text, how)]);
  for (const cut of cuts) equal(render(BLOCKS.join("\n\n"), cut, how), rows);
});

Deno.test("stream: a paragraph of some rows that is underlined late stays a paragraph, and its line is shown, at any cut", () => {
  for (const line of ["===", "---"]) {
    const text = `words that were shown before the line came\n${line}\n\nnext`;
    for (const cut of cuts) {
      equal(render(text, cut, page(20)), ["words that were ", "shown before the ", "line came", line, "", "next"]);
    }
  }
});

/** Feeds by character; what was shown and the tail have to hold all words that came, each once. */
function watch(text: string, how: Page): number[] {
  const stream = createMarkdown(how);
  const rows: string[] = [];
  const letters = (one: string) => one.replace(/[^\p{L}\p{N}]/gu, "");
  return Array.from(text, (one, at) => {
    rows.push(...stream.feed(one));
    const came = letters(text.slice(0, at + 1)), seen = letters(rows.join(""));
    ok(came.startsWith(seen), `"${seen}" is not the beginning of "${came}"`);
    if (!text.slice(0, at + 1).includes("\n")) equal(seen + letters(stream.tail()), came);
    return rows.length;
  });
}

Deno.test("stream: a row is shown while its paragraph goes on, and what is not shown is the tail, neither twice nor missing", () => {
  const text = "Some plain words that go on for many rows, 漢字かな交じり文です and so on until they are over at last.";
  const shown = watch(text, page(20));
  for (const [at, rows] of shown.entries()) ok(rows >= Math.floor(at / 20) - 2, `${rows} rows after ${at} characters`);
  ok((shown.at(-1) ?? 0) >= 4);
});

Deno.test("stream: an item is shown when the next one begins, of the same or an outer list", () => {
  const shown = watch("- aa\n- bb\n  - cc\n  - dd\n- ee\n", page(40));
  equal(shown.at("- aa\n- b".length - 1), 1);
  equal(shown.at("- aa\n- bb\n  - c".length - 1), 2);
  equal(shown.at("- aa\n- bb\n  - cc\n  - d".length - 1), 3);
  equal(shown.at("- aa\n- bb\n  - cc\n  - dd\n- e".length - 1), 4);
});

Deno.test("stream: what is open is not shown until it is closed", () => {
  const stream = createMarkdown(page(20, true));
  equal(stream.feed(`${"word ".repeat(3)}**bold ${"word ".repeat(20)}`), []);
  ok(stream.feed(`end** ${"and more words ".repeat(9)}`).length > 4);
});

Deno.test("stream: a window that changes folds only what was not shown", () => {
  let columns = 40;
  const stream = createMarkdown({ ...page(0), columns: () => columns });
  const words = Array.from({ length: 60 }, (_, at) => `word${at}`).join(" ");
  const rows = stream.feed(words.slice(0, 200));
  columns = 20;
  const rest = [...stream.feed(words.slice(200)), ...stream.end()];
  ok(rows.length > 2 && rest.every((row) => row.length <= 20));
  equal([...rows, ...rest].map((row) => row.trim()).join(" "), words);
});

/** How often a text is looked at, counted by what is asked for each piece that is rendered. */
function looks(text: string): number {
  let asked = 0;
  const counting: Page = {
    ...page(80),
    get color() {
      asked++;
      return false;
    },
  };
  for (let at = 0, stream = createMarkdown(counting); at < text.length; at += 20) stream.feed(text.slice(at, at + 20));
  return asked;
}

for (
  const piece of [
    "some plain words ",
    "漢字かな交じり文",
    "`open word ",
    "- item\n",
    "- **item** of *some* words\n  - inner\n",
    "| a | b |\n",
  ]
) {
  Deno.test(`stream: twice as much of ${JSON.stringify(piece)} is not looked at much more than twice as often`, () => {
    const once = looks(piece.repeat(1000)), twice = looks(piece.repeat(2000));
    ok(twice < 2.6 * once, `${twice} looks instead of ${once}`);
  });
}

Deno.test("stream: of a megabyte that is one paragraph each row is looked at a few times", () => {
  const text = "some plain words ".repeat(1 << 16);
  ok(looks(text) < text.length / 2, `${looks(text)} looks`);
});
