import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { createUndo } from "./undo.ts";
import { pruneUndo, tendUndo } from "./prune_undo.ts";
import { createSessionUndo } from "./session_undo.ts";

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 0, 31);
const log = { write: () => {} };

async function inStore(test: (at: { root: string; store: string }) => Promise<void>): Promise<void> {
  const root = await Deno.realPath(await Deno.makeTempDir());
  try {
    await test({ root, store: `${root}/.evo/undo` });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** A session that changed one file, once, so many days ago. */
async function session(root: string, id: string, options: { text: string; days: number }): Promise<void> {
  await Deno.writeTextFile(`${root}/a`, options.text);
  const undo = createUndo({ root, store: `${root}/.evo/undo/${id}`, log });
  await undo.capture();
  await Deno.writeTextFile(`${root}/a`, `${options.text}, changed`);
  const at = new Date(NOW - options.days * DAY);
  await Deno.utime(`${root}/.evo/undo/${id}/state.json`, at, at);
}

async function sessions(store: string): Promise<string[]> {
  const names = (await Array.fromAsync(Deno.readDir(store))).filter(({ isDirectory }) => isDirectory);
  return names.map(({ name }) => name).filter((name) => name !== "blobs").sort();
}

/** What `/undo` of a session brings back. */
async function undone(root: string, id: string): Promise<string> {
  const done = await createUndo({ root, store: `${root}/.evo/undo/${id}`, log }).back();
  return done.ok ? await Deno.readTextFile(`${root}/a`) : done.error;
}

async function stored(store: string): Promise<number> {
  let count = 0;
  for (const { name } of await Array.fromAsync(Deno.readDir(`${store}/blobs`))) {
    count += (await Array.fromAsync(Deno.readDir(`${store}/blobs/${name}`))).length;
  }
  return count;
}

Deno.test("sessions unused for 14 days go with what only they need, never the current one; the others can still undo", () =>
  inStore(async ({ root, store }) => {
    await session(root, "old", { text: "old", days: 15 });
    await session(root, "new", { text: "new", days: 13 });
    await session(root, "now", { text: "now", days: 99 });
    const before = await stored(store);
    await pruneUndo(store, { current: "now", now: NOW });
    equal(await sessions(store), ["new", "now"]);
    equal(await stored(store), before - 2, "one content and one snapshot");
    equal([await undone(root, "now"), await undone(root, "new")], ["now", "new"]);
  }));

Deno.test("the oldest go until the store is small enough, the current one stays at any size", () =>
  inStore(async ({ root, store }) => {
    for (const [at, id] of ["a", "b", "c", "now"].entries()) {
      await session(root, id, { text: id.slice(0, 1).repeat(100_000), days: 10 - at });
    }
    await pruneUndo(store, { current: "now", now: NOW, most: 1_000_000 });
    equal(await sessions(store), ["a", "b", "c", "now"], "all of it fits");
    await pruneUndo(store, { current: "now", now: NOW, most: 250_000 });
    equal(await sessions(store), ["c", "now"]);
    await pruneUndo(store, { current: "now", now: NOW, most: 1 });
    equal(await sessions(store), ["now"]);
    equal(await undone(root, "now"), "n".repeat(100_000));
  }));

Deno.test("a store that another process uses is not pruned; once it has left, it is", () =>
  inStore(async ({ root, store }) => {
    await session(root, "old", { text: "old", days: 15 });
    const other = await Deno.open(`${store}/lock`, { read: true, write: true, create: true });
    await other.lock(false);
    const leave = await tendUndo(store, { current: "now", now: NOW });
    equal(await sessions(store), ["old"]);
    other.close();
    leave();
    (await tendUndo(store, { current: "now", now: NOW }))();
    equal(await sessions(store), []);
  }));

Deno.test("undo follows the session that is resumed, and says so when a turn was cut off", () =>
  inStore(async ({ root }) => {
    await session(root, "s1", { text: "first", days: 0 });
    await Deno.writeTextFile(`${root}/a`, "second");
    let current = "s2";
    const undo = createSessionUndo({ root, log, current: () => current, tend: async () => {} });
    undo.mark("two");
    await undo.capture();
    await Deno.writeTextFile(`${root}/a`, "third");
    await undo.settle();
    const own = await undo.back();
    ok(own.ok && !own.value.includes("cut off"), JSON.stringify(own));
    equal(await Deno.readTextFile(`${root}/a`), "second");
    current = "s1";
    const earlier = await undo.back();
    match(earlier.ok ? earlier.value : earlier.error, /\nThat turn was cut off: /);
    equal(await Deno.readTextFile(`${root}/a`), "first");
  }));

Deno.test("nothing is created before a change; a store that is there is tended when it is opened, once", () =>
  inStore(async ({ root, store }) => {
    let tended = 0;
    const tend = () => Promise.resolve(void (tended += 1));
    const undo = createSessionUndo({ root, log, current: () => "s", tend });
    undo.mark("one");
    await undo.open();
    equal([tended, await Deno.lstat(`${root}/.evo`).catch(() => "none")], [0, "none"]);
    await Deno.mkdir(store, { recursive: true });
    await undo.open();
    await undo.capture();
    equal(tended, 1);
  }));
