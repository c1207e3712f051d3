import { deepStrictEqual as equal } from "node:assert/strict";
import { either } from "./types.ts";

Deno.test("either() aborts with the reason of the first, once, also if that one had aborted before", () => {
  const one = new AbortController(), two = new AbortController();
  const both = either(one.signal, two.signal);
  let heard = 0;
  both.addEventListener("abort", () => heard++);
  equal(both.aborted, false);
  two.abort("the second");
  one.abort("too late");
  equal([both.aborted, both.reason, heard], [true, "the second", 1]);
  equal(either(new AbortController().signal, two.signal).reason, "the second");
  equal(either().aborted, false);
});
