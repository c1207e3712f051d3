/** The model port: an OpenAI-compatible endpoint, or a cassette. */
import { setTimeout as delay } from "node:timers/promises";
import { Aborted, type Clock, type Log, type Model, type ModelRequest } from "../../actors/ports.ts";
import { type Failure, no, ok, type Outcome, type Reply, type Shown } from "../../actors/types.ts";
import { canAsk, NO_MODEL } from "../config/settings.ts";
import { canonical, type CassettePosition, createPlayer, parseCassette, recordLine } from "./cassette.ts";
import { createRecorder, readCassette } from "./cassette_file.ts";
import type { createEndpoint } from "./endpoint.ts";
import { createEstimator } from "./estimate.ts";
import { createExchangeLog } from "./exchange_log.ts";
import { type ModelSettings, windowOf } from "./settings.ts";
import { wellFormed } from "../protocol/wire.ts";

/** What a model client needs. `normalise` takes out of texts what may differ between a recording and its playing. */
export interface ModelOptions {
  settings: ModelSettings;
  log: Log;
  show: (event: Shown) => void;
  clock: Clock;
  redact: (text: string) => string;
  random?: () => number;
  normalise?: (text: string) => string;
  /** The id of this session; another takes its place when a recording is played. */
  session?: () => string;
}

/** What stands for the session's id in a recording. */
const SESSION = "$SESSION";

/** How far each cassette was played, by its file ("" for the built-in one); JSON. */
export type Positions = Record<string, CassettePosition>;

/** A model whose cassettes another process can go on playing. */
export interface PlayableModel extends Model {
  position(): Positions;
  seek(positions: Positions): void;
}

type Player = ReturnType<typeof createPlayer> & { window: number };
const SHOWN = new Set(["chat", "reflect", "evolve", "refine", "document"]);

/** Loads cassettes when they are first asked, each once, so that its position outlives a change of model. */
function createShelf({ model, cassette }: ModelSettings, changes: Parameters<typeof createPlayer>[2]) {
  const players = new Map<string, Player>();
  function load(file: string): Outcome<Player> {
    const known = players.get(file);
    if (known) return ok(known);
    const text = file || !cassette ? readCassette(file) : ok(cassette.text);
    const parsed = text.ok ? parseCassette(text.value, file || "built-in") : text;
    if (!parsed.ok) return parsed;
    const player = { ...createPlayer(parsed.value, file || "built-in", changes), window: parsed.value.header.window };
    players.set(file, player);
    return ok(player);
  }
  /** The cassette that a model's name means, if it means one. */
  function named(name: string): Outcome<Player> | undefined {
    if (name.startsWith("cassette:")) return load(name.slice("cassette:".length));
    return cassette && name === model ? load("") : undefined;
  }
  const position = (): Positions => Object.fromEntries([...players].map(([file, played]) => [file, played.position()]));
  function seek(positions: Positions): void {
    for (const [file, at] of Object.entries(positions)) {
      const found = load(file);
      if (found.ok) found.value.seek(at);
    }
  }
  return { named, position, seek };
}

/** Makes the model port. A cassette that cannot be read is the failure `config` of every reply. */
export function createModel(options: ModelOptions): PlayableModel {
  const { settings, show, session, random = Math.random, normalise = (text: string) => text } = options;
  const key = settings.apiKey && settings.apiKey.length > 7 ? settings.apiKey : "[redacted]";
  const clean = (text: string) => wellFormed(options.redact(text.replaceAll(key, "[redacted]")));
  const comparable = (text: string) => normalise(clean(text));
  const estimator = createEstimator();
  let endpoint: ReturnType<typeof createEndpoint> | undefined;
  let opening: Promise<ReturnType<typeof createEndpoint>> | undefined;
  /** The client is loaded when it is first asked: a prompt does without. */
  const open = () =>
    opening ??= import("./endpoint.ts").then((client) =>
      endpoint = client.createEndpoint({ ...options, random, clean, estimator })
    );
  const logged = createExchangeLog(options.log);
  const localise = (text: string) => session ? text.replaceAll(SESSION, session()) : text;
  const kept = (text: string) => session ? clean(text).replaceAll(session(), SESSION) : clean(text);
  const shelf = createShelf(settings, { normalise: comparable, localise });
  let name = settings.model;
  const player = () => shelf.named(name);
  const window = () => {
    const played = player();
    if (played?.ok) return played.value.window;
    return Math.min(settings.window ?? windowOf(name) ?? 128_000, endpoint?.window(name) ?? Infinity);
  };
  const record = settings.record === undefined
    ? undefined
    : createRecorder(settings.record, () => ({ model: name, window: window() }));

  async function answer(request: ModelRequest, model: string, signal: AbortSignal): Promise<Reply | Failure> {
    const shown = SHOWN.has(request.purpose), played = player();
    if (played && !played.ok) return { kind: "config", message: played.error };
    if (played) return playAloud(await played.value.play(request), shown ? show : () => {});
    if (!canAsk(settings)) return { kind: "config", message: NO_MODEL };
    const result = await (await open()).ask({ ...request, model, shown }, signal);
    const written = await record?.(recordLine(canonical(request, comparable), result, kept));
    if (written && !written.ok) show({ type: "notice", level: "warning", text: written.error });
    return result;
  }

  async function reply(request: ModelRequest, signal: AbortSignal): ReturnType<Model["reply"]> {
    if (signal.aborted) throw new Aborted("");
    const fast = request.fast && settings.fastModel !== settings.model;
    const model = fast && !player()?.ok ? settings.fastModel : name;
    const result = await logged(request, model, () => answer(request, model, signal));
    if ("kind" in result) return { ok: false, error: result.message, failure: result };
    show({ type: "usage", usage: result.usage });
    return ok(result);
  }

  function use(wanted: string): Outcome<string> {
    const next = wanted.trim();
    const found = shelf.named(next);
    if (found && !found.ok) return found;
    if (!found && !/^[^\s\p{C}]+$/u.test(next)) {
      return no(`Cannot use model "${next}": a model's name has no spaces; use one like "anthropic/claude-opus-4"`);
    }
    name = next;
    return ok(next);
  }

  const { position, seek } = shelf;
  return { name: () => name, window, use, reply, estimate: estimator.estimate, position, seek };
}

/** Shows a played reply as if it came in pieces. */
function playAloud(result: Reply | Failure, show: (event: Shown) => void): Reply | Failure {
  if ("kind" in result) return result;
  const { content, reasoning } = result.message;
  if (typeof reasoning?.reasoning === "string") show({ type: "reasoning_delta", text: reasoning.reasoning });
  for (const text of content.match(/\S*\s+|\S+/g) ?? []) show({ type: "text_delta", text });
  return result;
}

/** Asks for one tiny reply, once; says who answered, or why not. Throws `Aborted` on an abort. */
export async function probe(settings: ModelSettings, signal: AbortSignal): Promise<Outcome<string>> {
  const { apiKey, model } = settings;
  const { createEndpoint } = await import("./endpoint.ts");
  const endpoint = createEndpoint({
    settings,
    clock: { now: Date.now, sleep: (ms, stop) => delay(ms, undefined, { signal: stop }) },
    show: () => {},
    random: Math.random,
    clean: (text) => apiKey ? text.replaceAll(apiKey, "[redacted]") : text,
    estimator: createEstimator(),
    requests: 1,
  });
  const messages = [{ role: "user" as const, content: "Answer with the word ok." }];
  const result = await endpoint.ask({ purpose: "task", messages, tools: [], model, shown: false }, signal);
  return "kind" in result ? no(result.message) : ok(`"${model}" answered`);
}
