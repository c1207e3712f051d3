/** The terminal without a line editor: pipes, files, one answer, JSON, and a dumb terminal. */
import type { Heard } from "../../actors/ports.ts";
import { no } from "../../actors/types.ts";
import { reason } from "../session/files.ts";
import { createLineAsking, createLines } from "./lines.ts";
import { createPlain, jsonLine } from "./plain.ts";
import { oneLine, safe } from "../render/safe.ts";
import { createPaint, hasColor } from "../render/style.ts";
import type { OpenTerminal, TerminalOptions } from "./terminal.ts";
import { createWriter } from "./writer.ts";

/** Makes it. `person`: somebody is at a dumb terminal, gets prompts and may answer; else every question is refused at once. */
export function createPiped(
  options: TerminalOptions,
  { person, now, lost }: { person: boolean; now: () => number; lost: (characters: number) => string },
): OpenTerminal {
  const { mode, json, promptLabel } = options;
  let interrupt = () => {};
  const gone = (why: unknown) => {
    Deno.exitCode = 1;
    if (!(why instanceof Deno.errors.BrokenPipe)) stderr.write(`Cannot write all of the answer: ${reason(why)}\n`);
    input.end();
    interrupt();
  };
  const stdout = createWriter(options.stdout, { lost, gone });
  const stderr = person ? stdout : createWriter(options.stderr, { lost, gone: () => {} });
  const paint = createPaint(hasColor(options.env, options.stderr.isTerminal()));
  const plain = createPlain({
    ...{ stdout, stderr, paint, label: person ? undefined : promptLabel },
    last: mode !== "repl" && !options.stdout.isTerminal(),
  });
  const prompt = () => person && stdout.write(`${promptLabel()}> `);
  const asking = createLineAsking(now, (question) => {
    input.read();
    stdout.write(`${safe(question)} `);
    return stdout.done();
  });
  const input = createLines(options.stdin, options.pending ?? { lines: [], typed: "" }, asking);
  const done = async () => {
    await stdout.done();
    await stderr.done();
  };
  let working = false;
  let interrupted = -Infinity;
  let unlisten = () => {};
  const onInterrupt = (hear: (heard: Heard) => void) => () => {
    if (working) return hear({ type: "interrupt" });
    if (now() - interrupted < 2000) return hear({ type: "end" });
    interrupted = now();
    stdout.write("\nPress Ctrl-C again to leave\n");
    prompt();
  };
  return {
    interactive: () => person,
    greet() {},
    listen(hear) {
      interrupt = () => hear({ type: "interrupt" });
      prompt();
      done().then(() => options.onFirstPrompt?.());
      if (person) unlisten = options.signals?.on("SIGINT", onInterrupt(hear)) ?? unlisten;
      const stop = mode === "repl" ? input.listen(hear) : () => {};
      return () => (stop(), unlisten(), unlisten = () => {});
    },
    show: (event) => void (json ? stdout.write(jsonLine(event, now())) : plain(event)),
    busy(on) {
      input.busy(on);
      if (working && !on) prompt();
      working = on;
    },
    edit: (text) => void (person && stdout.write(`(taken back: ${oneLine(text)})\n`)),
    ask(question, asked) {
      if (person) return asking.ask(question, asked);
      const about = oneLine(question).slice(0, 80);
      return Promise.resolve(no(`Cannot ask "${about}": nobody is at a terminal; use one, or approve with --yes`));
    },
    pending: input.pending,
    done,
    async close() {
      unlisten();
      plain({ type: "queue", lines: [] }); // ends an open line: whatever becomes of this process goes on below it
      await done();
    },
  };
}
