import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { createLog } from "./log.ts";
import { createSessions, newSessionId } from "./sessions.ts";

const namesIn = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name);
const A = "20261121-005337-aaaa";
const B = "20261121-005338-bbbb";
const NOW = "20261121-010000-zzzz";

async function inFolder(test: (cwd: string) => Promise<void>): Promise<void> {
  const cwd = await Deno.makeTempDir();
  try {
    await test(cwd);
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
}

let ms = 0;
const clock = { now: () => Date.UTC(2026, 10, 21) + (ms += 1000) };
const logOf = (cwd: string, id: string) =>
  createLog({ folder: `${cwd}/.evo/sessions/${id}`, clock, redact: (text) => text });
const open = (cwd: string) => {
  const log = logOf(cwd, NOW);
  return { log, sessions: createSessions({ cwd, id: NOW, log }) };
};
function write(cwd: string, { id, texts }: { id: string; texts: string[] }): void {
  const log = logOf(cwd, id);
  for (const text of texts) {
    log.write("user_input", { text });
    log.write("model_reply", { purpose: "chat", message: { role: "assistant", content: `re ${text}`, calls: [] } });
    log.write("turn_end", { status: "done" });
  }
  log.close();
}

Deno.test("a sub-agent's session is not in a person's list, but can be loaded", () =>
  inFolder(async (root) => {
    const ids = [newSessionId(clock), newSessionId(clock, true)];
    for (const id of ids) write(root, { id, texts: ["hello"] });
    const { sessions } = open(root);
    equal((await sessions.list()).map(({ id }) => id), [ids[0]]);
    equal([ids[1]?.endsWith("-agent"), (await sessions.load(ids[1] ?? "")).ok], [true, true]);
  }));

Deno.test("Sessions are listed by id with their first words and turns; what is no session is left out", () =>
  inFolder(async (cwd) => {
    const { sessions } = open(cwd);
    equal(await sessions.list(), []);
    write(cwd, { id: B, texts: ["later"] });
    write(cwd, { id: A, texts: ["first  words\nhere", "second"] });
    await Deno.mkdir(`${cwd}/.evo/sessions/empty`);
    await Deno.writeTextFile(`${cwd}/.evo/sessions/file`, "");
    await Deno.symlink("/", `${cwd}/.evo/sessions/link`);
    equal((await sessions.list()).map(({ id, first, turns, reflected }) => ({ id, first, turns, reflected })), [
      { id: A, first: "first words here", turns: 2, reflected: false },
      { id: B, first: "later", turns: 1, reflected: false },
    ]);
    for (const { startedAt } of await sessions.list()) match(startedAt, /^2026-11-21T/);
  }));

for (const id of ["../x", "a/b", "", ".", "a".repeat(65), "x\0", "/etc", "-x", "missing"]) {
  Deno.test(`Session ${JSON.stringify(id)} is refused in one sentence`, () =>
    inFolder(async (cwd) => {
      await Deno.mkdir(`${cwd}/.evo/sessions`, { recursive: true });
      await Deno.mkdir(`${cwd}/.evo/x`);
      await Deno.writeTextFile(`${cwd}/.evo/x/traj.jsonl`, '{"v":1,"seq":0,"ts":"","kind":"secret","data":{}}\n');
      const { sessions } = open(cwd);
      for (const got of [await sessions.load(id), await sessions.resume(id), await sessions.page(id, 0, 1)]) {
        match(got.ok ? "" : got.error, /^Cannot (load|resume) session .*; list them with "\/sessions"$/);
      }
    }));
}

Deno.test("A linked trajectory is no session", () =>
  inFolder(async (cwd) => {
    await Deno.mkdir(`${cwd}/.evo/sessions/${A}`, { recursive: true });
    await Deno.writeTextFile(`${cwd}/secret`, "{}");
    await Deno.symlink(`${cwd}/secret`, `${cwd}/.evo/sessions/${A}/traj.jsonl`);
    const { sessions } = open(cwd);
    equal([(await sessions.load(A)).ok, await sessions.list()], [false, []]);
  }));

Deno.test("Garbage lines are left out of a loaded session, and the numbering goes on after the last good one", () =>
  inFolder(async (cwd) => {
    write(cwd, { id: A, texts: ["one"] });
    const path = `${cwd}/.evo/sessions/${A}/traj.jsonl`;
    const garbage = new Uint8Array([0xff, 0xfe, 0, 10, 123, 125, 10, 10, 91, 10]);
    await Deno.writeFile(path, garbage, { append: true });
    const { sessions, log } = open(cwd);
    const loaded = await sessions.load(A);
    equal(loaded.ok && loaded.value.length, 3);
    equal((await sessions.resume(A)).ok, true);
    log.write("user_input", { text: "more" });
    log.close();
    const again = await sessions.load(A);
    equal(again.ok && again.value.map(({ seq }) => seq), [0, 1, 2, 3]);
  }));

Deno.test("After resume the log writes to the earlier session, which is then the current one", () =>
  inFolder(async (cwd) => {
    write(cwd, { id: A, texts: ["one"] });
    const { sessions, log } = open(cwd);
    equal(sessions.current(), NOW);
    const resumed = await sessions.resume(A);
    equal([resumed.ok && [...resumed.value].length, sessions.current(), log.seq()], [3, A, 3]);
    log.write("session_start", { resumed: true });
    equal(await sessions.openTask(2), { ok: true, value: `outputs/${A}/task_2` });
    const other = open(cwd);
    const refused = await other.sessions.resume(A);
    match(refused.ok ? "" : refused.error, /^Cannot resume session ".*": another Evo is writing it; end/);
    equal(other.sessions.current(), NOW);
    log.close();
    equal(namesIn(`${cwd}/.evo/sessions`), [A]);
  }));

Deno.test("A resumed session is read while its events are asked for, so that its text is never in memory at once", () =>
  inFolder(async (cwd) => {
    write(cwd, { id: A, texts: Array.from({ length: 40 }, () => "x".repeat(100_000)) });
    const { sessions, log } = open(cwd);
    const resumed = await sessions.resume(A);
    ok(resumed.ok);
    const events = resumed.value[Symbol.iterator]();
    equal(events.next().value?.seq, 0);
    await Deno.truncate(`${cwd}/.evo/sessions/${A}/traj.jsonl`);
    log.close();
    let rest = 0;
    while (!events.next().done) rest += 1;
    ok(rest < 40, `${rest} of the others were there before they were asked for`);
    const whole = await sessions.load(A);
    equal(whole, { ok: true, value: [] });
  }));

Deno.test("The session that is being written can be resumed too", () =>
  inFolder(async (cwd) => {
    const { sessions, log } = open(cwd);
    equal((await sessions.resume(NOW)).ok, false, "nothing was written yet");
    log.write("user_input", { text: "a" });
    equal((await sessions.resume(NOW)).ok, true);
    log.write("user_input", { text: "b" });
    log.close();
    const loaded = await sessions.load(NOW);
    equal(loaded.ok && loaded.value.map(({ seq }) => seq), [0, 1]);
  }));

Deno.test("What was reflected on is not seen again, until the session grows by a turn, and then from there", () =>
  inFolder(async (cwd) => {
    write(cwd, { id: B, texts: ["b"] });
    write(cwd, { id: A, texts: ["old words"] });
    const { sessions, log } = open(cwd);
    log.write("user_input", { text: "now" });
    equal(await sessions.unreflected(), [A, B, NOW]);
    await sessions.reflected([A, NOW, "../../evil", "missing"]);
    equal(await sessions.unreflected(), [B]);
    equal((await sessions.list()).map(({ reflected }) => reflected), [true, false, true]);
    match(await Deno.readTextFile(`${cwd}/.evo/learned_until.txt`), /^2026-11-21T[\d:.]+Z\n$/);
    log.write("session_end", {});
    equal(await sessions.unreflected(), [B], "a session that only ended brings nothing new");
    write(cwd, { id: A, texts: ["new words"] });
    log.close();
    equal(await sessions.unreflected(), [A, B]);
    const summary = await sessions.summary(A, 4000);
    ok(summary.ok && summary.value.includes("new words") && !summary.value.includes("old words"));
    await sessions.reflected([A, B]);
    equal(await sessions.unreflected(), []);
    const whole = await sessions.summary(A, 4000);
    ok(whole.ok && whole.value.includes("old words"));
  }));

Deno.test("The watermark never goes back, is read as seconds too, and does not decide", () =>
  inFolder(async (cwd) => {
    write(cwd, { id: A, texts: ["a"] });
    const { sessions } = open(cwd);
    await Deno.writeTextFile(`${cwd}/.evo/learned_until.txt`, "4102444800");
    equal(await sessions.unreflected(), [A]);
    await sessions.reflected([A]);
    equal(await Deno.readTextFile(`${cwd}/.evo/learned_until.txt`), "2100-01-01T00:00:00.000Z\n");
    for (const damage of ["", "{", "[]", '{"v":2}', '{"v":1,"sessions":{"x":1}}']) {
      await Deno.writeTextFile(`${cwd}/.evo/reflected.json`, damage);
      equal(await sessions.unreflected(), [A], "a damaged set reads again rather than never");
    }
  }));

Deno.test("A session that shrank below its mark is still judged by its numbers", () =>
  inFolder(async (cwd) => {
    write(cwd, { id: A, texts: ["a".repeat(5000), "b"] });
    const { sessions } = open(cwd);
    await sessions.reflected([A]);
    const path = `${cwd}/.evo/sessions/${A}/traj.jsonl`;
    const lines = (await Deno.readTextFile(path)).split("\n");
    await Deno.writeTextFile(path, lines.slice(3).join("\n"));
    equal(await sessions.unreflected(), []);
    write(cwd, { id: A, texts: ["c"] });
    equal(await sessions.unreflected(), [A]);
  }));

Deno.test("A summary leaves content out, cuts strings between characters, and keeps the newest", () =>
  inFolder(async (cwd) => {
    const log = logOf(cwd, A);
    for (let n = 0; n < 100; n += 1) {
      log.write("tool_result", { n, text: "x".repeat(119) + "🙂tail", content: "SECRET" });
    }
    log.close();
    const { sessions } = open(cwd);
    for (const limit of [0, 1, 50, 200, 1000, 8000, 1_000_000]) {
      const got = await sessions.summary(A, limit);
      const text = got.ok ? got.value : "";
      ok(text.length <= limit && text.isWellFormed() && !text.includes("SECRET") && !text.includes("tail"));
      if (limit >= 1000) ok(text.trimEnd().split("\n").at(-1)?.startsWith("99 tool_result"));
      if (limit === 1000) match(text, /^\(events 0\.\.\d+ are not shown here; page them\)\n/);
      if (limit === 1_000_000) equal(text.trimEnd().split("\n").length, 100);
    }
  }));

Deno.test("A page shows whole events, both ends included, cut to 16,000 characters between characters", () =>
  inFolder(async (cwd) => {
    const log = logOf(cwd, A);
    for (let n = 0; n < 10; n += 1) log.write("tool_result", { text: `${n}${"🙂".repeat(n === 5 ? 20_000 : 2)}` });
    log.close();
    const { sessions } = open(cwd);
    const page = async (from: number, to: number) => {
      const got = await sessions.page(A, from, to);
      return got.ok ? got.value : "";
    };
    equal((await page(1, 2)).trim().split("\n").map((line) => JSON.parse(line).index), [1, 2]);
    equal((await page(8, 99)).trim().split("\n").length, 2);
    equal((await page(-5, 0)).trim().split("\n").length, 1);
    match(await page(20, 30), /^\(no event there: this session has 10/);
    const long = await page(5, 6);
    ok(long.length <= 16_000 && long.isWellFormed());
    match(long, /\(cut in event 5 of 10; ask for fewer\)$/);
  }));

Deno.test("A task's folder is made below outputs, never through a link that leaves the directory", () =>
  inFolder(async (cwd) => {
    const { sessions } = open(cwd);
    equal(await sessions.openTask(1), { ok: true, value: `outputs/${NOW}/task_1` });
    ok((await Deno.stat(`${cwd}/outputs/${NOW}/task_1`)).isDirectory);
    for (const number of [0, -1, 1.5, NaN]) equal((await sessions.openTask(number)).ok, false);
    const elsewhere = await Deno.makeTempDir();
    await Deno.remove(`${cwd}/outputs`, { recursive: true });
    await Deno.symlink(elsewhere, `${cwd}/outputs`);
    const refused = await sessions.openTask(1);
    match(refused.ok ? "" : refused.error, /"outputs" leads to/);
    equal(namesIn(elsewhere), []);
    await Deno.remove(elsewhere);
  }));

Deno.test("A session of 50 MB loads whole", () =>
  inFolder(async (cwd) => {
    const log = logOf(cwd, A);
    const text = "漢字 and words ".repeat(1600);
    for (let n = 0; n < 1600; n += 1) log.write("tool_result", { n, text });
    log.write("user_input", { text: "y".repeat(3_000_000) });
    log.close();
    ok((await Deno.stat(log.path())).size > 45_000_000);
    const { sessions } = open(cwd);
    const loaded = await sessions.load(A);
    equal(loaded.ok && loaded.value.length, 1601);
    equal((await sessions.list())[0]?.turns, 1);
  }));
