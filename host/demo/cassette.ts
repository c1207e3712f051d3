/** The built-in demo model: fixed replies that make Evo do real work. A person tells it apart by what it says. */

const PLURAL = `/** A count with its word: "1 line", "2 lines". */
export function plural(count: number, word: string): string {
  return count === 1 ? count : \`\${count} \${word}s\`;
}
`;

const PLURAL_TEST = `import { strictEqual as equal } from "node:assert/strict";
import { plural } from "./plural.ts";

Deno.test("plural() says one line and two lines", () => {
  equal(plural(1, "line"), "1 line");
  equal(plural(2, "line"), "2 lines");
});
`;

const COUNT = `/** Counts what is in a text file. */
import * as z from "zod";
import { tool } from "../../actors/ports.ts";
import { plural } from "../lib/plural.ts";

export default tool({
  name: "count_words",
  description: "Counts lines, words and characters of a text file.",
  input: z.object({ path: z.string() }),
  readOnly: () => true,
  summary: ({ path }) => \`count \${path}\`,
  async run({ path }, { workspace }) {
    const read = await workspace.read(path);
    if (!read.ok) return { ok: false, text: read.error };
    const { text } = read.value;
    const words = text.split(/\\s+/).filter((word) => word !== "").length;
    const parts = [plural(text.split("\\n").length - 1, "line"), plural(words, "word"), plural([...text].length, "character")];
    return { ok: true, text: \`\${path}: \${parts.join(", ")}\` };
  },
});
`;

const COUNT_TEST = `import { deepStrictEqual as equal } from "node:assert/strict";
import type { ToolContext } from "../../actors/ports.ts";
import count from "./count_words.ts";

const context = (text: string) => ({
  workspace: { read: (path: string) => Promise.resolve({ ok: true, value: { path, text, hash: "", bom: false } }) },
}) as unknown as ToolContext;

Deno.test("count_words counts lines, words and characters", async () => {
  const result = await count.run({ path: "a.txt" }, context("one two\\n\\u{1F600}\\n"));
  equal(result, { ok: true, text: "a.txt: 2 lines, 3 words, 10 characters" });
});
`;

const goal = (title: string, verify: string) =>
  JSON.stringify({
    title,
    suggestion: "Count words without a shell",
    predicted: "fewer shell calls for counting",
    verify,
  });

const say = (purpose: string, text: string, expect: Record<string, unknown> = {}) => ({
  expect: { purpose, ...expect },
  reply: { text },
});
const use = (purpose: string, text: string, calls: [string, unknown][], expect: Record<string, unknown> = {}) => ({
  expect: { purpose, ...expect },
  reply: { text, calls: calls.map(([name, args]) => ({ name, arguments: args })) },
});

const HINT =
  `I am the built-in demo model: I play fixed replies, whatever you say. To see Evo work, type these three lines:

    What is this project?
    /evolve
    How many words are in README.md?`;

const LINES = [
  {
    cassette: 1,
    model: "demo",
    window: 200_000,
    lanes: true,
    fallback: {
      chat: { text: HINT },
      task: { text: "CONTINUE" },
      reflect: { text: "[]" },
      evolve: { text: "SKIP: the demo has shown what it can" },
      refine: { text: "SKIP" },
      judge: { text: '{"veto": true, "reason": "the demo has no opinion on this change"}' },
      document: { text: "Nothing to edit." },
      compact: { text: "Goal: see the demo." },
    },
  },
  use(
    "chat",
    "I look at what is here.",
    [["list_files", {}], ["read_file", { path: "README.md", start: 1, end: 12 }]],
    { contains: "What is this project?" },
  ),
  say(
    "chat",
    "This is a folder with a README.md; its first lines are above. I had to read it to say so: there is no tool yet that counts words.",
  ),
  say(
    "reflect",
    JSON.stringify([{
      title: "Count words without a shell",
      evidence: "the present session: the user asks about a file, and no tool counts",
      predicted: "fewer shell calls for counting",
      verify: "count_words counts lines, words and characters",
    }]),
  ),
  use(
    "evolve",
    "First a small function for words after a count.",
    [["write_file", { path: "plugins/lib/plural.ts", content: PLURAL }], ["write_file", {
      path: "plugins/lib/plural_test.ts",
      content: PLURAL_TEST,
    }]],
    { lacks: "plugins/lib/plural.ts" },
  ),
  say("evolve", goal("Say counts with their word", "plural() says one line and two lines")),
  use("refine", "The types say it: the count has to be text.", [[
    "edit_file",
    { path: "plugins/lib/plural.ts", edits: [{ old: "count === 1 ? count :", new: "count === 1 ? `1 ${word}` :" }] },
  ]]),
  say("refine", goal("Say counts with their word", "plural() says one line and two lines")),
  say("judge", '{"veto": false, "reason": "does what its goal says, with a test"}'),
  use("evolve", "I try to make myself more room first.", [["write_file", {
    path: "host/gate/budget.ts",
    content: "export const BUDGET = {};\n",
  }]]),
  use("evolve", "That is not mine to write. So only the tool.", [
    ["write_file", { path: "plugins/tools/count_words.ts", content: COUNT }],
    ["write_file", { path: "plugins/tools/count_words_test.ts", content: COUNT_TEST }],
  ]),
  say("evolve", goal("Add the tool count_words", "count_words counts lines, words and characters")),
  say("judge", '{"veto": false, "reason": "a read-only tool with its test"}'),
  use("chat", "Now I have a tool for that.", [["count_words", { path: "README.md" }]], {
    contains: "How many words",
    tools: ["count_words"],
  }),
  say("chat", "The count is above. The tool that made it did not exist when this conversation began."),
];

/** The cassette of the demo model, as text. */
export const DEMO = LINES.map((line) => `${JSON.stringify(line)}\n`).join("");
