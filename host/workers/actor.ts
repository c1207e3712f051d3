/** The inside of a plugin's worker: loads the plugin, which is an actor from then on: it hears calls and answers them. */
import * as z from "zod";
import type { DropIn, PluginApi } from "../../actors/plugins.ts";
import type { ToolResult } from "../../actors/types.ts";

z.config({ jitless: true });

const scope = globalThis as unknown as {
  postMessage(message: unknown): void;
  addEventListener(type: "message", hear: (event: MessageEvent) => void): void;
};
const post = scope.postMessage.bind(globalThis);
const UPDATE_MS = 50;

let plugin: DropIn, cwd = "", asked = 0;
const running = new Map<number, AbortController>();
const asking = new Map<number, (result: ToolResult) => void>();

/** Messages come from the host's half of the process only, so their shape is known. */
type Told =
  | { type: "start"; code: string; file: string; cwd: string }
  | { type: "call"; id: number; input: unknown }
  | { type: "abort"; id: number }
  | { type: "answer"; ask: number; ok: boolean; text: string };

scope.addEventListener("message", ({ data }: MessageEvent<Told>) => {
  if (data.type === "start") void load(data);
  if (data.type === "call") void answer(data.id, data.input);
  if (data.type === "abort") running.get(data.id)?.abort(new DOMException("The call was aborted", "AbortError"));
  if (data.type === "answer") asking.get(data.ask)?.({ ok: data.ok, text: data.text });
});
post({ type: "ready" });

async function load(told: Told & { type: "start" }) {
  cwd = told.cwd;
  const name = told.file.split("/").at(-1) ?? "plugin.ts";
  refuseExit();
  try {
    const address = `data:text/javascript,${encodeURIComponent(`${told.code}\n//# sourceURL=${encodeURI(name)}`)}`;
    const loaded = await import(address);
    if (typeof loaded.default !== "function") throw new TypeError("its default export is not a function of the API");
    const api: PluginApi = { z, tool: (it) => it };
    plugin = await loaded.default(api);
    if (typeof plugin?.run !== "function") throw new TypeError("it returns no plugin with a function run");
    if (!(plugin.input instanceof z.ZodType)) throw new TypeError("its input is not a schema made with the API's z");
    const { $schema: _, ...parameters } = z.toJSONSchema(plugin.input, { io: "input" });
    const { name: called, description, permissions, readOnly, deadlineMs } = plugin;
    const declaration = { name: called, description, parameters, permissions, readOnly, deadlineMs };
    post({ type: "declared", declaration: JSON.parse(JSON.stringify(declaration)) });
  } catch (error) {
    post({ type: "failed", error: told.code ? tell(error) : "it is empty" });
  }
}

async function answer(id: number, input: unknown) {
  const stop = new AbortController();
  running.set(id, stop);
  const update = pace((text) => post({ type: "update", id, text }));
  const call = (tool: string, input: unknown) =>
    new Promise<ToolResult>((done) => {
      const ask = ++asked;
      asking.set(ask, (result) => (asking.delete(ask), done(result)));
      post({ type: "ask", ask, id, tool: String(tool), input: JSON.parse(JSON.stringify(input ?? null)) });
    });
  let result: ToolResult;
  try {
    const parsed = await plugin.input.safeParseAsync(input);
    result = parsed.success
      ? shape(await plugin.run(parsed.data, { signal: stop.signal, cwd, call, update }))
      : { ok: false, text: `The arguments do not fit "${plugin.name}": ${z.prettifyError(parsed.error)}` };
  } catch (error) {
    result = { ok: false, text: `"${plugin.name}" failed: ${tell(error)}` };
  }
  update.end();
  running.delete(id);
  post({ type: "result", id, ok: result.ok, text: result.text });
}

function shape(value: unknown): ToolResult {
  if (typeof value === "string") return { ok: true, text: value };
  const { data } = z.object({ ok: z.boolean(), text: z.string() }).safeParse(value);
  return data ?? { ok: false, text: `"${plugin.name}" returned neither a text nor { ok, text }` };
}

/** At most one update in 50 ms; of those between, the last one comes when the time is over. */
function pace(send: (text: string) => void) {
  let last = -UPDATE_MS, waiting: string | undefined, timer: number | undefined;
  const flush = () => {
    if (waiting !== undefined) send(waiting);
    waiting = timer = undefined;
    last = performance.now();
  };
  const update = (text: unknown) => {
    waiting = String(text);
    if (performance.now() - last >= UPDATE_MS) flush();
    else timer ??= setTimeout(flush, UPDATE_MS);
  };
  return Object.assign(update, { end: () => (clearTimeout(timer), flush()) });
}

/** What was thrown, with its line in the plugin's file if that is known. */
function tell(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const line = /^\s+at .*?data:text\/javascript,\S*?:(\d+):\d+\)?$/m.exec(thrown.stack ?? "");
  const message = thrown.message.replace(/data:text\/javascript,[^\s"']*/g, "the plugin")
    .replace(/[;,]? *(run again with|specify the required permissions).*/is, `: name it in the plugin's "permissions"`);
  return `${message || thrown.name}${line ? ` (line ${line[1]})` : ""}`;
}

/** A worker that leaves by itself tells nobody; so leaving is made a crash that is seen. */
function refuseExit() {
  const leave = (by: string) => (): never => {
    post({ type: "gone", error: `it called ${by}` });
    throw new Error(`${by} was called`);
  };
  Object.defineProperty(Deno, "exit", { value: leave("Deno.exit") });
  Object.defineProperty(globalThis, "close", { value: leave("close") });
  const { process } = globalThis as { process?: object };
  if (process) {
    const ways = ["exit", "reallyExit", "abort", "kill"];
    for (const by of ways) Object.defineProperty(process, by, { value: leave(`process.${by}`) });
  }
}
