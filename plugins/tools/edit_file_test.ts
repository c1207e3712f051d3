import { deepStrictEqual as equal, match, throws } from "node:assert/strict";
import { call, fakeWorkspace } from "../lib/fakes.ts";
import editFile from "./edit_file.ts";
import readFile from "./read_file.ts";

Deno.test("edit_file makes all edits, keeps the byte order mark and says where", async () => {
  const workspace = fakeWorkspace({ a: "one\ntwo\nthree\n" });
  workspace.boms.add("a");
  const edits = [{ old: "three", new: "3" }, { old: "one", new: "1" }];
  const result = await call(editFile, { path: "a", edits }, { workspace });
  equal(result, { ok: true, text: "Edited a: 2 replacements (at line 1, 3)" });
  equal(workspace.files.get("a"), "1\ntwo\n3\n");
  equal(workspace.boms.has("a"), true);
});

Deno.test("edit_file changes nothing when one edit does not fit", async () => {
  const workspace = fakeWorkspace({ a: "one\ntwo\n" });
  const result = await call(editFile, { path: "a", edits: [{ old: "one", new: "1" }, { old: "twoo", new: "2" }] }, {
    workspace,
  });
  equal(result.ok, false);
  match(result.text, /nothing was changed: edit 2: .*nearest lines.*read it again/s);
  equal(workspace.files.get("a"), "one\ntwo\n");
});

Deno.test("edit_file reports tolerant matching", async () => {
  const workspace = fakeWorkspace({ a: "say “hi”\n" });
  const result = await call(editFile, { path: "a", edits: [{ old: 'say "hi"', new: "bye" }] }, { workspace });
  match(result.text, /\nNote: the edit matched after making quotes, dashes and spaces plain\./);
});

Deno.test("edit_file refuses a file that changed since it was read", async () => {
  const workspace = fakeWorkspace({ a: "one\n" });
  await call(readFile, { path: "a" }, { workspace });
  workspace.files.set("a", "one\nmore\n");
  match((await call(editFile, { path: "a", edits: [{ old: "one", new: "1" }] }, { workspace })).text, /read it again/);
  equal(workspace.files.get("a"), "one\nmore\n");
  const unseen = fakeWorkspace({ a: "one\nmore\n" });
  equal((await call(editFile, { path: "a", edits: [{ old: "one", new: "1" }] }, { workspace: unseen })).ok, true);
});

Deno.test("edit_file wants at least one edit", () => {
  throws(() => editFile.input.parse({ path: "a", edits: [] }));
});
