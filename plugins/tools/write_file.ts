import * as z from "zod";
import { tool } from "../../actors/ports.ts";
import { rememberWritten, stale } from "../lib/seen.ts";
import { count, lineEndOf, linesOf, oneLine, withLineEnds } from "../lib/text.ts";

/** Writes a whole file, or replaces a range of its lines. */
export default tool({
  name: "write_file",
  description: "Create or overwrite a file, or replace its lines start..end by content. Makes folders.",
  modes: ["chat", "evolve"],
  input: z.object({
    path: z.string(),
    content: z.string(),
    start: z.int().optional().describe("first line to replace, from 1; last line + 1 appends"),
    end: z.int().optional().describe("last line to replace; start - 1 inserts"),
  }),
  readOnly: () => false,
  summary: ({ path, start, end }) => `write ${oneLine(path)}${start || end ? ` ${start ?? 1}..${end ?? ""}` : ""}`,
  async run({ path, content, start, end }, { workspace }) {
    const read = await workspace.read(path);
    const changed = read.ok && stale(workspace, read.value);
    if (changed) return { ok: false, text: changed };
    if (start === undefined && end === undefined) {
      const keepsCrlf = read.ok && lineEndOf(read.value.text) === "\r\n";
      const text = keepsCrlf ? withLineEnds(content, "\r\n") : content;
      const written = await workspace.write(path, text, { bom: read.ok && read.value.bom });
      if (!written.ok) return { ok: false, text: written.error };
      await rememberWritten(workspace, written.value.path);
      const verb = written.value.created ? "Created" : "Overwrote";
      const lines = count(linesOf(content).length, "line");
      return { ok: true, text: `${verb} ${written.value.path} (${lines}${keepsCrlf ? ", CRLF kept" : ""})` };
    }
    if (!read.ok) return { ok: false, text: read.error };
    const { text, bom } = read.value;
    const lines = linesOf(text);
    const lineEnd = lineEndOf(text);
    const first = Math.min(Math.max(1, start ?? 1), lines.length + 1);
    const last = Math.min(Math.max(first - 1, end ?? lines.length), lines.length);
    const before = lines.slice(0, first - 1).join("");
    const after = lines.slice(last).join("");
    const body = withLineEnds(content, lineEnd);
    const gap = before && body && !before.endsWith("\n") ? lineEnd : "";
    const close = body && !body.endsWith("\n") && (after || text.endsWith("\n")) ? lineEnd : "";
    const written = await workspace.write(path, before + gap + body + close + after, { bom });
    if (!written.ok) return { ok: false, text: written.error };
    await rememberWritten(workspace, written.value.path);
    const replaced = last < first ? `before line ${first}` : `lines ${first}-${last}`;
    const now = count(linesOf(body).length, "line");
    return {
      ok: true,
      text: `${last < first ? "Inserted" : "Replaced"} ${replaced} of ${path} (${now}); later lines moved`,
    };
  },
});
