/** `deno task demo`: the compiled executable evolves itself in a scratch copy; everything is real but the model. */
import { dirname, join } from "node:path";
import * as z from "zod";
import { CHECKOUT, install } from "../build/install.ts";
import { mustGit } from "../source/git.ts";
import { listSource } from "../source/source.ts";

const out = (line: string) => void Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
const DEADLINE_MS = 180_000;

const Event = z.looseObject({ type: z.string() });
type Event = z.infer<typeof Event>;
const text = (value: unknown) => String(value ?? "");

/** A line for people, or undefined if the event is not worth one. */
function tell(event: Event): string | undefined {
  switch (event.type) {
    case "session":
      return `generation ${event.generation} ${
        event.resumed ? "takes over the conversation" : "starts"
      }, session ${event.id}`;
    case "turn_start":
      return `you> ${text(event.text)}`;
    case "tool_end":
      return `  ${event.ok ? "ok  " : "no  "}${text(event.name)}: ${text(event.summary)}`;
    case "stage":
      return `${text(event.stage)}: ${text(event.detail)}`;
    case "step":
      return event.status === "started"
        ? undefined
        : `  ${event.status === "passed" ? "ok  " : "FAIL"} ${text(event.name).padEnd(12)} ${
          Math.round(Number(event.ms))
        } ms ${text(event.note)}`;
    case "promoted":
      return `promoted: generation ${event.generation}, ${text(event.goal)}`;
    case "notice":
      return `  (${text(event.text).split("\n", 1)[0]})`;
    case "print":
      return text(event.text);
    default:
      return undefined;
  }
}

/** A copy of the source as a repository of its own. */
async function copySource(from: string, to: string): Promise<void> {
  for (const path of await listSource(from)) {
    if (/^plugins\/(lib\/plural|tools\/count_words)(_test)?\.ts$/.test(path)) continue; // what the demo itself makes
    await Deno.mkdir(dirname(join(to, path)), { recursive: true });
    await Deno.copyFile(join(from, path), join(to, path));
  }
  await mustGit(to, ["init", "-q"]);
  await mustGit(to, ["add", "-A"]);
  await mustGit(to, ["commit", "-q", "-m", "The source as it is"]);
}

async function* events(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<Event> {
  let rest = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line !== "") yield Event.parse(JSON.parse(line));
  }
}

/** The conversation; true if it went as it should: two generations, one process, the new tool used. */
async function converse(executable: string, cwd: string, state: string): Promise<boolean> {
  const child = new Deno.Command(executable, {
    args: ["--json", "--model", "demo", "--max-changes", "2"],
    cwd,
    env: { XDG_STATE_HOME: state, XDG_CONFIG_HOME: state, EVO_DENO: Deno.execPath(), EVO_HOME: join(cwd, ".evo") },
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), DEADLINE_MS);
  const keyboard = child.stdin.getWriter();
  const type = (line: string) => keyboard.write(new TextEncoder().encode(`${line}\n`));
  let said = "", evolved = false, used = false, takeover = false, turns = 0;
  for await (const event of events(child.stdout)) {
    if (event.type === "text_delta") said += text(event.text);
    if (event.type === "text_delta" || event.type === "usage") continue;
    if (said && (event.type === "turn_end" || event.type === "tool_start")) out(`evo> ${said}`);
    if (event.type === "turn_end" || event.type === "tool_start" || event.type === "stage") said = "";
    const line = tell(event);
    if (line !== undefined) out(line);
    if (event.type === "session") {
      said = "";
      out(`pid ${child.pid}`);
      if (event.resumed) takeover = true;
      else await type("What is this project?");
    }
    if (event.type === "promoted") evolved = true;
    if (event.type === "tool_end" && event.name === "count_words" && event.ok) used = true;
    if (event.type === "turn_end" && ++turns === 1) {
      await type("/evolve");
      await type("How many words are in README.md?"); // typed ahead: it waits, across the change of executable
      await type("/lineage");
      await type("/exit");
    }
  }
  const { code } = await child.status;
  clearTimeout(timer);
  await keyboard.close().catch(() => {});
  out(`exit code ${code}`);
  return code === 0 && evolved && takeover && used;
}

const started = Date.now();
const folder = await Deno.makeTempDir({ prefix: "evo-demo-" });
let good = false;
try {
  const copy = join(folder, "evo");
  await Deno.mkdir(copy);
  out("A scratch copy of the source, as a repository of its own");
  await copySource(CHECKOUT, copy);
  const built = await install(copy, out);
  if (!built.ok) throw new Error(built.error);
  good = await converse(built.value, copy, join(folder, "state"));
} catch (error) {
  out(error instanceof Error ? error.message : String(error));
} finally {
  await Deno.remove(folder, { recursive: true });
}
out(
  `${good ? "The demo worked" : "The demo FAILED"}, in ${
    ((Date.now() - started) / 1000).toFixed(1)
  } s; nothing is left behind`,
);
Deno.exit(good ? 0 : 1);
