/** For tests only: a terminal with a person whose keys, screen and time are set by hand. */
import type { Heard } from "../../actors/ports.ts";
import type { Shown } from "../../actors/types.ts";
import { fakeScreen } from "./fake_screen.ts";
import { createTerminal, type TerminalOptions } from "../terminal/terminal.ts";

/** Opens a terminal on a fake screen and a fake keyboard. */
export function fakeTty(columns = 80, extra: Partial<TerminalOptions> = {}) {
  const screen = fakeScreen(columns);
  const pipe = new TransformStream<Uint8Array, Uint8Array>(undefined, undefined, { highWaterMark: 100 });
  const keyboard = pipe.writable.getWriter();
  const heard: Heard[] = [];
  const raw: boolean[] = [];
  const kept: string[] = [];
  let time = 1_000_000;
  let size = columns;
  let onResize = () => {};
  const terminal = createTerminal({
    mode: "repl",
    json: false,
    stdin: { readable: pipe.readable, isTerminal: () => true, setRaw: (on) => raw.push(on) },
    stdout: screen,
    stderr: screen,
    env: { NO_COLOR: "1" },
    columns: () => size,
    history: { load: () => Promise.resolve(["first", "second thing"]), append: (line) => kept.push(line) },
    commands: () => [{ name: "help", summary: "" }, { name: "exit", summary: "" }, { name: "evolve", summary: "" }],
    sessions: () => Promise.resolve([]),
    files: (prefix) => Promise.resolve(["src/main.ts", "src/mind.ts"].filter((one) => one.startsWith(prefix))),
    promptLabel: () => "evo 3",
    clock: { now: () => time },
    signals: { on: (name, then) => (name === "SIGWINCH" && (onResize = then), () => {}), stop: () => {} },
    ...extra,
  });
  const settle = async () => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    await terminal.done();
  };
  return {
    terminal,
    screen,
    heard,
    raw,
    kept,
    settle,
    pass: (ms: number) => time += ms,
    listen: async () => (terminal.listen((one) => heard.push(one)), await settle()),
    type: async (text: string) => (await keyboard.write(new TextEncoder().encode(text)), await settle()),
    hangUp: () => keyboard.close(),
    show: async (...events: Shown[]) => {
      for (const event of events) terminal.show(event);
      await settle();
    },
    resize: async (next: number) => (size = next, screen.resize(next), onResize(), await settle()),
  };
}
