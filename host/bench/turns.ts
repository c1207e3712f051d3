/**
 * Evo's own time per turn. Measured from writing a line into its stdin to reading its `turn_end`, against a loopback model that
 * answers at once; from that the median time is taken that a bare `fetch` needs for the same two requests (the question whether
 * the task is new, and the chat request with the whole history) on the same server. What remains is Evo: reading the line,
 * log, prompt, serialising, reading the stream, output.
 */
import { type Mock, type MockRequest, say, startMock } from "../testing/mock_server.ts";
import { converse, makePlace, median, type Place, readProcess, ROUNDS, type Row } from "../testing/measure.ts";

const TURNS = 20;
const answer = (request: MockRequest) => say(request.body.tools ? "fine" : "CONTINUE");

/** Measures. */
export async function measureTurns(executable: string): Promise<Row[]> {
  const place = await makePlace();
  const mock = startMock(answer);
  Object.assign(place.env, { INFERENCE_BASE_URL: mock.url, MODEL_NAME: "mock", OPENROUTER_API_KEY: "none" });
  try {
    const few = await turns(executable, place, { mock, messages: 10 });
    const first = Number(mock.requests.find(({ body }) => body.tools)?.headers["content-length"]);
    const many = await turns(executable, place, { mock, messages: 1000 });
    const huge = await resume(executable, place);
    return [
      {
        measure: "first request of a chat",
        value: first / 1024,
        unit: "KiB",
        target: 8,
        note: "10 short messages in it",
      },
      { measure: "own time per turn, 10 messages", value: few.own, unit: "ms", target: 5, note: few.note },
      { measure: "own time per turn, 1,000 messages", value: many.own, unit: "ms", target: 20, note: many.note },
      { measure: "resume of a 50 MB session", value: huge.ms, unit: "ms", target: 1000, note: "to the first prompt" },
      { measure: "resume of 50 MB, peak memory", value: huge.peak, unit: "MB", target: 200 },
    ];
  } finally {
    await mock.stop();
    await Deno.remove(place.root, { recursive: true });
  }
}

async function turns(
  executable: string,
  place: Place,
  { mock, messages }: { mock: Mock; messages: number },
): Promise<{ own: number; note: string }> {
  const id = `20260101-000000-n${messages}`;
  await writeSession(place, id, (add) => {
    for (let at = 0; at < messages / 2; at++) turn(add, { text: `Question ${at}`, answer: "An answer. ".repeat(10) });
  });
  const evo = converse(executable, ["--resume", id], place);
  await evo.next(({ type }) => type === "session");
  const spent: number[] = [], bare: number[] = [];
  for (let at = 0; at < TURNS; at++) {
    const before = mock.requests.length;
    const asked = performance.now();
    await evo.type(`And this, ${at}?`);
    spent.push((await evo.next(({ type }) => type === "turn_end")).at - asked);
    bare.push(await again(mock, mock.requests.slice(before)));
  }
  await evo.type("/exit");
  await evo.end();
  const [all, model] = [median(spent), median(bare)];
  return { own: all - model, note: `${all.toFixed(1)} ms, of it the model ${model.toFixed(1)} ms` };
}

async function again(mock: Mock, requests: MockRequest[]): Promise<number> {
  const bodies = requests.map(({ body }) => JSON.stringify(body));
  const started = performance.now();
  for (const body of bodies) {
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${mock.url}/chat/completions`, { method: "POST", headers, body });
    for await (const _ of response.body ?? []) { /* to the end */ }
  }
  return performance.now() - started;
}

/** 50 MB as a long life leaves them: tool results of 20 KB, and a compaction each time the window would be full. */
async function resume(executable: string, place: Place): Promise<{ ms: number; peak: number }> {
  const id = "20260101-000000-huge";
  const line = "The quick brown fox jumps over the lazy dog, again and again. ";
  await writeSession(place, id, (add) => {
    for (let at = 0; at < 2450; at++) {
      turn(add, { text: `Read file ${at}`, answer: "Read.", tool: line.repeat(320) });
      if (at % 25 === 24) add("compact", { trigger: "window", before: 150_000, after: 9000, messages: KEPT });
    }
  });
  const times: number[] = [];
  let peak = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const evo = converse(executable, ["--resume", id], place);
    times.push((await evo.next(({ type }) => type === "session")).at - evo.started);
    peak = Math.max(peak, (await readProcess(evo.pid)).peak);
    await evo.type("/exit");
    await evo.end();
  }
  return { ms: median(times), peak };
}

const KEPT = [{ role: "user", content: "What came before, in short: files were read." }];
const USAGE = { input: 10, output: 5, cached: 0, cost: null, estimated: false };
type Add = (kind: string, data: unknown) => void;

function turn(add: Add, { text, answer, tool }: { text: string; answer: string; tool?: string }): void {
  add("user_input", { text });
  add("turn_start", { content: text });
  const reply = (content: string, calls: unknown[], finish: string) =>
    add("model_reply", { purpose: "chat", message: { role: "assistant", content, calls }, usage: USAGE, finish });
  if (tool) {
    const call = { id: "call_1", name: "read_file", arguments: '{"path":"a.txt"}' };
    reply("", [call], "calls");
    add("tool_call", call);
    add("tool_result", { id: "call_1", name: "read_file", ok: true, text: tool });
  }
  reply(answer, [], "stop");
  add("turn_end", { status: "done", answered: true });
}

async function writeSession({ cwd }: Place, id: string, fill: (add: Add) => void): Promise<void> {
  const ts = "2026-01-01T00:00:00.000Z";
  const lines: string[] = [];
  const add: Add = (kind, data) => void lines.push(JSON.stringify({ v: 1, seq: lines.length, ts, kind, data }));
  add("session_start", { cwd, generation: 0, model: "mock", args: [], resumed: false });
  add("task_boundary", { task: 1, folder: `outputs/${id}/task_1` });
  fill(add);
  await Deno.mkdir(`${cwd}/.evo/sessions/${id}`, { recursive: true });
  await Deno.writeTextFile(`${cwd}/.evo/sessions/${id}/traj.jsonl`, `${lines.join("\n")}\n`);
}
