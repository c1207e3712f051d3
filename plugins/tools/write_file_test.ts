import { deepStrictEqual as equal, match } from "node:assert/strict";
import { call, fakeWorkspace } from "../lib/fakes.ts";
import readFile from "./read_file.ts";
import writeFile from "./write_file.ts";

const cases: {
  title: string;
  text: string;
  input: { content: string; start?: number; end?: number };
  result: string;
}[] = [
  {
    title: "lines in the middle",
    text: "a\nb\nc\n",
    input: { content: "X\nY", start: 2, end: 2 },
    result: "a\nX\nY\nc\n",
  },
  { title: "to the end", text: "a\nb\nc\n", input: { content: "X\n", start: 2 }, result: "a\nX\n" },
  { title: "up to a line", text: "a\nb\nc\n", input: { content: "X", end: 2 }, result: "X\nc\n" },
  { title: "clamped at both ends", text: "a\nb\n", input: { content: "X", start: -3, end: 99 }, result: "X\n" },
  { title: "by nothing", text: "a\nb\nc\n", input: { content: "", start: 2, end: 2 }, result: "a\nc\n" },
  { title: "before a line", text: "a\nb\n", input: { content: "X", start: 2, end: 1 }, result: "a\nX\nb\n" },
  { title: "after the last", text: "a\nb\n", input: { content: "X\n", start: 3 }, result: "a\nb\nX\n" },
  { title: "after a last line without end", text: "a\nb", input: { content: "X", start: 9 }, result: "a\nb\nX" },
  { title: "the last line without end", text: "a\nb", input: { content: "X", start: 2 }, result: "a\nX" },
  {
    title: "with the file's CRLF",
    text: "a\r\nb\r\nc\r\n",
    input: { content: "X\nY", start: 2, end: 2 },
    result: "a\r\nX\r\nY\r\nc\r\n",
  },
  { title: "in an empty file", text: "", input: { content: "X", start: 1, end: 5 }, result: "X" },
];

for (const { title, text, input, result } of cases) {
  Deno.test(`write_file replaces ${title}`, async () => {
    const workspace = fakeWorkspace({ a: text });
    workspace.boms.add("a");
    equal((await call(writeFile, { path: "a", ...input }, { workspace })).ok, true);
    equal(workspace.files.get("a"), result);
    equal(workspace.boms.has("a"), true);
  });
}

Deno.test("write_file creates and overwrites whole files, and hands on why it cannot", async () => {
  const workspace = fakeWorkspace({});
  equal((await call(writeFile, { path: "a", content: "x\n" }, { workspace })).text, "Created a (1 line)");
  equal((await call(writeFile, { path: "a", content: "y" }, { workspace })).text, "Overwrote a (1 line)");
  equal(workspace.files.get("a"), "y");
  const dos = fakeWorkspace({ dos: "1\r\n2\r\n" });
  dos.boms.add("dos");
  equal(
    (await call(writeFile, { path: "dos", content: "x\ny\n" }, { workspace: dos })).text,
    "Overwrote dos (2 lines, CRLF kept)",
  );
  equal([dos.files.get("dos"), dos.boms.has("dos")], ["x\r\ny\r\n", true]);
  equal((await call(writeFile, { path: "../a", content: "y" }, { workspace })).ok, false);
  equal((await call(writeFile, { path: "none", content: "y", start: 1 }, { workspace })).ok, false);
});

Deno.test("write_file refuses a range of a file that changed since it was read, until it is read again", async () => {
  const workspace = fakeWorkspace({ a: "a\nb\n" });
  await call(readFile, { path: "a" }, { workspace });
  workspace.files.set("a", "new first line\na\nb\n");
  const refused = await call(writeFile, { path: "a", content: "X", start: 2, end: 2 }, { workspace });
  match(refused.text, /changed on disk since you read it; read it again/);
  equal((await call(writeFile, { path: "a", content: "whole" }, { workspace })).ok, false);
  equal(workspace.files.get("a"), "new first line\na\nb\n");
  await call(readFile, { path: "a" }, { workspace });
  equal((await call(writeFile, { path: "a", content: "X", start: 2, end: 2 }, { workspace })).ok, true);
  equal(
    (await call(writeFile, { path: "a", content: "Y", start: 1, end: 1 }, { workspace })).ok,
    true,
    "its own write is known",
  );
  equal(workspace.files.get("a"), "Y\nX\nb\n");
});
