import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import type { ModelRequest } from "../../actors/ports.ts";
import { type Failure, ok as good } from "../../actors/types.ts";
import { bodyOf, fakeFunctionModel } from "../testing/fake_workshop.ts";
import { type Bench, withFunctions } from "../testing/functions_fixtures.ts";
import { createGate } from "./budget.ts";
import { digest } from "../functions/arena.ts";

const fenced = (source: string) => `\`\`\`ts\n${source}\`\`\``;
const said = ({ messages }: ModelRequest) => messages.at(-1)?.content ?? "";
/** Answers these bodies in turn; after the last, text without code. */
const answering = (...bodies: string[]) =>
  fakeFunctionModel((_, count) => bodies[count - 1] ? fenced(bodies[count - 1] ?? "") : "no more");
const one = "evolve line --lanes 1 --rounds 1";

async function textOf(run: ReturnType<Bench["run"]>): Promise<string> {
  const done = await run;
  ok(done.ok, JSON.stringify(done));
  return done.value;
}

Deno.test("what is better becomes active, what is worse never does, and the goal ends the run", () =>
  withFunctions(async ({ run, store, workshop }) => {
    const model = answering(bodyOf(0.5), bodyOf(0.3), bodyOf(0.9, "/* OVERFIT */"), bodyOf(1));
    const text = await textOf(run("evolve line --lanes 1", { model }));
    match(text, /the goal is reached; 4 attempts, 600 tokens/);
    match(text, /-O3.*\nrevision 4 is active: 0.1 -> 1$/);
    const archive = store().archive("line", TASK);
    equal(archive.list("recent", 9).map(({ number, state, kind }) => [number, kind ?? state]), [
      [4, "accepted"],
      [3, "overfit"],
      [2, "worse"],
      [1, "accepted"],
      [0, "accepted"],
    ]);
    const { active, version, looks } = archive.standing();
    equal([active, version, looks], [4, 3, 3]);
    equal(archive.revision(4)?.parent, 1);
    equal(archive.revision(4)?.built?.optimize, 3);
    equal(new Set(workshop.evaluated.map(({ heldOutSeed }) => heldOutSeed)).size, 4);
    equal(new Set(workshop.evaluated.map(({ trainingSeed }) => trainingSeed)).size, 1);
  }));

Deno.test("each rejection is told to the model with its feedback, in the lane's own history", () =>
  withFunctions(async ({ run }) => {
    const bodies = [bodyOf(1, "SYNTAX"), bodyOf(1, "TRAP"), bodyOf(1, "NAN"), bodyOf(0.05), bodyOf(0.05, "/* same */")];
    const model = answering(...bodies, bodyOf(0.9, "/* OVERFIT */"), "export function g(): void {}\n", bodyOf(1));
    match(await textOf(run(one, { model })), /8 attempts/);
    const asked = model.requests.map(said);
    match(asked[0] ?? "", /Return as much as you can.*export function f\(x: f64\): f64.*return 0.1.*got 0.1/s);
    match(asked[1] ?? "", /cannot be parsed.*line 1: what is SYNTAX/s);
    match(asked[2] ?? "", /trapped while it ran.*at line 1/s);
    match(asked[3] ?? "", /not a number.*NaN/s);
    match(asked[4] ?? "", /no better than the best one.*Score: 0.05.*got 0.05/s);
    match(asked[5] ?? "", /the same body twice/); // a comment makes no other body: history dropped
    equal(model.requests.map(({ messages }) => messages.length), [2, 4, 6, 8, 10, 2, 4, 6]);
    match(asked[6] ?? "", /not on others/);
    match(asked[7] ?? "", /no usable code block.*function f is missing/s);
    match(String(model.requests[5]?.messages[0]?.content), /the prompt function/);
  }));

Deno.test("a body that the archive knows is neither built nor looked at again, and the model hears it", () =>
  withFunctions(async ({ run, workshop }) => {
    await textOf(run(one, { model: answering(bodyOf(0.05), bodyOf(0.5)) }));
    const before = workshop.compiled.length;
    const model = answering(bodyOf(0.05), bodyOf(1));
    await textOf(run(one, { model }));
    match(
      said(model.requests[1] ?? { purpose: "function", messages: [], tools: [] }),
      /tried before.*revision 1: score 0.05/s,
    );
    match(
      said(model.requests[0] ?? { purpose: "function", messages: [], tools: [] }),
      /Earlier attempts.*Revision 1, rejected \(worse\)/s,
    );
    equal(workshop.compiled.length - before, 2); // the winner, and again at -O3
  }));

Deno.test("lanes run at the same time, with a bounded number of requests in flight", () =>
  withFunctions(async ({ run, traces: all }) => {
    const model = fakeFunctionModel(async (_, count) => {
      await delay(10);
      return fenced(bodyOf(0.2 + count / 1000));
    });
    await textOf(run("evolve line --lanes 7 --rounds 2", { model }));
    equal(model.most, 4);
    const traces = all() as { lane: number; seq: number; stages: { modelMs: number } }[];
    equal(new Set(traces.map(({ lane }) => lane)).size, 7);
    for (const lane of [0, 3, 6]) {
      const own = traces.filter((trace) => trace.lane === lane);
      equal(own.map(({ seq }) => seq), own.map((_, at) => at));
      ok(own.length >= 2 && own.every(({ stages }) => typeof stages.modelMs === "number"));
    }
  }));

Deno.test("lanes that race compete with the incumbent of that moment", () =>
  withFunctions(async ({ run, store, workshop }) => {
    const model = fakeFunctionModel((_, count) =>
      count <= 6 ? fenced(bodyOf(0.9 - count / 100, "/* SLOW */")) : "done"
    );
    await textOf(run("evolve line --lanes 6 --rounds 1", { model }));
    const archive = store().archive("line", TASK);
    const { active } = archive.standing();
    equal(archive.revision(active)?.score?.score, 0.89);
    const won = archive.list("accepted", 20).reverse().map(({ score }) => score?.score ?? 0);
    equal(won, won.toSorted((a, b) => a - b));
    ok(workshop.evaluated.length > workshop.compiled.length - 2, "some were compared again");
  }));

Deno.test("transient failures are retried, an overflow drops the history, a refusal ends the run", () =>
  withFunctions(async ({ run }) => {
    const failure = (kind: Failure["kind"]): Failure => ({ kind, message: `Cannot reach the model: ${kind}` });
    const steps = [failure("server"), fenced(bodyOf(0.05)), failure("overflow"), fenced(bodyOf(1))];
    const model = fakeFunctionModel((_, count) => steps[count - 1] ?? "");
    await textOf(run(one, { model }));
    equal(model.requests.map(({ messages }) => messages.length), [2, 2, 4, 2]);
    await textOf(run("activate line 0"));
    for (const [kind, exit] of [["auth", 3], ["unreachable", 6], ["config", 4], ["limit", 7]] as const) {
      const refuses = fakeFunctionModel(() => failure(kind));
      const refused = await run(one, { model: refuses });
      equal(refused, { ok: false, error: `Cannot evolve "line": Cannot reach the model: ${kind}`, exit });
      equal(refuses.requests.length, 1);
    }
  }));

Deno.test("the first lane goes ahead: what it cannot ask, no other lane asks, and nothing is said twice", () =>
  withFunctions(async ({ run, lines }) => {
    const failure: Failure = { kind: "auth", message: "Cannot ask: the key was refused" };
    const model = fakeFunctionModel(() => failure);
    const refused = await run("evolve line --lanes 4", { model, sleep: () => new Promise(() => {}) });
    equal(refused, { ok: false, error: 'Cannot evolve "line": Cannot ask: the key was refused', exit: 3 });
    equal([model.requests.length, lines], [1, []]);
    const late = fakeFunctionModel(() => failure); // with no lead they all ask
    equal((await run("evolve line --lanes 4", { model: late })).exit, 3);
    ok(late.requests.length > 1);
  }));

Deno.test("an abort ends the run in good order: what was found is active and stays", () =>
  withFunctions(async ({ run }) => {
    const stop = new AbortController();
    const model = fakeFunctionModel((_, count) => {
      if (count === 1) return fenced(bodyOf(0.5));
      stop.abort();
      return new Promise<string>(() => {});
    });
    match(
      await textOf(run("evolve line --lanes 1", { model, signal: stop.signal })),
      /interrupted.*\n.*revision 1 is active/,
    );
    match(await textOf(run("list")), /line +shipped +1 +2 +0.1 +0.5 +1/);
  }));

Deno.test("a request that the budget has no room for is never sent", () =>
  withFunctions(async ({ run }) => {
    const model = fakeFunctionModel((_, count) => fenced(bodyOf(0.01 + count / 1000)));
    match(
      await textOf(run("evolve line --budget tokens=8400 --lanes 3", { model })),
      /8400 tokens has no room for more/,
    );
    const sent = model.requests.length;
    ok(sent > 5 && sent <= 29, String(sent));
    const priced = fakeFunctionModel((_, count) => fenced(bodyOf(0.02 + count / 1000)), 0.01);
    match(
      await textOf(run("evolve line --budget usd=0.5 --lanes 3 --rounds 50", { model: priced })),
      /0.5 USD has no room/,
    );
    ok(priced.requests.length * 0.01 <= 0.5);
    const unpriced = fakeFunctionModel(() => "nothing", null);
    match(await textOf(run("evolve line --budget usd=1 --lanes 3", { model: unpriced })), /tells no prices/);
    equal(unpriced.requests.length, 1);
  }));

Deno.test("the gate lets the lane with the most attempts through first", async () => {
  const gate = createGate({}, 1);
  const { signal } = new AbortController();
  const order: number[] = [];
  const first = await gate.enter({ priority: 0, tokens: 1, signal });
  const waiting = [1, 3, 2].map((priority) =>
    gate.enter({ priority, tokens: 1, signal }).then((entered) => {
      order.push(priority);
      if (entered.ok) entered.value();
    })
  );
  if (first.ok) first.value();
  await Promise.all(waiting);
  equal(order, [3, 2, 1]);
});

Deno.test("no seed and no secret of held-out data is in a prompt or in the trace", () =>
  withFunctions(async ({ run, store, lines, workshop, traces }) => {
    const model = answering(bodyOf(0.5), bodyOf(0.9, "/* OVERFIT */"), bodyOf(0.6), bodyOf(1));
    await textOf(run("evolve line --lanes 1", { model }));
    const archive = store().archive("line", TASK);
    const told = JSON.stringify([model.requests, traces(), archive.list("recent", 100), lines]);
    ok(told.length > 1000 && told.includes("got 0.5"));
    const { secret } = archive.standing();
    ok(!told.includes(secret) && workshop.evaluated.every(({ heldOutSeed }) => !told.includes(String(heldOutSeed))));
  }));

Deno.test("a body with a secret, or a far too long one, is refused before it is stored or built", () =>
  withFunctions(async ({ run, workshop, database }) => {
    const redact = (text: string) => text.replaceAll("hush-hush", "[redacted]");
    const model = answering(bodyOf(0.9, '"hush-hush";'), bodyOf(0.9, `/*${"x".repeat(5_000_000)}*/`), bodyOf(1));
    match(await textOf(run(one, { model, redact })), /3 attempts/);
    match(said(model.requests[1] ?? { purpose: "function", messages: [], tools: [] }), /looks like a secret/);
    match(
      said(model.requests[2] ?? { purpose: "function", messages: [], tools: [] }),
      /5000\d\d\d? characters, at most 5000|characters, at most 5000/,
    );
    equal(workshop.compiled.filter((source) => source.includes("hush") || source.length > 5000), []);
    ok(!new TextDecoder("latin1").decode(await Deno.readFile(database)).includes("hush-hush"));
  }));

Deno.test("a reply that was cut before its code is told so", () =>
  withFunctions(async ({ run }) => {
    const whole = answering("", bodyOf(1)), note = "The reply was cut before its end: it is too long";
    const reply: typeof whole.reply = async (...asked) => {
      const said = await whole.reply(...asked);
      return said.ok && whole.requests.length === 1 ? good({ ...said.value, finish: "cut", note }) : said;
    };
    match(await textOf(run(one, { model: { ...whole, reply } })), /2 attempts/);
    match(said(whole.requests[1] ?? { purpose: "function", messages: [], tools: [] }), /cut before its end: it is too/);
  }));

/** The fixture's task hash, as the port makes it of task file, body and declaration. */
const TASK = digest(JSON.stringify(["// the evaluator", bodyOf(0.1), {
  functions: { f: { parameters: [["x", "f64"]], result: "f64" } },
  limits: { fuel: 1000, pages: 1, deadlineMs: 1000, source: 5000 },
  goal: 1,
  shipped: 0,
}]));
