import * as z from "zod";
import { tool } from "../../actors/ports.ts";
import { applyEdits } from "../lib/edit.ts";
import { rememberWritten, stale } from "../lib/seen.ts";
import { count, oneLine } from "../lib/text.ts";

/** Replaces exact pieces of a file, all or none. */
export default tool({
  name: "edit_file",
  description: "Replace pieces of a file: each old must occur exactly once (or set all). All edits apply, or none.",
  modes: ["chat", "evolve"],
  input: z.object({
    path: z.string(),
    edits: z.array(z.object({ old: z.string(), new: z.string(), all: z.boolean().optional() })).min(1),
  }),
  readOnly: () => false,
  summary: ({ path, edits }) => `edit ${oneLine(path)} (${count(edits.length, "change")})`,
  async run({ path, edits }, { workspace }) {
    const read = await workspace.read(path);
    if (!read.ok) return { ok: false, text: read.error };
    const changed = stale(workspace, read.value);
    if (changed) return { ok: false, text: changed };
    const edited = applyEdits(read.value.text, edits);
    if (!edited.ok) return { ok: false, text: `Cannot edit "${path}", nothing was changed: ${edited.error}` };
    const written = await workspace.write(path, edited.text, { bom: read.value.bom });
    if (!written.ok) return { ok: false, text: written.error };
    await rememberWritten(workspace, written.value.path);
    const lines = edited.lines.slice(0, 20).join(", ");
    const notes = edited.notes.map((note) => `\nNote: ${note}.`).join("");
    return {
      ok: true,
      text: `Edited ${path}: ${count(edited.lines.length, "replacement")} (at line ${lines})${notes}`,
    };
  },
});
