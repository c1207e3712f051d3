import { deepStrictEqual as equal, match, ok, throws } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { QUERIES, type Verdict } from "./archive.ts";
import { MIGRATIONS, openStore, type Store } from "./store.ts";

const origin = { parent: 0, run: "r", lane: 0, proposer: "test" };
const worse: Verdict = {
  state: "rejected",
  kind: "worse",
  score: { score: 1, feedback: ["case 1"] },
  feedback: ["case 1"],
};
const body = (n: number) => ({ source: `body ${n}`, hash: `hash ${n}` });

async function scratch<T>(act: (path: string, open: (warned?: string[]) => Store) => T | Promise<T>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/.evo/functions/functions.db`;
  const redact = (text: string) => text.replaceAll("hush-hush", "[redacted]");
  const open = (warned: string[] = []) => openStore({ path, now: Date.now, redact, warn: (one) => warned.push(one) });
  try {
    await act(path, open);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const decision = { looks: 1, dominated: [], active: true, front: false };

Deno.test("a revision, its modules, scores and the active one are there after the store is opened again", () =>
  scratch(async (path, open) => {
    const store = open();
    const archive = store.archive("f", "task");
    const built = { wasm: new Uint8Array([1]), plain: new Uint8Array([2, 3]), optimize: 1 as const };
    const verdict: Verdict = {
      ...{ state: "accepted", score: { score: 2, feedback: ["good"], metrics: { size: 3 } }, feedback: ["good"] },
      ...{ fuel: 9, ms: 1.5, built },
    };
    equal(archive.accept(body(0), { verdict, origin, decision: { ...decision, version: 0 } }), 0);
    equal(archive.reject(body(1), { verdict: worse, origin: { ...origin, prompt: "p" }, looks: 1 }), 1);
    store.close();
    const again = open().archive("f", "task");
    const first = again.revision(0);
    equal(first, {
      ...body(0),
      ...verdict,
      ...origin,
      number: 0,
      front: false,
      at: first?.at,
      kind: undefined,
      prompt: undefined,
    });
    equal(again.revision(1)?.prompt, "p");
    const { secret, ...standing } = again.standing();
    equal(standing, { active: 0, version: 1, looks: 2 });
    ok(secret.length > 30);
    equal(Number((await Deno.stat(path)).mode) & 0o777, 0o600);
    equal(Number((await Deno.stat(path.replace(/\/[^/]*$/, ""))).mode) & 0o777, 0o700);
  }));

Deno.test("what won against an older incumbent is refused, and a body that is known keeps its number", () =>
  scratch((_, open) => {
    const archive = open().archive("f", "task");
    const verdict: Verdict = { state: "accepted", feedback: [] };
    equal(archive.accept(body(0), { verdict, origin, decision: { ...decision, version: 0 } }), 0);
    equal(archive.accept(body(1), { verdict, origin, decision: { ...decision, version: 0 } }), undefined);
    equal([archive.count(), archive.standing().active, archive.standing().looks], [1, 0, 2]);
    equal(archive.reject(body(0), { verdict: worse, origin, looks: 0 }), 0);
    equal(archive.revision(0)?.state, "accepted");
  }));

Deno.test("another content of the task begins anew and inherits the active body", () =>
  scratch((_, open) => {
    const store = open();
    const old = store.archive("f", "old task");
    const verdict: Verdict = { state: "accepted", score: { score: 5, feedback: [] }, feedback: [] };
    for (const n of [0, 1]) old.accept(body(n), { verdict, origin, decision: { ...decision, version: n } });
    const fresh = store.archive("f", "new task");
    equal([fresh.count(), store.inherited("f", "new task")], [0, ["body 1"]]);
    equal(store.archive("f", "old task").standing().active, 1);
    store.archive("f", "only looked at");
    equal(store.inherited("f", "third task"), ["body 1"]);
  }));

Deno.test("secrets in source, feedback and trace are not stored, and broken unicode is", () =>
  scratch(async (path, open) => {
    const store = open();
    const archive = store.archive("f", "task");
    archive.reject({ source: "a hush-hush \ud800", hash: "h" }, {
      ...{ verdict: { ...worse, feedback: ["b hush-hush"] }, origin, looks: 0 },
    });
    archive.trace({ run: "r", lane: 0, seq: 0, attempt: 1, prompt: "c hush-hush", nested: [{ reply: "d hush-hush" }] });
    const db = new DatabaseSync(path);
    equal(JSON.parse(String(db.prepare("SELECT line FROM attempts").get()?.line)).nested, [{ reply: "d [redacted]" }]);
    db.close();
    store.close();
    ok(!new TextDecoder("latin1").decode(await Deno.readFile(path)).includes("hush-hush"));
  }));

Deno.test("100,000 revisions are reopened and asked without reading every row", () =>
  scratch((path, open) => {
    open().archive("f", "task");
    const db = new DatabaseSync(path);
    db.exec(`BEGIN; WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99999)
      INSERT INTO revisions SELECT 1, i, 0, 'export function f(x: f64): f64 { return ' || i || '; }', 'h' || i, NULL, NULL, 1,
        i % 977, '{"feedback":["case"]}', 1, 1, CASE WHEN i % 1000 = 0 THEN 'accepted' ELSE 'rejected' END, 'worse', 0, 0,
        'r', 0, 'search', NULL FROM n; COMMIT`);
    const start = performance.now();
    const archive = open().archive("f", "task");
    equal(archive.count(), 100_000);
    equal(archive.list("best", 3).map(({ score }) => score?.score), [976, 976, 976]);
    equal(archive.list("recent", 1)[0]?.number, 99_999);
    equal(archive.list("accepted", 2).map(({ number }) => number), [99_000, 98_000]);
    equal(archive.byHash("h500")?.number, 500);
    equal(archive.incumbents(true).map(({ number }) => number), [0]);
    if (Deno.env.get("EVO_REPORT")) throw new Error(`reopened and asked in ${performance.now() - start} ms`);
    for (const [name, sql] of Object.entries(QUERIES)) {
      const values = Array.from(sql.matchAll(/\?/g), () => 1);
      const plan = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values).map(({ detail }) => String(detail)).join(
        "; ",
      );
      ok(/SEARCH revisions USING (COVERING )?INDEX/.test(plan) && !/SCAN|TEMP B-TREE/.test(plan), `${name}: ${plan}`);
    }
    const bare = db.prepare("EXPLAIN QUERY PLAN SELECT * FROM revisions WHERE fuel = 1").all();
    match(String(bare[0]?.detail), /SCAN/); // what such a check must not find
    db.close();
  }));

for (
  const [what, damage] of [["no database", () => new TextEncoder().encode("not a database ".repeat(500))], [
    "torn",
    torn,
  ]] as const
) {
  Deno.test(`a database that is ${what} is put aside in one sentence, and a new one begins`, () =>
    scratch(async (path, open) => {
      const store = open();
      const archive = store.archive("f", "task");
      for (let n = 0; n < 200; n++) archive.reject(body(n), { verdict: worse, origin, looks: 0 });
      store.close();
      await Deno.writeFile(path, damage(await Deno.readFile(path)));
      const warned: string[] = [];
      equal(open(warned).archive("f", "task").count(), 0);
      equal(warned.length, 1);
      match(warned[0] ?? "", /^The functions' database was damaged: it was put aside as ".*damaged-/);
      const names: string[] = [];
      for await (const { name } of Deno.readDir(path.replace(/\/[^/]*$/, ""))) names.push(name);
      equal(names.filter((name) => /\.damaged-\w+$/.test(name)).length, 1);
    }));
}

function torn(bytes: Uint8Array): Uint8Array {
  return bytes.fill(0xaa, 100, 4096);
}

Deno.test("a folder that cannot be made is one sentence", () => {
  throws(
    () => openStore({ path: "/proc/none/functions.db", now: Date.now, redact: String, warn: () => {} }),
    /^Error: Cannot open "\/proc\/none\/functions.db": .*; make its folder writable/,
  );
});

Deno.test("a database of a newer generation is used as it is", () =>
  scratch((path, open) => {
    open().close();
    const db = new DatabaseSync(path);
    db.exec(`PRAGMA user_version = ${MIGRATIONS.length + 7}`);
    db.close();
    equal(open().archive("f", "task").count(), 0);
  }));

Deno.test("a process that is killed while it writes leaves a whole database", () =>
  scratch(async (path, open) => {
    open().close();
    const code = `import { openStore } from ${JSON.stringify(new URL("store.ts", import.meta.url).href)};
      const store = openStore({ path: ${JSON.stringify(path)}, now: Date.now, redact: String, warn() {} });
      const archive = store.archive("f", "task");
      const origin = { parent: 0, run: "r", lane: 0, proposer: "t" };
      for (let n = archive.count();; n++) {
        const version = archive.standing().version;
        const verdict = { state: "accepted", score: { score: n, feedback: [] }, feedback: [], built:
          { wasm: new Uint8Array(5000), plain: new Uint8Array(5000), optimize: 1 } };
        archive.accept({ source: "s" + n, hash: "h" + n }, { verdict, origin, decision:
          { looks: 1, version, dominated: [], active: true, front: false } });
        if (n % 10 === 0) await Deno.stdout.write(new Uint8Array([46]));
      }`;
    for (let round = 0; round < 3; round++) {
      const args = ["eval", "--no-check", `--config=${new URL("../../deno.json", import.meta.url).pathname}`, code];
      const child = new Deno.Command(Deno.execPath(), { args, stdout: "piped", stderr: "null" }).spawn();
      const reader = child.stdout.getReader();
      for (let seen = 0; seen < 3; seen++) equal((await reader.read()).done, false);
      child.kill("SIGKILL");
      await child.status;
      await reader.cancel();
      const store = open();
      const archive = store.archive("f", "task");
      const count = archive.count(), { active, looks, version } = archive.standing();
      ok(count > 20 * (round + 1) - 20);
      equal([active, looks, version], [count - 1, count, count]);
      ok(archive.revision(active)?.built);
      store.close();
    }
    const db = new DatabaseSync(path);
    equal(db.prepare("PRAGMA integrity_check").get()?.integrity_check, "ok");
    db.close();
  }));
