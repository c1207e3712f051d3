import * as z from "zod";
import { tool } from "../../actors/ports.ts";
import { oneLine } from "../lib/text.ts";

/** Waits for a sub-agent's result. */
export default tool({
  name: "wait_agent",
  description: "Wait for a sub-agent to end, and get its answer.",
  modes: ["chat"],
  input: z.object({ id: z.string() }),
  readOnly: () => true,
  summary: ({ id }) => `wait for sub-agent ${oneLine(id)}`,
  async run({ id }, { agents, signal }) {
    const ended = await agents.wait(id, signal);
    if (!ended.ok) return { ok: false, text: ended.error };
    return { ok: true, text: `Result of sub-agent ${id}, also in ${ended.value.out}:\n${ended.value.text}` };
  },
});
