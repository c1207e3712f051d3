/**
 * A workshop without processes, for tests of what stands on it: a body is worth the first number it returns (`return 0.7`).
 * Words in the body say what happens: SYNTAX, TRAP, NAN, OVERFIT (worth nothing on held-out data), SLOW (waits a little).
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Model, ModelRequest } from "../../actors/ports.ts";
import { type Failure, no, ok, type Reply } from "../../actors/types.ts";
import type { Declaration, EvaluateRequest, Workshop } from "../evaluation/types.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const worth = (source: string) => Number(/return \(?(-?[\d.e-]+)/.exec(source)?.[1] ?? NaN);
const held = (source: string) => /OVERFIT/.test(source) ? -1 : worth(source);

/** What the fake workshop was asked, for tests to look at. */
export interface FakeWorkshop extends Workshop {
  compiled: string[];
  evaluated: EvaluateRequest[];
}

/** The body that is worth this much. */
export const bodyOf = (value: number | string, more = "") =>
  `export function f(x: f64): f64 { ${more} return ${value}; }\n`;

/** The declaration of the function that the fake workshop can run. */
export const DECLARED: Declaration = {
  name: "line",
  description: "Return as much as you can.",
  functions: { f: { parameters: [["x", "f64"]], result: "f64" } },
  limits: { fuel: 1000, pages: 1, deadlineMs: 1000, source: 5000 },
  goal: 1,
};

/** Makes the workshop; `score` replaces what a body is worth on training. */
export function fakeWorkshop(
  declared: Declaration = DECLARED,
  score: (source: string) => number = worth,
): FakeWorkshop {
  const compiled: string[] = [], evaluated: EvaluateRequest[] = [];
  const run = (bytes: Uint8Array) => {
    const source = text(bytes);
    if (/TRAP/.test(source)) return { ok: false as const, kind: "trap" as const, feedback: "f trapped at line 1" };
    if (/EVALUATOR/.test(source)) return { ok: false as const, kind: "evaluator" as const, feedback: "it threw" };
    if (/NAN/.test(source)) return { ok: false as const, kind: "nan" as const, feedback: "the score is NaN" };
    return { ok: true as const, score: { score: score(source), feedback: [`got ${score(source)}`] }, fuel: 3, ms: 1 };
  };
  return {
    compiled,
    evaluated,
    declare: () => Promise.resolve(ok(declared)),
    async compile({ source, optimize }, signal) {
      signal.throwIfAborted();
      compiled.push(source);
      await delay(/SLOW/.test(source) ? 30 : 0);
      signal.throwIfAborted();
      if (/SYNTAX/.test(source)) return { ok: false, kind: "parse", diagnostics: "line 1: what is SYNTAX" };
      const wasm = new TextEncoder().encode(source);
      return { ok: true, wasm, plain: wasm.slice(0, 10 * optimize), ms: 1 };
    },
    async evaluate(on, signal) {
      signal.throwIfAborted();
      evaluated.push(on);
      await delay(1);
      const ran = run(on.candidate);
      if (!ran.ok) return { ...ran, beatsTraining: false };
      const beatsTraining = on.best.every((best) => ran.score.score > best.score);
      if (!beatsTraining) return { ...ran, beatsTraining };
      const others = on.incumbents.map(({ wasm }) => held(text(wasm)));
      return { ...ran, beatsTraining, beatsHeldOut: others.every((other) => held(text(on.candidate)) > other) };
    },
    score: ({ candidate }) => Promise.resolve(run(candidate)),
    close: () => Promise.resolve(),
  };
}

/** A model that answers by a function, counting how many requests are in flight. */
export function fakeFunctionModel(
  answer: (request: ModelRequest, count: number) => Promise<string | Failure> | string | Failure,
  cost: number | null = 0,
): Model & { requests: ModelRequest[]; most: number } {
  let flying = 0;
  const model = {
    requests: [] as ModelRequest[],
    most: 0,
    name: () => "fake",
    window: () => 100_000,
    use: () => no("Cannot change the fake model"),
    estimate: () => 100,
    async reply(request: ModelRequest, signal: AbortSignal) {
      signal.throwIfAborted();
      model.requests.push(request);
      model.most = Math.max(model.most, ++flying);
      const stopped = new Promise<never>((_, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason), { once: true })
      );
      try {
        const said = await Promise.race([Promise.resolve(answer(request, model.requests.length)), stopped]);
        if (typeof said !== "string") return { ...no(said.message), failure: said };
        const usage = { input: 100, output: 50, cached: 0, cost, estimated: false };
        const message = { role: "assistant" as const, content: said, calls: [] };
        return ok<Reply>({ message, usage, finish: "stop" });
      } finally {
        flying--;
      }
    },
  };
  return model;
}
