import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import type { ToolResult } from "../../actors/types.ts";
import { call, fakeWorkspace } from "../lib/fakes.ts";
import readFile from "./read_file.ts";

const ten = Array.from({ length: 10 }, (_, index) => `line ${index + 1}\n`).join("");

const cases: { title: string; range: { start?: number; end?: number }; head: RegExp; lines: string[] }[] = [
  { title: "all", range: {}, head: /^a \(lines 1-10 of 10\)$/, lines: ten.trimEnd().split("\n") },
  { title: "a range", range: { start: 3, end: 4 }, head: /lines 3-4 of 10/, lines: ["line 3", "line 4"] },
  { title: "a start beyond the end, clamped", range: { start: 99 }, head: /lines 10-10/, lines: ["line 10"] },
  { title: "a start below 1, clamped", range: { start: -5, end: 1 }, head: /lines 1-1/, lines: ["line 1"] },
  { title: "an end before the start, clamped", range: { start: 5, end: 2 }, head: /lines 5-5/, lines: ["line 5"] },
];

for (const { title, range, head, lines } of cases) {
  Deno.test(`read_file reads ${title}`, async () => {
    const { text } = await call(readFile, { path: "a", ...range }, { workspace: fakeWorkspace({ a: ten }) });
    const [first, ...rest] = text.split("\n");
    match(first ?? "", head);
    equal(rest, lines);
  });
}

Deno.test("read_file stops before 24 KiB and says where to go on, and the parts make the whole", async () => {
  const text = Array.from({ length: 3000 }, (_, index) => `日本😀 ${index}\n`).join("");
  const workspace = fakeWorkspace({ a: text });
  const parts: string[] = [];
  for (let start: number | undefined = 1; start;) {
    const result: ToolResult = await call(readFile, { path: "a", start }, { workspace });
    ok(new TextEncoder().encode(result.text).length < 24 * 1024);
    const [head, ...lines] = result.text.split("\n");
    parts.push(...lines);
    start = Number(head?.match(/go on with start (\d+)/)?.[1]) || undefined;
  }
  equal(parts.join("\n") + "\n", text);
});

Deno.test("read_file cuts long lines at a character, and gives more of one when it is asked for alone", async () => {
  const workspace = fakeWorkspace({ a: "x" + "😀".repeat(9000) + "\nb" });
  const all = await call(readFile, { path: "a" }, { workspace });
  ok(all.text.isWellFormed());
  match(all.text, /more characters in this line\]\nb$/);
  const one = await call(readFile, { path: "a", start: 1, end: 1 }, { workspace });
  ok(one.text.length > 7 * all.text.length / 2 && one.text.isWellFormed());
});

Deno.test("read_file says when a file is empty, has CRLF, or cannot be read", async () => {
  const workspace = fakeWorkspace({ empty: "", dos: "a\r\nb\r\n" });
  equal(await call(readFile, { path: "empty" }, { workspace }), { ok: true, text: "empty (empty)\n" });
  equal((await call(readFile, { path: "dos" }, { workspace })).text, "dos (lines 1-2 of 2, CRLF)\na\nb");
  equal((await call(readFile, { path: "none" }, { workspace })).ok, false);
});
