import * as z from "zod";
import { tool } from "../../actors/ports.ts";
import { cut, oneLine } from "../lib/text.ts";

const LIMIT = 500;

/** Lists files that .gitignore does not exclude. */
export default tool({
  name: "list_files",
  description: "List files, without those that .gitignore excludes.",
  modes: ["chat", "evolve"],
  input: z.object({
    path: z.string().optional().describe("folder"),
    glob: z.string().optional().describe("as **/*.{ts,js}"),
  }),
  readOnly: () => true,
  summary: ({ path, glob }) => oneLine(`list ${[path ?? ".", glob].filter(Boolean).join(" ")}`),
  async run({ path, glob }, { workspace, signal }) {
    const listed = await workspace.list({ ...(path && { path }), ...(glob && { glob }), limit: LIMIT, signal });
    if (!listed.ok) return { ok: false, text: listed.error };
    const { files, truncated } = listed.value;
    if (files.length === 0) return { ok: true, text: truncated ? "None found in the first 20,000 files" : "No files" };
    const more = truncated ? "\n... there are more; narrow it by path or glob" : "";
    return { ok: true, text: cut(files.join("\n"), 20_000) + more };
  },
});
