/** The compiled executable's sessions: what is logged, in which order, and how a conversation is continued, replayed and undone. */
import { deepStrictEqual as equal, doesNotMatch, match } from "node:assert/strict";
import { join } from "node:path";
import { at, EVO } from "../testing/evo.ts";
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

Deno.test(
  "a session is a file of mode 0600 that tells everything in order, each thing before its effect",
  { ignore },
  async () => {
    await at(
      [mock.calls([...READ, { name: "shell", arguments: { command: "touch x" } }]), mock.say("done")],
      async (desk) => {
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
      },
    );
  },
);

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
    const lines = [
      "make it",
      "/model",
      "/tools",
      "/context",
      "/tasks",
      "/sessions",
      "/hepl",
      "/undo",
      "/undo",
      "/exit",
      "never",
    ];
    const { code, out, err } = await desk.run([], { stdin: lines.map((line) => `${line}\n`).join("") });
    equal(code, 0, err);
    for (const wanted of [/written/, /mock, window \d+/, /edit_file/, /task 1\s+outputs\//, /made\.txt/]) {
      match(out, wanted);
    }
    match(err, /There is no command "\/hepl"; did you mean "\/help"/);
    match(err, /Cannot undo/);
    equal(await desk.files(), []);
    equal(server.requests.length, 2);
  });
});

Deno.test("/help, /cost, /diff and the rest answer after a turn has changed files", { ignore }, async () => {
  await at(
    answering((request) => request.text.includes("make") ? mock.calls(WRITE) : mock.say("written")),
    async (desk) => {
      const first = await desk.run(["--json"], { stdin: "make it\n" });
      equal(first.code, 0);
      const [id = ""] = await desk.sessions();
      const { code, out } = await desk.run([], { stdin: `/resume ${id}\n/help\n/cost\n/sessions\n/undo\n` });
      equal(code, 0);
      for (const wanted of [/Going on with session/, /\/rollback +return to/, /tokens in/, /1 turns +make it/]) {
        match(out, wanted);
      }
    },
  );
});

Deno.test(
  "over a pipe every command is answered in its place, not ahead of the turns before it",
  { ignore },
  async () => {
    await at([mock.calls(WRITE), mock.say("written")], async (desk) => {
      const { code, out, err } = await desk.run([], { stdin: "make it\n/cost\n/diff\n" });
      equal(code, 0);
      match(out, /^written\n20 tokens in /);
      match(out + err, /^\+made$/m);
    });
  },
);

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

// no mode keeps root from writing, so root is sent where even root may not write
const barred = Deno.uid() === 0 ? "/sys/kernel" : undefined;
const hasBarred = barred === undefined || await Deno.stat(barred).then(() => true, () => false);

Deno.test("in a directory that cannot be written, that is said, and the answer still comes", {
  ignore: ignore || !hasBarred,
}, async () => {
  await at(mock.say("answer"), async (desk) => {
    await Deno.chmod(desk.cwd, 0o500);
    const { code, out, err } = await desk.run(["-p", "go"], { ...(barred && { cwd: barred }) });
    await Deno.chmod(desk.cwd, 0o700);
    equal({ code, out }, { code: 0, out: "answer\n" }, err);
    match(err, /not recorded: Cannot write the trajectory/);
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
