/** The compiled executable makes the right tool calls of every stream that backends send, and sends them back in good order. */
import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import * as z from "zod";
import { each, EVO, openDesk } from "../testing/evo.ts";
import * as mock from "../testing/mock_server.ts";

const ignore = EVO === undefined;

const Sent = z.array(z.object({ id: z.string(), function: z.object({ name: z.string(), arguments: z.string() }) }));

interface Shape {
  name: string;
  step: mock.MockAnswer;
  /** The paths that are read, in order; the results are the files' texts. */
  paths?: string[];
  /** What the results say instead. */
  results?: RegExp[];
}

const call = (rest: Record<string, unknown>, path: string) => ({
  ...rest,
  function: { name: "read_file", arguments: JSON.stringify({ path }) },
});
const head = (rest: Record<string, unknown>, text: string) => ({
  ...rest,
  function: { name: "read_file", arguments: text },
});
const tail = (rest: Record<string, unknown>, text: string) => ({ ...rest, function: { arguments: text } });
const both = ["a.txt", "b.txt"];
const two = [call({ index: 0, id: "x" }, "a.txt"), call({ index: 1, id: "y" }, "b.txt")];
const read = (path: string) => ({ name: "read_file", arguments: { path } });

const SHAPES: Shape[] = [
  { name: "fragments interleaved by index", step: mock.calls(both.map(read)), paths: both },
  { name: "CRLF and comment lines", step: mock.calls(both.map(read), "", { crlf: true, comments: true }), paths: both },
  { name: "bytes in pieces of three", step: mock.calls(both.map(read), "日本", { slice: 3 }), paths: both },
  {
    name: "both calls with index 0 and different ids",
    step: mock.fragments([call({ index: 0, id: "x" }, "a.txt"), call({ index: 0, id: "y" }, "b.txt")]),
    paths: both,
  },
  {
    name: "no index, arguments in fragments",
    step: mock.fragments([
      head({ id: "x" }, '{"path":'),
      tail({}, '"a.txt"}'),
      head({ id: "y" }, '{"path":'),
      tail({}, '"b.txt"}'),
    ]),
    paths: both,
  },
  {
    name: "no id",
    step: mock.fragments([call({ index: 0 }, "a.txt"), call({ index: 1 }, "b.txt")]),
    paths: both,
  },
  {
    name: "neither index nor id",
    step: mock.fragments([call({}, "a.txt"), call({}, "b.txt")]),
    paths: both,
  },
  {
    name: "the same id on two indexes",
    step: mock.fragments([call({ index: 0, id: "x" }, "a.txt"), call({ index: 1, id: "x" }, "b.txt")]),
    paths: both,
  },
  { name: "finish_reason stop with calls", step: mock.fragments(two, "stop"), paths: both },
  { name: "no finish_reason, [DONE] alone", step: mock.fragments(two, null), paths: both },
  {
    name: "metadata chunks between",
    step: mock.events([
      { id: "m", object: "chat.completion.chunk", choices: [] },
      mock.chunk({ tool_calls: [two[0]] }),
      { id: "m", provider: "x" },
      mock.chunk({ tool_calls: [two[1]] }),
      mock.chunk({}, { finish_reason: "tool_calls" }),
    ]),
    paths: both,
  },
  {
    name: "arguments as an object",
    step: mock.fragments([{ index: 0, id: "x", function: { name: "read_file", arguments: { path: "a.txt" } } }]),
    paths: ["a.txt"],
  },
  {
    name: "a quote escaped as JSON does not know",
    step: mock.fragments([head({ index: 0, id: "x" }, `{"path":"it\\'s.txt"}`)]),
    paths: ["it's.txt"],
  },
  {
    name: "arguments that are no JSON are quoted, not run",
    step: mock.fragments([head({ index: 0, id: "x" }, `{"path": a.txt}`)]),
    results: [/not run.*\{"path": a\.txt\}/s],
  },
  {
    name: "arguments cut at the length limit are not run",
    step: mock.fragments([head({ index: 0, id: "x" }, `{"path":"a.t`)], "length"),
    results: [/not run/],
  },
  {
    name: "a whole call at the length limit, after which another was begun",
    step: mock.fragments([two[0] ?? {}, head({ index: 1, id: "y" }, `{"pa`)], "length"),
    results: [/^.*text of a\.txt|not run/s, /not run/],
  },
  {
    name: "an unknown tool is answered with the nearest",
    step: mock.fragments([{ index: 0, id: "x", function: { name: "read_fil", arguments: "{}" } }]),
    results: [/no tool "read_fil"; did you mean "read_file"/],
  },
  {
    name: "bad arguments are named",
    step: mock.fragments([{ index: 0, id: "x", function: { name: "read_file", arguments: '{"file":1}' } }]),
    results: [/bad arguments.*path/s],
  },
];

Deno.test("every shape of tool calls becomes the calls that were meant, and the next request is valid", {
  ignore,
}, async () => {
  await each(SHAPES, async ({ step, paths, results }) => {
    const server = mock.startMock([step, mock.say("done")], { strict: true });
    const desk = await openDesk(server.url);
    try {
      for (const path of ["a.txt", "b.txt", "it's.txt"]) await desk.write(path, `text of ${path}\n`);
      const { code, out, err } = await desk.run(["-p", "read"]);
      equal(code, 0, err);
      ok(out.endsWith("done\n"), out);
      equal(server.requests.length, 2);
      const messages = server.requests[1]?.body.messages.slice(2) ?? [];
      const sent = Sent.parse(messages[0]?.tool_calls);
      const answers = messages.slice(1);
      ok(sent.every(({ id }) => id !== ""));
      equal(new Set(sent.map(({ id }) => id)).size, sent.length);
      equal(answers.map((message) => [message.role, message.tool_call_id]), sent.map(({ id }) => ["tool", id]));
      for (const { function: { arguments: text } } of sent) JSON.parse(text);
      if (paths) equal(sent.map((one) => JSON.parse(one.function.arguments)), paths.map((path) => ({ path })));
      const wanted = results ?? paths?.map((path) => new RegExp(`text of ${path}`)) ?? [];
      equal(answers.length, wanted.length);
      for (const [at, want] of wanted.entries()) match(String(answers[at]?.content), want);
    } finally {
      await desk.clean();
      await server.stop();
    }
  });
});

Deno.test("a stream cut inside a call runs nothing of it", { ignore }, async () => {
  const half = mock.events([
    mock.chunk({ content: "I write" }),
    mock.chunk({
      tool_calls: [{ index: 0, id: "x", function: { name: "write_file", arguments: '{"path":"c","content":"x"}' } }],
    }),
    null,
  ]);
  const server = mock.startMock(half);
  const desk = await openDesk(server.url);
  const { code, out, err } = await desk.run(["-p", "write"]);
  equal({ code, out, files: await desk.files() }, { code: 6, out: "I write\n", files: [] }, err);
  await desk.clean();
  await server.stop();
});

Deno.test("reasoning is counted, not shown, and goes back under its own name", { ignore }, async () => {
  const step = mock.events([
    mock.chunk({ reasoning_content: "let me think" }),
    mock.chunk({ tool_calls: [two[0]] }),
    mock.chunk({}, { finish_reason: "tool_calls" }),
  ]);
  const server = mock.startMock([step, mock.say("done")]);
  const desk = await openDesk(server.url);
  const { code, out, err } = await desk.run(["-p", "think"]);
  equal({ code, out }, { code: 0, out: "done\n" });
  match(err, /thought, 12 characters/);
  equal(server.requests[1]?.body.messages[2]?.reasoning_content, "let me think");
  await desk.clean();
  await server.stop();
});

Deno.test("an endpoint that takes no tools gets the text protocol, and the call still acts", { ignore }, async () => {
  const refuse = mock.status(400, {}, { error: { message: "this model does not support tools" } });
  const written: string[] = [];
  const step = ({ body }: mock.MockRequest) => {
    if (body.tools) return refuse;
    const [, nonce = ""] = /<<call (\w+) TOOL_NAME>>/.exec(String(body.messages[0]?.content)) ?? [];
    if (body.messages.length > 2) return mock.say("done");
    written.push(`x\n<<call ${nonce} shell>>\n{}\nend ${nonce}>>\n\`\`\`\n"quoted" \\ 日本`);
    const args = JSON.stringify({ path: "c.txt", content: written[0] });
    return mock.say(`I write.\n<<call ${nonce} write_file>>\n${args}\nend ${nonce}>>`);
  };
  const server = mock.startMock(step);
  const desk = await openDesk(server.url);
  const { code, out, err } = await desk.run(["-p", "write"]);
  equal(code, 0, err);
  equal(server.requests.map(({ body }) => body.tools !== undefined), [true, false, false]);
  equal(await desk.read("c.txt"), written[0]);
  equal(out, "done\n");
  match(err, /I write\./);
  await desk.clean();
  await server.stop();
});
