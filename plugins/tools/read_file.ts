import * as z from "zod";
import { tool } from "../../actors/ports.ts";
import { remember } from "../lib/seen.ts";
import { cutLine, linesOf, oneLine } from "../lib/text.ts";

const MAX_BYTES = 20_000;

/** Reads a text file, or a range of its lines. */
export default tool({
  name: "read_file",
  description: "Read a text file, or lines start..end of it. Long files come in parts.",
  modes: ["chat", "evolve"],
  input: z.object({
    path: z.string(),
    start: z.int().optional().describe("first line, from 1"),
    end: z.int().optional().describe("last line, included"),
  }),
  readOnly: () => true,
  summary: ({ path, start, end }) => `read ${oneLine(path)}${start || end ? ` ${start ?? 1}..${end ?? ""}` : ""}`,
  async run({ path, start = 1, end = Infinity }, { workspace }) {
    const read = await workspace.read(path);
    if (!read.ok) return { ok: false, text: read.error };
    remember(workspace, read.value);
    const lines = linesOf(read.value.text);
    const total = lines.length;
    const first = Math.min(Math.max(1, start), Math.max(1, total));
    const last = Math.min(Math.max(first, end), total);
    const shown: string[] = [];
    let bytes = 0;
    for (const line of lines.slice(first - 1, last)) {
      const text = cutLine(line.replace(/\r?\n$/, ""), first === last ? 15_000 : 2_000);
      bytes += new TextEncoder().encode(text).length + 1;
      if (bytes > MAX_BYTES && shown.length > 0) break;
      shown.push(text);
    }
    const until = first + shown.length - 1;
    const range = total === 0 ? "empty" : `lines ${first}-${until} of ${total}`;
    const more = until < last ? `; go on with start ${until + 1}` : "";
    const crlf = read.value.text.includes("\r\n") ? ", CRLF" : "";
    return { ok: true, text: `${read.value.path} (${range}${crlf}${more})\n${shown.join("\n")}` };
  },
});
