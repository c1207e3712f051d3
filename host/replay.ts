/** Runs a recorded session again: its lines and its replies, in a scratch copy of the files as they were; the tools run for real. */
import { dirname, join } from "node:path";
import * as z from "zod";
import type { Sessions, Terminal } from "../actors/ports.ts";
import { Assistant, Failure, type LogEvent, no, ok, type Outcome } from "../actors/types.ts";
import type { Body } from "./facts.ts";
import { run } from "./gate/run.ts";
import { createSessions } from "./session/sessions.ts";
import { createSnapshots } from "./undo/snapshot.ts";

/** The variable that names the file of recorded approvals, for the replaying child. */
const ANSWERS = "EVO_REPLAY_ANSWERS";
const DEADLINE_MS = 30 * 60_000;

const Said = z.object({
  ...{ purpose: z.string(), message: Assistant.optional(), failure: Failure.optional() },
  ...{ finish: z.string().optional(), partial: z.string().optional() },
});
const Typed = z.object({ text: z.string() });
const Approval = z.object({ command: z.string(), answer: z.string() });
const Result = z.object({ id: z.string(), name: z.string(), text: z.string() });

/** What a replay stands on. */
export interface ReplayOptions {
  body: Body;
  cwd: string;
  sessions: Sessions;
  signal: AbortSignal;
}

/** Replays a session; bad at the first tool result that differs. The value says how many were compared. */
export async function replay(id: string, { body, cwd, sessions, signal }: ReplayOptions): Promise<Outcome<string>> {
  const recorded = await sessions.load(id);
  if (!recorded.ok) return recorded;
  const folder = await Deno.makeTempDir({ prefix: "evo-replay-" });
  try {
    const work = join(folder, "work"), cassette = join(folder, "replies.jsonl"), answers = join(folder, "answers.json");
    await copyFiles({ cwd, id, to: work });
    await Deno.writeTextFile(cassette, cassetteOf(recorded.value));
    await Deno.writeTextFile(
      answers,
      JSON.stringify(recorded.value.flatMap((e) => e.kind === "approval" ? [Approval.parse(e.data)] : [])),
    );
    const lines = recorded.value.flatMap((e) =>
      e.kind === "user_input" ? [Typed.parse(e.data).text.replaceAll("\n", "\\\n")] : []
    );
    await Deno.writeTextFile(join(folder, "lines"), lines.map((line) => `${line}\n`).join(""));
    const evo = [...body.self, "--json", "--model", `cassette:${cassette}`];
    const command = ["sh", "-c", 'exec "$@" < "$0"', join(folder, "lines"), ...evo];
    const env = { EVO_HOME: join(folder, "home"), XDG_STATE_HOME: folder, XDG_CONFIG_HOME: folder, [ANSWERS]: answers };
    const ended = await run(command, { cwd: work, env, ms: DEADLINE_MS, signal });
    const again = createSessions({ cwd: work, id: "none", log: { move: () => {} } });
    const made = (await again.list())[0];
    const events = made
      ? await again.load(made.id)
      : no(`Cannot replay "${id}": the run left no session (${ended.stderr.slice(-500)})`);
    return events.ok
      ? compare(results(recorded.value, cwd, [id]), results(events.value, work, [id, made?.id ?? id]))
      : events;
  } finally {
    await Deno.remove(folder, { recursive: true }).catch(() => {});
  }
}

/** In a replaying child: the person's recorded answers, each command's in order; undefined in any other process. */
export async function recordedAnswers(env: Record<string, string>): Promise<Terminal["ask"] | undefined> {
  const path = env[ANSWERS];
  if (path === undefined) return undefined;
  const left = z.array(Approval).parse(JSON.parse(await Deno.readTextFile(path)));
  return (question) => {
    const at = left.findIndex(({ command }) => question.includes(command));
    const [answer] = at < 0 ? [] : left.splice(at, 1);
    return Promise.resolve(ok(answer?.answer === "yes" || answer?.answer === "always" ? "yes" : "no"));
  };
}

/** The files when the session first changed one, from its undo store; else as they are now. */
async function copyFiles({ cwd, id, to }: { cwd: string; id: string; to: string }): Promise<void> {
  const store = join(cwd, ".evo/undo");
  const snapshots = createSnapshots({ root: cwd, store });
  const state = await Deno.readTextFile(join(store, id, "state.json")).catch(() => "{}");
  const { base } = z.object({ base: z.string().optional() }).parse(JSON.parse(state));
  const shot = await snapshots.load(base ?? await snapshots.take());
  await Deno.mkdir(to, { recursive: true });
  for (const path of shot.folders) await Deno.mkdir(join(to, path), { recursive: true });
  for (const [path, hash, mode] of shot.files) {
    await Deno.mkdir(dirname(join(to, path)), { recursive: true });
    await Deno.writeFile(join(to, path), await snapshots.bytes(hash), { mode });
  }
  for (const [path, target] of shot.links) await Deno.symlink(target, join(to, path));
}

function cassetteOf(events: LogEvent[]): string {
  const lines = events.flatMap(({ kind, data }) => {
    const said = kind === "model_reply" ? Said.safeParse(data).data : undefined;
    if (!said) return [];
    const { message, failure, partial = "" } = said;
    const calls = message?.calls.map((call) => ({
      name: call.name,
      arguments: JSON.parse(call.arguments),
      ...(call.fault && { fault: call.fault }),
    }));
    const reply = failure
      ? { failure }
      : { text: message?.content ?? partial, ...(calls && { calls }), ...(said.finish && { finish: said.finish }) };
    return [{ expect: { purpose: said.purpose }, reply }];
  });
  return [{ cassette: 1, model: "replay", window: 1_000_000, lanes: true }, ...lines].map((line) =>
    `${JSON.stringify(line)}\n`
  ).join("");
}

/**
 * Tool results of the turns in the order of their calls (reads of one reply end in any order), without what differs from run to
 * run: paths, ids, durations.
 */
function results(events: LogEvent[], cwd: string, ids: string[]): { name: string; text: string }[] {
  let chatting = false;
  const places = new Map<string, number>();
  const found = events.flatMap(({ kind, data }) => {
    if (kind === "turn_start" || kind === "turn_end") chatting = kind === "turn_start";
    const said = kind === "model_reply" ? Said.safeParse(data).data : undefined;
    for (const call of said?.message?.calls ?? []) places.set(call.id, places.size);
    const result = kind === "tool_result" && chatting ? Result.safeParse(data).data : undefined;
    if (!result) return [];
    const text = ids.reduce((all, id) => all.replaceAll(id, "$SESSION"), result.text.replaceAll(cwd, "$CWD"))
      .replaceAll(/\b\d+(\.\d+)? ?m?s\b|(?<=duration_ms )[\d.]+/g, "$TIME")
      .replaceAll(/(?<=\/spill\/)[^"\s]+|[0-9a-f]{8}(?=\.md)/g, "$ID");
    return [{ name: result.name, text, place: places.get(result.id) ?? places.size }];
  });
  return found.toSorted((a, b) => a.place - b.place);
}

function compare(recorded: { name: string; text: string }[], again: { name: string; text: string }[]): Outcome<string> {
  for (const [at, { name, text }] of recorded.entries()) {
    const other = again[at];
    if (other?.name === name && other.text === text) continue;
    const cut = (value: string) =>
      JSON.stringify(value.length > 400 ? `${value.slice(0, 400)}...` : value).toWellFormed();
    const now = other ? `${other.name} gave ${cut(other.text)}` : "it was not called";
    return no(
      `The replay diverged at tool result ${at + 1} of ${recorded.length} (${name}): recorded ${cut(text)}, now ${now}`,
    );
  }
  const extra = again.length - recorded.length;
  if (extra > 0) {
    return no(`The replay diverged: it has ${extra} tool results more than the ${recorded.length} recorded ones`);
  }
  return ok(`${recorded.length} tool results are the same`);
}
