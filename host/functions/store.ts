/** The database of one directory's functions: opening, migrating, and what happens when it is damaged. */
import type { DatabaseSync } from "node:sqlite";
import { openDatabase } from "../session/database.ts";
import { reason } from "../session/files.ts";
import { type Archive, createArchive } from "./archive.ts";

/** The evolvable functions that a directory remembers. */
export interface Store {
  /**
   * The archive of a function under one content of its task (`task`: hash of evaluator, declaration and starting body). Another
   * content is another archive with revisions of its own, since its scores mean something else.
   */
  archive(name: string, task: string): Archive;
  /** Sources worth scoring again under a new task: the active revision and the front of the archive used last. */
  inherited(name: string, task: string): string[];
  close(): void;
}

/** What `openStore` needs. `warn` is told one sentence when a damaged database was put aside. */
export interface StoreOptions {
  path: string;
  now: () => number;
  redact: (text: string) => string;
  warn: (sentence: string) => void;
}

/** Thrown once a database has been found damaged and put aside: opening again begins a new one. */
export class DamagedStore extends Error {}

/** Each is applied once, in order; its number is SQLite's `user_version`. Only ever add to the end, and only add to the tables. */
export const MIGRATIONS: readonly string[] = [
  `CREATE TABLE functions (id INTEGER PRIMARY KEY, name TEXT NOT NULL, task TEXT NOT NULL, secret TEXT NOT NULL,
     looks INTEGER NOT NULL DEFAULT 0, active INTEGER NOT NULL DEFAULT 0, version INTEGER NOT NULL DEFAULT 0,
     used INTEGER NOT NULL, UNIQUE (name, task));
   CREATE TABLE revisions (function INTEGER NOT NULL, number INTEGER NOT NULL, parent INTEGER, source TEXT NOT NULL,
     hash TEXT NOT NULL, wasm BLOB, plain BLOB, optimize INTEGER NOT NULL, score REAL, detail TEXT NOT NULL, fuel REAL,
     ms REAL, state TEXT NOT NULL, kind TEXT, front INTEGER NOT NULL, at INTEGER NOT NULL, run TEXT NOT NULL,
     lane INTEGER NOT NULL, proposer TEXT NOT NULL, prompt TEXT, UNIQUE (function, number), UNIQUE (function, hash));
   CREATE INDEX revisions_by_score ON revisions (function, score DESC, number) WHERE score IS NOT NULL;
   CREATE INDEX revisions_accepted ON revisions (function, number) WHERE state = 'accepted';
   CREATE INDEX revisions_front ON revisions (function, number) WHERE front = 1;
   CREATE TABLE attempts (id INTEGER PRIMARY KEY, function INTEGER NOT NULL, run TEXT NOT NULL, lane INTEGER NOT NULL,
     seq INTEGER NOT NULL, attempt INTEGER NOT NULL, line TEXT NOT NULL);
   CREATE INDEX attempts_of ON attempts (function, run, lane, seq);`,
];

/**
 * Opens the database (mode 0600, folder 0700; `:memory:` for none), creating and migrating it. One that is damaged is renamed and a new one begun.
 * Throws one sentence if the directory cannot be written.
 */
export function openStore(options: StoreOptions): Store {
  try {
    return storeOver(options);
  } catch (error) {
    if (error instanceof DamagedStore) return storeOver(options);
    throw new Error(`Cannot open "${options.path}": ${reason(error)}; make its folder writable, then try again`);
  }
}

function storeOver({ path, now, redact, warn }: StoreOptions): Store {
  let db: DatabaseSync | undefined;
  const use = <T>(act: (db: DatabaseSync) => T): T => {
    try {
      return act(db ??= openDatabase(path, { migrations: MIGRATIONS, timeout: 10_000 }));
    } catch (error) {
      if (!/not a database|malformed|file is encrypted/.test(reason(error))) throw error;
      db?.close();
      throw new DamagedStore(putAside(path, now(), warn));
    }
  };
  const idOf = (name: string, task: string) => {
    const find = () => use((db) => db.prepare("SELECT id FROM functions WHERE name = ? AND task = ?").get(name, task));
    const found = find();
    if (found) {
      use((db) => db.prepare("UPDATE functions SET used = ? WHERE id = ?").run(now(), Number(found.id)));
      return Number(found.id);
    }
    const add = "INSERT OR IGNORE INTO functions (name, task, secret, used) VALUES (?, ?, ?, ?)";
    use((db) => db.prepare(add).run(name, task, crypto.randomUUID(), now()));
    return Number(find()?.id);
  };
  use((db) => db.prepare("SELECT count(*) FROM functions").get());
  return {
    archive: (name, task) => createArchive({ use, id: idOf(name, task), now, redact }),
    inherited(name, task) {
      const last = `SELECT id FROM functions o WHERE name = ? AND task <> ? AND EXISTS
        (SELECT 1 FROM revisions WHERE function = o.id) ORDER BY used DESC, id DESC LIMIT 1`;
      const sql = `SELECT r.source FROM functions f JOIN revisions r ON r.function = f.id
        WHERE f.id = (${last}) AND r.number > 0 AND (r.number = f.active OR r.front = 1) ORDER BY r.number`;
      return use((db) => db.prepare(sql).all(name, task)).map((row) => String(row.source));
    },
    close: () => db?.close(),
  };
}

function putAside(path: string, now: number, warn: (sentence: string) => void): string {
  const aside = `${path}.damaged-${new Date(now).toISOString().replace(/\W/g, "")}`;
  for (const end of ["", "-wal", "-shm"]) {
    try {
      Deno.renameSync(path + end, aside + end);
    } catch (error) { // there may be no such file
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  const sentence = `The functions' database was damaged: it was put aside as "${aside}", a new one begins`;
  warn(sentence);
  return sentence;
}
