/** Cassettes: replies recorded or written by hand, played back in order, strictly. */
import * as z from "zod";
import { Failure, Finish, no, ok, type Outcome, Purpose, type Reply } from "../../actors/types.ts";
import type { ModelRequest } from "../../actors/ports.ts";
import { uniqueId, usedIds } from "../protocol/calls.ts";
import { textTokens } from "./estimate.ts";
import { parseJson } from "../protocol/trouble.ts";
import { mapStrings } from "../protocol/wire.ts";

type Change = (text: string) => string;
const Fields = z.record(z.string(), z.unknown());
const Spoken = z.strictObject({
  text: z.string(),
  reasoning: z.union([z.string().transform((reasoning) => ({ reasoning })), Fields]),
  calls: z.array(z.object({ name: z.string(), arguments: Fields, fault: z.string().optional() })),
  finish: Finish,
  note: z.string(),
  usage: z.object({ input: z.number(), output: z.number() }),
}).partial();
const Recorded = z.union([z.strictObject({ failure: Failure }), Spoken]);
const Said = z.object({
  role: z.string(),
  name: z.string().optional(),
  content: z.string(),
  calls: z.array(z.object({ name: z.string(), arguments: z.string() })).optional(),
});
const Canonical = z.object({ purpose: Purpose, messages: z.array(Said), tools: z.array(z.string()) });
const Names = z.array(z.string()).optional();
const Words = z.string().optional();
const Expect = z.strictObject({ purpose: Purpose, contains: Words, lacks: Words, tools: Names });
const Line = z.union([
  z.strictObject({ request: Canonical, reply: Recorded }),
  z.strictObject({ expect: Expect, reply: Recorded }),
]);
const Header = z.strictObject({
  cassette: z.literal(1),
  model: z.string(),
  window: z.number().positive(),
  lanes: z.boolean().optional(),
  fallback: z.partialRecord(Purpose, Recorded).optional(),
});
type Recorded = z.infer<typeof Recorded>;
type Canonical = z.infer<typeof Canonical>;
type Line = z.infer<typeof Line>;

/** A parsed cassette. */
export interface Cassette {
  header: z.infer<typeof Header>;
  lines: Line[];
}

/** How many lines were played, in all (key `all`) or for each purpose; JSON, so that another process can go on. */
export type CassettePosition = Record<string, number>;

/** Reads a cassette from its text; `name` is for the error. */
export function parseCassette(text: string, name: string): Outcome<Cassette> {
  const rows = text.split("\n").map((row, at) => ({ row, at })).filter(({ row }) => row.trim());
  const bad = (at: number, { issues }: z.ZodError) => {
    const why = issues.map(({ path, message }) => `${path.join(".")} ${message}`.trim()).join(", ").slice(0, 200);
    return no(
      `Cannot play cassette "${name}": line ${at + 1} cannot be read: ${why}; record it again or mend the line`,
    );
  };
  const header = Header.safeParse(parseJson(rows[0]?.row ?? ""));
  if (!header.success) return bad(rows[0]?.at ?? 0, header.error);
  const lines: Line[] = [];
  for (const { row, at } of rows.slice(1)) {
    const line = Line.safeParse(parseJson(row));
    if (!line.success) return bad(at, line.error);
    lines.push(line.data);
  }
  return ok({ header: header.data, lines });
}

/** What of a request is compared: purpose, messages without ids, and the names of the tools. */
export function canonical({ purpose, messages, tools }: ModelRequest, normalise: Change): Canonical {
  const said = Canonical.parse({ purpose, messages, tools: tools.map(({ name }) => name) });
  return Canonical.parse(mapStrings(said, normalise));
}

/** The line that records one exchange. */
export function recordLine(request: Canonical, outcome: Reply | Failure, clean: Change): string {
  if ("kind" in outcome) return `${JSON.stringify({ request, reply: { failure: outcome } })}\n`;
  const { message, finish, note, usage: { input, output } } = outcome;
  const calls = message.calls.map(({ id: _id, ...call }) => ({ ...call, arguments: JSON.parse(call.arguments) }));
  const reply = { text: message.content, reasoning: message.reasoning, calls, finish, note, usage: { input, output } };
  return `${JSON.stringify({ request, reply: mapStrings(reply, clean) })}\n`;
}

/** What makes a text comparable, and a recorded one fit this session. */
type Changes = Record<"normalise" | "localise", Change>;

/** Plays a cassette. `play` returns the next reply, or a failure; `diverged` shows the difference. */
export function createPlayer({ header, lines }: Cassette, name: string, { normalise, localise }: Changes) {
  let played: CassettePosition = {};

  async function play(request: ModelRequest): Promise<Reply | Failure> {
    const key = header.lanes ? request.purpose : "all";
    const at = played[key] ?? 0;
    const line = lines.filter((line) => !header.lanes || purposeOf(line) === key)[at];
    const asked = canonical(request, normalise);
    const why = line ? await difference(line, asked, normalise) : `it has no more replies after ${at}`;
    if (line && !why) {
      played[key] = at + 1;
      return replyOf(Recorded.parse(mapStrings(line.reply, localise)), request, at);
    }
    const fallback = header.lanes && header.fallback?.[request.purpose];
    if (fallback) return replyOf(fallback, request, at);
    const which = `request ${at + 1} (${request.purpose})`;
    return { kind: "diverged", message: `Cannot play cassette "${name}": ${which} is not the recorded one: ${why}` };
  }

  return {
    play,
    position: (): CassettePosition => ({ ...played }),
    seek: (position: CassettePosition) => void (played = { ...position }),
  };
}

const purposeOf = (line: Line) => "request" in line ? line.request.purpose : line.expect.purpose;

/** What keeps a request from being the expected one; empty if nothing does. */
async function difference(line: Line, asked: Canonical, normalise: Change): Promise<string> {
  if ("request" in line) {
    const recorded = Canonical.parse(mapStrings(line.request, normalise));
    return JSON.stringify(recorded) === JSON.stringify(asked) ? "" : await compare(recorded, asked);
  }
  const { purpose, contains = "", lacks, tools = [] } = line.expect;
  const last = asked.messages.at(-1)?.content ?? "";
  const missing = tools.filter((tool) => !asked.tools.includes(tool));
  if (purpose !== asked.purpose) return `its purpose is "${asked.purpose}", expected "${purpose}"`;
  if (missing.length) return `the tools ${missing.join(", ")} are not offered`;
  if (lacks && last.includes(lacks)) return `its last message holds "${lacks}"`;
  return last.includes(contains) ? "" : `its last message does not hold "${contains}" but "${last.slice(-300)}"`;
}

async function compare(recorded: Canonical, asked: Canonical): Promise<string> {
  const { createTwoFilesPatch } = await import("diff");
  const lay = ({ purpose, messages, tools }: Canonical) => {
    const said = messages.map(({ role, name = "", content, calls = [] }) =>
      [`[${role} ${name}`.trim() + "]", content, ...calls.map((call) => `call ${call.name} ${call.arguments}`)].join(
        "\n",
      )
    );
    return [`purpose ${purpose}`, `tools ${tools.join(" ")}`, ...said, ""].join("\n");
  };
  const options = { context: 1, maxEditLength: 2000 };
  const patch = createTwoFilesPatch("recorded", "asked", lay(recorded), lay(asked), "", "", options);
  const lines = (patch ?? "the requests have little in common").split("\n").filter((line) => !/^=+$/.test(line));
  return `\n${
    lines.slice(0, 40).map((line) => line.slice(0, 300)).join("\n").replace(/\p{Surrogate}/gu, "").trimEnd()
  }`;
}

function replyOf(recorded: Recorded, { messages }: ModelRequest, at: number): Reply | Failure {
  if ("failure" in recorded) return recorded.failure;
  const { text = "", reasoning, calls = [], finish = calls.length ? "calls" : "stop", note, usage } = recorded;
  const used = usedIds(messages);
  const made = calls.map((call, n) => ({
    ...call,
    id: uniqueId("", at + n, used),
    arguments: JSON.stringify(call.arguments),
  }));
  const input = messages.reduce((sum, { content }) => sum + 4 + textTokens(content), 3);
  const counted = usage ?? { input, output: textTokens(text + JSON.stringify(calls)) };
  return {
    message: { role: "assistant", content: text, calls: made, ...(reasoning ? { reasoning } : {}) },
    usage: { ...counted, cached: 0, cost: 0, estimated: !usage },
    finish,
    ...(note ? { note } : {}),
  };
}
