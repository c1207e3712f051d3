/** What the body says of itself: doctor, config, version, replay. */
import { join } from "node:path";
import type { About, Options, Sessions } from "../actors/ports.ts";
import { no, ok, type Outcome } from "../actors/types.ts";
import type { createDoctor } from "./config/doctor.ts";
import type { Settings } from "./config/settings.ts";
import type { Granted } from "./config/trust.ts";
import { type Body, versionText } from "./facts.ts";
import { columns } from "./terminal/process.ts";
import type { OpenTerminal } from "./terminal/terminal.ts";

/** What it looks at. */
export interface AboutOptions {
  body: Body;
  options: Options;
  cwd: string;
  env: Record<string, string>;
  terminal: OpenTerminal;
  granted: Granted;
  loaded: Outcome<Settings>;
  sessions: Sessions;
}

/** Creates the port; what is heavy is loaded when it is asked for. */
export function createAbout(about: AboutOptions): About {
  const { body, loaded } = about;
  return {
    async doctor(signal) {
      const { createDoctor } = await import("./config/doctor.ts");
      return await createDoctor(await looks(about))(signal);
    },
    config: () => loaded.ok ? loaded.value.show() : loaded.error,
    version: () => versionText(body.facts, body.start.generation),
    async replay(session, signal) {
      const { replay } = await import("./replay.ts");
      return await replay(session, { ...about, signal });
    },
  };
}

async function looks(
  { body, cwd, env, terminal, granted, loaded }: AboutOptions,
): Promise<Parameters<typeof createDoctor>[0]> {
  const [{ findDeno }, { findBase }, { landlockAvailable }, { probe }, { openJournal }] = await Promise.all([
    import("./build/deno.ts"),
    import("./build/base.ts"),
    import("./sandbox/landlock.ts"),
    import("./model/model.ts"),
    import("./session/journal.ts"),
  ]);
  const variable = (name: string) => env[name];
  const { home, executable } = body;
  return {
    async findDeno() {
      const found = await findDeno({ env: variable, home });
      return found.ok ? ok({ path: found.value.join(" "), version: Deno.version.deno }) : found;
    },
    async baseRuntime() {
      const running = Deno.build.standalone && { executable };
      const found = await findBase({ home, env: variable, deno: ["deno"], ...running });
      return found.ok ? ok(found.value.from) : found;
    },
    settings: loaded,
    terminal: {
      interactive: terminal.interactive() || Deno.stdout.isTerminal(),
      columns: columns(),
      type: env.TERM ?? "",
    },
    granted,
    journal() {
      const path = join(cwd, ".evo/journal.db");
      try {
        openJournal(path).close();
        return ok(path);
      } catch (error) {
        return no(error instanceof Error ? error.message : String(error));
      }
    },
    folders: [join(cwd, ".evo"), home],
    landlock: landlockAvailable,
    probe: async (signal) => loaded.ok ? await probe(loaded.value, signal) : loaded,
  };
}
