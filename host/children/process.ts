/** One child process, from the parent's side: one question at a time, killed at its deadline. */
import type * as z from "zod";
import { createReader, encode, type Frame, PLAIN_MARK } from "./frames.ts";

/** How a question ended. `detail` says, for people, how the child died. */
export type Told<T> =
  | { kind: "answer"; head: T; bytes: Uint8Array<ArrayBuffer>[] }
  | { kind: "timeout" }
  | { kind: "crash"; detail: string };

/** A running child. */
export interface Process {
  /**
   * Asks; the child has `withinMs`, then it is killed. An abort kills it too, and rejects. A dead child, and one whose answer
   * does not parse, is a crash.
   */
  ask<T>(
    question: { withinMs: number; [what: string]: unknown },
    on: { answer: z.ZodType<T>; bytes?: Uint8Array[]; signal: AbortSignal },
  ): Promise<Told<T>>;
  /** False once it ended, for whatever reason. */
  alive(): boolean;
  pid: number;
  /** Ends it at once; resolves when it is gone. */
  end(): Promise<void>;
}

/**
 * What a child is started as: a command, its heap in MB, and the first frame it is sent, to which a `mark` is added: nothing
 * but the answers behind that mark is read.
 */
export interface Start {
  command: string[];
  heapMb: number;
  hello: Record<string, unknown>;
}

/** A loaded machine may take this long to start a process. */
const START_MS = 30_000;
/** The child's own timer comes first; this one is for systems without it. */
const GRACE_MS = 20;
const KEPT = "PATH HOME TMPDIR DENO_DIR DENO_TLS_CA_STORE DENO_CERT SSL_CERT_FILE XDG_CACHE_HOME SystemRoot".split(" ");

/** Starts a child; it is ready when this resolves, or dead, with `alive` false. */
export async function startProcess({ command, heapMb, hello }: Start): Promise<Process> {
  const [name = "", ...args] = command;
  const mark = `\n${crypto.randomUUID()}\n`;
  const env = Object.fromEntries(KEPT.flatMap((key) => {
    const value = Deno.env.get(key);
    return value === undefined ? [] : [[key, value]];
  }));
  const child = new Deno.Command(name, {
    args,
    clearEnv: true,
    env: { ...env, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", DENO_V8_FLAGS: `--max-old-space-size=${heapMb}` },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  const stderr = tail(child.stderr);
  let alive = true, wait: ((frame: Frame | undefined) => void) | undefined;
  const ended = child.status.then((status) => {
    alive = false;
    return status;
  });
  const listening = (async () => {
    const reader = createReader(mark);
    for await (const chunk of child.stdout) for (const frame of reader.push(chunk)) wait?.(frame);
  })().catch(() => {}).finally(() => wait?.(undefined));
  const kill = () => {
    try {
      if (alive) child.kill("SIGKILL");
    } catch { /* it ended by itself */ }
  };
  const end = async () => {
    kill();
    await Promise.all([ended, listening, stderr, writer.abort().catch(() => {})]);
  };

  /** Sends one frame and waits for one; `late` says that the child was killed for its deadline. */
  const exchange = async (head: unknown, { bytes, withinMs, signal, mark }: {
    bytes: Uint8Array[];
    withinMs: number;
    signal: AbortSignal;
    mark: string;
  }): Promise<Frame | { late: boolean; detail: string }> => {
    signal.throwIfAborted();
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      kill();
    }, withinMs + GRACE_MS);
    signal.addEventListener("abort", kill);
    try {
      const answered = new Promise<Frame | undefined>((done) => wait = done);
      writer.write(encode({ head, bytes }, mark)).catch(() => {}); // a dead child: its end is what is told
      const frame = alive ? await answered : undefined;
      if (frame && !late) return frame;
      kill();
      const { signal: by, code } = await ended;
      signal.throwIfAborted();
      return { late: late || by === "SIGALRM", detail: explain(await stderr, by ?? `exit code ${code}`) };
    } finally {
      wait = undefined;
      clearTimeout(timer);
      signal.removeEventListener("abort", kill);
    }
  };

  const never = new AbortController().signal;
  await exchange({ ...hello, mark }, { bytes: [], withinMs: START_MS, signal: never, mark: PLAIN_MARK });
  return {
    pid: child.pid,
    alive: () => alive,
    end,
    async ask(question, { answer, bytes = [], signal }) {
      const told = await exchange(question, { bytes, withinMs: question.withinMs, signal, mark: PLAIN_MARK });
      if ("late" in told) return told.late ? { kind: "timeout" } : { kind: "crash", detail: told.detail };
      const parsed = answer.safeParse(told.head);
      if (parsed.success) return { kind: "answer", head: parsed.data, bytes: told.bytes };
      await end();
      return { kind: "crash", detail: "its answer was malformed" };
    },
  };
}

function explain(stderr: string, end: string): string {
  if (/out of memory|allocation failed/i.test(stderr)) return "it ran out of memory";
  const line = stderr.trim().split("\n").at(-1)?.slice(0, 200) ?? "";
  return line ? `${end}: ${line}` : `it ended by ${end}`;
}

/** The last characters that a stream gave. */
async function tail(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  let text = "";
  try {
    for await (const chunk of stream.pipeThrough(new TextDecoderStream())) text = (text + chunk).slice(-4000);
  } catch { /* cut off: what came before counts */ }
  return text;
}
