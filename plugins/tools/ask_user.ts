import * as z from "zod";
import { tool } from "../../actors/ports.ts";
import { oneLine } from "../lib/text.ts";

/** Asks the person one question. */
export default tool({
  name: "ask_user",
  description: "Ask the user one question, only if you cannot go on without the answer.",
  modes: ["chat"],
  input: z.object({ question: z.string().min(1), choices: z.array(z.string()).max(9).optional() }),
  readOnly: () => false,
  summary: ({ question }) => `ask: ${oneLine(question)}`,
  async run({ question, choices }, { ask, signal }) {
    const answer = await ask(question, { ...(choices?.length && { choices }), signal });
    return answer.ok ? { ok: true, text: answer.value } : { ok: false, text: answer.error };
  },
});
