import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import type { Failure } from "../../actors/types.ts";
import { BOTTOM, climb, type Happened, LADDER, type Next, type Rejection, REJECTIONS, type Rung } from "./ladder.ts";

const rejected = (kind: Rejection, hash = "h", detail = ["detail"]): Happened => ({
  type: "rejected",
  kind,
  hash,
  detail,
});
const failed = (kind: Failure["kind"]): Happened => ({ type: "failed", failure: { kind, message: `Cannot: ${kind}` } });
const talking: Rung = { ...BOTTOM, attempts: 2, history: true, last: "h" };

const table: { from: Rung; happened: Happened; event: Next["event"]; to: Partial<Rung> }[] = [
  { from: BOTTOM, happened: { type: "accepted" }, event: "registered", to: { attempts: 1 } },
  { from: BOTTOM, happened: rejected("worse"), event: "self_heal", to: { attempts: 1, history: true, last: "h" } },
  { from: talking, happened: rejected("trap", "other"), event: "self_heal", to: { attempts: 3, last: "other" } },
  { from: talking, happened: rejected("seen"), event: "repeat_reset", to: { attempts: 3, history: false, last: "h" } },
  {
    from: { ...BOTTOM, attempts: LADDER.attempts - 1 },
    happened: rejected("parse"),
    event: "terminal",
    to: { attempts: LADDER.attempts },
  },
  { from: { ...talking, transients: 2 }, happened: rejected("worse", "x"), event: "self_heal", to: { transients: 0 } },
  ...(["rate_limited", "server", "malformed"] as const).map((kind) => ({
    from: talking,
    happened: failed(kind),
    event: "transient_retry" as const,
    to: { attempts: 2, transients: 1, history: true },
  })),
  { from: { ...talking, transients: LADDER.transients }, happened: failed("server"), event: "terminal", to: {} },
  {
    from: talking,
    happened: failed("overflow"),
    event: "context_reset",
    to: { attempts: 3, resets: 1, history: false },
  },
  { from: BOTTOM, happened: failed("overflow"), event: "terminal", to: { attempts: 0 } },
  { from: { ...talking, resets: LADDER.resets }, happened: failed("overflow"), event: "terminal", to: {} },
  ...(["unreachable", "auth", "refused", "diverged", "config", "limit"] as const).map((kind) => ({
    from: talking,
    happened: failed(kind),
    event: "terminal" as const,
    to: talking,
  })),
];

for (const { from, happened, event, to } of table) {
  const what = happened.type === "failed"
    ? happened.failure.kind
    : happened.type === "rejected"
    ? happened.kind
    : "win";
  Deno.test(`the ladder answers ${what} after ${from.attempts} attempts and ${from.transients} retries with ${event}`, () => {
    const { rung, next } = climb(from, happened);
    equal(next.event, event);
    equal({ ...rung, ...to }, rung);
  });
}

Deno.test("every rejection has a nudge of its own that ends in the detail", () => {
  const nudges = REJECTIONS.map((kind) => {
    const { next } = climb(BOTTOM, rejected(kind, "x", ["the detail"]));
    ok(next.event === "self_heal");
    match(next.nudge, /\nthe detail$/);
    return next.nudge;
  });
  equal(new Set(nudges).size, REJECTIONS.length);
});

Deno.test("retries wait twice as long each time, and a repeat is answered without a quote", () => {
  let rung = BOTTOM;
  const delays: number[] = [];
  for (let n = 0; n < LADDER.transients; n++) {
    const step = climb(rung, failed("server"));
    rung = step.rung;
    if (step.next.event === "transient_retry") delays.push(step.next.delayMs);
  }
  equal(delays, [1000, 2000, 4000]);
  const { next } = climb(talking, rejected("worse", "h", ["SECRET BODY"]));
  ok(next.event === "repeat_reset" && !next.nudge.includes("SECRET BODY"));
});
