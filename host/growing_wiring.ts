/** What grows while Evo runs: evolvable functions and dropped-in plugins, wired. */
import { join } from "node:path";
import type { Clock, Functions, Model, Options, Plugins } from "../actors/ports.ts";
import { either, type Outcome } from "../actors/types.ts";
import { findDeno } from "./build/deno.ts";
import type { createGuidance } from "./config/guidance.ts";
import { type Granted, trustStore } from "./config/trust.ts";
import { createWorkshop } from "./evaluation/pool.ts";
import type { Workshop } from "./evaluation/types.ts";
import type { Body } from "./facts.ts";
import { createFunctions, ownFolder } from "./functions/functions.ts";
import { consentStore, createPlugins } from "./plugins/plugins.ts";
import type { ProcessTerminal } from "./terminal/process.ts";

/** What they stand on. `playing` is a model that plays a cassette's text. */
export interface GrowingOptions {
  body: Body;
  options: Pick<Options, "mode" | "json">;
  cwd: string;
  env: Record<string, string>;
  terminal: ProcessTerminal;
  granted: Granted;
  guidance: ReturnType<typeof createGuidance>;
  model: Model;
  hasModel: boolean;
  playing: (cassette: string) => Model;
  clock: Clock;
  redact: (text: string) => string;
  builtIn: () => string[];
}

/** Wires them. */
export function createGrowing(on: GrowingOptions): { functions: Functions; plugins: Plugins; end(): Promise<void> } {
  const { body, cwd, env, terminal, granted, guidance, clock } = on;
  const own = join(cwd, ".evo/plugins"), json = on.options.json && on.options.mode === "command";
  let deno: Promise<Outcome<string[]>> | undefined;
  const plugins = createPlugins({
    ...{ self: body.self, cwd, clock, json, builtIn: on.builtIn, prompts: guidance.prompts },
    folders: [
      ...(body.checkout ? [{ path: join(body.checkout, "plugins"), own: true }] : []),
      { path: own, own: false },
    ],
    trusted: granted.trusted,
    admit: granted.admit,
    ...{ ask: terminal.ask, interactive: terminal.interactive, show: terminal.show, idle: terminal.idle },
    store: consentStore(trustStore(env, env.HOME ?? "/")),
    deno: () => deno ??= findDeno({ home: body.home, env: (name) => env[name], present: true }),
  });
  let workshop: Workshop | undefined;
  const functions = createFunctions({
    ...{ cwd, clock, json, redact: on.redact, prompt: guidance.prompt },
    shipped: new URL("plugins/functions/", body.root),
    folders: () => ownFunctions(on),
    workshop: () => workshop ??= createWorkshop({ self: body.self, size: navigator.hardwareConcurrency }),
    ...{ model: () => on.model, hasModel: () => on.hasModel, play: on.playing },
  });
  return {
    functions: on.options.mode === "command" ? interruptible(functions) : functions,
    plugins,
    async end() {
      await Promise.all([plugins.end(), workshop?.close()]);
    },
  };
}

/** The folder of this directory's own functions, if there is one and the directory is trusted. */
async function ownFunctions({ cwd, granted, terminal }: GrowingOptions): Promise<string[]> {
  const folder = ownFolder(cwd), what = '".evo/plugins/functions"';
  if (!await Deno.stat(folder).then(() => true, () => false)) return [];
  if (await granted.admit(`what is in ${what}`, new AbortController().signal)) return [folder];
  const text = `Did not load ${what}: this directory is not trusted; say /fn in evo at a terminal, and yes`;
  terminal.show({ type: "notice", level: "warning", text });
  return [];
}

/** Outside of a conversation Ctrl-C ends an evolution in good order; the second time it ends the process. */
function interruptible(functions: Functions): Functions {
  return {
    async run(words, how) {
      const stop = new AbortController();
      const interrupt = () => stop.signal.aborted ? Deno.exit(130) : stop.abort();
      Deno.addSignalListener("SIGINT", interrupt);
      try {
        return await functions.run(words, { ...how, signal: either(how.signal, stop.signal) });
      } finally {
        Deno.removeSignalListener("SIGINT", interrupt);
      }
    },
  };
}
