/** A SQLite database of Evo's own: opened, and brought up to its last migration. */
import process from "node:process";
import { dirname } from "node:path";
import type { DatabaseSync } from "node:sqlite";

/**
 * Opens it (mode 0600, its folder 0700; `:memory:` for none), waiting `timeout` ms for another process; throws what SQLite says.
 * `migrations` are applied once, in order. A database of a newer generation keeps its number: migrations only add, so this
 * one can use it as it is.
 */
export function openDatabase(
  path: string,
  { migrations, timeout }: { migrations: readonly string[]; timeout: number },
): DatabaseSync {
  if (path !== ":memory:") {
    Deno.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    Deno.openSync(path, { read: true, write: true, create: true, mode: 0o600 }).close();
  }
  const db = new (process.getBuiltinModule("node:sqlite").DatabaseSync)(path, { timeout });
  try {
    db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
    migrate(db, migrations);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function migrate(db: DatabaseSync, migrations: readonly string[]): void {
  const version = () => Number(db.prepare("PRAGMA user_version").get()?.user_version);
  if (version() >= migrations.length) return;
  db.exec("BEGIN IMMEDIATE");
  try {
    const from = version(); // another process may have migrated while this one waited
    for (const sql of migrations.slice(from)) db.exec(sql);
    db.exec(`PRAGMA user_version = ${Math.max(from, migrations.length)}; COMMIT`);
  } catch (error) {
    db.exec("ROLLBACK");
    throw error;
  }
}
