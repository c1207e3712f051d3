/** The compiled executable's tools act on real files and processes, and stay inside what they may. */
import { deepStrictEqual as equal, doesNotMatch, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { CANARY, type Desk, each, EVO, openDesk, start } from "../testing/evo.ts";
import * as mock from "../testing/mock_server.ts";

const ignore = EVO === undefined;

interface Call {
  name: string;
  arguments: Record<string, unknown>;
}

/** Lets the model make calls, one reply after the other, and returns the results that it was told. */
async function act(desk: Desk, replies: Call[][], args: string[] = []) {
  const server = mock.startMock([...replies.map((list) => mock.calls(list)), mock.say("done")]);
  try {
    const ended = await desk.run(["-p", "go", ...args], { env: { INFERENCE_BASE_URL: server.url, MODEL_NAME: "mock" } });
    const told = server.requests.at(-1)?.body.messages.filter(({ role }) => role === "tool") ?? [];
    return { ...ended, results: told.map(({ content }) => String(content)), server };
  } finally {
    await server.stop();
  }
}

const tool = (name: string, args: Record<string, unknown>): Call => ({ name, arguments: args });
const shell = (command: string) => tool("shell", { command });

Deno.test("a chain of tools reads, writes, edits, lists, searches and deletes real files", { ignore }, async () => {
  const desk = await openDesk();
  await desk.write("src/a.ts", "const a = 1;\nconst b = 2;\n");
  await desk.write(".gitignore", "hidden/\n");
  await desk.write("hidden/x.ts", "const a = 1;\n");
  const { code, results, err } = await act(desk, [
    [tool("read_file", { path: "src/a.ts" })],
    [tool("edit_file", {
      path: "src/a.ts",
      edits: [{ old: "a = 1", new: "a = 10" }, { old: "b = 2", new: "b = 20" }],
    })],
    [tool("write_file", { path: "new/deep/b.txt", content: "1\n2\n3\n" })],
    [tool("write_file", { path: "new/deep/b.txt", content: "two\n", start: 2, end: 2 })],
    [tool("search", { pattern: "const a" }), tool("list_files", {})],
    [tool("delete_file", { path: "src/a.ts" })],
  ]);
  equal(code, 0, err);
  equal(await desk.read("new/deep/b.txt"), "1\ntwo\n3\n");
  equal(await desk.files(), [".gitignore", "hidden/x.ts", "new/deep/b.txt"]);
  match(results[4] ?? "", /src\/a\.ts.*const a = 10/s);
  doesNotMatch(results[4] ?? "", /hidden/);
  match(results[5] ?? "", /b\.txt/);
  await desk.clean();
});

Deno.test("CRLF, BOM, emoji and CJK survive an edit; a lone surrogate never reaches the disk or the wire", {
  ignore,
}, async () => {
  const desk = await openDesk();
  await desk.write("mixed.txt", "\uFEFFeins\r\n日本👩‍👩‍👧 zwei\r\ndrei\r\n");
  const { code, results, server } = await act(desk, [
    [tool("read_file", { path: "mixed.txt", start: 2, end: 2 })],
    [tool("edit_file", { path: "mixed.txt", edits: [{ old: "👩‍👩‍👧 zwei\ndrei", new: "👍 deux\ntrois" }] })],
    [tool("write_file", { path: "lone.txt", content: "a\ud800b" })],
    [tool("read_file", { path: "lone.txt" })],
  ]);
  equal(code, 0);
  match(results[0] ?? "", /日本👩‍👩‍👧 zwei/);
  equal(await desk.read("mixed.txt"), "\uFEFFeins\r\n日本👍 deux\r\ntrois\r\n");
  ok((await desk.read("lone.txt").catch(() => "")).isWellFormed());
  ok(server.requests.every(({ body }) => !/\\ud[89ab]/i.test(JSON.stringify(body))));
  await desk.clean();
});

const OUTSIDE: { name: string; path: string }[] = [
  { name: "parent", path: "../secret.txt" },
  { name: "absolute", path: "/etc/hostname" },
  { name: "link to a directory", path: "out/secret.txt" },
  { name: "link to a file", path: "link.txt" },
  { name: "chain", path: "chain/secret.txt" },
  { name: "dangling link", path: "dangling.txt" },
  { name: "new file under a link", path: "out/fresh.txt" },
  { name: "proc", path: "/proc/self/root/etc/hostname" },
  { name: "git", path: ".git/config" },
  { name: "state", path: ".evo/config.jsonc" },
  { name: "device", path: "/dev/zero" },
  { name: "fifo", path: "fifo" },
];

Deno.test("no path leads out of the working directory, into .git or .evo, or onto a device", { ignore }, async () => {
  await each(OUTSIDE, async ({ path }) => {
    const desk = await openDesk();
    const outside = join(desk.root, "outside");
    await desk.write(join(outside, "secret.txt"), "SECRET");
    await desk.write(join(desk.root, "secret.txt"), "SECRET");
    await desk.write(".git/config", "SECRET");
    await Deno.symlink(outside, join(desk.cwd, "out"));
    await Deno.symlink(join(outside, "secret.txt"), join(desk.cwd, "link.txt"));
    await Deno.symlink("out", join(desk.cwd, "chain"));
    await Deno.symlink(join(outside, "nothing.txt"), join(desk.cwd, "dangling.txt"));
    await new Deno.Command("mkfifo", { args: [join(desk.cwd, "fifo")] }).output();
    const { code, results } = await act(desk, [
      [tool("read_file", { path })],
      [tool("write_file", { path, content: "BAD" })],
      [tool("delete_file", { path })],
    ]);
    equal(code, 0);
    for (const result of results.slice(0, 2)) match(result, /^Cannot/);
    ok(!results.join().includes("SECRET"));
    equal(await desk.read(join(outside, "secret.txt")), "SECRET");
    equal(await desk.read(join(desk.root, "secret.txt")), "SECRET");
    equal(await desk.read(".git/config"), "SECRET");
    equal((await Array.fromAsync(Deno.readDir(outside))).map(({ name }) => name), ["secret.txt"]);
    ok(!(await Deno.stat(join(desk.cwd, ".evo/config.jsonc")).then(() => true, () => false)));
    await desk.clean();
  });
});

Deno.test("the shell runs what only reads, refuses the rest headless, and runs it with --yes", { ignore }, async () => {
  const commands = ["ls", "touch made", "ls; touch made", "ls $(touch made)", "env touch made", "timeout 5 touch made"];
  const replies = [commands.map(shell)];
  const desk = await openDesk();
  await desk.write("seen.txt", "");
  const refused = await act(desk, replies);
  equal(refused.code, 0);
  match(refused.results[0] ?? "", /exit code 0.*seen\.txt/s);
  for (const result of refused.results.slice(1)) match(result, /^Cannot run .* without approval.*--yes/);
  equal(await desk.files(), ["seen.txt"]);
  const approvals = (await desk.events()).filter(({ kind }) => kind === "approval").map(({ data }) => data.answer);
  equal(approvals, ["yes", "refused", "refused", "refused", "refused", "refused"]);
  const allowed = await act(desk, replies, ["--yes"]);
  for (const result of allowed.results) match(result, /^exit code 0/);
  equal(await desk.files(), ["made", "seen.txt"]);
  await desk.clean();
});

Deno.test("no key is in the shell's environment, in the session, in the output or in any file", { ignore }, async () => {
  const desk = await openDesk();
  const server = mock.startMock([
    mock.calls([shell("env"), shell("cat /proc/$PPID/environ | tr '\\0' '\\n' | head -100"), shell("echo $OPENROUTER_API_KEY.")]),
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
  for (const text of [told, out, err, await desk.everything()]) ok(!text.includes("canary0123456789"), text.slice(0, 500));
  await server.stop();
  await desk.clean();
});

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
