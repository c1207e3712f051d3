/** The loop with a model: lanes side by side, each climbing its own ladder. */
import type { Clock, Model } from "../../actors/ports.ts";
import { either, type Failure, type Message, NO_USAGE, type Usage } from "../../actors/types.ts";
import { reason } from "../session/files.ts";
import { lastBlock } from "../wasm/source.ts";
import { type Arena, digest, type Judged } from "../functions/arena.ts";
import type { Gate } from "./budget.ts";
import { BOTTOM, climb, type Happened, type Next, type Rung } from "./ladder.ts";
import { scored, taskPrompt } from "./prompt.ts";

/** What an evolution came to. `why` says in a few words what ended it. */
export interface Ended {
  why: string;
  attempts: number;
  /** Revisions that won, in order. */
  won: number[];
  usage: Usage;
  /** How the model failed, if that ended every lane. */
  failure?: Failure | undefined;
}

/** What both proposers work with. `signal` ends the run in good order: what was found is stored. */
export interface Run {
  arena: Arena;
  id: string;
  clock: Clock;
  update: (line: string) => void;
  signal: AbortSignal;
}

/** How far, with whom, and with what words. */
export interface Lanes {
  rounds: number;
  lanes: number;
  model: Model;
  gate: Gate;
  prompt: (name: string) => Promise<string>;
}

/** Evolves with a model until the goal, the budget, the rounds or the signal end it. What was found is stored by then. */
export async function evolveByModel(run: Run, on: Lanes): Promise<Ended> {
  const stop = new AbortController();
  const signal = either(run.signal, stop.signal);
  const system = await on.prompt("function");
  const ended: Ended = { why: "", attempts: 0, won: [], usage: NO_USAGE };
  const lane = async (number: number) => {
    try {
      return await runLane({ ...run, signal }, on, { number, system, ended, stop });
    } catch (error) {
      if (!signal.aborted) stop.abort(error);
      return { why: "" };
    }
  };
  const first = lane(0), ahead = await Promise.race([first, run.clock.sleep(AHEAD_MS, signal).catch(() => undefined)]);
  const more = ahead?.failure ? 0 : on.lanes - 1;
  const ends: End[] = await Promise.all([first, ...Array.from({ length: more }, (_, at) => lane(at + 1))]);
  if (stop.signal.aborted && stop.signal.reason instanceof Error && !(stop.signal.reason instanceof GoalReached)) {
    throw stop.signal.reason;
  }
  const said = ends.find(({ failure }) => failure) ?? ends.find(({ why }) => why !== "");
  const stopped = run.signal.aborted ? reason(run.signal.reason) : said?.why ?? "";
  const why = stop.signal.aborted ? "the goal is reached" : stopped;
  return {
    ...ended,
    why,
    usage: on.gate.spent(),
    failure: ends.every(({ failure }) => failure) ? said?.failure : undefined,
  };
}

/** The first lane's lead: a key that is refused, or an endpoint that is not there, is found out with one request. */
const AHEAD_MS = 2_000;
type End = Pick<Ended, "why" | "failure">;
class GoalReached extends Error {}

interface Lane {
  number: number;
  system: string;
  ended: Ended;
  stop: AbortController;
}

/** Runs the rounds of one lane; the value says what ended it. */
async function runLane(run: Run, on: Lanes, lane: Lane): Promise<End> {
  const { arena, update, clock, signal } = run;
  let seq = 0;
  for (let round = 1; round <= on.rounds; round++) {
    const first = taskPrompt(arena.entry, arena.archive, { lane: lane.number, lanes: on.lanes });
    let rung: Rung = BOTTOM, messages = opening(lane.system, first), asked = first;
    for (let going = true; going;) {
      const attempt = rung.attempts + 1;
      const tried = await tryOnce(run, on, { messages, lane, rung, asked: digest(`${lane.system}\n${first}`) });
      if (tried.type === "spent") return { why: tried.why };
      const { happened, judged, reply } = tried;
      const step = climb(rung, happened);
      rung = step.rung;
      lane.ended.attempts++;
      const { next } = step;
      arena.archive.trace({
        ...{ type: "attempt", at: new Date(clock.now()).toISOString(), run: run.id, lane: lane.number, round },
        ...{ seq: seq++, attempt, proposer: "model", model: on.model.name(), prompt: asked, reply },
        ...{ usage: tried.usage ?? null, stages: { modelMs: tried.ms, ...judged?.stages }, ladder: next },
        revision: judged?.revision ?? null,
      });
      if (next.event === "terminal" && happened.type === "failed") {
        return { why: next.reason, failure: happened.failure };
      }
      update(progress(`lane ${lane.number + 1}, round ${round}, attempt ${attempt}`, { next, judged }));
      if (judged?.accepted && judged.revision !== undefined) won(arena, lane, judged);
      if (next.event === "transient_retry") await clock.sleep(next.delayMs, signal);
      [messages, asked] = continued(next, { messages, asked, reply, opening: opening(lane.system, first) });
      going = next.event !== "registered" && next.event !== "terminal";
      signal.throwIfAborted();
    }
  }
  return { why: on.rounds === 1 ? "the round is over" : `the ${on.rounds} rounds are over` };
}

function won({ entry }: Arena, { ended, stop }: Lane, { revision, score }: Judged): void {
  if (revision !== undefined) ended.won.push(revision);
  if (entry.goal !== undefined && score && score.score >= entry.goal) {
    stop.abort(new GoalReached("the goal is reached"));
  }
}

function opening(system: string, first: string): Message[] {
  return [{ role: "system", content: system }, { role: "user", content: first }];
}

/** The conversation after this step, and what is newly asked. A history that is dropped is not quoted. */
function continued(
  next: Next,
  { messages, asked, reply, opening }: { messages: Message[]; asked: string; reply: string; opening: Message[] },
): [Message[], string] {
  const user = (content: string): Message => ({ role: "user", content });
  if (next.event === "self_heal") {
    const said: Message = { role: "assistant", content: quoted(reply), calls: [] };
    return [[...messages, said, user(next.nudge)], next.nudge];
  }
  const first = opening[1]?.content ?? "";
  if (next.event === "context_reset") return [opening, first];
  if (next.event !== "repeat_reset") return [messages, asked];
  const again = `${first}\n\n${next.nudge}`;
  return [[...opening.slice(0, 1), user(again)], again];
}

const QUOTED = 40_000;
/** A reply as it is quoted back: one without end would leave no room for the next. */
function quoted(reply: string): string {
  if (reply.length <= QUOTED) return reply || "(empty)";
  return `${reply.slice(0, QUOTED).toWellFormed()}\n(${reply.length - QUOTED} more characters are left out)`;
}

type Tried =
  | { type: "spent"; why: string }
  | { type: "tried"; happened: Happened; reply: string; ms: number; usage?: Usage; judged?: Judged };

/** One attempt: ask, find the body, let it compete. */
async function tryOnce(
  { arena, clock, id, signal }: Run,
  { model, gate }: Lanes,
  { messages, lane, rung, asked }: { messages: Message[]; lane: Lane; rung: Rung; asked: string },
): Promise<Tried> {
  const parent = arena.archive.standing().active;
  const entered = await gate.enter({ priority: rung.attempts, tokens: model.estimate(messages, []), signal });
  if (!entered.ok) return { type: "spent", why: entered.error };
  const start = clock.now();
  let usage: Usage | undefined;
  let reply: Awaited<ReturnType<Model["reply"]>>;
  try {
    reply = await model.reply({ purpose: "function", messages, tools: [] }, signal);
    if (reply.ok) usage = reply.value.usage;
  } finally {
    entered.value(usage);
  }
  const ms = clock.now() - start;
  if (!reply.ok) {
    const failure: Failure = "failure" in reply ? reply.failure : { kind: "refused", message: reply.error };
    return { type: "tried", happened: { type: "failed", failure }, reply: "", ms };
  }
  const { message: { content: text }, note = "" } = reply.value, found = lastBlock(text, arena.entry.functions);
  const told = { type: "tried" as const, reply: text, ms, usage: reply.value.usage };
  if (!found.ok) {
    const detail = [found.error, note].filter((line) => line !== ""); // it may have been cut
    return { ...told, happened: { type: "rejected", kind: "no_code", hash: digest(text), detail } };
  }
  const measured = await arena.measure(found.value, arena.against(), signal);
  const origin = { parent, run: id, lane: lane.number, proposer: model.name(), prompt: asked };
  const judged = await arena.settle(measured, origin, signal);
  const { kind = "worse", feedback } = judged;
  const hash = judged.hash || digest(found.value);
  const detail = judged.score && kind !== "seen" ? [`Score: ${scored(judged.score, 20)}`, ...feedback] : feedback;
  return {
    ...told,
    judged,
    happened: judged.accepted ? { type: "accepted" } : { type: "rejected", kind, hash, detail },
  };
}

function progress(where: string, { next, judged }: { next: Next; judged: Judged | undefined }): string {
  if (judged?.accepted) {
    const now = judged.active ? ", active now" : "";
    return `${where}: revision ${judged.revision} wins with ${scored(judged.score)}${now}`;
  }
  const why = judged?.kind ? `${judged.kind}${judged.score ? `, score ${scored(judged.score)}` : ""}; ` : "";
  const said = next.event === "terminal" ? `ends: ${next.reason}` : next.event.replace("_", " ");
  return `${where}: ${why}${next.event === "self_heal" && !judged ? `${next.kind}; ` : ""}${said}`;
}
