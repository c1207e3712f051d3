import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import * as z from "zod";
import type { ToolPlugin } from "../../actors/ports.ts";
import { no, ok as good } from "../../actors/types.ts";
import { call, fakeContext, fakeWorkspace } from "../lib/fakes.ts";
import askUser from "./ask_user.ts";
import deleteFile from "./delete_file.ts";
import editFile from "./edit_file.ts";
import evolveFunction from "./evolve_function.ts";
import listFiles from "./list_files.ts";
import readFile from "./read_file.ts";
import readLog from "./read_log.ts";
import search from "./search.ts";
import shell from "./shell.ts";
import spawnAgent from "./spawn_agent.ts";
import waitAgent from "./wait_agent.ts";
import writeFile from "./write_file.ts";

const chat = [
  readFile,
  writeFile,
  editFile,
  listFiles,
  search,
  deleteFile,
  shell,
  spawnAgent,
  waitAgent,
  askUser,
  evolveFunction,
];

Deno.test("the schemas of all chat tools are at most 5 KB, so that the first request stays small", () => {
  const schemas = (chat as ToolPlugin[]).map(({ name, description, input }) => {
    return { type: "function", function: { name, description, parameters: z.toJSONSchema(input, { io: "input" }) } };
  });
  ok(JSON.stringify(schemas).length <= 5_000, String(JSON.stringify(schemas).length));
});

Deno.test("only the file tools work in evolve, only read_log in reflect", () => {
  const all = [...chat, readLog] as ToolPlugin[];
  const of = (mode: "chat" | "evolve" | "reflect") =>
    all.filter(({ modes = ["chat"] }) => modes.includes(mode)).map(({ name }) => name);
  equal(of("evolve"), ["read_file", "write_file", "edit_file", "list_files", "search", "delete_file"]);
  equal(of("reflect"), ["read_log"]);
  equal(of("chat").length, 11);
});

Deno.test("summaries are one line of bounded length, whatever the input", () => {
  const nasty = "a\n\u001b[2Jb ".repeat(500);
  const summaries = [
    shell.summary({ command: nasty, timeout: 1 }),
    askUser.summary({ question: nasty }),
    readFile.summary({ path: nasty }),
    writeFile.summary({ path: nasty, content: "" }),
    editFile.summary({ path: nasty, edits: [] }),
    deleteFile.summary({ path: nasty }),
    listFiles.summary({ path: nasty, glob: nasty }),
    search.summary({ pattern: nasty, path: nasty, glob: nasty }),
    spawnAgent.summary({ task: nasty, minutes: 1 }),
    waitAgent.summary({ id: nasty }),
    readLog.summary({ session: nasty, from: 1, to: 2 }),
  ];
  for (const summary of summaries) ok(summary.length < 250 && !/\p{Cc}/u.test(summary), summary);
  equal(readFile.summary({ path: "src/a.ts", start: 10, end: 40 }), "read src/a.ts 10..40");
  equal(writeFile.summary({ path: "a", content: "" }), "write a");
  equal(search.summary({ pattern: "x y", glob: "*.ts" }), 'search "x y" *.ts');
});

Deno.test("list_files and search hand on what they are asked and nothing more", async () => {
  const workspace = fakeWorkspace({ b: "text b", a: "text a" });
  equal(await call(listFiles, { glob: "*" }, { workspace }), { ok: true, text: "a\nb" });
  const found = await call(search, { pattern: "x", path: "src", ignoreCase: true }, { workspace });
  match(found.text, /^b:1: text b\na:1: text a\n\.\.\. there may be more/);
  equal(workspace.asked, [{ glob: "*", limit: 500 }, { pattern: "x", path: "src", ignoreCase: true, limit: 100 }]);
  equal((await call(search, { pattern: "(" }, { workspace })).ok, false);
  const empty = fakeWorkspace({});
  equal((await call(listFiles, {}, { workspace: empty })).text, "No files");
  equal((await call(search, { pattern: "x" }, { workspace: empty })).text, "No matches");
});

Deno.test("delete_file deletes, and says why it cannot", async () => {
  const workspace = fakeWorkspace({ a: "x" });
  equal((await call(deleteFile, { path: "a" }, { workspace })).text, "Deleted a");
  equal(workspace.files.size, 0);
  equal((await call(deleteFile, { path: "a" }, { workspace })).ok, false);
});

const ends = [
  {
    end: { code: 0, output: "hi\n", timedOut: false, ms: 1234 },
    result: { ok: true, text: "exit code 0 after 1.2 s\nhi\n" },
  },
  {
    end: { code: 3, output: "", timedOut: false, ms: 40 },
    result: { ok: false, text: "exit code 3 after 0.0 s\n(no output)" },
  },
  {
    end: { code: 137, output: "x", timedOut: true, ms: 5000 },
    result: { ok: false, text: "stopped at its time limit of 5 s\nx" },
  },
  {
    end: { code: 0, output: "x", timedOut: false, ms: 0, file: "outputs/f" },
    result: { ok: true, text: "exit code 0 after 0.0 s\nAll of the output is in outputs/f\nx" },
  },
];

for (const { end, result } of ends) {
  Deno.test(`shell tells the end of a command: ${result.text.split("\n")[0]}${"file" in end ? ", with a file" : ""}`, async () => {
    const asked: unknown[] = [];
    const fake = {
      readOnly: (command: string) => command === "ls",
      run: (command: string, { timeoutMs }: { timeoutMs: number }) => {
        asked.push([command, timeoutMs]);
        return Promise.resolve(good(end));
      },
    };
    equal(await call(shell, { command: "x", timeout: 5 }, { shell: fake }), result);
    equal(asked, [["x", 5000]]);
    equal(["ls", "rm"].map((command) => shell.readOnly({ command, timeout: 1 }, fakeContext({ shell: fake }))), [
      true,
      false,
    ]);
  });
}

Deno.test("shell hands on a refusal, and bounds its time", async () => {
  const fake = { readOnly: () => false, run: () => Promise.resolve(no("Cannot run: refused")) };
  equal(await call(shell, { command: "x" }, { shell: fake }), { ok: false, text: "Cannot run: refused" });
  equal(shell.input.safeParse({ command: "x", timeout: 601 }).success, false);
  equal(shell.input.parse({ command: "x" }), { command: "x", timeout: 120 });
});

Deno.test("spawn_agent and wait_agent hand on task, file and deadline", async () => {
  const asked: unknown[] = [];
  const agents = {
    spawn: (...args: unknown[]) => (asked.push(args), Promise.resolve(good({ id: "a1", out: "outputs/a1.md" }))),
    wait: (id: string) =>
      Promise.resolve(
        id === "a1" ? good({ text: "found", out: "outputs/a1.md" }) : no("Cannot wait: no such sub-agent"),
      ),
  };
  match(
    (await call(spawnAgent, { task: "look", minutes: 2 }, { agents })).text,
    /Sub-agent a1 works; .* outputs\/a1.md/,
  );
  equal(asked, [["look", { deadlineMs: 120_000 }]]);
  match((await call(waitAgent, { id: "a1" }, { agents })).text, /^Result of sub-agent a1.*\nfound$/);
  equal((await call(waitAgent, { id: "a2" }, { agents })).ok, false);
});

Deno.test("ask_user gives the answer, and without a person an error, never a wait", async () => {
  const asked: unknown[] = [];
  const ask = (
    question: string,
    { choices }: { choices?: string[] },
  ) => (asked.push([question, choices]), Promise.resolve(good("blue")));
  equal(await call(askUser, { question: "Which?", choices: ["red", "blue"] }, { ask }), { ok: true, text: "blue" });
  equal(asked, [["Which?", ["red", "blue"]]]);
  const nobody = () => Promise.resolve(no("Cannot ask: there is no terminal"));
  equal((await call(askUser, { question: "?" }, { ask: nobody })).ok, false);
});

Deno.test("read_log pages a session", async () => {
  const page = (id: string, from: number, to: number) => Promise.resolve(good(`${id} ${from} ${to}`));
  const sessions = { ...fakeContext({}).sessions, page };
  equal((await call(readLog, { session: "s", from: 3, to: 9 }, { sessions })).text, "s 3 9");
  equal(readLog.input.safeParse({ session: "s", from: -1, to: 2 }).success, false);
});
