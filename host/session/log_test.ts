import { deepStrictEqual as equal, match, ok, throws } from "node:assert/strict";
import { createLog, parseLine } from "./log.ts";
import type { LogFile } from "./log.ts";
import { createSessions, newSessionId, sessionFolder } from "./sessions.ts";

const clock = { now: () => Date.UTC(2026, 10, 21, 0, 53, 37) };
const plain = (text: string) => text;
const linesOf = (path: string) =>
  Deno.readTextFileSync(path).split("\n").filter(Boolean).map((line) => JSON.parse(line));
const open = (path: string) => Deno.openSync(path, { read: true, append: true, create: true });

async function inFolder(test: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("A log leaves nothing on disk before its first write, then a 0600 file in a 0700 folder", () =>
  inFolder((root) => {
    const folder = `${root}/.evo/sessions/a`;
    const log = createLog({ folder, clock, redact: plain });
    equal([...Deno.readDirSync(root)], []);
    log.write("user_input", { text: "hi" });
    equal(linesOf(log.path()), [
      { v: 1, seq: 0, ts: "2026-11-21T00:53:37.000Z", kind: "user_input", data: { text: "hi" } },
    ]);
    equal((Deno.statSync(log.path()).mode ?? 0) & 0o777, 0o600);
    equal((Deno.statSync(folder).mode ?? 0) & 0o777, 0o700);
    equal(log.seq(), 1);
    log.close();
  }));

Deno.test("Git does not see what happened in a project, but what was set up, and an ignore file of one's own stays", () =>
  inFolder(async (root) => {
    const git = async (...args: string[]) =>
      new TextDecoder().decode((await new Deno.Command("git", { args: ["-C", root, ...args] }).output()).stdout);
    const seen = async () => (await git("status", "--short", "-uall")).split("\n").filter(Boolean);
    await git("init", "-q");
    const log = createLog({ folder: sessionFolder(root, "a"), clock, redact: plain });
    log.write("user_input", { text: "hi" });
    equal(await seen(), []);
    await Deno.mkdir(`${root}/.evo/plugins/tools`, { recursive: true });
    for (const path of ["config.jsonc", "journal.db", "plugins/tools/a.ts"]) {
      await Deno.writeTextFile(`${root}/.evo/${path}`, "");
    }
    equal(await seen(), ["?? .evo/config.jsonc", "?? .evo/plugins/tools/a.ts"]);
    log.close();
    await Deno.writeTextFile(`${root}/.evo/.gitignore`, "");
    log.write("user_input", { text: "again" });
    ok((await seen()).includes("?? .evo/sessions/a/traj.jsonl"));
    log.close();
  }));

Deno.test("A line is redacted in values and in names at any depth, and only then serialised", () =>
  inFolder((folder) => {
    const log = createLog({ folder, clock, redact: (text) => text.replaceAll("canary", "[redacted]") });
    log.write("tool_call", { a: [{ b: "x canary y", canary: 1 }], c: null, d: true, e: "\ud800" });
    log.close();
    const text = Deno.readTextFileSync(log.path());
    ok(!text.includes("canary"));
    equal(JSON.parse(text).data, { a: [{ b: "x [redacted] y", "[redacted]": 1 }], c: null, d: true, e: "\ud800" });
  }));

Deno.test("A session file cut at any byte keeps every whole line, goes on in its numbering, and moves torn bytes aside", () =>
  inFolder(async (root) => {
    const id = newSessionId(clock);
    const folder = sessionFolder(root, id);
    const first = createLog({ folder, clock, redact: plain });
    for (const text of ["one", "zwei 🙂 漢字", "\ud83d lone"]) first.write("user_input", { text });
    first.close();
    const whole = await Deno.readFile(first.path());
    const ends = [...whole.entries()].filter(([, byte]) => byte === 10).map(([at]) => at);
    for (let length = 0; length <= whole.length; length += 1) {
      await Deno.writeFile(first.path(), whole.subarray(0, length));
      await Deno.remove(`${folder}/torn.txt`).catch(() => {});
      const kept = ends.filter((end) => length >= end).length; // a last line that lacks only its newline is whole
      const log = createLog({ folder, clock, redact: plain });
      const sessions = createSessions({ cwd: root, id, log });
      const loaded = await sessions.load(id);
      equal(loaded.ok && loaded.value.map((event) => event.seq), [0, 1, 2].slice(0, kept), `at byte ${length}`);
      log.write("turn_end", { status: "done" });
      log.close();
      equal(linesOf(log.path()).map((event) => event.seq), Array.from({ length: kept + 1 }, (_, seq) => seq));
      const start = kept === 0 ? 0 : (ends[kept - 1] ?? 0) + 1;
      const torn = await Deno.readFile(`${folder}/torn.txt`).catch(() => new Uint8Array());
      equal(torn, whole.slice(start, Math.max(start, length)));
    }
  }));

Deno.test("Without healing, a line after a torn one is lost: the control of the test above", () =>
  inFolder((folder) => {
    Deno.writeTextFileSync(`${folder}/traj.jsonl`, '{"v":1,"seq":0,"ts":"x"');
    Deno.writeTextFileSync(`${folder}/traj.jsonl`, '{"v":1,"seq":1,"ts":"x","kind":"k","data":{}}\n', { append: true });
    const [line = ""] = Deno.readTextFileSync(`${folder}/traj.jsonl`).split("\n");
    equal(parseLine(new TextEncoder().encode(line)), undefined);
  }));

Deno.test("On a full disk the first write throws one sentence, the next are dropped, and a gap is noted when it works again", () =>
  inFolder((folder) => {
    let full = false;
    const openFile = (path: string) => open(full ? "/dev/full" : path);
    const log = createLog({ folder, clock, redact: plain, openFile });
    log.write("a", {});
    log.close();
    full = true;
    throws(() => log.write("b", {}), /^Error: Cannot write the trajectory ".*traj\.jsonl": No space left.*resumed$/);
    log.write("c", {});
    log.write("d", {});
    full = false;
    log.write("e", {});
    equal(linesOf(log.path()).map(({ seq, kind, data }) => [seq, kind, data]), [
      [0, "a", {}],
      [1, "log_gap", { lost: 3 }],
      [2, "e", {}],
    ]);
    full = true;
    log.close();
    throws(() => log.write("f", {}), /No space left/);
  }));

Deno.test("A write that stops half-way leaves no half line, even if it cannot be taken back at once", () =>
  inFolder((folder) => {
    for (const canTruncate of [true, false]) {
      let room = 1000;
      const openFile = (path: string): LogFile => {
        const file = open(path);
        return {
          writeSync(bytes) {
            if (room < bytes.length) {
              file.writeSync(bytes.subarray(0, room));
              throw new Error("No space left on device");
            }
            return file.writeSync(bytes);
          },
          truncateSync(size) {
            if (!canTruncate && room < 100) throw new Error("refused");
            file.truncateSync(size);
          },
          syncDataSync: () => file.syncDataSync(),
          statSync: () => file.statSync(),
          tryLockSync: (exclusive) => file.tryLockSync(exclusive),
          close: () => file.close(),
        };
      };
      const log = createLog({ folder: `${folder}/${canTruncate}`, clock, redact: plain, openFile });
      log.write("a", {});
      room = 20;
      throws(() => log.write("b", { text: "long enough to be cut" }));
      if (canTruncate) equal(linesOf(log.path()).length, 1);
      room = 1000;
      log.write("c", {});
      log.close();
      equal(linesOf(log.path()).map(({ seq, kind }) => [seq, kind]), [[0, "a"], [1, "log_gap"], [2, "c"]]);
    }
  }));

Deno.test("Two processes cannot write one trajectory, and the lock goes with the file", () =>
  inFolder((folder) => {
    const one = createLog({ folder, clock, redact: plain });
    const two = createLog({ folder, clock, redact: plain });
    one.write("a", {});
    throws(() => two.write("b", {}), /another Evo is writing it/);
    one.close();
    two.write("c", {});
    two.close();
    equal(linesOf(one.path()).map(({ kind }) => kind), ["a", "log_gap", "c"]);
  }));

Deno.test("A killed writer loses no line that it wrote", () =>
  inFolder(async (folder) => {
    const script = `import { createLog } from ${JSON.stringify(new URL("./log.ts", import.meta.url).href)};
      const log = createLog({ folder: Deno.args[0], clock: { now: () => 0 }, redact: (text) => text });
      for (let n = 0;; n += 1) { log.write("n", { n }); Deno.stdout.writeSync(new TextEncoder().encode(n + "\\n")); }`;
    await Deno.writeTextFile(`${folder}/writer.ts`, script);
    const args = ["run", "-A", "--no-check", "--config", new URL("../../deno.json", import.meta.url).pathname];
    const child = new Deno.Command(Deno.execPath(), {
      args: [...args, `${folder}/writer.ts`, `${folder}/s`],
      stdout: "piped",
    })
      .spawn();
    let said = "";
    const decoder = new TextDecoder();
    for await (const chunk of child.stdout) {
      said += decoder.decode(chunk, { stream: true });
      if (said.length > 2000) child.kill("SIGKILL");
    }
    await child.status;
    const last = Number(said.slice(0, said.lastIndexOf("\n")).split("\n").at(-1));
    ok(last > 100);
    ok(linesOf(`${folder}/s/traj.jsonl`).length > last);
  }));

Deno.test("A session id is its UTC time and four random characters", () => {
  const ids = new Set(Array.from({ length: 50 }, () => newSessionId(clock)));
  for (const id of ids) match(id, /^20261121-005337-[0-9a-z]{4}$/);
  ok(ids.size > 45);
});

Deno.test("A trajectory that someone deleted goes on in a new file, which says how many lines are gone", () =>
  inFolder((root) => {
    let now = clock.now();
    const log = createLog({ folder: `${root}/.evo/sessions/a`, clock: { now: () => now += 400 }, redact: plain });
    log.write("user_input", { text: "one" });
    log.write("user_input", { text: "two" });
    Deno.removeSync(`${root}/.evo`, { recursive: true });
    log.write("user_input", { text: "three" });
    log.close();
    equal(linesOf(log.path()).map(({ seq, kind, data }) => [seq, kind, data]), [
      [0, "log_gap", { lost: 2 }],
      [1, "user_input", { text: "three" }],
    ]);
  }));
