import * as z from "zod";
import { tool } from "../../actors/ports.ts";
import { cut, oneLine } from "../lib/text.ts";

const LIMIT = 100;

/** Searches the lines of files. */
export default tool({
  name: "search",
  description: "Find lines by a JavaScript regular expression.",
  modes: ["chat", "evolve"],
  input: z.object({
    pattern: z.string(),
    path: z.string().optional().describe("folder or file"),
    glob: z.string().optional(),
    ignoreCase: z.boolean().optional(),
  }),
  readOnly: () => true,
  summary: ({ pattern, path, glob }) =>
    oneLine(`search ${[JSON.stringify(pattern), path, glob].filter(Boolean).join(" ")}`),
  async run({ pattern, path, glob, ignoreCase }, { workspace, signal }) {
    const where = { ...(path && { path }), ...(glob && { glob }), ...(ignoreCase && { ignoreCase }) };
    const found = await workspace.search({ pattern, ...where, limit: LIMIT, signal });
    if (!found.ok) return { ok: false, text: found.error };
    const { hits, truncated } = found.value;
    const more = truncated ? "\n... there may be more; narrow it by path, glob or pattern" : "";
    if (hits.length === 0) return { ok: true, text: `No matches${more}` };
    return { ok: true, text: cut(hits.map((hit) => `${hit.path}:${hit.line}: ${hit.text}`).join("\n"), 20_000) + more };
  },
});
