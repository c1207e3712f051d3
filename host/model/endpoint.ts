/** Asks an endpoint until it answers: the one owner of retries, and of the circuit breaker. */
import { Aborted, type Clock } from "../../actors/ports.ts";
import type { Failure, FailureKind, Reply, Shown } from "../../actors/types.ts";
import { createAssembly } from "../protocol/assemble.ts";
import { attempt } from "./attempt.ts";
import type { createEstimator } from "./estimate.ts";
import { type Ask, createNegotiation } from "./negotiate.ts";
import { hostOf, LIMITS, type ModelSettings } from "./settings.ts";
import { settle } from "./settle.ts";
import { visible } from "../protocol/text_tools.ts";
import { judge, oneLine, overflowSize, StatusError, type Trouble } from "../protocol/trouble.ts";

const BREAK_AFTER = 3, BREAK_MS = 30_000;
const ADVICE: Partial<Record<FailureKind, string>> = {
  auth: "check the API key",
  overflow: "shorten the conversation",
  unreachable: "check the network and the endpoint's address",
  malformed: "check that the endpoint's address is that of a chat completions API",
  refused: "check the model's name and the endpoint's address",
  config: "set INFERENCE_BASE_URL to an http or https address",
};

/** What the asker needs. `clean` is applied to every text that leaves and to failures; `requests` bounds one call. */
export interface EndpointOptions {
  settings: ModelSettings;
  clock: Clock;
  show: (event: Shown) => void;
  random: () => number;
  clean: (text: string) => string;
  estimator: ReturnType<typeof createEstimator>;
  requests?: number;
}

/** Makes the asker of one endpoint. `ask` throws `Aborted` on an abort, and nothing that is expected. */
export function createEndpoint(options: EndpointOptions) {
  const { settings, clock, show, random, clean, requests = 5 } = options;
  const negotiation = createNegotiation(settings, clean, random);
  const breaker = createBreaker(clock);

  function failure(model: string, { kind, reason }: Pick<Trouble, "kind" | "reason">, sent = 0): Failure {
    const keyless = kind === "auth" && !settings.apiKey;
    const advice = keyless ? "set OPENROUTER_API_KEY, since no key is set" : ADVICE[kind];
    const why = reason.replace(/[.\s]+$/, "") + (sent > 1 ? ` (${sent} requests)` : "");
    const where = hostOf(settings.baseUrl) ?? settings.baseUrl;
    const next = advice ?? "try again later, or choose another model";
    return { kind, message: clean(`Cannot get a reply from "${model}" at "${where}": ${why}; ${next}`) };
  }

  async function ask(request: Ask, signal: AbortSignal): Promise<Reply | Failure> {
    const { model } = request;
    const open = breaker.open();
    if (!hostOf(settings.baseUrl)) {
      return failure(model, { kind: "config", reason: "the endpoint's address is not usable" });
    }
    if (open) return failure(model, { kind: "unreachable", reason: open });
    for (let n = 1, sent = 0;; n++) {
      const result = await once(request, { ...options, ...negotiation, signal });
      const cost = "kind" in result ? result.requests ?? 1 : 0;
      sent += cost;
      if (!("kind" in result) || !result.retry || sent + cost > requests) {
        breaker.note(result);
        return "kind" in result ? failure(model, result, sent) : result;
      }
      const { afterMs, kind } = result;
      const wait = afterMs === undefined ? 1000 * 2 ** (n - 1) * (0.75 + random() / 2) : afterMs + random() * 250;
      const delayMs = Math.round(wait);
      show({ type: "retry", kind, reason: clean(result.reason), attempt: n, delayMs });
      await clock.sleep(delayMs, signal).catch((error) => {
        throw signal.aborted ? new Aborted("") : error;
      });
    }
  }

  return { ask, window: (model: string) => negotiation.known(model).window };
}

type Once = EndpointOptions & ReturnType<typeof createNegotiation> & { signal: AbortSignal };

/** One attempt; more only if a refusal teaches another way to ask. */
async function once(ask: Ask, { build, learn, known, ...options }: Once): Promise<Reply | Trouble> {
  const { settings, clock, signal } = options;
  const limits = { ...LIMITS, ...settings.limits };
  for (;;) { // ends: each refusal teaches another thing, and there are four
    const { body, nonce } = build(ask);
    const assembly = createAssembly();
    const onDelta = ask.shown ? createDeltas(assembly.text, nonce, options.show) : () => {};
    const onWindow = (tokens: number) => void (known(ask.model).window = tokens);
    try {
      const end = await attempt(body, assembly, { settings, limits, clock, signal, onDelta });
      return "how" in end ? settle(ask, assembly, { ...options, end, nonce, onWindow }) : end;
    } catch (error) {
      if (signal.aborted) throw new Aborted(assembly.text());
      if (!(error instanceof StatusError)) throw error;
      if (learn(error, ask, body)) continue;
      const trouble = judge(error, clock.now());
      const size = trouble.kind === "overflow" && overflowSize(trouble.reason);
      if (size) onWindow(size);
      return trouble;
    }
  }
}

/** Shows what is new; with a nonce, not the blocks of calls. */
function createDeltas(all: () => string, nonce: string, show: (event: Shown) => void) {
  let shown = 0;
  return (fresh: { text: string; reasoning: string }) => {
    if (fresh.reasoning) show({ type: "reasoning_delta", text: fresh.reasoning });
    const upTo = nonce ? visible(all(), nonce, shown) : 0;
    const text = nonce ? all().slice(shown, upTo) : fresh.text;
    if (text) show({ type: "text_delta", text });
    shown = Math.max(shown, upTo);
  };
}

/** Leaves an endpoint alone for a while after calls that found it dead. */
function createBreaker(clock: Clock) {
  let failed = 0, until = 0, why = "";
  return {
    /** Why nothing may be sent now; empty if it may. */
    open() {
      const left = until - clock.now();
      if (failed < BREAK_AFTER || left <= 0 || left > BREAK_MS) return "";
      return `the last ${failed} calls failed (${why}), so it is left alone for ${Math.ceil(left / 1000)} s`;
    },
    note(result: Reply | Trouble) {
      const dead = "kind" in result && (result.kind === "unreachable" || result.kind === "server");
      failed = dead ? failed + 1 : 0;
      until = clock.now() + BREAK_MS;
      why = dead ? oneLine(result.reason) : "";
    },
  };
}
