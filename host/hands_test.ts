import { deepStrictEqual as equal, rejects, throws } from "node:assert/strict";
import { type Hands, lazyHands } from "./hands.ts";

const never = new AbortController().signal;

/** Hands that write down what was asked of them. */
function fake() {
  const asked: string[] = [];
  const say = <T>(word: string, value: T): T => (asked.push(word), value);
  const hands: Hands = {
    tools: {
      load: (mode) => Promise.resolve(say(`load ${mode}`, [])),
      context: (mode, id): never => {
        throw new Error(say(`context ${mode} ${id}`, "the real one"));
      },
      spill: (id) => Promise.resolve({ ok: true, value: say(`spill ${id}`, id) }),
    },
    undo: {
      mark: (label) => say(`mark ${label}`, undefined),
      settle: () => Promise.resolve(say("settle", undefined)),
      back: () => Promise.resolve({ ok: true, value: say("back", "") }),
      diff: () => Promise.resolve({ ok: true, value: say("diff", "") }),
    },
    functions: { run: ([word = ""]) => Promise.resolve({ ok: true, value: say(`fn ${word}`, word) }) },
    plugins: { run: ([word = ""]) => Promise.resolve({ ok: true, value: say(`plugins ${word}`, word) }) },
    denied: () => say("denied", true),
    end: () => Promise.resolve(say("end", undefined)),
  };
  return { asked, lazy: lazyHands(() => Promise.resolve(say("open", hands))) };
}

Deno.test("hands that nobody used are never opened: nothing was denied, nothing is to be ended", async () => {
  const { asked, lazy } = fake();
  lazy.undo.mark("one");
  equal(lazy.denied(), false);
  await lazy.end();
  equal(asked, []);
});

Deno.test("hands are opened once, at the first use, in the turn that was marked last", async () => {
  const { asked, lazy } = fake();
  lazy.undo.mark("one");
  const loading = lazy.tools.load("chat");
  lazy.undo.mark("two");
  await Promise.all([loading, lazy.undo.diff()]);
  equal(asked, ["open", "mark two", "load chat", "diff"]);
  lazy.undo.mark("three");
  await lazy.undo.back();
  await lazy.end();
  equal(asked.slice(4), ["mark three", "back", "end"]);
  equal(lazy.denied(), true);
});

Deno.test("a context before the tools are loaded is refused in a sentence, and after that it is the real one", async () => {
  const { lazy } = fake();
  throws(() => lazy.tools.context("chat", "a", never), { message: "Cannot use a tool: the tools are not loaded" });
  await lazy.tools.load("chat");
  throws(() => lazy.tools.context("chat", "a", never), { message: "the real one" });
});

Deno.test("hands that cannot be opened say why at their use", async () => {
  const lazy = lazyHands(() => Promise.reject(new Error("Cannot read the directory")));
  await rejects(lazy.tools.load("chat"), { message: "Cannot read the directory" });
});

Deno.test("hands that could not be opened are opened anew at the next use", async () => {
  let tries = 0;
  const lazy = lazyHands(() => Promise.reject(new Error(`try ${++tries}`)));
  await rejects(lazy.tools.load("chat"), /try 1/);
  await rejects(lazy.undo.diff(), /try 2/);
});
