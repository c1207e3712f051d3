import * as z from "zod";
import { tool } from "../../actors/ports.ts";
import { oneLine } from "../lib/text.ts";

/** Runs a shell command in the working directory. */
export default tool({
  name: "shell",
  description:
    "Run a shell command in the working directory. stdin is empty. Commands that change things may need the user's yes.",
  modes: ["chat"],
  input: z.object({
    command: z.string().min(1),
    timeout: z.number().positive().max(600).default(120).describe("seconds"),
  }),
  readOnly: ({ command }, { shell }) => shell.readOnly(command),
  summary: ({ command }) => `$ ${oneLine(command, 200)}`,
  async run({ command, timeout }, { shell, signal, update }) {
    const ended = await shell.run(command, { timeoutMs: timeout * 1000, signal, onOutput: update });
    if (!ended.ok) return { ok: false, text: ended.error };
    const { code, output, timedOut, ms, file } = ended.value;
    const how = timedOut ? `stopped at its time limit of ${timeout} s` : `exit code ${code}`;
    const whole = file ? `\nAll of the output is in ${file}` : "";
    const time = timedOut ? "" : ` after ${(ms / 1000).toFixed(1)} s`;
    return { ok: code === 0 && !timedOut, text: `${how}${time}${whole}\n${output === "" ? "(no output)" : output}` };
  },
});
