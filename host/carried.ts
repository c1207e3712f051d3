/** What one process leaves to the next across a relaunch: the mind's hand-over, unread input, the model and its cassettes. */
import * as z from "zod";
import type { Handover } from "../actors/ports.ts";
import { Message, type Outcome, Usage } from "../actors/types.ts";
import type { Body } from "./facts.ts";
import { relaunch, takeHandover } from "./lineage/relaunch.ts";
import type { PlayableModel } from "./model/model.ts";
import { execute } from "./sandbox/exec.ts";
import type { TrajectoryLog } from "./session/log.ts";
import type { ProcessTerminal } from "./terminal/process.ts";

const Carried = z.object({
  handover: z.object({
    ...{ session: z.string(), messages: z.array(Message), queue: z.array(z.string()), task: z.number() },
    ...{ usage: Usage, leaving: z.boolean(), once: z.boolean(), exit: z.number() },
  }),
  pending: z.object({ lines: z.array(z.string()), typed: z.string() }),
  model: z.string(),
  positions: z.record(z.string(), z.record(z.string(), z.number())),
});
export type Carried = z.infer<typeof Carried>;

/** Takes what the process before left; undefined if there was none, or it does not parse: the session can still be resumed. */
export async function takeCarried(home: string): Promise<Carried | undefined> {
  const left = await takeHandover({ home, env: Deno.env });
  return left === undefined ? undefined : Carried.safeParse(left).data;
}

/** Leaves everything in good order and becomes the newest executable. Returns only if that failed. */
export async function carryOver(
  { body, handover, terminal, log, model, end }: {
    body: Body;
    handover: Handover;
    terminal: ProcessTerminal;
    log: TrajectoryLog;
    model: PlayableModel;
    end: () => Promise<void>;
  },
): Promise<Outcome<never>> {
  log.write("relaunch", { pid: Deno.pid });
  await terminal.close();
  await end();
  log.close();
  const left: Carried = { handover, pending: terminal.pending(), model: model.name(), positions: model.position() };
  const { home, executable } = body, env = Deno.env.toObject();
  return await relaunch({ home, executable, args: Deno.args, handover: left, env, execute });
}
