import { deepStrictEqual as equal, match, rejects } from "node:assert/strict";
import { fakeTty as open } from "../testing/fake_tty.ts";
import { loadLexer } from "../render/markdown.ts";

await loadLexer();
const never = new AbortController().signal;

Deno.test("a paste is one message, never submits, and is sent whole", async () => {
  const evo = open();
  await evo.listen();
  const text = Array.from({ length: 120 }, (_, at) => `line ${at}`).join("\n");
  await evo.type(`see \x1b[200~${text}\n\x1b[201~!`);
  equal(evo.heard, []);
  equal(evo.screen.rows(), ["evo 3> see [paste, 121 lines]!"]);
  await evo.type("\r");
  equal(evo.heard, [{ type: "line", text: `see ${text}\n!` }]);
  equal(
    evo.screen.rows().slice(-3),
    ["line 19", "… 101 more rows", "evo 3>"],
    "what was pasted does not fill the screen",
  );
  await evo.terminal.close();
});

Deno.test("while busy a line is heard at once, shown as queued, and Up at an empty line takes it back", async () => {
  const evo = open();
  await evo.listen();
  evo.terminal.busy(true);
  await evo.type("next thing\r");
  equal(evo.heard, [{ type: "line", text: "next thing" }]);
  await evo.show({ type: "queue", lines: ["next thing"] });
  equal(evo.screen.rows(), ["working", "queued 1: next thing", "evo 3>"]);
  await evo.type("\x1b[A");
  equal(evo.heard[1], { type: "unqueue" });
  evo.terminal.edit("next thing");
  await evo.show({ type: "queue", lines: [] });
  equal(evo.screen.rows(), ["working", "evo 3> next thing"]);
  await evo.terminal.close();
});

Deno.test("Ctrl-C clears text, interrupts when busy, and leaves only when pressed twice within two seconds", async () => {
  const evo = open();
  await evo.listen();
  await evo.type("abc\x03");
  equal(evo.screen.rows(), ["evo 3>"]);
  evo.terminal.busy(true);
  await evo.type("abc");
  await evo.type("\x03");
  equal(evo.heard, []);
  await evo.type("\x03");
  equal(evo.heard, [{ type: "interrupt" }]);
  evo.terminal.busy(false);
  evo.pass(100);
  await evo.type("\x03");
  equal(evo.heard.length, 1, "the one that stopped the turn is not the first of two that leave");
  match(evo.screen.rows().join("\n"), /Press Ctrl-C again to leave/);
  evo.pass(3000);
  await evo.type("\x03");
  equal(evo.heard.length, 1);
  evo.pass(100);
  await evo.type("\x03");
  equal(evo.heard[1], { type: "end" });
  await evo.terminal.close();
});

Deno.test("Esc interrupts while busy and does nothing while idle; Ctrl-D at an empty line ends", async () => {
  const evo = open();
  await evo.listen();
  await evo.type("\x1b[27u");
  equal(evo.heard, []);
  evo.terminal.busy(true);
  await evo.type("half a line\x1b[27u");
  equal(evo.heard, [{ type: "interrupt" }]);
  equal(evo.screen.rows().at(-1), "evo 3> half a line");
  await evo.type("\x03\x04");
  equal(evo.heard[1], { type: "end" });
  await evo.terminal.close();
});

Deno.test("type-ahead does not answer a question; after the quiet time a key does, and the rest of its word is swallowed", async () => {
  const evo = open();
  await evo.listen();
  evo.terminal.busy(true);
  await evo.type("y");
  const answer = evo.terminal.ask("Run `rm -rf x`?", { choices: ["yes", "no", "always"], signal: never });
  await evo.settle();
  await evo.type("y");
  evo.pass(499);
  await evo.type("y");
  equal(evo.screen.rows(), ["Run `rm -rf x`?", "y = yes, n = no, a = always", "evo 3> yyy"]);
  evo.pass(400);
  await evo.type("a");
  equal(await answer, { ok: true, value: "always" });
  await evo.type("lways\r");
  equal(evo.screen.rows(), ["Run `rm -rf x`?", "working", "evo 3> yyy"]);
  equal(evo.heard, []);
  await evo.terminal.close();
});

Deno.test("letters that are no choice belong to the line and so does what follows; Enter sends no line in place of an answer", async () => {
  const evo = open();
  await evo.listen();
  const answer = evo.terminal.ask("Trust?", { choices: ["yes", "no"], signal: never });
  await evo.settle();
  await evo.type("y\r");
  evo.pass(1000);
  for (const letter of "what is my") await evo.type(letter);
  equal(evo.screen.rows().at(-1), "evo 3> ywhat is my");
  equal(evo.heard, []);
  evo.pass(1000);
  await evo.type("n");
  equal(await answer, { ok: true, value: "no" });
  await evo.terminal.close();
});

Deno.test("Ctrl-D at a question is a no, and does not leave", async () => {
  const evo = open();
  await evo.listen();
  const answer = evo.terminal.ask("Trust?", { choices: ["yes", "no"], signal: never });
  await evo.settle();
  evo.pass(1000);
  await evo.type("\x04");
  equal([await answer, evo.heard], [{ ok: true, value: "no" }, []]);
  await evo.terminal.close();
});

Deno.test("SIGINT from a program is the key Ctrl-C: it stops the turn and leaves the terminal in order", async () => {
  const then = new Map<string, () => void>();
  const signals = {
    on: (name: string, act: () => void) => (then.set(name, act), () => void then.delete(name)),
    stop() {},
  };
  const evo = open(80, { signals });
  await evo.listen();
  evo.terminal.busy(true);
  then.get("SIGINT")?.();
  equal(evo.heard, [{ type: "interrupt" }]);
  await evo.terminal.close();
  equal([...then.keys()], []);
});

for (const [name, key] of [["Esc", "\x1b"], ["Ctrl-C", "\x03"]] as const) {
  Deno.test(`${name} at a question is a no, and stops the turn that asked`, async () => {
    const evo = open();
    await evo.listen();
    evo.terminal.busy(true);
    const answer = evo.terminal.ask("Run `rm -rf x`?", { choices: ["yes", "no", "always"], signal: never });
    await evo.settle();
    evo.pass(5000);
    await evo.type(key);
    equal(await answer, { ok: true, value: "no" });
    equal(evo.heard, [{ type: "interrupt" }]);
    await evo.terminal.close();
  });
}

Deno.test("a paste that says yes approves nothing, however late it comes", async () => {
  const evo = open();
  await evo.listen();
  const answer = evo.terminal.ask("Sure?", { choices: ["yes", "no"], signal: never });
  await evo.settle();
  evo.pass(5000);
  await evo.type("\x1b[200~yes\n\x1b[201~");
  await evo.type("\x1b[200~y\x1b[201~");
  let answered = false;
  answer.then(() => answered = true);
  await evo.settle();
  equal(answered, false);
  evo.pass(5000);
  await evo.type("\x1b[27u");
  equal(await answer, { ok: true, value: "no" });
  await evo.terminal.close();
});

Deno.test("a free question takes a line; an aborted one throws and leaves the editor as it was", async () => {
  const evo = open();
  await evo.listen();
  await evo.type("draft");
  const answer = evo.terminal.ask("Name?", { signal: never });
  await evo.settle();
  evo.pass(1000);
  await evo.type("Ada");
  equal(evo.screen.rows(), ["Name?", "answer> Ada"]);
  await evo.type("\r");
  equal(await answer, { ok: true, value: "Ada" });
  const stop = new AbortController();
  const second = evo.terminal.ask("Again?", { signal: stop.signal });
  await evo.settle();
  stop.abort(new Error("stopped"));
  await rejects(second, /stopped/);
  await evo.settle();
  equal(evo.screen.rows().at(-1), "evo 3> draft");
  await evo.terminal.close();
});

Deno.test("a question before anything listens is answered, and questions wait for one another", async () => {
  const evo = open();
  const answers = Promise.all(
    ["A?", "B?"].map((one) => evo.terminal.ask(one, { choices: ["yes", "no"], signal: never })),
  );
  await evo.settle();
  evo.pass(1000);
  await evo.type("y");
  await evo.settle();
  evo.pass(1000);
  await evo.type("n");
  equal(await answers, [{ ok: true, value: "yes" }, { ok: true, value: "no" }]);
  await evo.terminal.close();
});

Deno.test("unheard lines and typed text are handed over and taken up again", async () => {
  const first = open();
  await first.listen();
  first.terminal.listen(() => {})();
  await first.type("one\rtwo\rhal");
  await first.terminal.close();
  equal(first.terminal.pending(), { lines: ["one", "two"], typed: "hal" });
  const second = open(80, { pending: first.terminal.pending() });
  await second.listen();
  equal(second.heard, [{ type: "line", text: "one" }, { type: "line", text: "two" }]);
  equal(second.screen.rows(), ["evo 3> hal"]);
  await second.terminal.close();
});

Deno.test("history, search and completion", async () => {
  const evo = open();
  await evo.listen();
  await evo.type("\x1b[A");
  equal(evo.screen.rows(), ["evo 3> second thing"]);
  await evo.type("\x03\x12fir");
  equal(evo.screen.rows(), ['search "fir": first']);
  await evo.type("q");
  equal(evo.screen.rows(), ['not found "firq": first']);
  await evo.type("\x7f");
  await evo.type("\r");
  equal(evo.screen.rows(), ["evo 3> first"]);
  await evo.type("\x03/h\t");
  equal(evo.screen.rows(), ["evo 3> /help"]);
  await evo.type("\x03/e\t");
  equal(evo.screen.rows(), ["/evolve /exit", "evo 3> /e"]);
  await evo.type("\x03read @src/ma\t");
  await evo.type("!");
  equal(evo.screen.rows(), ["evo 3> read @src/main.ts !"]);
  await evo.terminal.close();
});

Deno.test("Ctrl-Z gives the terminal back, stops, and takes it again with what was typed", async () => {
  let stops = 0;
  const evo = open(80, { signals: { on: () => () => {}, stop: () => stops++ } });
  await evo.listen();
  await evo.type("half\x1a");
  await evo.show({ type: "print", text: "meanwhile" });
  await new Promise((resolve) => setTimeout(resolve, 40));
  await evo.settle();
  equal(stops, 1);
  equal(evo.raw, [true, false, true]);
  equal(evo.screen.rows().slice(-2), ["meanwhile", "evo 3> half"]);
  await evo.terminal.close();
  equal(evo.raw, [true, false, true, false]);
});

Deno.test("the first prompt is told once, after it is visible", async () => {
  const seen: string[][] = [];
  const evo = open(80, { onFirstPrompt: () => seen.push(evo.screen.rows()) });
  evo.terminal.listen(() => {})();
  evo.terminal.listen(() => {});
  await evo.settle();
  equal(seen, [["evo 3>"]]);
  await evo.terminal.close();
});

Deno.test("a greeting shows the prompt before anybody listens: keys are taken, lines wait, and no first prompt is told", async () => {
  let told = 0;
  const evo = open(80, { onFirstPrompt: () => told++ });
  evo.terminal.greet();
  await evo.type("one\rtwo");
  equal([evo.screen.rows(), told], [["evo 3> one", "evo 3> two"], 0]);
  await evo.show({ type: "print", text: "loaded" });
  await evo.listen();
  await evo.settle();
  equal(evo.heard, [{ type: "line", text: "one" }]);
  equal([evo.screen.rows(), told], [["evo 3> one", "loaded", "evo 3> two"], 1]);
  await evo.terminal.close();
});

Deno.test("a hang-up ends a standing question and is heard as the end, also by one who listens later", async () => {
  const evo = open();
  const answer = evo.terminal.ask("Trust?", { choices: ["yes", "no"], signal: never });
  await evo.settle();
  await evo.hangUp();
  equal(await answer, { ok: true, value: "no" });
  await evo.listen();
  equal(evo.heard, [{ type: "end" }]);
  await evo.terminal.close();
});
