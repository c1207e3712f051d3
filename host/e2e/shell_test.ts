/** The compiled executable's shell: what needs a yes, what it may know, and that nothing it starts outlives it. */
import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { act, CANARY, EVO, openDesk, start, tool } from "../testing/evo.ts";
import * as mock from "../testing/mock_server.ts";

const ignore = EVO === undefined;
const shell = (command: string) => tool("shell", { command });

Deno.test("the shell runs what only reads, refuses the rest headless, and runs it with --yes", { ignore }, async () => {
  const commands = [
    "ls",
    "touch made",
    "ls; touch made",
    "ls $(touch made)",
    "env touch made",
    "timeout 5 touch made",
    "nohup touch made",
    "echo made | xargs touch",
    "find . -maxdepth 0 -exec touch made \\;",
    "echo x > made",
    `${":; ".repeat(5000)}touch made`,
    `ls ${" ".repeat(2000)}; touch made`,
    "ls <(touch made)",
    "git -c core.pager='touch made' log",
  ];
  const replies = [commands.map(shell)];
  const desk = await openDesk();
  await desk.write("seen.txt", "");
  const refused = await act(desk, replies);
  equal(refused.code, 8);
  match(refused.results[0] ?? "", /exit code 0.*seen\.txt/s);
  for (const result of refused.results.slice(1)) match(result, /^Cannot run .* without approval.*--yes/);
  equal(await desk.files(), ["seen.txt"]);
  const approvals = (await desk.events()).filter(({ kind }) => kind === "approval").map(({ data }) => data.answer);
  equal(approvals, ["yes", ...commands.slice(1).map(() => "refused")]);
  for (const command of commands.slice(1, -2)) { // the negative control: approved, each of them does it
    await act(desk, [[shell(command)]], ["--yes"]);
    equal(await desk.files(), ["made", "seen.txt"], command.slice(-60));
    await Deno.remove(join(desk.cwd, "made"));
  }
  await desk.clean();
});

Deno.test(
  "no key is in the shell's environment, in the session, in the output or in any file",
  { ignore },
  async () => {
    const desk = await openDesk();
    const server = mock.startMock([
      mock.calls([
        shell("env"),
        shell("cat /proc/$PPID/environ | tr '\\0' '\\n' | head -100"),
        shell("echo $OPENROUTER_API_KEY."),
      ]),
      mock.say("done"),
    ]);
    const env = {
      INFERENCE_BASE_URL: server.url,
      MODEL_NAME: "mock",
      OPENROUTER_API_KEY: CANARY,
      GITHUB_TOKEN: "canary0123456789-github",
      DATABASE_PASSWORD: "canary0123456789-pass",
    };
    const { code, out, err } = await desk.run(["-p", "go", "--yes"], { env });
    equal(code, 0, err);
    equal(server.requests[0]?.headers.authorization, `Bearer ${CANARY}`);
    const told = JSON.stringify(server.requests.map(({ body }) => body));
    ok(told.includes("PATH="), "the environment was not read at all");
    for (const text of [told, out, err, await desk.everything()]) {
      ok(
        !text.includes("canary0123456789"),
        text.slice(0, 500),
      );
    }
    await server.stop();
    await desk.clean();
  },
);

Deno.test("a long output goes to a file the model can read, and is cut to head and tail", { ignore }, async () => {
  const desk = await openDesk();
  const { code, results } = await act(desk, [[shell("seq 1 200000")]], ["--yes"]);
  equal(code, 0);
  const [result = ""] = results;
  ok(new TextEncoder().encode(result).length <= 24 * 1024 + 500);
  match(result, /\n1\n2\n3\n.*\n199999\n200000/s);
  const [file = ""] = /outputs\/[^\s"]+/.exec(result) ?? [];
  match(await desk.read(file.replace(/[.,;]$/, "")), /\n100000\n/);
  await desk.clean();
});

Deno.test("a background child does not hold a command, and is gone when Evo has left", { ignore }, async () => {
  const desk = await openDesk();
  const mark = `7${crypto.getRandomValues(new Uint16Array(1))[0]}.125`;
  const started = Date.now();
  const { code, results } = await act(desk, [[shell(`sleep ${mark} & echo hi`)]], ["--yes"]);
  equal(code, 0);
  match(results[0] ?? "", /hi/);
  ok(Date.now() - started < 60_000, "it waited for the child");
  equal(await running(`sleep\0${mark}`), 0);
  await desk.clean();
});

Deno.test("kill -9 of Evo while a command runs leaves no child, and the session resumes", { ignore }, async () => {
  const desk = await openDesk();
  const mark = `6${crypto.getRandomValues(new Uint16Array(1))[0]}.125`;
  const server = mock.startMock([mock.calls([shell(`sleep ${mark}; touch never`)]), mock.say("resumed")]);
  const env = { ...desk.env, INFERENCE_BASE_URL: server.url, MODEL_NAME: "mock" };
  const child = start(["-p", "go", "--yes"], { cwd: desk.cwd, env });
  await until(async () => await running(`sleep\0${mark}`) > 0);
  child.kill("SIGKILL");
  await child.stdin.close();
  await child.stdout.cancel();
  await child.stderr.cancel();
  await child.status;
  await until(async () => await running(`sleep\0${mark}`) === 0);
  const { code, out, err } = await desk.run(["-p", "and now?", "--continue"], { env });
  equal({ code, out }, { code: 0, out: "resumed\n" }, err);
  const messages = server.requests[1]?.body.messages ?? [];
  equal(messages.map(({ role }) => role), ["system", "user", "assistant", "tool", "user"]);
  match(String(messages[3]?.content), /interrupted/);
  equal(await desk.files(), []);
  await server.stop();
  await desk.clean();
});

/** How many processes have this in their command line. */
async function running(text: string): Promise<number> {
  let count = 0;
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const line = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
    if (line.startsWith(text)) count++;
  }
  return count;
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let left = 300; !await holds(); left--) {
    if (left === 0) throw new Error("It did not come about in 15 s");
    await new Promise((done) => setTimeout(done, 50));
  }
}
