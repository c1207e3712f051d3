import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { createActor, toPromise } from "xstate";
import { Context } from "./context.ts";
import { fakePorts, type Scripted } from "./fakes_test.ts";
import { Aborted, type Ports } from "./ports.ts";
import { createRoot } from "./root.ts";

const goal: Scripted = { content: '{"title": "a goal", "predicted": "better"}' };
const reflected: Scripted = { content: "[]" };
const fine: Scripted = { content: '{"veto": false, "reason": "ok"}' };
const nothing: Scripted = { content: "nothing to document" };

/** Runs a machine on lines that are all there at the beginning. */
async function run(ports: Ports, lines: string[]) {
  const actor = createActor(createRoot(ports), { input: { queue: lines, leaving: true } });
  const trail: string[] = [];
  actor.subscribe({ next: (s) => trail.push(String(s.value)), error: () => {} });
  actor.start();
  const output = await toPromise(actor);
  Context.parse(JSON.parse(JSON.stringify(output.context)));
  return { ...output, trail: trail.filter((state, at) => state !== trail[at - 1]) };
}

Deno.test("root answers lines in order and leaves when no more will come", async () => {
  const { ports, seen } = fakePorts([{ content: "one" }, { content: "CONTINUE" }, { content: "two" }]);
  const { context, exit } = await run(ports, ["first", "second"]);
  equal([context.messages.length, exit, seen.requests.map((r) => r.purpose)], [4, 0, ["chat", "task", "chat"]]);
});

Deno.test("root opens a new task when the model says NEW, and goes on when it fails to answer", async () => {
  const fresh = fakePorts([{ content: "one" }, { content: "NEW" }, { content: "two" }]);
  equal((await run(fresh.ports, ["a", "b"])).context.task, 2);
  const broken = fakePorts([{ content: "one" }, { failure: { kind: "unreachable", message: "no" } }, {
    content: "two",
  }]);
  equal((await run(broken.ports, ["a", "b"])).context.task, 1);
});

Deno.test("root leaves a turn out of the history when the model never answered, with the failure's exit code", async () => {
  const { ports } = fakePorts([{ failure: { kind: "auth", message: "bad key" } }]);
  const { context, exit } = await run(ports, ["hello"]);
  equal([context.messages, exit], [[], 3]);
});

Deno.test("root queues lines while a turn runs, shows them, and gives the last one back", async () => {
  const { ports, seen } = fakePorts([
    async () => {
      seen.hear({ type: "line", text: "later" });
      seen.hear({ type: "line", text: "never mind" });
      seen.hear({ type: "unqueue" });
      await Promise.resolve();
      return { content: "one" };
    },
    { content: "CONTINUE" },
    { content: "two" },
  ]);
  const { context } = await run(ports, ["now"]);
  equal(context.messages.filter((m) => m.role === "user").length, 2);
  ok(seen.calls.includes("edit never mind"));
  ok(seen.shown.some((e) => e.type === "queue" && e.lines.length === 2));
});

Deno.test("root answers /cost at once while a turn runs", async () => {
  const { ports, seen } = fakePorts([() => {
    seen.hear({ type: "line", text: "/cost" });
    ok(seen.shown.some((e) => e.type === "print" && e.text.includes("tokens in")));
    return { content: "one" };
  }]);
  await run(ports, ["now"]);
});

Deno.test("an interrupt keeps the partial text, and the session goes on", async () => {
  const { ports, seen } = fakePorts([
    (_, signal) => {
      seen.hear({ type: "interrupt" });
      ok(signal.aborted);
      throw new Aborted("half");
    },
    { content: "CONTINUE" },
    { content: "two" },
  ]);
  const { context, exit } = await run(ports, ["first", "second"]);
  match(context.messages[1]?.content ?? "", /^half/);
  equal([context.messages.length, exit], [4, 0]);
});

const paths: {
  title: string;
  script: Scripted[];
  proofs?: boolean[];
  builds?: boolean[];
  trail: string;
  relaunch: boolean;
}[] = [
  {
    title: "promotes what passes",
    script: [reflected, goal, fine, nothing],
    trail: "reflecting evolving proving judging documenting building promoting restarting",
    relaunch: true,
  },
  {
    title: "refines what fails and then passes",
    script: [reflected, goal, goal, fine, nothing],
    proofs: [false, true],
    trail: "reflecting evolving proving refining proving judging documenting building promoting restarting",
    relaunch: true,
  },
  {
    title: "gives up after three attempts",
    script: [reflected, goal, goal, goal],
    proofs: [false, false, false],
    trail: "reflecting evolving proving refining proving refining proving discarding left",
    relaunch: false,
  },
  {
    title: "refines what does not build",
    script: [reflected, goal, fine, nothing, goal, fine, nothing],
    builds: [false, true],
    trail:
      "reflecting evolving proving judging documenting building refining proving judging documenting building promoting restarting",
    relaunch: true,
  },
  {
    title: "discards what is vetoed",
    script: [reflected, goal, { content: '{"veto": true, "reason": "no"}' }],
    trail: "reflecting evolving proving judging discarding left",
    relaunch: false,
  },
  {
    title: "takes an unreadable judge for a veto",
    script: [reflected, goal, { content: "looks good to me" }],
    trail: "reflecting evolving proving judging discarding left",
    relaunch: false,
  },
  {
    title: "takes a failing judge for a veto",
    script: [reflected, goal, { failure: { kind: "unreachable", message: "gone" } }],
    trail: "reflecting evolving proving judging discarding left",
    relaunch: false,
  },
  {
    title: "ends on SKIP",
    script: [reflected, { content: "SKIP: all is well" }],
    trail: "reflecting evolving discarding left",
    relaunch: false,
  },
  {
    title: "asks once for a goal that cannot be read",
    script: [reflected, { content: "I changed something" }, goal, fine, nothing],
    trail: "reflecting evolving proving judging documenting building promoting restarting",
    relaunch: true,
  },
  {
    title: "takes the words of a model that writes no JSON",
    script: [reflected, { content: "I changed something" }, { content: "As I said" }, fine, nothing],
    trail: "reflecting evolving proving judging documenting building promoting restarting",
    relaunch: true,
  },
  {
    title: "ends on SKIP in place of a goal, whatever was edited",
    script: [reflected, { content: "I am not sure" }, { content: "SKIP: on second thought" }],
    trail: "reflecting evolving discarding left",
    relaunch: false,
  },
  {
    title: "stops when the endpoint dies at the question for a goal",
    script: [reflected, { content: "I am not sure" }, { failure: { kind: "auth", message: "no key" } }],
    trail: "reflecting evolving discarding left",
    relaunch: false,
  },
  {
    title: "stops at a dead endpoint instead of looping",
    script: [reflected, { failure: { kind: "unreachable", message: "gone" } }],
    trail: "reflecting evolving discarding left",
    relaunch: false,
  },
];

for (const { title, script, proofs, builds, trail, relaunch } of paths) {
  Deno.test(`/evolve ${title}`, async () => {
    const { ports, seen } = fakePorts(script, { ...(proofs && { proofs }), ...(builds && { builds }) });
    const done = await run(ports, ["/evolve"]);
    equal(done.trail.join(" "), trail);
    equal(done.relaunch, relaunch);
    equal(done.exit === 0, relaunch || title.startsWith("ends on SKIP"));
    equal(seen.requests.length, script.length);
    equal(seen.calls.some((made) => made.startsWith("promote ")), relaunch);
    if (!relaunch) ok(seen.calls.includes("close"), "the draft is closed");
  });
}

Deno.test("/evolve makes several changes in one run, each a generation, and relaunches once", async () => {
  const one = [goal, fine, nothing];
  const { ports, seen } = fakePorts([reflected, ...one, ...one, { content: "SKIP" }], {
    budget: { maxChanges: 0, maxAttempts: 3, wallMs: 1000, tokens: 1e6 },
  });
  const done = await run(ports, ["/evolve"]);
  equal([seen.calls.filter((c) => c.startsWith("promote")).length, done.relaunch], [2, true]);
});

Deno.test("/evolve shows the suggestions and the recent failures to the change", async () => {
  const suggestion = { title: "better errors", evidence: "s1 3..5", predicted: "fewer questions", verify: "a test" };
  const { ports, seen } = fakePorts([{ content: JSON.stringify([suggestion]) }, { content: "SKIP" }]);
  await run(ports, ["/evolve"]);
  const prompt = seen.requests[1]?.messages.at(-1)?.content ?? "";
  for (const text of ["better errors", "s1 3..5", "fewer questions", "an old reason", "- a note", "main.ts 10"]) {
    ok(prompt.includes(text), text);
  }
  ok(seen.calls.includes("reflected s1"));
});

Deno.test("/evolve writes failed and accepted changes to the journal", async () => {
  const failed = fakePorts([reflected, goal, { content: '{"veto": true, "reason": "no worth"}' }]);
  await run(failed.ports, ["/evolve"]);
  ok(failed.seen.calls.includes("fail vetoed: no worth"));
  const accepted = fakePorts([reflected, goal, fine, nothing]);
  await run(accepted.ports, ["/evolve"]);
  ok(accepted.seen.calls.includes("journal promoted as generation 1"));
});

Deno.test("an interrupt during an evolution discards the change and keeps the session", async () => {
  const { ports, seen } = fakePorts([reflected, () => {
    seen.hear({ type: "interrupt" });
    return goal;
  }, { content: "hello" }]);
  const done = await run(ports, ["/evolve", "hi"]);
  ok(seen.calls.includes("discard") && !seen.calls.includes("prove"));
  equal(done.context.messages.at(-1)?.content, "hello");
});

Deno.test("a draft that cannot be opened ends the evolution before the model is asked", async () => {
  const { ports, seen } = fakePorts([]);
  ports.draft.open = () => Promise.resolve({ ok: false, error: "Another evolution is running" });
  const done = await run(ports, ["/evolve"]);
  equal([seen.requests.length, done.exit], [0, 1]);
  ok(seen.shown.some((e) => e.type === "notice" && e.text.includes("Another evolution")));
});

Deno.test("a rollback relaunches", async () => {
  const { ports, seen } = fakePorts([]);
  equal((await run(ports, ["/rollback 0"])).relaunch, true);
  ok(seen.calls.includes("rollback 0"));
});

Deno.test("an unknown command names the nearest, and a path is no command", async () => {
  const { ports, seen } = fakePorts([{ content: "that is a path" }]);
  await run(ports, ["/evolv", "/usr/bin/env is what?"]);
  ok(seen.shown.some((e) => e.type === "notice" && e.text.includes('did you mean "/evolve"')));
  equal(seen.requests.length, 1);
});
