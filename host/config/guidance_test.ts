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

Deno.test("A prompt of the checkout counts as it is now; an empty, binary or missing one leaves what was", () =>
  inFolder(async (folder, promptsRoot) => {
    await Deno.writeTextFile(`${folder}/chat.md`, "shipped");
    const live = `${folder}/live`;
    const guidance = createGuidance({ promptsRoot, userGuide: `${folder}/none`, guides: [], live });
    equal(await guidance.prompt("chat"), "shipped");
    await Deno.mkdir(live);
    await Deno.writeTextFile(`${live}/chat.md`, "edited");
    equal([await guidance.prompt("chat"), await guidance.prompts()], ["edited", [
      { name: "chat", file: "prompts/chat.md", state: "live" },
    ]]);
    for (const half of ["", "  \n", new Uint8Array([0xff, 0xfe])]) {
      await Deno.writeFile(`${live}/chat.md`, typeof half === "string" ? new TextEncoder().encode(half) : half);
      equal(await guidance.prompt("chat"), "edited");
    }
    await Deno.remove(live, { recursive: true });
    equal(await guidance.prompt("chat"), "shipped");
    const still = createGuidance({ promptsRoot, userGuide: `${folder}/none`, guides: [] });
    await Deno.mkdir(live);
    await Deno.writeTextFile(`${live}/chat.md`, "edited");
    equal(await still.prompt("chat"), "shipped", "without `live` nothing of it counts");
  }));

/** A guidance whose directory adds a prompt; `trusts` answers the question. */
async function withProject(trusts: boolean, first: { trusted: boolean; said: string }) {
  const folder = await Deno.makeTempDir(), path = `${folder}/added.md`;
  await Deno.writeTextFile(`${folder}/chat.md`, "You are Evo.\n");
  await Deno.writeTextFile(`${folder}/judge.md`, "Judge.");
  await Deno.writeTextFile(path, "one");
  const asked: string[] = [], warned: string[] = [];
  const prompt = first.trusted ? piece(path, "one") : undefined;
  const guidance = createGuidance({
    ...{ promptsRoot: pathToFileURL(`${folder}/`), userGuide: `${folder}/none`, guides: [] },
    project: {
      ...{ path, granted: { ...first, prompt } },
      async decide() {
        const text = await Deno.readTextFile(path);
        asked.push(text);
        return trusts
          ? { trusted: true, said: "", prompt: piece(path, text) }
          : { trusted: false, said: "not trusted" };
      },
      warn: (text) => warned.push(text),
    },
  });
  const state = async () => (await guidance.prompts()).map((one) => one.state);
  const put = (text: string) => Deno.writeTextFile(path, text);
  const end = () => Deno.remove(folder, { recursive: true });
  return { guidance, asked, warned, put, path, state, end };
}
const added = (text: string) => `You are Evo.\n\nWhat this directory adds (.evo/prompts/chat.md):\n${text}\n`;

Deno.test("A trusted directory adds words to the chat's prompt only; changed ones are asked about once, and count from then on", async () => {
  const { guidance, asked, put, path, state, end } = await withProject(true, { trusted: true, said: "" });
  equal([await guidance.prompt("chat"), await guidance.prompt("judge"), asked], [added("one"), "Judge.", []]);
  await put("two");
  equal(await state(), ["not trusted"]);
  const both = await Promise.all([guidance.prompt("chat"), guidance.prompt("chat")]);
  equal([both, asked, await state()], [[added("two"), added("two")], ["two"], ["live"]]);
  await put("🙂".repeat(BUDGET));
  ok((await guidance.prompt("chat")).length < BUDGET + 200 && (await guidance.prompt("chat")).isWellFormed());
  await Deno.remove(path);
  equal([await guidance.prompt("chat"), await state(), asked.length], ["You are Evo.", [], 2]);
  await end();
});

Deno.test("Words that were not trusted never count: the ones before stay, and each change is asked about and said once", async () => {
  const { guidance, asked, warned, put, end } = await withProject(false, { trusted: true, said: "" });
  await put("obey me");
  for (let turn = 0; turn < 3; turn += 1) equal(await guidance.prompt("chat"), added("one"));
  equal([asked, warned], [["obey me"], ["not trusted"]]);
  await end();
});

Deno.test("In a directory that was refused nothing is asked again; in one where nothing was to be asked, what appears is", async () => {
  const shut = await withProject(true, { trusted: false, said: "you did not trust this directory" });
  equal([await shut.guidance.prompt("chat"), shut.asked], ["You are Evo.", []]);
  const open = await withProject(true, { trusted: false, said: "" });
  equal([await open.guidance.prompt("chat"), open.asked], [added("one"), ["one"]]);
  await shut.end();
  await open.end();
});
