import { deepStrictEqual as equal, ok } from "node:assert/strict";
import { createActor, toPromise } from "xstate";
import { chat, type ChatInput, chatPrompt, createInterruptible } from "./chat.ts";
import { fakePorts, type Scripted } from "./fakes_test.ts";
import { Aborted, type ModelRequest, type Ports } from "./ports.ts";

const start: ChatInput = { messages: [], line: "hello", task: 0, once: false };
type Script = (Scripted | ((request: ModelRequest) => Scripted))[];

async function turn(script: Script, input: Partial<ChatInput>, over: Partial<Ports> = {}) {
  const { ports, seen } = fakePorts(script, over);
  const actor = createActor(chat(ports, createInterruptible()), { input: { ...start, ...input } });
  const done = toPromise(actor);
  actor.start();
  return { done: await done, seen };
}

Deno.test("the first turn opens the first task without asking the model", async () => {
  const { done, seen } = await turn([{ content: "hi" }], {});
  equal([done.task, seen.requests.length, seen.calls.includes("task 1")], [1, 1, true]);
  ok(
    seen.requests[0]?.messages.at(-1)?.content.startsWith(
      "[Files that are a result of this task go to outputs/now/task_1/]",
    ),
  );
});

Deno.test("a one-shot turn opens no task", async () => {
  const { done, seen } = await turn([{ content: "hi" }], { once: true });
  equal([done.task, seen.calls.some((made) => made.startsWith("task"))], [0, false]);
  equal(seen.requests[0]?.messages.at(-1)?.content, "hello");
});

Deno.test("a folder that cannot be made is said, and the turn goes on", async () => {
  const { ports } = fakePorts([]);
  const sessions = {
    ...ports.sessions,
    openTask: () => Promise.resolve({ ok: false as const, error: "the disk is full" }),
  };
  const { done, seen } = await turn([{ content: "hi" }], {}, { sessions });
  equal(done.status, "done");
  ok(seen.shown.some((event) => event.type === "notice" && event.text === "the disk is full"));
});

Deno.test("@file puts the file into the message, once, and says what cannot be read", async () => {
  const { seen } = await turn([{ content: "hi" }], {
    line: 'look at @a.ts and @a.ts, @"b c.ts", mail me@example.com',
    once: true,
  });
  const content = seen.requests[0]?.messages.at(-1)?.content ?? "";
  equal(content.split('<file path="a.ts">').length, 2);
  ok(content.includes('<file path="b c.ts">'));
  ok(!content.includes('example.com">'));
});

Deno.test("!command runs without the model, and its output is in the history", async () => {
  const { done, seen } = await turn([], { line: "!ls -la", task: 1 });
  equal(seen.requests.length, 0);
  ok(done.messages.at(-2)?.content.includes("ran ls -la"));
  equal(done.messages.at(-1)?.role, "assistant");
});

Deno.test("an interrupted !command keeps what it had said, and is no error", async () => {
  const { ports, seen } = fakePorts([]), stop = createInterruptible();
  const context: Ports["tools"]["context"] = (...given) => {
    const told = ports.tools.context(...given);
    const run = () => (stop.stop(), Promise.reject(new Aborted("half of it")));
    return { ...told, shell: { ...told.shell, run } };
  };
  const actor = createActor(chat({ ...ports, tools: { ...ports.tools, context } }, stop), {
    input: { ...start, line: "!make" },
  });
  const done = toPromise(actor);
  actor.start();
  equal((await done).status, "aborted");
  ok((await done).messages.at(-2)?.content.includes("$ make\nhalf of it\n[interrupted by the user]"));
  equal(seen.shown.filter(({ type }) => type === "notice"), []);
});

Deno.test("the turn is in the trajectory before the model is asked", async () => {
  let logged: string[] = [];
  const { ports, seen } = fakePorts([() => (logged = seen.logged.map(({ kind }) => kind), { content: "hi" })]);
  const actor = createActor(chat(ports, createInterruptible()), { input: start });
  const done = toPromise(actor);
  actor.start();
  await done;
  equal(logged, ["user_input", "task_boundary", "turn_start"]);
  equal(seen.logged.at(-1)?.kind, "turn_end");
});

Deno.test("AGENTS.md files stand in the prompt, outermost first, and it is the same bytes each time", async () => {
  const { ports } = fakePorts([]);
  const agents = ["/AGENTS.md", "/sub/AGENTS.md"].map((path) => ({
    path,
    text: `rules of ${path}`,
    truncated: path.includes("sub"),
  }));
  const guidance = { ...ports.guidance, agents: () => Promise.resolve(agents) };
  const prompt = await chatPrompt(guidance);
  ok(prompt.indexOf("rules of /AGENTS.md") < prompt.indexOf("rules of /sub/AGENTS.md"));
  ok(prompt.includes('path="/sub/AGENTS.md" truncated'));
  equal(prompt, await chatPrompt(guidance));
});
