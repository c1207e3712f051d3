import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { SELF } from "./fixture_test.ts";
import { LIMITS } from "./wire.ts";
import { createDeclare } from "./worker.ts";

const still = new AbortController().signal;

/** A plugin whose description tells its process, and whether another one was in its worker before. */
const good = (name: string) =>
  `const seen = Array.prototype.seen ?? "alone"; Array.prototype.seen = "met";
export default ({ z, tool }) => tool({ name: "${name}", description: Deno.pid + " " + seen, input: z.object({}), permissions: {}, run: () => "" });`;

/** Declares sources at the same time; `signals` are theirs, by name. */
async function declaring(
  sources: Record<string, string>,
  work: (all: Record<string, ReturnType<ReturnType<typeof createDeclare>>>) => Promise<void>,
  signals: Record<string, AbortSignal> = {},
): Promise<void> {
  const cwd = await Deno.makeTempDir(), declare = createDeclare({ self: SELF, cwd });
  try {
    const begun = Object.entries(sources).map(([name, source]) =>
      [name, declare({ file: `/x/${name}.js`, source, signal: signals[name] ?? still })] as const
    );
    await work(Object.fromEntries(begun));
  } finally {
    await Deno.remove(cwd);
  }
}

/** They end a moment after what they said is known. */
const processes = { sanitizeOps: false, sanitizeResources: false };

Deno.test("ten plugins are declared in two processes, and none sees or changes another", processes, () => {
  const names = Array.from({ length: 10 }, (_, at) => `p${at}`);
  return declaring(Object.fromEntries(names.map((name) => [name, good(name)])), async (all) => {
    const told = (await Promise.all(Object.values(all))).map((one) => one.ok ? one.value : undefined);
    equal(told.map((one) => one?.name), names);
    equal(new Set(told.map((one) => one?.description.replace(/\d+/, "pid"))), new Set(["pid alone"]));
    equal(new Set(told.map((one) => one?.description)).size, 2);
  });
});

const BAD: [name: string, source: string, why: RegExp][] = [
  ["leaves", "Deno.exit(0);", /Deno\.exit/],
  ["throws outside", "setTimeout(() => { throw new Error('later') }); await new Promise(() => {});", /later/],
  ["posts without end", "for (;;) postMessage({ type: 'update', id: 1, text: 'x' });", /2,000 messages|not ready/],
  ["prints without end", "for (;;) console.log('x'.repeat(10_000));", /1 MB of output/],
  ["fills the memory", "const all = []; for (;;) all.push(new Uint8Array(1e7).fill(1));", /memory/],
  [
    "claims to be another",
    "postMessage({ type: 'declared', at: 0, declaration: { name: 'false' } });",
    /name|parameters|desc/,
  ],
  ["is no plugin", "export default 5;", /not a function/],
];

Deno.test(
  "one that crashes or floods while it is declared is told apart, and takes no other with it",
  processes,
  async () => {
    for (const [name, source, why] of BAD) {
      await declaring({ a: good("a"), bad: source, b: good("b") }, async (all) => {
        const [a, bad, b] = await Promise.all([all.a, all.bad, all.b]);
        equal([a?.ok && a.value.name, b?.ok && b.value.name], ["a", "b"], name);
        ok(bad && !bad.ok, name);
        match(bad.error, why, name);
        match(bad.error, /^Cannot load "\/x\/bad\.js": [^\n]+$/, name);
      });
    }
  },
);

Deno.test(
  "one that never ends holds up no other, and is let go when it is not wanted any more",
  processes,
  async () => {
    const stop = new AbortController(), limit = LIMITS.startMs;
    LIMITS.startMs = 60_000;
    const sources = { hangs: "await new Promise(() => {});", loops: "for (;;);", a: good("a"), b: good("b") };
    try {
      await declaring(sources, async ({ hangs, loops, ...others }) => {
        for (const one of await Promise.all(Object.values(others))) ok(one.ok);
        equal(await Promise.race([hangs, loops, Promise.resolve("not yet")]), "not yet");
        stop.abort();
        for (const one of [await hangs, await loops]) match(one?.ok === false ? one.error : "", /went meanwhile$/);
      }, { hangs: stop.signal, loops: stop.signal });
    } finally {
      LIMITS.startMs = limit;
    }
  },
);
