/** Every revision of one function: what was tried, how good it is, which one is active. */
import type { DatabaseSync, SQLInputValue, SQLOutputValue } from "node:sqlite";
import * as z from "zod";
import type { Score } from "../../actors/functions.ts";
import { mapStrings } from "../protocol/wire.ts";

/** A body as compiled: metered, and not. `optimize` is the level of `plain`; `wasm` is what scores are measured with. */
export interface Built {
  wasm: Uint8Array;
  plain: Uint8Array;
  optimize: 1 | 3;
}

/** What became of a body. `kind` says why it was rejected, `feedback` is what the model may read about it. */
export interface Verdict {
  state: "accepted" | "rejected";
  kind?: string | undefined;
  score?: Score | undefined;
  fuel?: number | undefined;
  ms?: number | undefined;
  feedback: string[];
  built?: Built | undefined;
}

/** Where a body comes from. `prompt` is the hash of what the model was asked. */
export interface Origin {
  parent: number | null;
  run: string;
  lane: number;
  proposer: string;
  prompt?: string | undefined;
}

/** A body, as the model or the search wrote it, with the hash of its canonical text. */
export interface Body {
  source: string;
  hash: string;
}

/** One stored revision; 0 is the starting body. `built` is missing where the source must be compiled again. */
export interface Revision extends Body, Verdict, Origin {
  number: number;
  /** True while it is a point of the Pareto front. */
  front: boolean;
  /** Milliseconds since the epoch. */
  at: number;
}

/** The state of a function that a comparison starts from; an acceptance is refused once `version` has changed. */
export interface Standing {
  active: number;
  version: number;
  looks: number;
  secret: string;
}

/** A line of the trace: where it belongs, and whatever else is to be told. */
export type Trace = { run: string; lane: number; seq: number; attempt: number } & Record<string, unknown>;

/** What one body cost in looks, and what its acceptance was decided against. */
export interface Decision {
  looks: number;
  version: number;
  /** Revisions that the new one drives off the front. */
  dominated: number[];
  active: boolean;
  /** True where there is a Pareto front. */
  front: boolean;
}

/** The revisions of one function. Every method is one transaction: after a kill it happened or it did not. */
export interface Archive {
  standing(): Standing;
  revision(number: number): Revision | undefined;
  byHash(hash: string): Revision | undefined;
  /** The active revision, or with objectives the front and the active revision. */
  incumbents(objectives: boolean): Revision[];
  /** Stores a body that does not win; one that is known already keeps its number. Looks at held-out data are counted with it. */
  reject(body: Body, how: { verdict: Verdict; origin: Origin; looks: number }): number;
  /** Stores a winner and makes it active at once; undefined if another won since `version`: compare again. */
  accept(body: Body, how: { verdict: Verdict; origin: Origin; decision: Decision }): number | undefined;
  activate(number: number): void;
  build(number: number, built: Built): void;
  /** Stores one JSON line; secrets are taken out of its texts. */
  trace(line: Trace): void;
  /** `best`: scored ones, best first; `recent` and `accepted`: newest first. Without their modules. */
  list(which: "best" | "recent" | "accepted", limit: number): Revision[];
  count(): number;
}

type Use = <T>(act: (db: DatabaseSync) => T) => T;
const Detail = z.object({ metrics: z.record(z.string(), z.number()).optional(), feedback: z.array(z.string()) });
const ORIGIN = "number, parent, source, hash, state, kind, score, detail, fuel, ms, front, at, run, lane, proposer";
const PLAIN = `SELECT ${ORIGIN}, prompt FROM revisions WHERE function = ?`;
const WHOLE = `SELECT ${ORIGIN}, prompt, wasm, plain, optimize FROM revisions WHERE function = ?`;
/** The queries that must not read every row; a test looks at their plans. */
export const QUERIES = {
  number: `${WHOLE} AND number = ?`,
  hash: `${WHOLE} AND hash = ?`,
  front: `${WHOLE} AND front = 1 ORDER BY number`,
  best: `${PLAIN} AND score IS NOT NULL ORDER BY score DESC, number LIMIT ?`,
  recent: `${PLAIN} ORDER BY number DESC LIMIT ?`,
  accepted: `${PLAIN} AND state = 'accepted' ORDER BY number DESC LIMIT ?`,
  last: "SELECT max(number) AS last FROM revisions WHERE function = ?",
};
const ADD = `INSERT INTO revisions (function, ${ORIGIN}, prompt, wasm, plain, optimize)
  VALUES (${Array(20).fill("?").join(", ")})`;
const WON = `UPDATE revisions SET state = 'accepted', kind = NULL, front = ?, wasm = ?, plain = ?
  WHERE function = ? AND number = ?`;
const BUILD = "UPDATE revisions SET wasm = ?, plain = ?, optimize = ? WHERE function = ? AND number = ?";
const LOOK = "UPDATE functions SET looks = looks + ? WHERE id = ?";
const ACTIVATE = "UPDATE functions SET active = ?, version = version + 1 WHERE id = ?";
const TRACE = "INSERT INTO attempts (function, run, lane, seq, attempt, line) VALUES (?, ?, ?, ?, ?, ?)";

/** Creates the archive of one function; `use` hands out the database. Text is redacted before it is stored. */
export function createArchive(
  { use, id, now, redact }: { use: Use; id: number; now: () => number; redact: (text: string) => string },
): Archive {
  const clean = (text: string) => redact(text.toWellFormed());
  const run = (sql: string, ...values: SQLInputValue[]) => use((db) => db.prepare(sql).run(...values));
  const write = <T>(act: () => T) => use((db) => inTransaction(db, act));
  const one = (sql: string, key: string | number) => use((db) => db.prepare(sql).all(id, key)).map(revisionOf)[0];
  const many = (sql: string, ...more: number[]) => use((db) => db.prepare(sql).all(id, ...more)).map(revisionOf);
  const standing = () => {
    const row = use((db) => db.prepare("SELECT active, version, looks, secret FROM functions WHERE id = ?").get(id));
    return z.object({ active: z.number(), version: z.number(), looks: z.number(), secret: z.string() }).parse(row);
  };
  const count = () => Number(use((db) => db.prepare(QUERIES.last).get(id))?.last ?? -1) + 1;
  /** One that is known keeps its number and origin; only an acceptance changes what is said about it. */
  const put = (
    { source, hash }: Body,
    { verdict, origin }: { verdict: Verdict; origin: Origin },
    front: 0 | 1,
  ): number => {
    const { state, kind = null, score, fuel = null, ms = null, feedback, built } = verdict;
    const keep = state === "accepted" ? built : undefined, had = one(QUERIES.hash, hash)?.number;
    const modules = [keep?.wasm ?? null, keep?.plain ?? null];
    if (had !== undefined) {
      if (state === "accepted") run(WON, front, ...modules, id, had);
      return had;
    }
    const number = count(), detail = JSON.stringify({ metrics: score?.metrics, feedback: feedback.map(clean) });
    const said = [number, origin.parent, clean(source), hash, state, kind];
    const measured = [score?.score ?? null, detail, fuel, ms, front];
    const from = [now(), origin.run, origin.lane, origin.proposer, origin.prompt ?? null];
    run(ADD, id, ...said, ...measured, ...from, ...modules, keep?.optimize ?? 1);
    return number;
  };
  return {
    standing,
    revision: (number) => one(QUERIES.number, number),
    byHash: (hash) => one(QUERIES.hash, hash),
    incumbents(objectives) {
      const active = one(QUERIES.number, standing().active);
      const front = objectives ? many(QUERIES.front) : [];
      return [...front, ...(active && !front.some(({ number }) => number === active.number) ? [active] : [])];
    },
    reject: (body, how) =>
      write(() => {
        run(LOOK, how.looks, id);
        return put(body, how, 0);
      }),
    accept: (body, how) =>
      write(() => {
        const { looks, version, dominated, active, front } = how.decision, now = standing();
        run(LOOK, looks, id);
        if (now.version !== version) return undefined;
        const number = put(body, how, front ? 1 : 0);
        for (const one of dominated) run("UPDATE revisions SET front = 0 WHERE function = ? AND number = ?", id, one);
        run(ACTIVATE, active ? number : now.active, id);
        return number;
      }),
    activate: (number) => void run(ACTIVATE, number, id),
    build: (number, { wasm, plain, optimize }) => void run(BUILD, wasm, plain, optimize, id, number),
    trace: (line) =>
      void run(TRACE, id, line.run, line.lane, line.seq, line.attempt, JSON.stringify(mapStrings(line, clean))),
    list: (which, limit) => many(QUERIES[which], limit),
    count,
  };
}

const maybe = <T extends z.ZodType>(type: T) => type.nullish().transform((value) => value ?? undefined);
const Row = z.object({
  ...{ number: z.number(), parent: z.number().nullable(), source: z.string(), hash: z.string(), detail: z.string() },
  ...{ state: z.enum(["accepted", "rejected"]), kind: maybe(z.string()), score: maybe(z.number()) },
  ...{ fuel: maybe(z.number()), ms: maybe(z.number()), front: z.number(), at: z.number(), run: z.string() },
  ...{ lane: z.number(), proposer: z.string(), prompt: maybe(z.string()), optimize: z.literal([1, 3]).optional() },
  ...{ wasm: maybe(z.instanceof(Uint8Array)), plain: maybe(z.instanceof(Uint8Array)) },
});

function revisionOf(stored: Record<string, SQLOutputValue>): Revision {
  const { score, detail, front, wasm, plain, optimize, ...row } = Row.parse(stored);
  const { metrics, feedback } = Detail.parse(JSON.parse(detail));
  const built = wasm && plain && optimize && { wasm, plain, optimize };
  const whole = score === undefined ? undefined : { score, feedback, ...(metrics && { metrics }) };
  return { ...row, feedback, front: front === 1, score: whole, built: built || undefined };
}

/** Runs `act` as one write: all of it is stored or nothing. */
export function inTransaction<T>(db: DatabaseSync, act: () => T): T {
  db.exec("BEGIN IMMEDIATE");
  try {
    const value = act();
    db.exec("COMMIT");
    return value;
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}
