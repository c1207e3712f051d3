import * as z from "zod";
import { tool } from "../../actors/ports.ts";
import { oneLine } from "../lib/text.ts";

/** Lists, shows, evolves, activates and calls evolvable functions. */
export default tool({
  name: "evolve_function",
  description:
    "Evolvable functions (scored AssemblyScript bodies): list, show, history, bench, call (JSON arguments), " +
    "activate a revision, evolve: search for a better body; only a better one becomes active.",
  modes: ["chat"],
  input: z.object({
    command: z.enum(["list", "show", "evolve", "activate", "history", "bench", "call"]),
    name: z.string().optional(),
    arguments: z.array(z.string()).max(20).default([]).describe(
      "evolve: --rounds N, --lanes N, --budget tokens=N,usd=X,minutes=M, --proposer search",
    ),
  }),
  readOnly: ({ command }) => ["list", "show", "history"].includes(command),
  summary: ({ command, name = "", arguments: more }) => oneLine(`fn ${[command, name, ...more].join(" ")}`.trim()),
  async run({ command, name, arguments: more }, { functions, signal, update }) {
    const words = [command, ...(name === undefined ? [] : [name]), ...more.flatMap(command === "call" ? whole : split)];
    const done = await functions.run(words, { signal, update });
    return done.ok ? { ok: true, text: done.value } : { ok: false, text: done.error };
  },
});

/** A model writes an option and its value into one argument as often as into two. */
const split = (argument: string) => argument.split(/\s+/).filter((word) => word !== "");
const whole = (argument: string) => [argument];
