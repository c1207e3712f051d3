/** For tests of the compiled executable: a desk with a directory, a home and a model of its own, at which Evo is run. */
import { dirname, join } from "node:path";
import * as z from "zod";
import { calls, type Mock, type MockStep, say, startMock } from "./mock_server.ts";

/** The executable under test; without it the tests that need it are ignored. */
export const EVO: string | undefined = Deno.env.get("EVO_BIN");

/** A key that must turn up nowhere but in the request's header. */
export const CANARY = "sk-or-v1-canary0123456789abcdef";

/** How a run ended. */
export interface Ended {
  code: number;
  out: string;
  err: string;
}

/** What a run is given. `after` is called once what was written to stderr fits it. */
export interface RunOptions {
  stdin?: string;
  env?: Record<string, string>;
  /** Another directory than the desk's. */
  cwd?: string;
  after?: [RegExp, (child: Deno.ChildProcess) => void];
}

/** A place to run Evo at; everything it may write lies below `root`. */
export interface Desk {
  root: string;
  cwd: string;
  env: Record<string, string>;
  run(args: string[], options?: RunOptions): Promise<Ended>;
  write(path: string, text: string | Uint8Array<ArrayBuffer>): Promise<void>;
  read(path: string): Promise<string>;
  /** The files below the working directory, without Evo's own state. */
  files(): Promise<string[]>;
  /** Ids of the sessions of the working directory, oldest first. */
  sessions(): Promise<string[]>;
  /** The trajectory of a session, the last one unless named. */
  events(id?: string): Promise<LogLine[]>;
  /** The text of every file below the root that is text, one after the other. */
  everything(): Promise<string>;
  clean(): Promise<void>;
}

const LogLine = z.object({ seq: z.number(), kind: z.string(), data: z.record(z.string(), z.unknown()) });
/** One line of a trajectory. */
export type LogLine = z.infer<typeof LogLine>;

const DEADLINE_MS = 90_000;

/** Sets up a desk whose model answers at `url`. */
export async function openDesk(url?: string): Promise<Desk> {
  const root = await Deno.realPath(await Deno.makeTempDir({ prefix: "evo-e2e-" }));
  const cwd = join(root, "work");
  await Deno.mkdir(cwd);
  const env: Record<string, string> = {
    PATH: Deno.env.get("PATH") ?? "",
    HOME: join(root, "home"),
    XDG_STATE_HOME: join(root, "state"),
    XDG_CONFIG_HOME: join(root, "config"),
    EVO_HOME: join(root, "evo"),
    TMPDIR: join(root, "tmp"),
    TERM: "xterm-256color",
    NO_COLOR: "1",
    ...(url && { INFERENCE_BASE_URL: url, MODEL_NAME: "mock", OPENROUTER_API_KEY: CANARY }),
  };
  await Deno.mkdir(env.TMPDIR ?? "");
  const at = (path: string) => path.startsWith("/") ? path : join(cwd, path);
  const sessions = async () =>
    (await Array.fromAsync(Deno.readDir(at(".evo/sessions"))).catch(() => [])).map(({ name }) => name).sort();
  return {
    root,
    cwd,
    env,
    sessions,
    run: (args, options = {}) => run(args, { cwd, ...options, env: { ...env, ...options.env } }),
    async write(path, text) {
      await Deno.mkdir(dirname(at(path)), { recursive: true });
      await Deno.writeFile(at(path), typeof text === "string" ? new TextEncoder().encode(text) : text);
    },
    read: (path) => Deno.readTextFile(at(path)),
    files: async () =>
      (await walk(cwd)).map((path) => path.slice(cwd.length + 1)).filter((p) => !p.startsWith(".evo/")),
    async events(id) {
      const text = await Deno.readTextFile(at(`.evo/sessions/${id ?? (await sessions()).at(-1)}/traj.jsonl`));
      return text.trimEnd().split("\n").map((line) => LogLine.parse(JSON.parse(line)));
    },
    everything: async () =>
      (await Promise.all((await walk(root)).map((path) => Deno.readTextFile(path).catch(() => "")))).join("\n"),
    clean: () => Deno.remove(root, { recursive: true }),
  };
}

async function walk(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory, isFile } of Deno.readDir(folder)) {
    if (isDirectory) found.push(...await walk(join(folder, name)));
    else if (isFile) found.push(join(folder, name));
  }
  return found.sort();
}

/** Starts Evo over pipes. */
export function start(args: string[], { cwd, env }: { cwd: string; env: Record<string, string> }): Deno.ChildProcess {
  return new Deno.Command(EVO ?? "", {
    args,
    cwd,
    env,
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function run(args: string[], options: RunOptions & { cwd: string; env: Record<string, string> }): Promise<Ended> {
  const child = start(args, options);
  const timer = setTimeout(() => child.kill("SIGKILL"), DEADLINE_MS);
  const writer = child.stdin.getWriter();
  const written = writer.write(new TextEncoder().encode(options.stdin ?? "")).then(() => writer.close()).catch(
    () => {},
  );
  const [mark, act] = options.after ?? [/$^/, () => {}];
  let err = "", acted = false;
  const reading = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      err += text;
      if (!acted && mark.test(err)) act(child), acted = true;
    }
  })();
  const out = await new Response(child.stdout).text();
  await reading;
  const { code } = await child.status;
  await written;
  clearTimeout(timer);
  return { code, out, err };
}

/** Runs once against a script; the mock and the desk are gone afterwards. */
export async function once(
  script: MockStep[] | MockStep,
  args: string[],
  options: RunOptions = {},
): Promise<Ended & Pick<Mock, "requests" | "closed"> & { events: LogLine[] }> {
  const server = startMock(script);
  const desk = await openDesk(server.url);
  try {
    const ended = await desk.run(args, options);
    const events = await desk.events().catch(() => []);
    return { ...ended, requests: server.requests, closed: server.closed, events };
  } finally {
    await desk.clean();
    await server.stop();
  }
}

/** Works at a desk with a mock; both are gone afterwards. */
export async function at(script: MockStep[] | MockStep, work: (desk: Desk, server: Mock) => Promise<void>) {
  const server = startMock(script);
  const desk = await openDesk(server.url);
  try {
    await work(desk, server);
  } finally {
    await desk.clean();
    await server.stop();
  }
}

/** A tool call. */
export interface Call {
  name: string;
  arguments: Record<string, unknown>;
}

/** Lets the model make calls, one reply after the other, and returns the results that it was told. */
export async function act(desk: Desk, replies: Call[][], args: string[] = []) {
  const server = startMock([...replies.map((list) => calls(list)), say("done")]);
  try {
    const ended = await desk.run(["-p", "go", ...args], {
      env: { INFERENCE_BASE_URL: server.url, MODEL_NAME: "mock" },
    });
    const told = server.requests.at(-1)?.body.messages.filter(({ role }) => role === "tool") ?? [];
    return { ...ended, results: told.map(({ content }) => String(content)), server };
  } finally {
    await server.stop();
  }
}

/** Makes a tool call. */
export const tool = (name: string, args: Record<string, unknown>): Call => ({ name, arguments: args });

/** Does the work for each row, a few at a time; fails with the names and faults of all rows that failed. */
export async function each<T extends { name: string }>(rows: T[], work: (row: T) => Promise<void>): Promise<void> {
  const faults: string[] = [];
  const left = rows.values();
  const worker = async () => {
    for (const row of left) {
      await work(row).catch((error) => faults.push(`${row.name}: ${error instanceof Error ? error.message : error}`));
    }
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
  if (faults.length > 0) throw new Error(`${faults.length} of ${rows.length} rows failed\n${faults.join("\n\n")}`);
}
