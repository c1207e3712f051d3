import { deepStrictEqual as equal, match, ok, rejects } from "node:assert/strict";
import type { Message } from "../../actors/types.ts";
import { Aborted, type ModelRequest } from "../../actors/ports.ts";
import * as mock from "../testing/mock_server.ts";
import { ask, never, openModel, tool, user } from "../testing/model_fixtures.ts";
import { parseCassette } from "./cassette.ts";

const lines = (...rows: unknown[]) => rows.map((row) => JSON.stringify(row)).join("\n") + "\n";
const header = { cassette: 1, model: "demo", window: 200_000 };
const play = (...rows: unknown[]) => openModel({ model: "demo", cassette: { text: lines(...rows) } });
const text = async (opened: ReturnType<typeof openModel>, request: ModelRequest) => {
  const outcome = await opened.model.reply(request, never);
  return outcome.ok
    ? outcome.value.message.content
    : "failure" in outcome
    ? `${outcome.failure.kind}: ${outcome.error}`
    : "";
};

Deno.test("a recording plays back, calls, faults, failures and all, and has mode 0600", async () => {
  const dir = await Deno.makeTempDir();
  const record = `${dir}/tape.jsonl`;
  const server = mock.startMock([
    mock.calls([{ name: "read", arguments: { path: "sk-secret" }, id: "call_abcdef" }], "Looking."),
    mock.status(401),
    mock.fragments([{ index: 0, id: "x", function: { name: "read", arguments: '{"a' } }], "length"),
  ]);
  const first: Message = user("hello sk-secret");
  async function talk(opened: ReturnType<typeof openModel>) {
    const one = await opened.model.reply(ask({ messages: [first] }), never);
    ok(one.ok);
    const messages = [first, one.value.message, {
      role: "tool" as const,
      callId: one.value.message.calls[0]?.id ?? "",
      name: "read",
      content: "text",
    }];
    const two = await opened.model.reply(ask({ messages }), never);
    const three = await opened.model.reply(ask({ messages: [...messages, user("again")] }), never);
    const bare = (calls: { name: string; arguments: string; fault?: string | undefined }[]) =>
      calls.map(({ name, arguments: args, fault }) => [name, args, fault]);
    return [
      one.value.message.content,
      bare(one.value.message.calls).toString().replace("sk-secret", "[redacted]"),
      one.value.finish,
      two.ok,
      "failure" in two && two.failure,
      three.ok && [bare(three.value.message.calls), three.value.finish],
    ];
  }
  const recorded = await talk(openModel({ baseUrl: server.url, record }));
  await server.stop();
  equal(((await Deno.stat(record)).mode ?? 0) & 0o777, 0o600);
  ok(!(await Deno.readTextFile(record)).includes("sk-secret"));
  const player = openModel({ model: `cassette:${record}` });
  equal(await talk(player), recorded);
  equal(player.model.name(), `cassette:${record}`);
  equal(player.shown.filter(({ type }) => type === "usage").length, 2);
  await Deno.remove(dir, { recursive: true });
});

Deno.test("a recording goes on in the same file, and never writes into another kind of file", async () => {
  const dir = await Deno.makeTempDir();
  const server = mock.startMock([mock.say("ok")]);
  const record = `${dir}/tape`;
  for (let n = 0; n < 2; n++) await text(openModel({ baseUrl: server.url, record }), ask());
  equal((await Deno.readTextFile(record)).trim().split("\n").length, 3);
  await Deno.writeTextFile(`${dir}/notes`, "mine");
  const opened = openModel({ baseUrl: server.url, record: `${dir}/notes` });
  equal(await text(opened, ask()), "ok");
  equal(await Deno.readTextFile(`${dir}/notes`), "mine");
  ok(opened.shown.some((event) => event.type === "notice" && /not a cassette/.test(event.text)));
  await server.stop();
  await Deno.remove(dir, { recursive: true });
});

const request = { purpose: "chat", messages: [{ role: "user", content: "hello\nworld" }], tools: ["read"] };
const row = { request, reply: { text: "hi" } };
const differing: [string, Partial<ModelRequest>, RegExp][] = [
  ["words", { messages: [user("hello\nmoon")] }, /diverged: [\s\S]*-world\n\+moon/],
  ["purpose", { purpose: "judge", messages: [user("hello\nworld")] }, /-purpose chat\n\+purpose judge/],
  ["tools", { tools: [tool("read"), tool("new")], messages: [user("hello\nworld")] }, /-tools read\n\+tools read new/],
  ["one message more", { messages: [user("hello\nworld"), user("x")] }, /\+\[user\]\n\+x/],
];
for (const [what, more, shows] of differing) {
  Deno.test(`a request that differs in its ${what} diverges and shows the difference`, async () => {
    match(await text(play(header, row), ask(more)), shows);
    equal(await text(play(header, row), ask({ messages: [user("hello\nworld")] })), "hi");
  });
}

Deno.test("what normalise takes out may differ", async () => {
  const opened = openModel({ cassette: { text: lines(header, row) } }, {
    normalise: (said) => said.replace("moon", "world"),
  });
  equal(await text(opened, ask({ messages: [user("hello\nmoon")] })), "hi");
});

Deno.test("expectations name purpose, words of the last message and tools that must be offered", async () => {
  const expecting = (expect: Record<string, unknown>) =>
    play(header, { expect: { purpose: "chat", ...expect }, reply: { text: "hi" } });
  equal(await text(expecting({}), ask()), "hi");
  equal(
    await text(expecting({ contains: 'say "hello"', tools: ["read"] }), ask({ messages: [user('now say "hello"')] })),
    "hi",
  );
  match(await text(expecting({ contains: "bye" }), ask()), /does not hold "bye" but "hello"/);
  match(await text(expecting({ tools: ["fly"] }), ask()), /tools fly are not offered/);
  match(await text(expecting({ purpose: "task" }), ask()), /its purpose is "chat", expected "task"/);
  match(await text(play(header), ask()), /no more replies after 0/);
});

Deno.test("lanes keep an order for each purpose, and a fallback answers what does not fit", async () => {
  const rows = [
    { ...header, lanes: true, fallback: { task: { text: "CONTINUE" } } },
    { expect: { purpose: "chat" }, reply: { text: "one" } },
    { expect: { purpose: "task", contains: "other" }, reply: { text: "NEW" } },
    { expect: { purpose: "chat" }, reply: { text: "two" } },
  ];
  const opened = play(...rows);
  const said = [];
  for (
    const more of [{ purpose: "task" as const }, {}, {}, { purpose: "task" as const, messages: [user("other")] }, {
      purpose: "task" as const,
    }]
  ) said.push(await text(opened, ask(more)));
  equal(said, ["CONTINUE", "one", "two", "NEW", "CONTINUE"]);
  match(await text(opened, ask()), /diverged/);
});

Deno.test("the position outlives a change of model and another process", async () => {
  const dir = await Deno.makeTempDir();
  const file = `${dir}/tape`;
  const replies = ["one", "two", "three"].map((said) => ({ expect: { purpose: "chat" }, reply: { text: said } }));
  await Deno.writeTextFile(file, lines(header, ...replies));
  const opened = openModel({ model: `cassette:${file}` });
  equal(await text(opened, ask()), "one");
  ok(opened.model.use("other/model").ok && opened.model.name() === "other/model");
  ok(opened.model.use(`cassette:${file}`).ok);
  equal(await text(opened, ask()), "two");
  ok(opened.model.use("other/model").ok);
  const next = openModel({ model: `cassette:${file}` });
  next.model.seek(JSON.parse(JSON.stringify(opened.model.position())));
  equal(await text(next, ask()), "three");
  const unsought = openModel({ model: `cassette:${file}` });
  equal(await text(unsought, ask()), "one");
  await Deno.remove(dir, { recursive: true });
});

Deno.test("the built-in cassette can be left and taken again by its name", async () => {
  const opened = play(header, { expect: { purpose: "chat" }, reply: { text: "one" } }, {
    expect: { purpose: "chat" },
    reply: { text: "two" },
  });
  equal([opened.model.name(), opened.model.window()], ["demo", 200_000]);
  equal(await text(opened, ask()), "one");
  opened.model.use("x/y");
  opened.model.use("demo");
  equal(await text(opened, ask()), "two");
});

Deno.test("a cassette is read when it is first asked, and then once", async () => {
  let reads = 0;
  const text = () => (reads++, lines(header, { expect: { purpose: "chat" }, reply: { text: "one" } }));
  const opened = openModel({ model: "demo", cassette: Object.defineProperty({ text: "" }, "text", { get: text }) });
  equal([opened.model.name(), reads], ["demo", 0]);
  equal([opened.model.window(), reads], [200_000, 1]);
  equal((await opened.model.reply(ask(), never)).ok && reads, 1);
});

Deno.test("a played reply is shown, logged and counted like a real one", async () => {
  const opened = play(header, {
    expect: { purpose: "chat" },
    reply: {
      text: "a b",
      reasoning: "hm",
      calls: [{ name: "read", arguments: { path: "a" } }],
      usage: { input: 7, output: 2 },
    },
  });
  const outcome = await opened.model.reply(ask(), never);
  ok(outcome.ok);
  equal(outcome.value.usage, { input: 7, output: 2, cached: 0, cost: 0, estimated: false });
  equal(outcome.value.finish, "calls");
  equal(opened.shown.map(({ type }) => type), ["reasoning_delta", "text_delta", "text_delta", "usage"]);
  equal(opened.logged.map(({ kind }) => kind), ["model_request", "model_reply"]);
  const stop = AbortSignal.abort();
  await rejects(opened.model.reply(ask(), stop), Aborted);
});

const broken: [string, string, RegExp][] = [
  ["no header", lines({ expect: { purpose: "chat" }, reply: {} }), /line 1 cannot be read/],
  ["no JSON in line 2", `${JSON.stringify(header)}\n{"expect`, /line 2 cannot be read/],
  ["an unknown purpose", lines(header, { expect: { purpose: "dance" }, reply: {} }), /line 2 cannot be read/],
  ["a misspelt key", lines(header, { expect: { purpose: "chat" }, reply: { txt: "hi" } }), /line 2 cannot be read/],
  ["nothing", "", /line 1 cannot be read/],
];
for (const [what, tape, says] of broken) {
  Deno.test(`a cassette with ${what} is refused, naming the line`, async () => {
    const parsed = parseCassette(tape, "tape");
    ok(!parsed.ok);
    match(parsed.error, says);
    match(await text(openModel({ cassette: { text: tape } }), ask()), /^config: Cannot play cassette/);
  });
}

Deno.test("a cassette that is not there is refused by use(), and is the failure config of a model made of it", async () => {
  const { model } = openModel({});
  const outcome = model.use("cassette:/nowhere/tape");
  ok(!outcome.ok && /Cannot read cassette "\/nowhere\/tape"/.test(outcome.error));
  equal(model.name(), "mock");
  match(await text(openModel({ model: "cassette:/nowhere/tape" }), ask()), /^config: /);
});
