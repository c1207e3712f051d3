/** The canary: a new executable has to start in an empty home and hold a conversation that it cannot know. */
import { join } from "node:path";
import * as z from "zod";
import { no, ok, type Outcome } from "../actors/types.ts";
import { run } from "./gate/run.ts";
import { parseJson } from "./protocol/trouble.ts";

const DEADLINE_MS = 20_000;
const Line = z.looseObject({ type: z.string() });

/** Plays one turn with a tool call: the file's content, made up here, has to come back. The value says what was seen. */
export async function runCanary(
  executable: string,
  signal: AbortSignal,
  { ms = DEADLINE_MS } = {},
): Promise<Outcome<string>> {
  const folder = await Deno.makeTempDir({ prefix: "evo-canary-" });
  const secret = crypto.randomUUID();
  try {
    const cwd = join(folder, "work");
    await Deno.mkdir(cwd);
    await Deno.writeTextFile(join(cwd, "canary.txt"), `${secret}\n`);
    const cassette = join(folder, "canary.jsonl");
    await Deno.writeTextFile(cassette, CASSETTE.map((line) => `${JSON.stringify(line)}\n`).join(""));
    const command = [executable, "-p", "sing", "--json", "--model", `cassette:${cassette}`];
    const env = { HOME: folder, EVO_HOME: join(folder, "evo"), TMPDIR: folder, NO_COLOR: "1" };
    const ended = await run(command, { cwd, env, ms, signal });
    if (ended.timedOut) return no(`The canary died: the new executable did not end within ${ms / 1000} s`);
    return judge(ended, await wroteDown(cwd, secret).catch(() => false));
  } finally {
    await Deno.remove(folder, { recursive: true }).catch(() => {});
  }
}

const CASSETTE = [
  { cassette: 1, model: "canary", window: 100_000 },
  {
    expect: { purpose: "chat", contains: "sing", tools: ["read_file"] },
    reply: { calls: [{ name: "read_file", arguments: { path: "canary.txt" } }] },
  },
  { expect: { purpose: "chat" }, reply: { text: "the canary lives" } },
];

/** True if the trajectory holds the text: the tool's result went through the whole program. */
async function wroteDown(cwd: string, text: string): Promise<boolean> {
  const sessions = join(cwd, ".evo/sessions");
  for await (const { name } of Deno.readDir(sessions)) {
    if ((await Deno.readTextFile(join(sessions, name, "traj.jsonl"))).includes(text)) return true;
  }
  return false;
}

function judge(
  { code, stdout, stderr }: { code: number; stdout: string; stderr: string },
  read: boolean,
): Outcome<string> {
  const bad = (why: string) =>
    no(`The canary died: ${why}\n${`${stderr}\n${stdout}`.trim().slice(-1500).toWellFormed()}`);
  if (code !== 0) return bad(`the new executable ended with code ${code}`);
  const events = stdout.split("\n").filter((line) => line !== "").map((line) => Line.safeParse(parseJson(line)).data);
  if (events.some((event) => event === undefined)) return bad("its output is not the event stream");
  const notices = events.flatMap((event) =>
    event?.type === "notice" && event.level !== "info" ? [String(event.text)] : []
  );
  if (notices.length > 0) return bad(notices.join("; "));
  const said = events.some((event) => event?.type === "text_delta" && String(event.text).includes("canary"));
  if (!read) return bad("it did not bring back what is in the file");
  return said ? ok(`a turn with a tool call, ${events.length} events`) : bad("it did not show the model's answer");
}
