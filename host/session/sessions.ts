/** Past sessions of a working directory: listing, loading, and what reflection has seen of them. */
import * as z from "zod";
import { type LogEvent, no, ok, type Outcome } from "../../actors/types.ts";
import type { Clock, Sessions } from "../../actors/ports.ts";
import { parseLine, type TrajectoryLog } from "./log.ts";
import { cut, reason } from "./files.ts";
import { lineHead, readLines, scanLines } from "./lines.ts";
import { createMarks, type Mark } from "./marks.ts";
import { pageOf, summaryOf } from "./summary.ts";

/** What `createSessions` needs: the directory worked in, the id of the new session, and the log that `resume` moves. */
export type SessionsOptions = { cwd: string; id: string; log: Pick<TrajectoryLog, "move"> };

const Input = z.object({ text: z.string() });
const ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/** What the id of a sub-agent's session ends in: a person's list does not hold it. */
const AGENT = "-agent";

/** Makes the id of a new session: UTC time and four random letters or digits, as `20261121-005337-k3f9`. */
export function newSessionId(clock: Pick<Clock, "now">, agent = false): string {
  const [day = "", time = ""] = new Date(clock.now()).toISOString().replace(/[-:]|\..*/g, "").split("T");
  const random = [...crypto.getRandomValues(new Uint8Array(4))].map((byte) => (byte % 36).toString(36)).join("");
  return `${day}-${time}-${random}${agent ? AGENT : ""}`;
}

/** The folder that holds the trajectory of a session. */
export function sessionFolder(cwd: string, id: string): string {
  return `${cwd}/.evo/sessions/${id}`;
}

/** Creates the Sessions port over `<cwd>/.evo`. Ids that are not plain names are refused; nothing is created before it is needed. */
export function createSessions({ cwd, id, log }: SessionsOptions): Sessions {
  const marks = createMarks(`${cwd}/.evo`);
  const file = (name: string) => `${sessionFolder(cwd, name)}/traj.jsonl`;
  let current = id;

  const refused = (name: string, why: string) =>
    no(`Cannot load session ${JSON.stringify(cut(name, 100))}: ${why}; list them with "/sessions"`);
  const find = async (name: string): Promise<Outcome<string>> => {
    if (!ID.test(name)) return refused(name, "that is not a session id");
    return await isFile(file(name)) ? ok(file(name)) : refused(name, `"${cwd}" has none of that id`);
  };
  const load = async (name: string): Promise<Outcome<LogEvent[]>> => {
    const found = await find(name);
    try {
      return found.ok ? ok([...eventsOf(found.value)]) : found;
    } catch (error) {
      return refused(name, reason(error));
    }
  };

  return {
    load,
    current: () => current,
    async unreflected() {
      const marked = await marks.read();
      const fresh = (await idsOf(cwd)).filter((name) => turnsOf(file(name), marked[name]).turns > 0);
      return fresh.toSorted((a, b) => Number(a === current) - Number(b === current));
    },
    async list() {
      const marked = await marks.read();
      return (await idsOf(cwd)).filter((id) => !id.endsWith(AGENT)).map((id) => {
        const { startedAt, first, turns } = turnsOf(file(id));
        return { id, startedAt, first, turns, reflected: id in marked && turnsOf(file(id), marked[id]).turns === 0 };
      });
    },
    async resume(name) {
      const found = await find(name);
      if (!found.ok) return no(found.error.replace("load", "resume"));
      try {
        log.move(sessionFolder(cwd, name));
      } catch (error) {
        return no(`Cannot resume session "${name}": ${reason(error)}; end the other one or start a new session`);
      }
      current = name;
      return ok(eventsOf(found.value));
    },
    async summary(name, limit) {
      const events = await load(name);
      if (!events.ok) return events;
      const seen = (await marks.read())[name]?.events ?? 0;
      const news = events.value.some((event) => event.seq >= seen && event.kind === "user_input");
      return ok(summaryOf(events.value, { limit, from: news ? seen : 0 }));
    },
    async page(name, from, to) {
      const events = await load(name);
      return events.ok ? ok(pageOf(events.value, { from, to })) : events;
    },
    async reflected(names) {
      const known = (await idsOf(cwd)).filter((name) => names.includes(name));
      await marks.add(known.map((name) => [name, turnsOf(file(name)).mark]));
    },
    openTask: (number) => openFolder(cwd, { session: current, number }),
  };
}

/** A task's folder is made only if `outputs` really lies in the directory. */
async function openFolder(cwd: string, task: { session: string; number: number }): Promise<Outcome<string>> {
  const path = `outputs/${task.session}/task_${task.number}`;
  const refused = (why: string) => no(`Cannot open "${path}": ${why}; free that name or make it writable`);
  if (!Number.isSafeInteger(task.number) || task.number < 1) return refused("a task counts from 1");
  try {
    const root = await Deno.realPath(cwd);
    const outputs = await Deno.realPath(`${cwd}/outputs`).catch(() => `${root}/outputs`);
    if (!outputs.startsWith(`${root}/`)) return refused(`"outputs" leads to "${outputs}"`);
    await Deno.mkdir(`${cwd}/${path}`, { recursive: true });
    return ok(path);
  } catch (error) {
    return refused(reason(error));
  }
}

function* eventsOf(path: string): Generator<LogEvent, undefined> {
  const lines = readLines(path);
  for (let next = lines.next();; next = lines.next()) {
    const event = parseLine(next.done ? next.value.rest : next.value); // a last line that lacks only its newline is whole
    if (event) yield event;
    if (next.done) return;
  }
}

/** Names of the session folders that hold a trajectory, sorted. */
async function idsOf(cwd: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name, isDirectory } of Deno.readDir(`${cwd}/.evo/sessions`)) {
      if (isDirectory && ID.test(name) && await isFile(`${sessionFolder(cwd, name)}/traj.jsonl`)) names.push(name);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names.sort();
}

const isFile = (path: string) => Deno.lstat(path).then((found) => found.isFile, () => false);

/** Turns of a file, after `mark` if given, read by the heads of its lines alone; with the mark of its present end. */
function turnsOf(path: string, mark: Mark = { events: 0, bytes: 0, at: "" }) {
  const from = mark.bytes <= Deno.statSync(path).size ? mark.bytes : 0;
  const seen = { turns: 0, startedAt: "", first: "", mark: { ...mark } };
  const scan = scanLines(path, (line) => {
    const head = lineHead(line);
    if (!head || head.seq < mark.events) return;
    seen.startedAt ||= head.ts;
    seen.mark = { events: head.seq + 1, bytes: 0, at: head.ts };
    if (head.kind !== "user_input") return;
    seen.turns += 1;
    seen.first ||= cut(Input.safeParse(parseLine(line)?.data).data?.text.replace(/\s+/g, " ").trim() ?? "", 120);
  }, from);
  seen.mark.bytes = scan.end;
  return seen;
}
