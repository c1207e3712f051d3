/** What every measurement shares: medians, children over pipes and on a terminal, what /proc says of them. */
import * as z from "zod";

/** One line of the table; `target` is the most that is allowed, in the same unit; without it the value is only told. */
export interface Row {
  measure: string;
  value: number;
  unit: string;
  target?: number;
  note?: string;
}

/** Where children run: a directory and an environment of their own, below `root`. */
export interface Place {
  root: string;
  cwd: string;
  env: Record<string, string>;
}

const Event = z.looseObject({ type: z.string() });
/** One line of `--json`, with the time it was read. */
export type Seen = z.infer<typeof Event> & { at: number };

/** Rounds of a median. */
export const ROUNDS = 9;
const DEADLINE_MS = 180_000;
const encoder = new TextEncoder();

/** The middle value. */
export function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}

/** Makes a place in a new temporary folder; the toolchain's cache stays the user's. */
export async function makePlace(): Promise<Place> {
  const root = await Deno.realPath(await Deno.makeTempDir({ prefix: "evo-bench-" }));
  const cwd = `${root}/work`;
  await Deno.mkdir(cwd);
  const kept = ["PATH", "HOME", "DENO_DIR", "DENO_TLS_CA_STORE", "DENO_CERT", "SSL_CERT_FILE"];
  const env = Object.fromEntries(kept.flatMap((name) => [[name, Deno.env.get(name)] as const]).filter(isSet));
  const own = { EVO_HOME: `${root}/evo`, XDG_STATE_HOME: `${root}/state`, XDG_CONFIG_HOME: `${root}/config` };
  return { root, cwd, env: { ...env, ...own, TERM: "xterm-256color", INFERENCE_BASE_URL: "http://127.0.0.1:9/v1" } };
}

const isSet = (pair: readonly [string, string | undefined]): pair is readonly [string, string] => pair[1] !== undefined;

/** Milliseconds that a command takes from spawn to its end, output thrown away. */
export async function timeRun(command: string[], { cwd, env }: Pick<Place, "cwd" | "env">): Promise<number> {
  const [name = "", ...args] = command;
  const started = performance.now();
  const run = new Deno.Command(name, {
    args,
    cwd,
    env,
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const { success, stdout, stderr } = await run.output();
  const took = performance.now() - started;
  if (success) return took;
  const said = new TextDecoder().decode(stderr) + new TextDecoder().decode(stdout).slice(-3000);
  throw new Error(`Cannot measure "${command.slice(0, 4).join(" ")}": it failed: ${said}`);
}

/** Starts a command on a terminal made by script(1) and waits for a text of it; `look` sees the process while it runs. */
export async function untilShown(
  command: string,
  { cwd, env }: Place,
  options: { mark: RegExp; look?: (pid: number) => Promise<void> },
): Promise<number> {
  const args = ["-qfec", `exec ${command}`, "/dev/null"];
  const started = performance.now();
  const child = new Deno.Command("script", { args, cwd, env, clearEnv: true, stdin: "piped", stdout: "piped" }).spawn();
  let seen = "", took: number | undefined;
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    if (took !== undefined || !options.mark.test(seen += chunk)) continue;
    took = performance.now() - started;
    const [pid] = (await Deno.readTextFile(`/proc/${child.pid}/task/${child.pid}/children`)).trim().split(" ");
    if (options.look && pid) await options.look(Number(pid));
    if (pid && options.look) Deno.kill(Number(pid), "SIGKILL");
  }
  await child.stdin.close().catch(() => {});
  await child.status;
  if (took === undefined) throw new Error(`Cannot measure "${command}": it ended before ${options.mark}: ${seen}`);
  return took;
}

/** Resident memory and its peak in MB, and processor time so far in ms. */
export async function readProcess(pid: number): Promise<{ rss: number; peak: number; cpuMs: number }> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const field = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024 / 1e6;
  const fields = (await Deno.readTextFile(`/proc/${pid}/stat`)).replace(/^.*\) /s, "").split(" ");
  return { rss: field("VmRSS"), peak: field("VmHWM"), cpuMs: (Number(fields[11]) + Number(fields[12])) * 10 };
}

/** Evo over pipes with `--json`. `next` waits for an event that fits; the stream's end or three minutes without it throw. */
export function converse(executable: string, args: string[], { cwd, env }: Place) {
  const options = { cwd, env, clearEnv: true, stdin: "piped", stdout: "piped", stderr: "inherit" } as const;
  const started = performance.now();
  const child = new Deno.Command(executable, { args: ["--json", ...args], ...options }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), DEADLINE_MS);
  const keyboard = child.stdin.getWriter();
  const events = read(child.stdout);
  return {
    pid: child.pid,
    started,
    type: (line: string) => keyboard.write(encoder.encode(`${line}\n`)),
    async next(fits: (event: Seen) => boolean): Promise<Seen> {
      for (;;) {
        const { value, done } = await events.next();
        if (done) throw new Error(`Cannot measure "${args.join(" ")}": Evo ended before what was waited for`);
        if (fits(value)) return value;
      }
    },
    async end(): Promise<void> {
      await keyboard.close().catch(() => {});
      for await (const _ of events) { /* to the end */ }
      await child.status;
      clearTimeout(timer);
    },
  };
}

async function* read(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<Seen, undefined> {
  let rest = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    const at = performance.now();
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line !== "") yield { ...Event.parse(JSON.parse(line)), at };
  }
}
