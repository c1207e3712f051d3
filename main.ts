/** The composition of the mind: arguments, machine, exit code. Every effect comes in through `open`. */
import { type Arguments, HELP, parseArguments } from "./actors/arguments.ts";
import { COMMANDS, functions, lineageTable } from "./actors/commands.ts";
import { type Context, fresh } from "./actors/context.ts";
import type { Open, Ports } from "./actors/ports.ts";
import { restore } from "./actors/resume.ts";
import { createRoot } from "./actors/root.ts";
import { EXIT, type Outcome } from "./actors/types.ts";

/** How the process ends: its exit code, and what is left to say on stdout or stderr. */
export interface End {
  exit: number;
  out?: string;
  err?: string;
}

/** Runs Evo. Throws only on faults; the host says them and exits with 9. */
export async function main(args: string[], open: Open): Promise<End> {
  const parsed = parseArguments(args);
  if (!parsed.ok) return { exit: EXIT.usage, err: parsed.error };
  if (parsed.value.help) return { exit: EXIT.done, out: HELP };
  const commands = Object.entries(COMMANDS).map(([name, { summary }]) => ({ name, summary }));
  const opened = await open({ ...parsed.value.options, commands });
  if (!opened.ok) return { exit: opened.exit, err: opened.error };
  const { command } = parsed.value;
  return command && command !== "evolve"
    ? await answer(opened.ports, parsed.value)
    : await live(opened.ports, parsed.value);
}

/** The conversation, until it is left; a relaunch that fails goes on in this process. */
async function live(ports: Ports, args: Arguments): Promise<End> {
  const begun = await begin(ports, args);
  if (!begun.ok) return { exit: EXIT.usage, err: begun.error };
  for (let context = begun.value;;) {
    const ended = await ports.run(createRoot(ports), context);
    if (!ended.relaunch) return { exit: ended.exit };
    const { messages, queue, task, usage, leaving, once, exit } = ended.context;
    await ports.draft.close();
    const stayed = await ports.relaunch({
      session: ports.sessions.current(),
      messages,
      queue,
      task,
      usage,
      leaving,
      once,
      exit,
    });
    if (!stayed.ok) ports.terminal.show({ type: "notice", level: "error", text: stayed.error });
    context = { ...fresh(), messages, queue, task, usage, leaving, once, exit };
  }
}

/** The context to start with: handed over, resumed, or empty; with the first line of a one-shot run. */
async function begin(ports: Ports, { options, prompt, command }: Arguments): Promise<Outcome<Partial<Context>>> {
  if (ports.handover) {
    const { session: _, ...rest } = ports.handover;
    return { ok: true, value: rest };
  }
  const queue = command === "evolve" ? ["/evolve"] : prompt !== undefined ? [prompt] : [];
  const once = queue.length > 0;
  if (options.resume === undefined) return { ok: true, value: { queue, once } };
  const last = options.resume || (await ports.sessions.list()).filter((s) => s.turns > 0).at(-1)?.id;
  if (!last) return { ok: false, error: "Cannot continue: there is no earlier session in this directory" };
  const events = await ports.sessions.resume(last);
  return events.ok ? { ok: true, value: { ...restore(events.value), queue, once } } : events;
}

/** The commands that need no conversation. */
async function answer(ports: Ports, { command, rest }: Arguments): Promise<End> {
  const { about, lineage, sessions } = ports;
  const signal = new AbortController().signal;
  const said = (done: Outcome<string>): End =>
    done.ok ? { exit: EXIT.done, out: done.value } : { exit: EXIT.failed, err: done.error };
  const number = /^\d+$/.test(rest[0] ?? "") ? Number(rest[0]) : undefined;
  switch (command) {
    case "config":
      return { exit: EXIT.done, out: about.config() };
    case "doctor": {
      const { text, healthy } = await about.doctor(signal);
      return { exit: healthy ? EXIT.done : EXIT.failed, out: text };
    }
    case "fn": {
      const done = await functions(ports, rest, signal);
      return { ...said(done), ...(done.exit !== undefined && { exit: done.exit }) };
    }
    case "plugins":
      return said(await ports.plugins.run(rest, signal));
    case "lineage":
      if (rest[0] !== undefined && rest[0] !== "verify") {
        return { exit: EXIT.usage, err: `Unknown argument "${rest[0]}"; say evo lineage, or evo lineage verify` };
      }
      return rest[0] ? said(await lineage.verify()) : { exit: EXIT.done, out: lineageTable(await lineage.list()) };
    case "sessions":
      return {
        exit: EXIT.done,
        out: (await sessions.list()).map((s) => `${s.id}  ${s.turns} turns  ${s.first.split("\n", 1)[0]}`).join("\n"),
      };
    case "replay":
      return rest[0]
        ? said(await about.replay(rest[0], signal))
        : { exit: EXIT.usage, err: "Which session? Say evo replay SESSION; evo sessions lists them" };
    case "why":
      return number === undefined
        ? { exit: EXIT.usage, err: "Which generation? Say evo why N; evo lineage lists them" }
        : said(await lineage.why(number));
    default: {
      if (number === undefined) {
        return { exit: EXIT.usage, err: "Which generation? Say evo rollback N; evo lineage lists them" };
      }
      const done = await lineage.rollback(number);
      return done.ok
        ? { exit: EXIT.done, out: `Generation ${done.value.number}: ${done.value.goal}` }
        : { exit: EXIT.failed, err: done.error };
    }
  }
}
