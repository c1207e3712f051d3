/** The composition of the body: every port, wired once for one run. */
import { join } from "node:path";
import type { Clock, Open, Options, Ports } from "../actors/ports.ts";
import { EXIT, no, ok, type Outcome } from "../actors/types.ts";
import { createAbout } from "./about.ts";
import { createGuidance } from "./config/guidance.ts";
import { configFolder, loadSettings, NO_MODEL, type Settings } from "./config/settings.ts";
import { createTrust, type Granted, promptPath, trustStore } from "./config/trust.ts";
import { lazily } from "./evolution.ts";
import type { Body } from "./facts.ts";
import { type Carried, carryOver, takeCarried } from "./carried.ts";
import { lazyHands } from "./hands.ts";
import { openHome } from "./home.ts";
import { createModel } from "./model/model.ts";
import type { ModelSettings } from "./model/settings.ts";
import { endEarly, runMachine } from "./process.ts";
import { createJournal } from "./session/journal.ts";
import { createLog } from "./session/log.ts";
import { createRedactor } from "./session/redact.ts";
import { createSessions, newSessionId, sessionFolder } from "./session/sessions.ts";
import { canConfirm, confirm } from "./terminal/confirm.ts";
import { createProcessTerminal, type ProcessTerminal } from "./terminal/process.ts";

/** Time, as the mind may see it. */
export const clock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((done, stop) => {
      signal.throwIfAborted();
      const timer = setTimeout(() => (signal.removeEventListener("abort", abort), done()), ms);
      const abort = () => (clearTimeout(timer), stop(signal.reason));
      signal.addEventListener("abort", abort, { once: true });
    }),
};

const DEMO =
  'Until then the built-in demo model answers: it plays fixed replies. Type "What is this project?", then "/evolve", then "How many words are in README.md?"';

/** Opens the body for one run of the mind. */
export function createOpen(body: Body): Open {
  return async (options) => {
    const cwd = await Deno.realPath(".");
    const env = Deno.env.toObject();
    const carried = await takeCarried(body.home);
    const prompted: { run?: () => void; sessions?: Ports["sessions"] } = {};
    const terminal = createProcessTerminal({
      options,
      env,
      cwd,
      pending: carried?.pending,
      label: () => `evo ${body.start.generation ?? 0}`,
      commands: () => options.commands,
      sessions: async () =>
        (await prompted.sessions?.list() ?? [])
          .filter(({ id, turns }) => turns > 0 && id !== prompted.sessions?.current()).map(({ id }) => id),
      onFirstPrompt() {
        void body.start.confirm();
        prompted.run?.(); // the first turn will want it, and plugins are live from now on
        void import("./model/endpoint.ts"); // and this
      },
    });
    body.closing.push(terminal.close);
    const began = terminal.interactive() ? endEarly({ terminal, body }) : () => {};
    const warn = (text: string) => terminal.show({ type: "notice", level: "warning", text });
    for (const text of body.start.notices) warn(text);
    const decided = await decideTrust({ body, options, cwd, env, terminal });
    if (!decided.ok) return { ok: false, error: decided.error, exit: EXIT.config };
    const { granted, decide } = decided.value;
    if (granted.said && options.mode !== "command") warn(granted.said);
    const loaded = await loadSettings({ flags: flagsOf(options), env, home: env.HOME ?? "/", granted });
    if (!loaded.ok && options.mode !== "command") return { ok: false, error: loaded.error, exit: EXIT.config };
    const settings = loaded.ok ? loaded.value : undefined;
    if (options.needsModel && !settings) return { ok: false, error: loaded.ok ? "" : loaded.error, exit: EXIT.config };
    const missing = options.needsModel && settings?.hasModel === false && NO_MODEL;
    const demo = missing !== false && terminal.interactive();
    if (missing !== false && !demo) return { ok: false, error: missing, exit: EXIT.config };
    if (demo && !carried) warn(`${missing}\n${DEMO}`);
    if (options.mode === "repl" && options.resume === undefined && !carried) terminal.greet(); // the rest takes as long again
    const decisions = { granted, decide, loaded, settings, demo };
    const ports = await wire({ body, options, cwd, env, carried, terminal, began, ...decisions });
    prompted.sessions = ports.sessions;
    prompted.run = () => void ports.tools.load("chat").catch(() => {}); // said when it is wanted
    return { ok: true, ports };
  };
}

interface Wiring {
  body: Body;
  options: Options;
  cwd: string;
  env: Record<string, string>;
  carried: Carried | undefined;
  terminal: ProcessTerminal;
  granted: Granted;
  decide: () => Promise<Granted>;
  loaded: Awaited<ReturnType<typeof loadSettings>>;
  settings: Settings | undefined;
  demo: boolean;
  began: () => void;
}

async function wire(wiring: Wiring): Promise<Ports> {
  const { body, options, cwd, env, carried, terminal, granted, settings } = wiring;
  const show = terminal.show;
  const known = Object.entries({ ...env, ...settings?.dotenv }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value]]
  );
  const redact = createRedactor(Object.fromEntries(known), settings?.apiKey ? [settings.apiKey] : []);
  const id = carried?.handover.session ?? newSessionId(clock, env.EVO_AGENT === "1");
  const log = createLog({ folder: sessionFolder(cwd, id), clock, redact });
  const sessions = createSessions({ cwd, id, log });
  const speak = (settings: ModelSettings) =>
    createModel({
      ...{ settings, log, show, clock, redact },
      normalise: (text) => text.replaceAll(cwd, "$CWD").replaceAll(sessions.current(), "$SESSION"),
      session: sessions.current,
    });
  const model = await createRunModel(wiring, speak);
  const warn = (text: string) => show({ type: "notice", level: "warning", text });
  for (const warning of settings?.warnings ?? []) warn(warning);
  const { draft, gate, lineage, passed } = lazily(async () => {
    const { createEvolution } = await import("./evolution_wiring.ts");
    await openHome(body.home);
    return createEvolution({ body, cwd, model: model.name, log, clock, show });
  });
  const guidance = createGuidance({
    promptsRoot: new URL("prompts/", body.root),
    userGuide: join(configFolder(env, env.HOME ?? "/"), "AGENTS.md"),
    guides: granted.guides,
    ...(body.checkout && { live: join(body.checkout, "prompts") }),
    project: { path: promptPath(cwd), granted, decide: wiring.decide, warn },
  });
  let task = carried?.handover.task ?? 0;
  const hands = lazyHands(async () => {
    const { createHands } = await import("./hands_wiring.ts");
    const stood = { body, options, cwd, env, terminal, log, sessions, draft, clock, redact, granted, guidance };
    const playing = (text: string) => speak({ baseUrl: "", model: "demo", fastModel: "demo", cassette: { text } });
    const hasModel = settings?.hasModel === true && model.name() !== "demo";
    return createHands({ ...stood, model, hasModel, playing, task: () => task });
  });
  body.closing.push(hands.end);
  return {
    ...{ model, terminal, log, clock, draft, gate, lineage },
    ...{ tools: hands.tools, undo: hands.undo, functions: hands.functions, plugins: hands.plugins, guidance },
    sessions: { ...sessions, openTask: (number) => sessions.openTask(task = number) },
    journal: createJournal({ path: join(cwd, ".evo/journal.db"), clock, redact, warn }),
    about: createAbout({ ...wiring, sessions }),
    budget: settings?.budget ?? { maxChanges: 0, maxAttempts: 0, wallMs: 0, tokens: 0 },
    handover: carried?.handover,
    run: runMachine({
      ...{ body, log, terminal, cwd, passed, session: sessions.current, model: model.name },
      resumed: carried !== undefined || options.resume !== undefined,
      denied: () => options.mode === "print" && hands.denied(),
      began: wiring.began,
    }),
    relaunch: (handover) => carryOver({ body, handover, terminal, log, model, end: hands.end }),
  };
}

async function decideTrust(
  { body, options, cwd, env, terminal }: Pick<Wiring, "body" | "options" | "cwd" | "env" | "terminal">,
): Promise<Outcome<{ granted: Granted; decide: () => Promise<Granted> }>> {
  const isCheckout = await Deno.stat(join(cwd, "host/boot.ts")).then(() => true, () => false);
  const { knownHash } = isCheckout ? await import("./source/known_hash.ts") : { knownHash: undefined };
  const cache = join(body.home, "source.json");
  const own = await knownHash?.(cwd, { cache, now: clock.now() }).catch(() => "") === body.facts.sourceHash;
  const trust = createTrust({
    store: trustStore(env, env.HOME ?? "/"),
    cwd,
    interactive: terminal.interactive(),
    own,
    ask: terminal.ask,
    ...(options.mode === "command" && canConfirm() && { confirm }),
  });
  try {
    const decide = () => trust.decide(new AbortController().signal);
    return ok({ granted: await decide(), decide });
  } catch (error) {
    return no(error instanceof Error ? error.message : String(error)); // a sentence: a file of it cannot be read
  }
}

async function createRunModel(
  { settings, demo, options, carried }: Wiring,
  speak: (settings: ModelSettings) => ReturnType<typeof createModel>,
) {
  const name = demo ? "demo" : settings?.model ?? "none";
  const played = name === "demo" ? { cassette: { text: (await import("./demo/cassette.ts")).DEMO } } : {};
  const model = speak({
    baseUrl: settings?.baseUrl ?? "",
    model: name,
    fastModel: demo ? "demo" : settings?.fastModel ?? name,
    ...(settings?.apiKey && { apiKey: settings.apiKey }),
    ...(settings?.window && { window: settings.window }),
    ...(options.record && { record: options.record }),
    ...played,
  });
  if (carried) {
    if (carried.model !== model.name()) model.use(carried.model);
    model.seek(carried.positions);
  }
  return model;
}

const flagsOf = ({ model, fastModel, maxChanges }: Options) => ({ model, fastModel, maxChanges });
