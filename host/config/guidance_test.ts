import { deepStrictEqual as equal, match, ok, rejects } from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { BUDGET, createGuidance } from "./guidance.ts";

async function inFolder(test: (folder: string, root: URL) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder, pathToFileURL(`${folder}/`));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
const piece = (path: string, text: string) => ({ path, real: path, text, truncated: false });

Deno.test("A prompt is read by name; another name is refused in one sentence", () =>
  inFolder(async (folder, promptsRoot) => {
    await Deno.writeTextFile(`${folder}/chat.md`, "You are Evo 🙂");
    const guidance = createGuidance({ promptsRoot, userGuide: `${folder}/none`, guides: [] });
    equal(await guidance.prompt("chat"), "You are Evo 🙂");
    for (const name of ["missing", "../chat", "", "a/b", "Chat"]) {
      await rejects(guidance.prompt(name), /^Error: Cannot read prompt "/);
    }
  }));

Deno.test("The memory index names each note with its description or its first line", () =>
  inFolder(async (folder, promptsRoot) => {
    const guidance = createGuidance({ promptsRoot, userGuide: `${folder}/none`, guides: [] });
    equal(await guidance.memory(), "");
    await Deno.mkdir(`${folder}/memory`);
    const notes: [string, string][] = [
      ["b.md", "\n\n# How to test\ntext"],
      ["a note.md", "---\r\ntitle: x\r\ndescription: 'What is 漢字'\r\n---\r\nbody"],
      ["c.md", "---\ntitle: only\n---\n\nbody line"],
      ["d.md", ""],
      ["e.md", "🙂".repeat(500)],
      ["not-a-note.txt", "x"],
    ];
    for (const [name, text] of notes) await Deno.writeTextFile(`${folder}/memory/${name}`, text);
    equal((await guidance.memory()).split("\n"), [
      "prompts/memory/a note.md: What is 漢字",
      "prompts/memory/b.md: How to test",
      "prompts/memory/c.md: body line",
      "prompts/memory/d.md: ",
      `prompts/memory/e.md: ${"🙂".repeat(100)}`,
    ]);
  }));

Deno.test("The user's own guide comes first, then those of the project in their order", () =>
  inFolder(async (folder, promptsRoot) => {
    await Deno.writeTextFile(`${folder}/AGENTS.md`, "mine");
    const guides = [piece("/r/AGENTS.md", "root"), piece("/r/s/AGENTS.md", "sub")];
    const guidance = createGuidance({ promptsRoot, userGuide: `${folder}/AGENTS.md`, guides });
    equal((await guidance.agents()).map(({ text, truncated }) => [text, truncated]), [
      ["mine", false],
      ["root", false],
      ["sub", false],
    ]);
    const none = createGuidance({ promptsRoot, userGuide: `${folder}/none`, guides: [] });
    equal(await none.agents(), []);
  }));

Deno.test("What does not fit is cut between characters, visibly; the nearest file keeps its room", () =>
  inFolder(async (folder, promptsRoot) => {
    for (const extra of [0, 1]) {
      const guides = [
        piece("/r/AGENTS.md", "x".repeat(extra) + "🙂".repeat(BUDGET)),
        piece("/r/a/AGENTS.md", "near".repeat(10)),
      ];
      const [far, near] = await createGuidance({ promptsRoot, userGuide: `${folder}/none`, guides }).agents();
      equal([near?.text, near?.truncated, far?.truncated], ["near".repeat(10), false, true]);
      ok(far && far.text.isWellFormed() && far.text.length + 40 <= BUDGET && far.text.length > BUDGET - 200);
      match(far.text, /\n\[cut here: the rest does not fit in the 32768 characters for such files\]\n$/);
    }
    const guides = [piece("/1", "far"), piece("/2", "y".repeat(BUDGET))];
    const [far, near] = await createGuidance({ promptsRoot, userGuide: `${folder}/none`, guides }).agents();
    equal([far, near?.truncated], [{ path: "/1", text: "", truncated: true }, false]);
  }));

Deno.test("A user guide that is not UTF-8 or has no end of size is still read, in part", () =>
  inFolder(async (folder, promptsRoot) => {
    await Deno.writeFile(`${folder}/AGENTS.md`, new Uint8Array(2_000_000).fill(0xff));
    const [own] = await createGuidance({ promptsRoot, userGuide: `${folder}/AGENTS.md`, guides: [] }).agents();
    ok(own?.truncated && own.text.isWellFormed() && own.text.length <= BUDGET);
  }));
