/** The compiled executable at a pseudo-terminal, as a person has it. */
// deno-lint-ignore-file no-control-regex
import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { type Desk, EVO, openDesk } from "../testing/evo.ts";
import * as mock from "../testing/mock_server.ts";
import { drive, hasPty } from "../testing/pty.ts";

const ignore = EVO === undefined || !hasPty;
const CLEARS = /\x1b\[[123]J|\x1b\[[0-9;]*[Hf]|\x1bc|\x1b\[\?1049/g;
type Steps = [mark: string, keys: string][];

/** Drives Evo against a script; whatever it did, it never cleared the screen and gave the terminal back. */
async function at(
  script: mock.MockStep[] | mock.MockStep,
  steps: Steps,
  { args = [], columns = 80, env = {}, files = {} }: {
    args?: string[];
    columns?: number;
    env?: Record<string, string>;
    files?: Record<string, string>;
  } = {},
): Promise<{ seen: string; requests: mock.MockRequest[]; closed: number; desk: Desk }> {
  const server = mock.startMock(script);
  const desk = await openDesk(server.url);
  for (const [path, text] of Object.entries(files)) await desk.write(path, text);
  const { seen } = await drive(steps, { args, cwd: desk.cwd, env: { ...desk.env, ...env }, columns });
  await server.stop();
  ok(!seen.includes("TIMEOUT"), seen);
  equal(seen.match(CLEARS), null);
  return { seen, requests: server.requests, closed: server.closed, desk };
}

/** What is left of the output without escape sequences. */
const plain = (seen: string) => seen.replaceAll(/\x1b\[[0-?]*[ -/]*[@-~]|\r/g, "");

Deno.test(
  "the prompt shows the generation; a turn streams; Ctrl-D at an empty line leaves with 0",
  { ignore },
  async () => {
    const { seen, desk, requests } = await at(mock.say("# Title\n\nGrüße **日本** 👩‍👩‍👧\n"), [
      ["evo 0>", "hello 漢字\r"],
      ["Title", "WAIT0.50\x04"],
    ], { env: { NO_COLOR: "" } });
    match(seen, /EXIT 0/);
    match(seen, /\x1b\[1m日本/);
    match(plain(seen), /Grüße 日本 👩‍👩‍👧/);
    match(requests[0]?.text ?? "", /hello 漢字$/);
    ok(seen.includes("\x1b[?2004h") && seen.trimEnd().replace(/EXIT 0$/, "").trimEnd().endsWith("\x1b[?25h"));
    const history = await desk.read(`${desk.root}/state/evo/history.jsonl`);
    match(history, /hello 漢字/);
    equal(((await Deno.stat(`${desk.root}/state/evo/history.jsonl`)).mode ?? 0) & 0o777, 0o600);
    await desk.clean();
  },
);

Deno.test("Esc stops a hanging answer, keeps what was said, and the session goes on", { ignore }, async () => {
  const script = [
    mock.say("partial words\n\nand then silence for ever", { hangAfter: 240 }),
    mock.say("CONTINUE"),
    mock.say("second answer"),
  ];
  const { seen, requests, closed, desk } = await at(script, [
    ["evo 0>", "hello\r"],
    ["partial", "WAIT0.50\x1b"],
    ["stopped", "WAIT0.30again\r"],
    ["second answer", "WAIT0.50\x04"],
  ]);
  match(seen, /EXIT 0/);
  equal(closed, 1);
  const messages = requests.at(-1)?.body.messages ?? [];
  equal(messages.map(({ role }) => role), ["system", "user", "assistant", "user"]);
  match(String(messages[2]?.content), /^partial[^]*\[interrupted by the user\]$/);
  await desk.clean();
});

Deno.test("Esc ends the process tree of a running command at once", { ignore }, async () => {
  const script = [
    mock.calls([{ name: "shell", arguments: { command: "sh -c 'sleep 61.875; touch never'; touch never" } }]),
    mock.say("CONTINUE"),
    mock.say("second answer"),
  ];
  const { seen, desk, requests } = await at(script, [
    ["evo 0>", "hello\r"],
    ["sleep", "WAIT1.00\x1b"],
    ["stopped", "WAIT0.30again\r"],
    ["second answer", "WAIT0.50\x04"],
  ], { args: ["--yes"] });
  match(seen, /EXIT 0/);
  equal(await desk.files(), []);
  const last = requests.at(-1)?.body.messages ?? [];
  equal(last.map(({ role }) => role), ["system", "user", "assistant", "tool", "assistant", "user"]);
  await desk.clean();
});

Deno.test("Ctrl-C only clears what is typed; at an empty prompt twice it leaves with 0", { ignore }, async () => {
  const { seen, requests, desk } = await at(mock.say("never"), [
    ["evo 0>", "some text"],
    ["some text", "WAIT0.30\x03"],
    ["evo 0>", "WAIT0.30\x03"],
    ["again", "WAIT0.30\x03"],
  ]);
  match(seen, /EXIT 0/);
  equal(requests.length, 0);
  await desk.clean();
});

Deno.test(
  "lines typed while Evo works wait in order, are shown, and the last one can be taken back",
  { ignore },
  async () => {
    const slow = mock.events([mock.chunk({ content: "first\n\n" }), mock.chunk({ content: "answer" })]);
    slow.parts.splice(0, 0, { pause: 2500 });
    const script: mock.MockStep = ({ body, text }) =>
      !body.tools
        ? mock.say("CONTINUE")
        : text.endsWith("one")
        ? slow
        : mock.say(`You said ${text.split("\n").at(-1)}.`);
    const { seen, requests, desk } = await at(script, [
      ["evo 0>", "one\r"],
      ["working", "WAIT0.20two\r"],
      ["queued", "WAIT0.20three\r"],
      ["three", "WAIT0.20\x1b[A"],
      ["You said two.", "WAIT0.50\x03\x04"],
    ]);
    ok(seen.includes("EXIT 0"), seen);
    const asked = requests.filter(({ body }) => body.tools).map(({ text }) => text.split("\n").at(-1));
    equal(asked, ["one", "two"]);
    await desk.clean();
  },
);

const touch = (path: string) => mock.calls([{ name: "shell", arguments: { command: `touch ${path}` } }]);

Deno.test("a question is answered y by a person who has read it, and the command runs", { ignore }, async () => {
  const { seen, desk } = await at([touch("made"), mock.say("done now")], [
    ["evo 0>", "go\r"],
    ["y = yes", "WAIT0.90y"],
    ["done now", "WAIT0.50\x04"],
  ]);
  match(seen, /EXIT 0/);
  equal(await desk.files(), ["made"]);
  equal((await desk.events()).find(({ kind }) => kind === "approval")?.data.by, "person");
  await desk.clean();
});

Deno.test("neither a paste nor what was typed ahead approves; n refuses", { ignore }, async () => {
  const { seen, desk, requests } = await at([touch("made"), mock.say("done now")], [
    ["evo 0>", "go\ry"],
    ["y = yes", "WAIT0.90\x1b[200~y\r\x1b[201~"],
    ["y", "WAIT0.90n"],
    ["done now", "WAIT0.50\x03\x04"],
  ]);
  ok(seen.includes("EXIT 0"), seen);
  equal(await desk.files(), []);
  match(String(requests[1]?.body.messages.at(-1)?.content), /the person said no/);
  await desk.clean();
});

Deno.test("always holds for the same command in this session, and for no other", { ignore }, async () => {
  const mkdir = (path: string) => ({ name: "shell", arguments: { command: `mkdir ${path}` } });
  const script = [mock.calls([mkdir("one")]), mock.calls([mkdir("two")]), touch("three"), mock.say("done now")];
  const { seen, desk } = await at(script, [
    ["evo 0>", "go\r"],
    ["a = always", "WAIT0.90a"],
    ["touch three", "WAIT1.20n"],
    ["done now", "WAIT0.50\x04"],
  ]);
  ok(seen.includes("EXIT 0"), seen);
  const answers = (await desk.events()).filter(({ kind }) => kind === "approval").map((
    { data },
  ) => [data.answer, data.by]);
  equal(answers, [["always", "person"], ["yes", "session"], ["no", "person"]]);
  await desk.clean();
});

Deno.test("escape sequences of the model and of a tool never reach the terminal", { ignore }, async () => {
  const evil = "\x1b]52;c;ZXZpbA==\x07\x1b[2J\x1b]0;title\x07\x9b31mshown text";
  const script = [mock.calls([{ name: "read_file", arguments: { path: "evil.txt" } }], evil), mock.say(evil)];
  const { seen, desk } = await at(script, [["evo 0>", "go\r"], ["shown text", "WAIT1.00\x04"]], {
    files: { "evil.txt": evil },
  });
  ok(seen.includes("EXIT 0"), seen);
  equal(seen.match(/\x1b\]|\x07|\x9b|52;c/g), null);
  await desk.clean();
});

Deno.test("with TERM=dumb there is no escape sequence at all, at 20 columns no line is wider", { ignore }, async () => {
  const steps: Steps = [["evo 0>", "hello\r"], ["words", "WAIT0.50\x04"]];
  const text = "# Head\n\n- some words that are longer than the line is\n- 日本語の長い行日本語の長い行\n";
  const dumb = await at(mock.say(text), steps, { env: { TERM: "dumb" } });
  ok(dumb.seen.includes("EXIT 0"), dumb.seen);
  equal(dumb.seen.match(/\x1b/g), null);
  await dumb.desk.clean();
  const narrow = await at(mock.say(text), steps, { columns: 20 });
  ok(narrow.seen.includes("EXIT 0"), narrow.seen);
  await narrow.desk.clean();
});

Deno.test(
  "without a model, at a terminal, the built-in demo model answers and is marked as such",
  { ignore },
  async () => {
    const { seen, requests, desk } = await at(mock.say("never"), [
      ["evo 0>", "What is this project?\r"],
      ["evo 0>", "WAIT1.50\x04"],
    ], { env: { INFERENCE_BASE_URL: "", OPENROUTER_API_KEY: "", MODEL_NAME: "" } });
    ok(seen.includes("EXIT 0"), seen);
    match(plain(seen).replaceAll(/\s+/g, " "), /No model is set.*built-in demo model/);
    equal(requests.length, 0);
    await desk.clean();
  },
);
