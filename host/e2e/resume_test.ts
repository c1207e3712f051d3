/** The compiled executable goes on with sessions, plays cassettes and replays what was recorded. */
import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { at, each, EVO, openDesk, start } from "../testing/evo.ts";
import * as mock from "../testing/mock_server.ts";

const ignore = EVO === undefined;
const READ = [{ name: "read_file", arguments: { path: "a.txt" } }];
const WRITE = [{ name: "write_file", arguments: { path: "made.txt", content: "made\n" } }];
const echo: mock.MockStep = ({ text }) => mock.say(`You said ${text}.`);

Deno.test("--continue and --resume send the whole conversation again, under the same session", { ignore }, async () => {
  await at(echo, async (desk, server) => {
    await desk.run(["-p", "first"]);
    const [id = ""] = await desk.sessions();
    const second = await desk.run(["-p", "second", "--continue"]);
    match(second.err, / · mock · \S+ \(resumed\)\n/);
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
    const places = [...ends.slice(2).map((end, at) => end - (at % 3) * 20), 999, 1999];
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

Deno.test(
  "--record writes a cassette that plays strictly: another request diverges with exit code 1",
  { ignore },
  async () => {
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
  },
);

Deno.test("evo replay compares every tool result, and exits 1 where the world has changed", { ignore }, async () => {
  const command = { name: "shell", arguments: { command: "cat a.txt > b.txt; cat b.txt; seq 9000; date +%S.%Nms" } };
  await at([mock.calls([...READ, command]), mock.calls(WRITE), mock.say("done")], async (desk, server) => {
    await desk.write("a.txt", "text\n");
    equal((await desk.run(["-p", "go", "--yes"])).code, 0);
    const [id = ""] = await desk.sessions();
    const before = await desk.files();
    const same = await desk.run(["replay", id], { env: { INFERENCE_BASE_URL: "", OPENROUTER_API_KEY: "" } });
    equal({ code: same.code, out: same.out }, { code: 0, out: "3 tool results are the same\n" }, same.err);
    equal(await desk.files(), before);
    const path = `.evo/sessions/${id}/traj.jsonl`;
    await desk.write(
      path,
      (await desk.read(path)).replaceAll("1: text", "1: other").replaceAll("1\\ttext", "1\\tother").replaceAll(
        "text\\n",
        "other\\n",
      ),
    );
    const differs = await desk.run(["replay", id]);
    equal(differs.code, 1, differs.out);
    match(differs.err, /diverged at tool result/);
    equal(server.requests.length, 3);
    const unknown = await desk.run(["replay", "20200101-000000-none"]);
    equal(unknown.code, 1);
    match(unknown.err, /has none of that id/);
  });
});

Deno.test(
  "a session in use is not resumed by a second process; sessions side by side do not mix",
  { ignore },
  async () => {
    const step: mock.MockStep = ({ text }) =>
      text === "slow" ? mock.say("slow words and no more", { hangAfter: 200 }) : mock.say(`You said ${text}.`);
    await at(step, async (desk, server) => {
      const child = start(["-p", "slow"], desk);
      while (server.requests.length === 0) await new Promise((done) => setTimeout(done, 20));
      const [id = ""] = await desk.sessions();
      const second = await desk.run(["-p", "x", "--resume", id]);
      equal(second.code, 2, second.err);
      match(second.err, /in use|another|other/);
      const many = await Promise.all(["one", "two"].map((word) => desk.run(["-p", word])));
      equal(many.map(({ out }) => out), ["You said one.\n", "You said two.\n"]);
      equal((await desk.sessions()).length, 3);
      child.kill("SIGTERM");
      await child.stdin.close();
      await child.stderr.cancel();
      match(await new Response(child.stdout).text(), /^slow/);
      equal((await child.status).code, 143);
      const third = await desk.run(["-p", "x", "--resume", id]);
      equal({ code: third.code, out: third.out }, { code: 0, out: "You said x.\n" }, third.err);
    });
  },
);

Deno.test("a context that overflows is made smaller once, and the turn goes on", { ignore }, async () => {
  const overflow = mock.status(400, {}, { error: { message: "This model's maximum context length is 128000 tokens" } });
  let full = false;
  const step: mock.MockStep = ({ body, text }) => {
    if (!body.tools) return mock.say(text.includes("NEW or CONTINUE") ? "CONTINUE" : "A summary of it.");
    if (text.endsWith("last") && !full) return full = true, overflow;
    return mock.say(`${"word ".repeat(400)}end`);
  };
  await at(step, async (desk, server) => {
    const lines = ["one", "two", "three", "four", "five", "six", "last"];
    const { code, out, err } = await desk.run([], { stdin: lines.join("\n") });
    equal(code, 0, err);
    equal(out.trimEnd().split("\n").length, lines.length);
    ok((await desk.events()).some(({ kind, data }) => kind === "compact" && data.trigger === "overflow"));
    const [before = 0, after = 0] = server.requests.filter(({ body }) => body.tools).slice(-2).map(({ body }) =>
      JSON.stringify(body).length
    );
    ok(after < before, `${before} to ${after}`);
  });
});
