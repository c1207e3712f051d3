import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { createConsents } from "./consent.ts";

async function inFolder(test: (store: string, folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(`${folder}/state/plugins.json`, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
const yes = { answer: "yes" as const, plugin: "p", words: "net a" };
const about = (hash: string, net = ["a"]) => ({ hash, granted: { net } });

Deno.test("An answer holds for one content and exactly what was granted, in any order", () =>
  inFolder(async (store) => {
    const consents = createConsents(store);
    const asked = { hash: "h", granted: { net: ["a", "b"], read: ["/x"] } };
    equal(await consents.find(asked), undefined);
    equal(await consents.remember(asked, yes), undefined);
    equal(await createConsents(store).find({ hash: "h", granted: { read: ["/x"], net: ["b", "a"] } }), "yes");
    const others = [
      { ...asked, hash: "i" },
      { hash: "h", granted: { net: ["a"] } },
      {
        hash: "h",
        granted: { ...asked.granted, env: ["KEY"] },
      },
      { hash: "h", granted: { net: ["a", "b"], read: ["/"] } },
      { hash: "h", granted: { net: ["a", "b"], write: ["/x"] } },
    ];
    for (const other of others) equal(await consents.find(other), undefined, JSON.stringify(other));
    equal(await consents.remember(asked, { ...yes, answer: "no" }), undefined);
    equal(await consents.find(asked), "no");
    equal(((await Deno.stat(store)).mode ?? 0) & 0o777, 0o600);
  }));

Deno.test("A damaged or foreign store grants nothing and is replaced by the next answer", () =>
  inFolder(async (store, folder) => {
    await Deno.mkdir(`${folder}/state`);
    for (const text of ["", "{", "[]", '{"v":2,"answers":{}}', '{"v":1,"answers":{"x":{"answer":"maybe"}}}']) {
      await Deno.writeTextFile(store, text);
      equal(await createConsents(store).find(about("h")), undefined);
    }
    equal(await createConsents(store).remember(about("h"), yes), undefined);
    equal(await createConsents(store).find(about("h")), "yes");
  }));

const WRITER = `const { createConsents } = await import(Deno.args[0]);
const consents = createConsents(Deno.args[1], 60_000);
for (let n = 0; n < Number(Deno.args[3]); n += 1) {
  await consents.remember({ hash: Deno.args[2] + n, granted: { net: ["a"] } }, { answer: "yes", plugin: "p", words: "net a" });
}`;

async function writer(folder: string, store: string, name: string, count: number): Promise<Deno.ChildProcess> {
  await Deno.writeTextFile(`${folder}/writer.js`, WRITER);
  const module = new URL("./consent.ts", import.meta.url).href;
  const args = ["run", "-A", "--no-check", "--config", new URL("../../deno.json", import.meta.url).pathname];
  return new Deno.Command(Deno.execPath(), { args: [...args, `${folder}/writer.js`, module, store, name, `${count}`] })
    .spawn();
}

Deno.test("Several Evos that answer at once lose no answer", () =>
  inFolder(async (store, folder) => {
    const writers = await Promise.all(["a", "b", "c"].map((name) => writer(folder, store, name, 20)));
    const ends = await Promise.all(writers.map(({ status }) => status));
    equal(ends.map(({ code }) => code), [0, 0, 0]);
    for (const name of ["a", "b", "c"]) {
      for (let n = 0; n < 20; n += 1) {
        equal(await createConsents(store).find(about(`${name}${n}`)), "yes", `${name}${n}`);
      }
    }
  }));

Deno.test("A kill in the middle of writing leaves a whole store, and no lock", () =>
  inFolder(async (store, folder) => {
    equal(await createConsents(store).remember(about("first"), yes), undefined);
    for (let round = 0; round < 3; round += 1) {
      const child = await writer(folder, store, `r${round}-`, 100_000);
      while (await createConsents(store).find(about(`r${round}-3`)) === undefined) {
        await new Promise((done) => setTimeout(done, 5));
      }
      child.kill("SIGKILL");
      await child.status;
      ok(Object.keys(JSON.parse(await Deno.readTextFile(store)).answers).length > 3);
      equal(await createConsents(store).remember(about(`after${round}`), yes), undefined);
    }
  }));

Deno.test("A lock that is held too long, and a folder that cannot be made, are said; the answer is not remembered", () =>
  inFolder(async (store, folder) => {
    await Deno.mkdir(`${folder}/state`);
    using held = await Deno.open(`${store}.lock`, { create: true, write: true });
    ok(await held.tryLock(true));
    const sentence = await createConsents(store, 50).remember(about("h"), yes);
    match(sentence ?? "", /^Cannot remember the answer in ".*": another Evo holds it; you will be asked again$/);
    await Deno.writeTextFile(`${folder}/file`, "");
    match(await createConsents(`${folder}/file/x.json`).remember(about("h"), yes) ?? "", /^Cannot remember/);
  }));

Deno.test("The store forgets the oldest answers instead of growing without end", () =>
  inFolder(async (store, folder) => {
    await Deno.mkdir(`${folder}/state`);
    const old = { ...yes, at: "2020" };
    const answers = Object.fromEntries(Array.from({ length: 2000 }, (_, n) => [`k${n}`, old]));
    await Deno.writeTextFile(store, JSON.stringify({ v: 1, answers }));
    await createConsents(store).remember(about("h"), yes);
    const kept = Object.keys(JSON.parse(await Deno.readTextFile(store)).answers);
    equal([kept.length, kept[0]], [1000, "k1001"]);
  }));
