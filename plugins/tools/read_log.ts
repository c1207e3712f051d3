import * as z from "zod";
import { tool } from "../../actors/ports.ts";
import { oneLine } from "../lib/text.ts";

/** Pages the full log of a session. */
export default tool({
  name: "read_log",
  description: "Read events from..to (counted from 0) of a session's full log.",
  modes: ["reflect"],
  input: z.object({ session: z.string(), from: z.int().min(0), to: z.int().min(0) }),
  readOnly: () => true,
  summary: ({ session, from, to }) => `read log ${oneLine(session)} ${from}..${to}`,
  async run({ session, from, to }, { sessions }) {
    const page = await sessions.page(session, from, Math.max(from, to));
    return page.ok ? { ok: true, text: page.value } : { ok: false, text: page.error };
  },
});
