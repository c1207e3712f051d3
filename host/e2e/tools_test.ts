/** The compiled executable's tools act on real files and processes, and stay inside what they may. */
import { deepStrictEqual as equal, doesNotMatch, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { act, each, EVO, openDesk, tool } from "../testing/evo.ts";
import * as mock from "../testing/mock_server.ts";

const ignore = EVO === undefined;

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

Deno.test("files that are no text, are empty or huge get a clear result", { ignore }, async () => {
  const desk = await openDesk();
  await desk.write("latin1.txt", Uint8Array.of(0x47, 0x72, 0xfc, 0xdf, 0x65, 10));
  await desk.write("binary", Uint8Array.of(0, 1, 2, 0, 255));
  await desk.write("empty.txt", "");
  await desk.write("huge.txt", new Uint8Array(60 << 20).fill(97));
  const paths = ["latin1.txt", "binary", "empty.txt", "huge.txt", "none.txt", "."];
  const { code, results } = await act(desk, [
    paths.map((path) => tool("read_file", { path })),
    [tool("edit_file", { path: "latin1.txt", edits: [{ old: "Gr", new: "gr" }] })],
  ]);
  equal(code, 0);
  equal(results.length, 7);
  for (const [at, result] of results.entries()) {
    ok(at === 2 || /^Cannot/.test(result), `${paths[at]}: ${result.slice(0, 200)}`);
  }
  equal(await Deno.readFile(join(desk.cwd, "latin1.txt")), Uint8Array.of(0x47, 0x72, 0xfc, 0xdf, 0x65, 10));
  await desk.clean();
});

Deno.test("a sub-agent has its own context, and its answer comes back", { ignore }, async () => {
  const step: mock.MockStep = ({ body, text }) => {
    if (JSON.stringify(body.messages[1]).includes("subtask")) return mock.say("the sub-agent's answer");
    if (body.messages.length === 2) {
      return mock.calls([tool("spawn_agent", { task: "do the subtask", prompt: "do the subtask" })]);
    }
    const id = /[a-z0-9]{6,}/.exec(text.replace(/^.*?agent/i, ""))?.[0] ?? "";
    return body.messages.length === 4 ? mock.calls([tool("wait_agent", { id })]) : mock.say(`It said: ${text}`);
  };
  const server = mock.startMock(step);
  const desk = await openDesk(server.url);
  const { code, out, err } = await desk.run(["-p", "go"]);
  equal(code, 0, err);
  match(out, /It said: [^]*the sub-agent's answer/);
  await server.stop();
  await desk.clean();
});

Deno.test("without a person, ask_user is refused at once", { ignore }, async () => {
  const desk = await openDesk();
  const { code, results } = await act(desk, [[tool("ask_user", { question: "Which?" })]]);
  equal(code, 0);
  match(results[0] ?? "", /^Cannot ask "Which\?"/);
  await desk.clean();
});

Deno.test("!command and @file put what they say into the message", { ignore }, async () => {
  const server = mock.startMock(({ body }) => body.tools ? mock.say("seen") : mock.say("CONTINUE"));
  const desk = await openDesk(server.url);
  await desk.write("a b.txt", "spaced\n");
  await desk.write("a.txt", "text of a\n");
  const { code, out, err } = await desk.run([], {
    stdin: "!echo typed > made.txt; echo hi\nlook at @a.txt and @none.txt\n",
  });
  equal(code, 0, err);
  match(out, /hi[^]*seen/);
  equal(await desk.read("made.txt"), "typed\n");
  const sent = JSON.stringify(server.requests.at(-1)?.body.messages);
  ok(sent.includes("text of a") && sent.includes("hi"), sent);
  await server.stop();
  await desk.clean();
});
