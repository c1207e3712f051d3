import * as z from "zod";
import { tool } from "../../actors/ports.ts";
import { oneLine } from "../lib/text.ts";

/** Deletes one file. */
export default tool({
  name: "delete_file",
  description: "Delete one file.",
  modes: ["chat", "evolve"],
  input: z.object({ path: z.string() }),
  readOnly: () => false,
  summary: ({ path }) => `delete ${oneLine(path)}`,
  async run({ path }, { workspace }) {
    const removed = await workspace.remove(path);
    if (!removed.ok) return { ok: false, text: removed.error };
    return { ok: true, text: `Deleted ${removed.value.path}` };
  },
});
