import { deepStrictEqual as equal } from "node:assert/strict";
import { createSafe, oneLine, safe } from "./safe.ts";

const golden: [what: string, evil: string, good: string][] = [
  ["colours", "a\x1b[31mb\x1b[0mc\x1b[1;38;5;3md", "abcd"],
  ["cursor moves and clear screen", "a\x1b[2J\x1b[H\x1b[10;20Hb\x1bcc", "abc"],
  ["window title, ended by BEL and by ST", "a\x1b]0;title\x07b\x1b]2;t\x1b\\c", "abc"],
  ["clipboard (OSC 52)", "a\x1b]52;c;ZXZpbA==\x07b", "ab"],
  ["hyperlink (OSC 8)", "\x1b]8;;http://evil\x1b\\text\x1b]8;;\x1b\\", "text"],
  ["DCS, SOS, PM and APC strings", "a\x1bPq#0\x1b\\b\x1bXs\x1b\\c\x1b^p\x1b\\d\x1b_a\x1b\\e", "abcde"],
  ["C1 forms of CSI, OSC and DCS", "a\x9b31mb\x9d0;t\x9cc\x90q\x9cd\x85e", "abcde"],
  ["an OSC that never ends keeps the text after it", "a\x1b]0;b\nc", "a]0;b\nc"],
  ["charset and keypad switches", "a\x1b(0b\x1b=c\x1b#8d\x1b7e\x1bMf", "abcdef"],
  ["bell, backspace, NUL, DEL, form feed", "a\x07b\x08c\x00d\x7fe\x0cf", "abcdef"],
  ["a lone Esc", "a\x1b", "a"],
  ["bidi overrides and isolates", "a\u202eb\u2066c\u2069d\u200fe\u061cf", "abcdef"],
  ["zero-width and separators", "a\u200bb\ufeffc\u2028d\u00ade", "abcde"],
  ["CRLF and CR become LF", "a\r\nb\rc", "a\nb\nc"],
  ["a prompt painted over with CR", "rm -rf /\recho hi", "rm -rf /\necho hi"],
  ["lone surrogates", "a\ud800b\udc00c", "a\ufffdb\ufffdc"],
  ["tabs, newlines, emoji, ZWJ and combining marks stay", "a\tb\n👩‍👩‍👧e\u0301🇩🇪", "a\tb\n👩‍👩‍👧e\u0301🇩🇪"],
];

for (const [what, evil, good] of golden) {
  Deno.test(`safe takes out ${what}, whole and at every cut of a stream`, () => {
    equal(safe(evil), good);
    for (let cut = 0; cut <= evil.length; cut++) {
      const stream = createSafe();
      equal(stream.feed(evil.slice(0, cut)) + stream.feed(evil.slice(cut)) + stream.end(), good, `cut at ${cut}`);
    }
    const stream = createSafe();
    equal(evil.split("").map((one) => stream.feed(one)).join("") + stream.end(), good, "one by one");
  });
}

Deno.test("no code point below U+00A0 but tab and newline passes, alone or after Esc", () => {
  for (let code = 0; code < 0xa0; code++) {
    const one = String.fromCharCode(code);
    const kept = safe(one);
    equal(kept, code === 13 ? "\n" : code === 9 || code === 10 || (code >= 32 && code < 127) ? one : "");
    equal(safe(`\x1b${one}`).includes("\x1b"), false);
  }
});

Deno.test("a sequence that stays open does not hold the stream back for ever", () => {
  const stream = createSafe();
  const out = stream.feed("a\x1b]0;" + "x".repeat(5000)) + stream.feed("yes");
  equal(out.startsWith("a]0;xxx"), true);
  equal(out.endsWith("yes"), true);
});

Deno.test("oneLine makes one line of anything", () => equal(oneLine(" a\n\tb\x1b[2Jc  d "), "a bc d"));
