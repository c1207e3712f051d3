/** The compiled executable's sessions: what is logged, in which order, and how a conversation is continued, replayed and undone. */
import { deepStrictEqual as equal, doesNotMatch, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { type Desk, each, EVO, openDesk } from "../testing/evo.ts";
import * as mock from "../testing/mock_server.ts";

const ignore = EVO === undefined;
const READ = [{ name: "read_file", arguments: { path: "a.txt" } }];
const WRITE = [{ name: "write_file", arguments: { path: "made.txt", content: "made\n" } }];

/** Answers the cheap question about the task with NEW if the line asks for another thing. */
const answering = (reply: mock.MockStep): mock.MockStep => (request) => {
  const [, line = ""] = /The next message of the user:\n(.*)\n/.exec(request.text) ?? [];
  if (line !== "") return mock.say(line.includes("another") ? "NEW" : "CONTINUE");
  return typeof reply === "function" ? reply(request) : reply;
};

/** Says back what was asked. */
const echo = answering((request) => mock.say(`You said ${request.text.split("\n").at(-1)}.`));

async function at(script: mock.MockStep[] | mock.MockStep, work: (desk: Desk, server: mock.Mock) => Promise<void>) {
  const server = mock.startMock(script);
  const desk = await openDesk(server.url);
  try {
    await work(desk, server);
  } finally {
    await desk.clean();
    await server.stop();
  }
}

Deno.test("a session is a file of mode 0600 that tells everything in order, each thing before its effect", { ignore }, async () => {
  await at([mock.calls([...READ, { name: "shell", arguments: { command: "touch x" } }]), mock.say("done")], async (desk) => {
    await desk.write("a.txt", "text\n");
    equal((await desk.run(["-p", "go", "--yes"])).code, 0);
    const events = await desk.events();
    equal(events.map(({ kind }) => kind), [
      "session_start",
      "user_input",
      "turn_start",
      "model_request",
      "model_reply",
      "tool_call",
      "tool_result",
      "tool_call",
      "approval",
      "tool_result",
      "model_request",
      "model_reply",
      "turn_end",
      "session_end",
    ]);
    equal(events.map(({ seq }) => seq), events.map((_, place) => place));
    match(String(events[3]?.data.prefix), /^[0-9a-f]{64}$/);
    equal(events[3]?.data.prefix, events[10]?.data.prefix);
    equal(events[8]?.data.by, "flag");
    equal(events.at(-1)?.data.exit, 0);
    const [id = ""] = await desk.sessions();
    match(id, /^\d{8}-\d{6}-[0-9a-z]{4}$/);
    const { mode } = await Deno.stat(join(desk.cwd, ".evo/sessions", id, "traj.jsonl"));
    equal((mode ?? 0) & 0o777, 0o600);
  });
});

Deno.test("piped lines are turns in order; NEW opens a task folder, CONTINUE does not", { ignore }, async () => {
  await at(echo, async (desk, server) => {
    const { code, out, err } = await desk.run([], { stdin: "first\nsecond\r\nanother thing\nmore \\\nof it\nlast" });
    equal(code, 0, err);
    equal(out, "You said first.\nYou said second.\nYou said another thing.\nYou said of it.\nYou said last.\n");
    const [id = ""] = await desk.sessions();
    const folders = await Array.fromAsync(Deno.readDir(join(desk.cwd, "outputs", id)));
    equal(folders.map(({ name }) => name).sort(), ["task_1", "task_2"]);
    const bounds = (await desk.events()).filter(({ kind }) => kind === "task_boundary");
    equal(bounds.map(({ data }) => data), [1, 2].map((task) => ({ task, folder: `outputs/${id}/task_${task}` })));
    const chats = server.requests.filter(({ body }) => body.tools);
    equal(chats.length, 5);
    equal(chats.at(-1)?.body.messages.length, 10);
    equal(new Set(chats.map(({ body }) => JSON.stringify(body.messages[0]))).size, 1);
    match(String(chats[3]?.text), /more \n?of it/);
  });
});

Deno.test("-p asks for no task and makes no folder; a failing task question means CONTINUE", { ignore }, async () => {
  await at(mock.say("done"), async (desk, server) => {
    equal((await desk.run(["-p", "go"])).code, 0);
    equal(server.requests.length, 1);
    equal(await Deno.stat(join(desk.cwd, "outputs")).then(() => true, () => false), false);
  });
  const failing: mock.MockStep = ({ body }) => body.tools ? mock.say("done") : mock.status(400);
  await at(failing, async (desk) => {
    const { code, out } = await desk.run([], { stdin: "one\ntwo\n" });
    equal({ code, out }, { code: 0, out: "done\ndone\n" });
    equal((await desk.events()).filter(({ kind }) => kind === "task_boundary").length, 1);
  });
});

Deno.test("slash commands answer on stdout; an unknown one names the nearest", { ignore }, async () => {
  const script = [mock.calls(WRITE), mock.say("written")];
  await at(script, async (desk, server) => {
    const lines = ["make it", "/model", "/tools", "/context", "/tasks", "/sessions", "/hepl", "/undo", "/undo", "/exit", "never"];
    const { code, out, err } = await desk.run([], { stdin: lines.map((line) => `${line}\n`).join("") });
    equal(code, 0, err);
    for (const wanted of [/written/, /mock, window \d+/, /edit_file/, /task 1\s+outputs\//, /made\.txt/]) match(out, wanted);
    match(err, /There is no command "\/hepl"; did you mean "\/help"/);
    match(err, /Cannot undo/);
    equal(await desk.files(), []);
    equal(server.requests.length, 2);
  });
});

Deno.test("/help, /cost, /diff and the rest answer after a turn has changed files", { ignore }, async () => {
  await at(answering((request) => request.text.includes("make") ? mock.calls(WRITE) : mock.say("written")), async (desk) => {
    const first = await desk.run(["--json"], { stdin: "make it\n" });
    equal(first.code, 0);
    const [id = ""] = await desk.sessions();
    const { code, out } = await desk.run([], { stdin: `/resume ${id}\n/help\n/cost\n/sessions\n/undo\n` });
    equal(code, 0);
    for (const wanted of [/Going on with session/, /\/rollback +return to/, /tokens in/, /1 turns +make it/]) match(out, wanted);
  });
});

Deno.test("/diff shows and /undo takes back what a shell command of the turn changed", { ignore }, async () => {
  const command = { name: "shell", arguments: { command: "echo new > a.txt; rm b.txt; mkdir d; echo c > d/c.txt" } };
  await at(answering(({ text }) => text.includes("go") ? mock.calls([command]) : mock.say("done")), async (desk) => {
    await desk.write("a.txt", "old\n");
    await desk.write("b.txt", "b\n");
    const { code, out, err } = await desk.run(["--yes"], { stdin: "go\n/undo\n/tasks\n" });
    equal(code, 0, err);
    equal(await desk.files(), ["a.txt", "b.txt"]);
    equal([await desk.read("a.txt"), await desk.read("b.txt")], ["old\n", "b\n"]);
    match(out, /a\.txt/);
  });
});

Deno.test("--continue and --resume send the whole conversation again, under the same session", { ignore }, async () => {
  await at(echo, async (desk, server) => {
    await desk.run(["-p", "first"]);
    const [id = ""] = await desk.sessions();
    const second = await desk.run(["-p", "second", "--continue"]);
    equal({ code: second.code, out: second.out }, { code: 0, out: "You said second.\n" });
    equal((await desk.run(["-p", "third", "--resume", id])).code, 0);
    equal(await desk.sessions(), [id]);
    const texts = server.requests.at(-1)?.body.messages.slice(1).map(({ content }) => content);
    equal(texts, ["first", "You said first.", "second", "You said second.", "third"]);
    const events = await desk.events(id);
    equal(events.map(({ seq }) => seq), events.map((_, place) => place));
  });
});

Deno.test("a session cut at any byte resumes to a valid history", { ignore }, async () => {
  await at([mock.calls([...READ, ...READ]), mock.say("日本👍 done"), mock.say("again")], async (desk, server) => {
    await desk.write("a.txt", "text\n");
    equal((await desk.run(["-p", "go 漢字"])).code, 0);
    const [id = ""] = await desk.sessions();
    const whole = await Deno.readFile(join(desk.cwd, ".evo/sessions", id, "traj.jsonl"));
    const ends = [...whole.entries()].filter(([, byte]) => byte === 10).map(([place]) => place + 1);
    const places = [...ends.slice(2).flatMap((end) => [end, end - 30]), 700, 1234, 1999, whole.length - 2];
    await each(places.map((place) => ({ name: `byte ${place}`, place })), async ({ place }) => {
      const other = await openDesk(server.url);
      await other.write(`.evo/sessions/${id}/traj.jsonl`, whole.slice(0, place));
      const before = server.requests.length;
      const { code, out, err } = await other.run(["-p", "next", "--continue"]);
      equal({ code, out }, { code: 0, out: "again\n" }, err);
      ok(server.requests.length > before);
      const events = await other.events(id);
      equal(events.map(({ seq }) => seq).toSorted((a, b) => a - b), events.map(({ seq }) => seq));
      await other.clean();
    });
    for (const { body } of server.requests.slice(2)) {
      const asked = body.messages.flatMap(({ tool_calls }) =>
        Array.isArray(tool_calls) ? tool_calls.map(({ id }) => id) : []
      );
      const answered = body.messages.flatMap(({ tool_call_id }) => tool_call_id ?? []);
      equal(answered, asked);
      equal(body.messages.at(-1)?.content, "next");
      ok(body.messages.every(({ content }) => !String(content).includes("\ufffd")));
    }
  });
});

Deno.test("--record writes a cassette that plays strictly: another request diverges with exit code 1", { ignore }, async () => {
  await at([mock.calls(READ), mock.say("It says text.")], async (desk, server) => {
    await desk.write("a.txt", "text\n");
    const file = join(desk.root, "cassette.jsonl");
    equal((await desk.run(["-p", "read a.txt", "--record", file])).code, 0);
    equal(server.requests.length, 2);
    equal(((await Deno.stat(file)).mode ?? 0) & 0o777, 0o600);
    const env = { INFERENCE_BASE_URL: "", OPENROUTER_API_KEY: "" };
    const played = await desk.run(["-p", "read a.txt", "--model", `cassette:${file}`], { env });
    equal({ code: played.code, out: played.out }, { code: 0, out: "It says text.\n" }, played.err);
    const other = await desk.run(["-p", "read b.txt", "--model", `cassette:${file}`], { env });
    equal(other.code, 1);
    match(other.err, /read b\.txt/);
    match(other.err, /read a\.txt/);
    await desk.write("a.txt", "changed\n");
    const changed = await desk.run(["-p", "read a.txt", "--model", `cassette:${file}`], { env });
    equal(changed.code, 1);
    match(changed.err, /changed/);
    const longer = await desk.run(["--model", `cassette:${file}`], { env, stdin: "read a.txt\n" });
    equal(longer.code, 1);
    equal(server.requests.length, 2);
  });
});

Deno.test("evo replay compares every tool result, and exits 1 where the world has changed", { ignore }, async () => {
  const command = { name: "shell", arguments: { command: "cat a.txt > b.txt; cat b.txt" } };
  await at([mock.calls([...READ, command]), mock.calls(WRITE), mock.say("done")], async (desk, server) => {
    await desk.write("a.txt", "text\n");
    equal((await desk.run(["-p", "go", "--yes"])).code, 0);
    const [id = ""] = await desk.sessions();
    const before = await desk.files();
    const same = await desk.run(["replay", id], { env: { INFERENCE_BASE_URL: "", OPENROUTER_API_KEY: "" } });
    equal({ code: same.code, out: same.out }, { code: 0, out: "3 tool results are the same\n" }, same.err);
    equal(await desk.files(), before);
    const path = `.evo/sessions/${id}/traj.jsonl`;
    await desk.write(path, (await desk.read(path)).replaceAll("1: text", "1: other").replaceAll("1\\ttext", "1\\tother").replaceAll("text\\n", "other\\n"));
    const differs = await desk.run(["replay", id]);
    equal(differs.code, 1, differs.out);
    match(differs.err, /diverged at tool result/);
    equal(server.requests.length, 3);
    const unknown = await desk.run(["replay", "20200101-000000-none"]);
    equal(unknown.code, 1);
    match(unknown.err, /has none of that id/);
  });
});

Deno.test("what cannot be recorded is said, and does not stop the answer: a read-only directory", {
  ignore: ignore || Deno.uid() === 0,
}, async () => {
  await at(mock.say("answer"), async (desk) => {
    await Deno.chmod(desk.cwd, 0o500);
    const { code, out, err } = await desk.run(["-p", "go"]);
    await Deno.chmod(desk.cwd, 0o700);
    equal({ code, out }, { code: 0, out: "answer\n" }, err);
    match(err, /not recorded/);
    doesNotMatch(err, /\n\s+at /);
  });
});

Deno.test("a directory that cannot hold state is said, and does not stop the answer", { ignore }, async () => {
  await at(mock.say("answer"), async (desk) => {
    await desk.write(".evo", "a file where the folder should be");
    const { code, out, err } = await desk.run(["-p", "go"]);
    equal({ code, out }, { code: 0, out: "answer\n" }, err);
    match(err, /not recorded/);
    doesNotMatch(err, /\n\s+at /);
  });
});
