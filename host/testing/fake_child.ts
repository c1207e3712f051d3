/** For tests only: a small mind behind a real terminal. Answers each line after a while, one after the other. */
import { createHistory } from "../editor/history.ts";
import { createTerminal, processSignals } from "../terminal/terminal.ts";

const [mode = "repl", json = ""] = Deno.args;
const queue: string[] = [];
let running = false;
let ending = false;
const terminal = createTerminal({
  mode: mode === "print" ? "print" : "repl",
  json: json === "json",
  stdin: Deno.stdin,
  stdout: Deno.stdout,
  stderr: Deno.stderr,
  env: Deno.env.toObject(),
  columns: () => Deno.stdout.isTerminal() ? Deno.consoleSize().columns : 80,
  history: createHistory(`${Deno.env.get("HISTORY_DIR")}/history`),
  commands: () => [],
  files: () => Promise.resolve([]),
  sessions: () => Promise.resolve([]),
  promptLabel: () => "evo 3",
  signals: processSignals,
});

async function leave(): Promise<void> {
  await terminal.close();
  Deno.exit(0);
}

async function work(): Promise<void> {
  if (running) return;
  running = true;
  while (queue.length > 0) {
    const text = queue.shift() ?? "";
    terminal.busy(true);
    terminal.show({ type: "turn_start", text });
    if (text === "ask") {
      const answer = await terminal.ask("Sure?", { choices: ["yes", "no"], signal: AbortSignal.timeout(20_000) });
      terminal.show({ type: "print", text: `answer ${answer.ok ? answer.value : answer.error}` });
    }
    await new Promise((resolve) => setTimeout(resolve, text === "slow" ? 400 : 5));
    if (text === "story") {
      const words = Array.from({ length: 30 }, (_, at) => `word${at}`).join(" ");
      for (const word of `${words} THEN it goes on`.split(" ")) {
        terminal.show({ type: "text_delta", text: `${word} ` });
        await new Promise((resolve) => setTimeout(resolve, word === "THEN" ? 3000 : 5));
      }
    }
    if (text === "flood") {
      for (let at = 0; at < 20_000; at++) terminal.show({ type: "text_delta", text: `row ${at}\n` });
    }
    terminal.show({ type: "text_delta", text: `you said **${text}**\u2028` });
    terminal.show({ type: "turn_end", status: "done" });
    terminal.busy(false);
  }
  running = false;
  if (ending) await leave();
}

if (mode === "print") {
  terminal.show({ type: "reasoning_delta", text: "hm" });
  terminal.show({ type: "text_delta", text: "the answer, cut h" });
  terminal.show({ type: "turn_end", status: "failed" });
  const answer = await terminal.ask("Sure?", { choices: ["yes", "no"], signal: new AbortController().signal });
  terminal.show({ type: "notice", level: "info", text: answer.ok ? "answered" : answer.error });
  terminal.show({ type: "text_delta", text: "open" });
  await leave();
} else {
  terminal.listen((heard) => {
    if (heard.type === "line") (queue.push(heard.text), work());
    if (heard.type === "interrupt") terminal.show({ type: "notice", level: "info", text: "heard interrupt" });
    if (heard.type !== "end" || ending) return;
    ending = true;
    if (!running) leave();
  });
}
