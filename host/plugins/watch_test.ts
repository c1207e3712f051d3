import { deepStrictEqual as equal, ok } from "node:assert/strict";
import { createWatch } from "./watch.ts";

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

/** Watches `<temp>/a/b`, which is not there; `next` waits for the next call of `changed`. */
async function watching(
  options: { notify?: boolean; pollMs?: number },
  test: (on: { folder: string; home: string; next(): Promise<void>; count(): number; close(): void }) => Promise<void>,
): Promise<void> {
  const home = await Deno.realPath(await Deno.makeTempDir()), folder = `${home}/a/b`;
  let calls = 0, seen = 0;
  const watch = createWatch({ folders: [folder], changed: () => calls += 1, quietMs: 20, ...options });
  const next = async () => {
    for (const end = Date.now() + 10_000; calls === seen;) {
      if (Date.now() > end) throw new Error("nothing was noticed");
      await pause(5);
    }
    await pause(100);
    seen = calls;
  };
  try {
    await test({ folder, home, next, count: () => calls, close: watch.close });
  } finally {
    watch.close();
    await Deno.remove(home, { recursive: true });
  }
}

for (const options of [{ pollMs: 3_600_000 }, { notify: false, pollMs: 50 }]) {
  const how = options.notify === false ? "by the poll alone" : "without any poll";
  Deno.test(`A folder is noticed when it appears, changes, goes and comes back, ${how}`, () =>
    watching(options, async ({ folder, home, next }) => {
      await next();
      await Deno.mkdir(folder, { recursive: true });
      await next();
      await Deno.writeTextFile(`${folder}/x.ts`, "1");
      await next();
      await Deno.writeTextFile(`${folder}/x.ts`, "2");
      await next();
      await Deno.rename(`${folder}/x.ts`, `${folder}/y.ts`);
      await next();
      await Deno.remove(`${home}/a`, { recursive: true });
      await next();
      await Deno.mkdir(`${home}/a`);
      await Deno.mkdir(folder);
      await next();
      await Deno.writeTextFile(`${folder}/z.ts`, "3");
      await next();
    }));
}

Deno.test("A folder that rests and reads are no changes, also with a fast poll; after close nothing is called", () =>
  watching({ pollMs: 10 }, async ({ folder, next, count, close }) => {
    await next();
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeTextFile(`${folder}/x.ts`, "1");
    await next();
    const before = count();
    for (let round = 0; round < 20; round += 1) {
      await Deno.readTextFile(`${folder}/x.ts`);
      await pause(10);
    }
    equal(count(), before);
    close();
    await Deno.writeTextFile(`${folder}/x.ts`, "2");
    await pause(100);
    equal(count(), before);
  }));

Deno.test("A flood of changes is told now and then, not each time", () =>
  watching({}, async ({ folder, next, count }) => {
    await Deno.mkdir(folder, { recursive: true });
    await next();
    const before = count();
    for (let n = 0; n < 2000; n += 1) await Deno.writeTextFile(`${folder}/x.ts`, `${n}`);
    await next();
    ok(count() - before < 500, `${count() - before} of 2000`);
  }));
