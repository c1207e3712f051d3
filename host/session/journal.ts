/** What was learned across sessions, in SQLite. */
import type { DatabaseSync } from "node:sqlite";
import * as z from "zod";
import type { Clock, Journal } from "../../actors/ports.ts";
import { openDatabase } from "./database.ts";
import { attempt, reason } from "./files.ts";

/** What `createJournal` needs: `warn` is told, once, that the journal goes on in memory. */
export type JournalOptions = {
  path: string;
  clock: Pick<Clock, "now">;
  redact: (text: string) => string;
  warn: (sentence: string) => void;
};

/** Each is applied once, in order; its number is SQLite's `user_version`. Only ever add to the end, and only add to the tables. */
export const MIGRATIONS: readonly string[] = [
  `CREATE TABLE journal_entries (id INTEGER PRIMARY KEY, timestamp TEXT NOT NULL, observation TEXT NOT NULL,
     proposed_action TEXT NOT NULL, outcome TEXT NOT NULL, lessons_learned TEXT NOT NULL);
   CREATE TABLE failed_proposals (id INTEGER PRIMARY KEY, timestamp TEXT NOT NULL, change_description TEXT NOT NULL,
     failure_reason TEXT NOT NULL, rollback_successful INTEGER NOT NULL);`,
];

const text = z.string();
/** A row that someone edited by hand may hold anything for lessons. */
const Lessons = text.transform((json) => z.array(text).catch([]).parse(attempt(() => JSON.parse(json))));
const Entry = z.object({ observation: text, action: text, outcome: text, lessons: Lessons });
const Failed = z.object({ change: text, reason: text });

const ADD = `INSERT INTO journal_entries (timestamp, observation, proposed_action, outcome, lessons_learned)
  VALUES (?, ?, ?, ?, ?)`;
const FAIL = `INSERT INTO failed_proposals (timestamp, change_description, failure_reason, rollback_successful)
  VALUES (?, ?, ?, ?)`;
const RECENT = `SELECT observation, proposed_action AS action, outcome, lessons_learned AS lessons
  FROM journal_entries ORDER BY id DESC LIMIT ?`;
const FAILURES = `SELECT change_description AS change, failure_reason AS reason
  FROM failed_proposals ORDER BY id DESC LIMIT ?`;

/**
 * Creates the Journal port; `recent` and `failures` give the newest first. The database is opened at first use. One that cannot be
 * opened, read or written is left as it is: `warn` hears one sentence and the journal goes on in memory.
 */
export function createJournal({ path, clock, redact, warn }: JournalOptions): Journal & { close(): void } {
  let db: DatabaseSync | undefined;
  let inMemory = false;

  const use = <T>(act: (db: DatabaseSync) => T): T => {
    try {
      return act(db ??= openJournal(path));
    } catch (error) {
      if (inMemory) throw error;
      inMemory = true;
      const advice = "it goes on in memory, so mend or remove that file to keep what is learned";
      warn(`Cannot use the journal "${path}": ${reason(error)}; ${advice}`);
      db?.close();
      return act(db = openJournal(":memory:"));
    }
  };
  const write = (sql: string, words: string[], ...more: number[]) => {
    const row = words.map((word) => redact(word.toWellFormed()));
    use((db) => db.prepare(sql).run(new Date(clock.now()).toISOString(), ...row, ...more));
  };
  const rows = (sql: string, limit: number) =>
    use((db) => db.prepare(sql).all(Math.trunc(Math.min(Math.max(limit, 0), 1e6)) || 0));

  return {
    add: ({ observation, action, outcome, lessons }) =>
      write(ADD, [observation, action, outcome, JSON.stringify(lessons)]),
    fail: ({ change, reason, rolledBack }) => write(FAIL, [change, reason], rolledBack ? 1 : 0),
    recent: (limit) => rows(RECENT, limit).map((row) => Entry.parse(row)),
    failures: (limit) => rows(FAILURES, limit).map((row) => Failed.parse(row)),
    close: () => db?.close(),
  };
}

/** Opens (creating it with mode 0600) and migrates the journal; throws what SQLite says if it cannot. */
export function openJournal(path: string): DatabaseSync {
  return openDatabase(path, { migrations: MIGRATIONS, timeout: 5000 });
}
