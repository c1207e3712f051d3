import { deepStrictEqual as equal, ok } from "node:assert/strict";
import { cut, cutLine, lineEndOf, linesOf, oneLine, withLineEnds } from "./text.ts";

Deno.test("cut(), cutLine() and oneLine() never leave half of a character", () => {
  const text = "a😀日本👩‍👩‍👧é".repeat(3);
  for (let limit = 0; limit <= text.length + 1; limit++) {
    for (const kept of [cut(text, limit), cutLine(text, limit), oneLine(text, limit)]) ok(kept.isWellFormed());
    ok(cut(text, limit).length <= limit);
  }
  ok(!text.slice(0, 2).isWellFormed(), "a plain slice does");
});

Deno.test("linesOf() gives back the text when joined", () => {
  for (const text of ["", "a", "a\n", "\n", "\n\n", "a\r\nb", "a\n\nb\n"]) equal(linesOf(text).join(""), text);
  equal(linesOf("a\nb").length, 2);
  equal(linesOf("a\nb\n").length, 2);
});

Deno.test("lineEndOf() takes the majority, withLineEnds() converts all", () => {
  equal(["", "a", "a\n", "a\r\n", "a\r\nb\n", "a\r\nb\r\nc\n"].map(lineEndOf), [
    "\n",
    "\n",
    "\n",
    "\r\n",
    "\n",
    "\r\n",
  ]);
  equal(withLineEnds("a\r\nb\nc", "\r\n"), "a\r\nb\r\nc");
  equal(withLineEnds("a\r\nb\nc", "\n"), "a\nb\nc");
});
