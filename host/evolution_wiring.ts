/** Draft, gate and lineage, wired; loaded when they are first needed, since a conversation starts without them. */
import { join } from "node:path";
import type { Clock, Log, Terminal } from "../actors/ports.ts";
import { no, ok, type Outcome } from "../actors/types.ts";
import { attach } from "./build/attached.ts";
import { findBase } from "./build/base.ts";
import { bundleSource, compileSource } from "./build/compile.ts";
import { findDeno } from "./build/deno.ts";
import { packModules } from "./wasm/embed.ts";
import { runTool } from "./build/tool.ts";
import { runCanary } from "./canary.ts";
import type { Evolution } from "./evolution.ts";
import { type Body, readSource } from "./facts.ts";
import { readAhead } from "./gate/budget.ts";
import { createDraft } from "./gate/draft.ts";
import { createGate, type Examiner } from "./gate/gate.ts";
import { createLineage } from "./lineage/lineage.ts";
import { landlockAvailable, sandboxed } from "./sandbox/landlock.ts";
import { packSource, readPacked, sourceHash } from "./source/source.ts";
import { createWorkspace } from "./workspace/workspace.ts";

/** What it stands on. */
export interface EvolutionOptions {
  body: Body;
  cwd: string;
  model: () => string;
  log: Log;
  clock: Clock;
  show: Terminal["show"];
}

/** Wires them. */
export function createEvolution({ body, cwd, model, log, clock, show }: EvolutionOptions): Evolution {
  const { home, root, executable, self, facts } = body;
  const env = (name: string) => Deno.env.get(name);
  let files: Promise<Map<string, string>> | undefined;
  const scratch = join(home, "scratch");
  const stage = join(scratch, "stage"); // not that of a person's build, which may come between bundle and compile
  let known: Promise<Outcome<string>> | undefined;
  const deno = async () => {
    const found = await (known ??= locateDeno({ env, home }));
    if (!found.ok) known = undefined; // it may be installed meanwhile
    return found;
  };
  const parentFiles = () => files ??= readSource(root).then(readPacked);
  const gate: Examiner = createGate({
    ...{ draftRoot: join(home, "draft"), parentRoot: join(home, "parent"), scratch, parentFiles, deno },
    async bundle(source, signal) {
      const found = await deno();
      return found.ok ? await bundleSource({ source, stage, deno: [found.value], signal }) : found;
    },
    async compile(source, bundled, signal) {
      const found = await deno();
      if (!found.ok) return found;
      const base = await findBase({ home, env, deno: [found.value], ...(Deno.build.standalone && { executable }) });
      if (!base.ok) return base;
      const carry = await packModules({ source, deno: [found.value], cache: join(home, "cache"), signal });
      if (!carry.ok) return carry;
      const out = join(scratch, "evo");
      const built = await compileSource({
        ...{ source, bundled, out, stage, signal, carry: carry.value, hash: sourceHash, pack: packSource },
        deno: [found.value],
        base: await attach(home, base.value, carry.value),
      });
      return built.ok ? ok({ executable: out, notes: `base: ${base.value.from}` }) : built;
    },
    canary: runCanary,
    sandboxArgv: (command, rules) => landlockAvailable() ? sandboxed(command, { rules, self }) : command,
    ...{ log, show, clock },
  });
  const lineage = createLineage({
    ...{ home, cwd, executable, model, clock, gatePassed: gate.passed, builtExecutable: gate.executable },
    embedded: { sourceHash: facts.sourceHash, source: () => readSource(root) },
    notice: (text) => show({ type: "notice", level: "info", text }),
  });
  const draft = createDraft({ home, sourceRoot: lineage.sourceRoot, createWorkspace });
  const open: Evolution["draft"]["open"] = async (signal) => {
    parentFiles().then(readAhead).catch(() => {}); // the gate will want them, and says what is wrong with them
    const found = await deno(); // without one nothing could be proved: not worth a model's time
    const opened = found.ok ? await draft.open(signal) : found;
    if (opened.ok) gate.warm().catch(() => {}); // that something is wrong, the gate will say
    return opened;
  };
  const close = () => (gate.cool(), draft.close());
  return { draft: { ...draft, open, close }, gate, lineage };
}

/** The path of a matching Deno; what starts it through npx is asked where it really is. */
async function locateDeno(options: Parameters<typeof findDeno>[0]): Promise<Outcome<string>> {
  const found = await findDeno(options);
  if (!found.ok) return found;
  const asked = [...found.value, "eval", "console.log(Deno.execPath())"];
  const { code, stdout } = await runTool(asked, { cwd: "/", ms: 60_000 });
  return code === 0
    ? ok(stdout.trim())
    : no(`Cannot find where "${found.value.join(" ")}" is; name its executable in EVO_DENO`);
}
