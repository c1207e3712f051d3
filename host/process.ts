/** The life of the process: runs the machine, ends in good order on signals. */
import { type AnyStateMachine, createActor, type InputFrom, type OutputFrom } from "xstate";
import type { Ports } from "../actors/ports.ts";
import { EXIT, type Verdict } from "../actors/types.ts";
import type { Body } from "./facts.ts";
import type { TrajectoryLog } from "./session/log.ts";
import type { ProcessTerminal } from "./terminal/process.ts";

/** What a run of the machine is told and tells. `passed` is the gate's own memory: the lock that no self-edit can open. */
export interface RunOptions {
  body: Body;
  log: TrajectoryLog;
  terminal: ProcessTerminal;
  session: () => string;
  model: () => string;
  cwd: string;
  resumed: boolean;
  passed: (tree: string) => { proof: boolean; build: boolean };
  /** True if a one-shot run had a command refused because there was nobody to ask. */
  denied: () => boolean;
  /** The machine runs from now on. */
  began: () => void;
}

/** Makes the port `run`. */
export function runMachine(options: RunOptions): Ports["run"] {
  const { body, log, terminal, session, model, cwd, resumed, passed, denied, began } = options;
  let begun = false;
  /** A directory that cannot be written is no reason not to talk: it is said, once. */
  const begin = (write: () => void) => {
    try {
      write();
    } catch (error) {
      const text = `This session is not recorded: ${error instanceof Error ? error.message : String(error)}`;
      terminal.show({ type: "notice", level: "warning", text });
    }
  };
  return async <M extends AnyStateMachine>(machine: M, input: InputFrom<M>): Promise<OutputFrom<M>> => {
    const generation = body.start.generation ?? 0;
    if (!begun) {
      begin(() => log.write("session_start", { cwd, generation, model: model(), args: Deno.args, resumed }));
      terminal.show({ type: "session", id: session(), cwd, generation, model: model(), resumed });
    }
    begun = true;
    const stop = endOnSignals({ log, terminal, body });
    began();
    try {
      const output = await finished(machine, input, passed);
      await body.start.confirm(); // a run that ended in good order is as good as a prompt
      const exit = output.exit === EXIT.done && denied() ? EXIT.denied : output.exit;
      if (!output.relaunch) {
        log.write("session_end", { exit, reason: "left" });
        terminal.show({ type: "result", exit });
      }
      return { ...output, exit };
    } finally {
      stop();
    }
  };
}

/** A fault that the machine did not handle rejects; without an observer it would be thrown from a timer. */
function finished<M extends AnyStateMachine>(
  machine: M,
  input: InputFrom<M>,
  passed: RunOptions["passed"],
): Promise<OutputFrom<M>> {
  const examined = (_: unknown, { verdict }: { verdict: Verdict }) =>
    verdict.pass && passed(verdict.tree)[verdict.half === "proof" ? "proof" : "build"];
  const actor = createActor(machine.provide({ guards: { passed: examined } }), { input });
  return new Promise((done, fail) => {
    actor.subscribe({ error: fail, complete: () => done(actor.getSnapshot().output) });
    actor.start();
  });
}

const CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Until a session can be ended, SIGTERM and SIGHUP only give the terminal back, and say nothing against this generation. Returns the way to stop. */
export function endEarly({ terminal, body }: Pick<RunOptions, "terminal" | "body">): () => void {
  const ends = (["SIGTERM", "SIGHUP"] as const).map((signal) => {
    const end = () => void terminal.close().then(body.start.leave).finally(() => Deno.exit(CODES[signal]));
    Deno.addSignalListener(signal, end);
    return () => Deno.removeSignalListener(signal, end);
  });
  return () => ends.splice(0).forEach((stop) => stop());
}

/** Ends the session in good order on SIGTERM and SIGHUP; SIGINT, where no terminal takes it as a key, ends the turn first. */
export function endOnSignals({ log, terminal, body }: Pick<RunOptions, "log" | "terminal" | "body">): () => void {
  const end = (signal: keyof typeof CODES) => async () => {
    log.write("session_end", { exit: CODES[signal], reason: signal });
    await Promise.race([
      Promise.all(body.closing.map((close) => close())),
      new Promise((done) => setTimeout(done, 1000)),
    ]);
    await body.start.leave();
    Deno.exit(CODES[signal]);
  };
  const term = end("SIGTERM"), hup = end("SIGHUP"), leave = end("SIGINT");
  const int = () => terminal.interrupt() || void leave();
  Deno.addSignalListener("SIGTERM", term);
  Deno.addSignalListener("SIGHUP", hup);
  if (!terminal.interactive()) Deno.addSignalListener("SIGINT", int);
  return () => {
    Deno.removeSignalListener("SIGTERM", term);
    Deno.removeSignalListener("SIGHUP", hup);
    if (!terminal.interactive()) Deno.removeSignalListener("SIGINT", int);
  };
}
