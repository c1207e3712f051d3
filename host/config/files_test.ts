import { deepStrictEqual as equal } from "node:assert/strict";
import { readPiece } from "./files.ts";

Deno.test("a file that settled is read once, and anew when it changes, though its size stays", async () => {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  const path = `${folder}/a.txt`;
  try {
    await Deno.writeTextFile(path, "one");
    await new Promise((done) => setTimeout(done, 2_100)); // as long as it takes to settle
    const first = await readPiece(path);
    equal([first?.text, await readPiece(path) === first], ["one", true]);
    await Deno.writeTextFile(path, "two");
    equal((await readPiece(path))?.text, "two");
    await Deno.writeTextFile(path, "six");
    equal((await readPiece(path))?.text, "six");
    await Deno.remove(path);
    equal(await readPiece(path), undefined);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
