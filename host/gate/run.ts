/** Child processes of the examiner: an environment without secrets, a deadline, and no child that outlives this process. */
import { signalGroup, spawnGroup } from "../shell/tree.ts";

/** How a child ended. Output is bounded: head and tail. */
export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
  timedOut: boolean;
}

/** Where and how long a child runs; `env` comes on top of the allowed variables. */
export interface RunOptions {
  cwd: string;
  ms: number;
  signal: AbortSignal;
  env?: Record<string, string>;
}

const ALLOWED =
  "PATH HOME TMPDIR DENO_DIR DENO_TLS_CA_STORE DENO_CERT SSL_CERT_FILE HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy NPM_CONFIG_REGISTRY XDG_CACHE_HOME LANG";
const KEPT = 4_000_000;

/**
 * What a command of Deno that imports packages is told, in the folder of the source. The file is not named in deno.json:
 * there, "deno task" would fetch all that is locked before it runs anything, without the certificates that the task names.
 */
export const LOCKED = ["--lock=deno.lock", "--frozen"];

/** Runs a command in a process group of its own; the whole group is ended with it, at its deadline, on an abort, and when this process dies. */
export async function run(command: string[], { cwd, ms, signal, env }: RunOptions): Promise<Ended> {
  signal.throwIfAborted();
  const child = spawnGroup(command, { cwd, env: { ...environment(), ...env }, errors: "apart" });
  let timedOut = false;
  const end = () => void signalGroup(child.pid, "SIGKILL");
  const timer = setTimeout(() => (timedOut = true, end()), ms);
  signal.addEventListener("abort", end);
  try {
    const [{ code }, stdout, stderr] = await Promise.all([
      child.status.finally(end),
      collect(child.stdout),
      collect(child.stderr),
    ]);
    signal.throwIfAborted();
    return { code: timedOut ? 124 : code, stdout, stderr, timedOut };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
    await child.stdin.close().catch(() => {});
  }
}

/** The variables a child may see. */
export function environment(): Record<string, string> {
  const found = ALLOWED.split(" ").map((name) => [name, Deno.env.get(name)]).filter((pair) => pair[1] !== undefined);
  return {
    DENO_TLS_CA_STORE: "system,mozilla",
    ...Object.fromEntries(found),
    NO_COLOR: "1",
    DENO_NO_UPDATE_CHECK: "1",
    DENO_NO_PROMPT: "1",
  };
}

/** A text with a draft's paths made relative. */
export const relative = (text: string, root: string): string =>
  text.replaceAll(`file://${encodeURI(root)}/`, "").replaceAll(`${root}/`, "");

/** Cuts a text to its head and tail, about `limit` characters, and says how much is gone. */
export function cut(text: string, limit = 6_000): string {
  if (text.length <= limit) return text;
  const half = Math.floor(limit / 2);
  const head = text.slice(0, half).toWellFormed(), tail = text.slice(-half).toWellFormed();
  return `${head}\n[... ${text.length - 2 * half} characters left out ...]\n${tail}`;
}

async function collect(stream: ReadableStream<Uint8Array>): Promise<string> {
  let head = "", tail = "", lost = 0;
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    if (head.length < KEPT) head += text;
    else tail += text;
    if (tail.length > KEPT) [lost, tail] = [lost + tail.length - KEPT / 2, tail.slice(-KEPT / 2)];
  }
  return lost ? `${head}\n[... ${lost} characters left out ...]\n${tail}` : head + tail;
}
