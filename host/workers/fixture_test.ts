/** For the tests of this folder: plugins in a directory of their own. */
import { join } from "node:path";
import type { Permissions } from "../../actors/plugins.ts";
import type { ToolResult } from "../../actors/types.ts";
import { EVO } from "../testing/evo.ts";
import { hasLandlock } from "./process.ts";
import type { Declared, Dropped, Place, ToolWorker, ToolWorkerOptions } from "./types.ts";
import { createDeclare, createToolWorker } from "./worker.ts";

hasLandlock(); // Its library stays open; no test should be blamed for it.

/** The words that start Evo from this checkout. */
export const CHECKOUT = [Deno.execPath(), "run", "-A", new URL("../boot.ts", import.meta.url).pathname];
/** Every Evo there is to test. */
export const EVOS = [
  { name: "the checkout", self: CHECKOUT },
  ...(EVO ? [{ name: "the executable", self: [EVO] }] : []),
];
/** The quickest of them. */
export const SELF = EVOS.at(-1)?.self ?? CHECKOUT;

/** A plugin file; `run` is the body of its function of `input`, `context`, `z` and `tool`. */
export function write(run: string, { input = "z.any()", more = "", top = "" } = {}): string {
  return `import type { PluginApi } from "./evo.d.ts";
${top}
export default ({ z, tool }: PluginApi) => tool({
  name: "probe", description: "A plugin under test", input: z.object({ act: ${input} }), ${more}
  async run({ act }: any, context: any): Promise<any> { ${run} },
});`;
}

/** Reads one declaration. */
export const declare = ({ file, source, ...place }: Place & Omit<Dropped, "signal">) =>
  createDeclare(place)({ file, source, signal: new AbortController().signal });

const known = new Map<string, Promise<Declared>>();

/** Declares a source once for all that use it. */
function declaring(on: Place & Omit<Dropped, "signal">): Promise<Declared> {
  const key = JSON.stringify([on.self, on.source, on.landlock]);
  const read = async () => {
    const declared = await declare(on);
    if (!declared.ok) throw new Error(declared.error);
    return declared.value;
  };
  const found = known.get(key) ?? read();
  known.set(key, found);
  return found;
}

/** Uses a plugin in a fresh directory; afterwards both are gone. */
export async function using(
  source: string,
  work: (on: { worker: ToolWorker; cwd: string; notices: string[]; say(act: unknown): Promise<ToolResult> }) => Promise<
    void
  >,
  options: Partial<ToolWorkerOptions> & { change?: (declared: Declared) => Declared } = {},
): Promise<void> {
  const cwd = options.cwd ?? await Deno.realPath(await Deno.makeTempDir({ prefix: "evo-worker-" }));
  const notices: string[] = [];
  const file = join(cwd, "probe.ts");
  const base = { self: SELF, file, cwd };
  const { change = (it: Declared) => it, ...rest } = options;
  try {
    const declared = await declaring({ ...base, source, ...rest });
    const made = await createToolWorker({
      ...base,
      granted: {} as Permissions,
      declared: change(declared),
      call: () => Promise.resolve({ ok: false, text: "nobody is there" }),
      notice: (text) => void notices.push(text),
      ...rest,
    });
    if (!made.ok) throw new Error(made.error);
    const worker = made.value;
    const say = (act: unknown) => worker.call({ act }, { signal: new AbortController().signal, update: () => {} });
    try {
      await work({ worker, cwd, notices, say });
    } finally {
      await worker.end();
    }
  } finally {
    if (!options.cwd) await Deno.remove(cwd, { recursive: true });
  }
}

/** A clock that stands still until it is told. */
export function fakeClock() {
  let now = 0;
  const sleeping = new Set<{ at: number; done(): void }>();
  return {
    now: () => now,
    sleep: (ms: number, signal: AbortSignal) =>
      new Promise<void>((done, fail) => {
        const one = { at: now + ms, done };
        sleeping.add(one);
        signal.addEventListener("abort", () => (sleeping.delete(one), fail(signal.reason)), { once: true });
      }),
    pass(ms: number) {
      now += ms;
      for (const one of [...sleeping]) if (one.at <= now) sleeping.delete(one), one.done();
    },
  };
}

/** Waits for something to become true; a test that waits in vain fails by its own assertion. */
export async function until(test: () => boolean | Promise<boolean>): Promise<boolean> {
  for (let tries = 0; tries < 400; tries++) {
    if (await test()) return true;
    await new Promise((done) => setTimeout(done, 25));
  }
  return false;
}
