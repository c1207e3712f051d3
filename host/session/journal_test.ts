import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { createJournal, MIGRATIONS, openJournal } from "./journal.ts";

const clock = { now: () => 0 };
const entry = { observation: "o 漢字", action: "a", outcome: "x", lessons: ["one", "zwei 🙂"] };

async function inFolder(test: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function journalAt(path: string) {
  const warnings: string[] = [];
  const redact = (text: string) => text.replaceAll("canary", "[redacted]");
  return { warnings, journal: createJournal({ path, clock, redact, warn: (sentence) => warnings.push(sentence) }) };
}

Deno.test("The journal keeps entries and failures across runs, newest first, in the two tables of the design", () =>
  inFolder((folder) => {
    const path = `${folder}/.evo/journal.db`;
    const { journal: first, warnings } = journalAt(path);
    equal(first.recent(5), []);
    first.add({ ...entry, observation: "older" });
    first.add(entry);
    first.fail({ change: "c canary \ud800", reason: "r", rolledBack: true });
    first.close();
    const { journal } = journalAt(path);
    equal(journal.recent(1), [entry]);
    equal(journal.recent(10).map(({ observation }) => observation), ["o 漢字", "older"]);
    equal(journal.failures(10), [{ change: "c [redacted] \ufffd", reason: "r" }]);
    journal.close();
    equal(warnings, []);
    equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
    const db = new DatabaseSync(path);
    const columns = (table: string) =>
      db.prepare(`SELECT name FROM pragma_table_info('${table}')`).all().map(({ name }) => name);
    equal(columns("journal_entries"), [
      "id",
      "timestamp",
      "observation",
      "proposed_action",
      "outcome",
      "lessons_learned",
    ]);
    equal(columns("failed_proposals"), [
      "id",
      "timestamp",
      "change_description",
      "failure_reason",
      "rollback_successful",
    ]);
    equal(
      db.prepare("SELECT timestamp, lessons_learned AS l FROM journal_entries WHERE id = 2").all().map((row) => ({
        ...row,
      })),
      [
        { timestamp: "1970-01-01T00:00:00.000Z", l: JSON.stringify(entry.lessons) },
      ],
    );
    equal(db.prepare("PRAGMA user_version").get()?.user_version, MIGRATIONS.length);
    equal(db.prepare("PRAGMA journal_mode").get()?.journal_mode, "wal");
    db.close();
  }));

Deno.test("Nothing is on disk before the journal is used", () =>
  inFolder((folder) => {
    journalAt(`${folder}/.evo/journal.db`).journal.close();
    equal([...Deno.readDirSync(folder)], []);
  }));

const broken: [string, (path: string) => void][] = [
  [
    "is no database",
    (path) => Deno.writeTextFileSync(path, "not a database, but long enough to be looked at ".repeat(100)),
  ],
  ["is a folder", (path) => Deno.mkdirSync(path)],
  ["has other tables of these names", (path) => {
    const db = new DatabaseSync(path);
    db.exec("CREATE TABLE journal_entries (x); PRAGMA user_version = 1");
    db.close();
  }],
];
for (const [name, damage] of broken) {
  Deno.test(`A journal that ${name} is left as it is: one sentence, and it goes on in memory`, () =>
    inFolder((folder) => {
      const path = `${folder}/journal.db`;
      damage(path);
      const before = Deno.statSync(path).isFile ? Deno.readFileSync(path) : undefined;
      const { journal, warnings } = journalAt(path);
      journal.add(entry);
      journal.add(entry);
      equal(journal.recent(5), [entry, entry]);
      journal.fail({ change: "c", reason: "r", rolledBack: false });
      equal(journal.failures(5).length, 1);
      journal.close();
      equal(warnings.length, 1);
      match(
        warnings[0] ?? "",
        /^Cannot use the journal ".*journal\.db": .*; it goes on in memory, so mend or remove that file/,
      );
      if (before && name === "is no database") equal(Deno.readFileSync(path), before);
    }));
}

Deno.test("A journal below a file cannot be opened and goes on in memory", () =>
  inFolder((folder) => {
    Deno.writeTextFileSync(`${folder}/file`, "");
    const { journal, warnings } = journalAt(`${folder}/file/.evo/journal.db`);
    journal.add(entry);
    equal([journal.recent(1).length, warnings.length], [1, 1]);
    journal.close();
  }));

Deno.test("An empty database is migrated, an interrupted migration starts again, a newer journal is used as it is", () =>
  inFolder((folder) => {
    const path = `${folder}/journal.db`;
    Deno.writeTextFileSync(path, "");
    const killed = new DatabaseSync(path);
    killed.exec(`BEGIN IMMEDIATE; ${MIGRATIONS[0]}`);
    killed.close();
    openJournal(path).close();
    const db = new DatabaseSync(path);
    db.exec("PRAGMA user_version = 99; ALTER TABLE journal_entries ADD COLUMN later TEXT; CREATE TABLE later (x)");
    db.close();
    const { journal, warnings } = journalAt(path);
    journal.add(entry);
    equal([journal.recent(5), warnings], [[entry], []]);
    equal([journal.recent(Infinity), journal.recent(-1), journal.recent(NaN), warnings], [[entry], [], [], []]);
    journal.close();
    const after = openJournal(path);
    equal(after.prepare("PRAGMA user_version").get()?.user_version, 99);
    after.close();
  }));

Deno.test("Two processes share a journal: writers wait for each other", () =>
  inFolder(async (folder) => {
    const path = `${folder}/journal.db`;
    const script = `import { createJournal } from ${JSON.stringify(new URL("./journal.ts", import.meta.url).href)};
      const journal = createJournal({ path: Deno.args[0], clock: { now: () => 0 }, redact: (text) => text, warn: (w) => { throw new Error(w); } });
      for (let n = 0; n < 50; n += 1) journal.fail({ change: String(n), reason: "r", rolledBack: true });`;
    await Deno.writeTextFile(`${folder}/writer.ts`, script);
    const args = [
      "run",
      "-A",
      "--no-check",
      "--config",
      new URL("../../deno.json", import.meta.url).pathname,
      `${folder}/writer.ts`,
      path,
    ];
    const ends = await Promise.all(
      [1, 2].map(() => new Deno.Command(Deno.execPath(), { args, stdout: "null" }).output()),
    );
    ok(ends.every(({ success }) => success), new TextDecoder().decode(ends[0]?.stderr));
    const { journal } = journalAt(path);
    equal(journal.failures(1000).length, 100);
    journal.close();
  }));

Deno.test("Lessons that someone wrote by hand in another shape are none", () =>
  inFolder((folder) => {
    const path = `${folder}/journal.db`;
    const { journal } = journalAt(path);
    journal.add(entry);
    const db = new DatabaseSync(path);
    db.exec("UPDATE journal_entries SET lessons_learned = 'oops'");
    db.close();
    equal(journal.recent(1), [{ ...entry, lessons: [] }]);
    journal.close();
  }));
