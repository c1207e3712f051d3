/** The text of a new plugin and of its test. */

/** A plugin that works as it is. `types` is where the types of the API are. */
export const pluginText = (name: string, types: string): string =>
  `import type { PluginApi } from "${types}";

/** Counts the words of a text. */
export function countWords(text: string): number {
  return text.split(/\\s+/).filter((word) => word !== "").length;
}

export default ({ tool, z }: PluginApi) =>
  tool({
    name: "${name}",
    description: "Count the words of a text.",
    input: z.object({ text: z.string().describe("the text") }),
    readOnly: true,
    run: ({ text }) => \`\${countWords(text)} words\`,
  });
`;

/** Its test: it needs neither Evo nor an installation. */
export const testText = (name: string): string =>
  `import { strictEqual } from "node:assert/strict";
import { countWords } from "./${name}.ts";

Deno.test("counts the words of a text", () => {
  strictEqual(countWords("  one two\\nthree "), 3);
  strictEqual(countWords(""), 0);
});
`;
