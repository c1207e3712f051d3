import * as z from "zod";
import { tool } from "../../actors/ports.ts";
import { oneLine } from "../lib/text.ts";

/** Starts a sub-agent. */
export default tool({
  name: "spawn_agent",
  description: "Start a sub-agent with a context of its own; it works beside you. Get its answer with wait_agent.",
  modes: ["chat"],
  input: z.object({
    task: z.string().min(1).describe("all it needs to know"),
    out: z.string().optional().describe("file for its result"),
    minutes: z.number().positive().max(60).default(10),
  }),
  readOnly: () => false,
  summary: ({ task }) => `sub-agent: ${oneLine(task)}`,
  async run({ task, out, minutes }, { agents }) {
    const spawned = await agents.spawn(task, { ...(out && { out }), deadlineMs: minutes * 60_000 });
    if (!spawned.ok) return { ok: false, text: spawned.error };
    return { ok: true, text: `Sub-agent ${spawned.value.id} works; its result goes to ${spawned.value.out}` };
  },
});
