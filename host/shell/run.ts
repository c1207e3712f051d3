import { Aborted, type ShellEnd } from "../../actors/ports.ts";
import { collect } from "./output.ts";
import { grow, type Tree } from "./tree.ts";

/** How one command is run. `onText` hears the output, cleaned and redacted, line by line. */
export interface RunOptions {
  cwd: string;
  env: Record<string, string>;
  timeoutMs: number;
  signal: AbortSignal;
  spillDir: string;
  redact(text: string): string;
  onText?: (text: string) => void;
}

/** Names of the environment that a command gets; nothing else, and none of them if it looks like a key. */
const ALLOWED =
  /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|COLUMNS|XDG_\w+|CARGO_HOME|RUSTUP_HOME|GOPATH|GOROOT|GOCACHE|NVM_DIR|VOLTA_HOME|PNPM_HOME|BUN_INSTALL|PYENV_ROOT|VIRTUAL_ENV|CONDA_PREFIX|JAVA_HOME|ANDROID_HOME|SDKMAN_DIR|DENO_DIR|DENO_TLS_CA_STORE|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE|SSL_CERT_DIR|REQUESTS_CA_BUNDLE|https?_proxy|no_proxy)$/i;
const KEY_NAME = /key|token|secret|passw|credential/i;
const KEY_VALUE = /\b(sk-|gh[opsu]_|github_pat_|glpat-|xox[abp]-|AKIA)[\w-]{12,}|:\/\/[^/\s]*@/;

/** The environment of commands: an allow-list of `env`, never a key, and settings that keep programs from waiting for a person. */
export function shellEnv(
  env: Record<string, string>,
  { cwd, redact }: { cwd: string; redact(text: string): string },
): Record<string, string> {
  const safe = Object.entries(env).filter(([name, value]) =>
    ALLOWED.test(name) && !KEY_NAME.test(name) && !KEY_VALUE.test(value) && redact(value) === value
  );
  const path = (env.PATH ?? "/usr/local/bin:/usr/bin:/bin").split(":").filter((dir) => dir.startsWith("/")).join(":");
  const quiet = { PAGER: "cat", GIT_PAGER: "cat", GIT_TERMINAL_PROMPT: "0", GIT_EDITOR: "true" };
  return { ...Object.fromEntries(safe), PATH: path, PWD: cwd, TERM: "dumb", NO_COLOR: "1", ...quiet };
}

/** Commands that must see the processes and rights of the machine, or whose background parts are meant to go on. */
const SHARED =
  /(^|[^&<>])&(?![&>])|\b(sudo|doas|su|ps|pgrep|pkill|kill|killall|lsof|fuser|top|htop|nohup|setsid|ping|mount|umount|docker|podman|strace|gdb|bwrap|unshare|systemctl|service)\b/;

/** Runs commands, each in a process tree of its own; what they leave running ends with `end`, or with Evo. */
export function createRunner(): {
  run(command: string, options: RunOptions): Promise<ShellEnd & { left: boolean }>;
  end(): Promise<void>;
} {
  const left = new Set<Tree>();
  return {
    async run(command, options) {
      const start = performance.now();
      options.signal.throwIfAborted();
      const box = SHARED.test(command) ? [] : await namespaces(options);
      const tree = grow([...box, "sh", "-c", command], options);
      const output = collect({ dir: options.spillDir, redact: options.redact, onText: options.onText ?? (() => {}) });
      const pump = pumpInto(tree, output.write);
      const { timedOut, aborted } = await deadline(tree, options);
      await pump.drained();
      const still = !timedOut && !aborted && await tree.settle();
      if (still) left.add(tree);
      else await tree.output.cancel().catch(() => {});
      const { text, file } = await output.end();
      if (aborted) throw new Aborted(text);
      const ms = Math.round(performance.now() - start);
      return { code: await tree.ended, output: text, timedOut, ms, left: still, ...(file ? { file } : {}) };
    },
    async end() {
      await Promise.all([...left].map((tree) => tree.kill(500)));
      left.clear();
    },
  };
}

/** Waits for the first process; at the deadline or on an abort the tree is ended. */
async function deadline(
  tree: Tree,
  { timeoutMs, signal }: RunOptions,
): Promise<{ timedOut: boolean; aborted: boolean }> {
  let stop = (_why: "time" | "abort") => {};
  const stopped = new Promise<"time" | "abort">((resolve) => stop = resolve);
  const timer = setTimeout(() => stop("time"), timeoutMs);
  const abort = () => stop("abort");
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  const why = await Promise.race([tree.ended.then(() => "end" as const), stopped]);
  clearTimeout(timer);
  signal.removeEventListener("abort", abort);
  if (why !== "end") await tree.kill(why === "abort" ? 50 : 500);
  return { timedOut: why === "time", aborted: why === "abort" };
}

/** Reads on to the end of the stream, so that what goes on in the background never blocks; `drained` waits only for what is there. */
function pumpInto(tree: Tree, write: (bytes: Uint8Array) => Promise<void>): { drained(): Promise<void> } {
  let open = true;
  let busy = false;
  let done = false;
  const finished = (async () => {
    for (let read = await tree.output.read(); !read.done; read = await tree.output.read()) {
      busy = true;
      if (open) await write(read.value);
    }
  })().catch(() => {}).finally(() => done = true); // A reader that fails has no more to say.
  return {
    async drained() {
      for (let waits = 0; !done && waits < 10 && (busy || waits < 2); waits++) {
        busy = false;
        let timer = 0;
        await Promise.race([finished, new Promise((go) => timer = setTimeout(go, 25))]);
        clearTimeout(timer);
      }
      open = false;
    },
  };
}

/** The first process of a namespace ignores TERM: it must not be the one that would go on to the next command. */
const FIRST = `exec 3>&2 2>/dev/null; "$@" 2>&3 3>&-; exit $?`;

const boxes = new Map<string, Promise<string[]>>();

/** The words that put a command into process namespaces of its own, so that no child of it escapes; none where that does not work. */
function namespaces(options: { cwd: string; env: Record<string, string> }): Promise<string[]> {
  const flags = Deno.uid() === 0 ? "-pf" : "-cpf";
  const probe = async () => {
    const box = ["unshare", flags, "--kill-child", "--mount-proc", "sh", "-c", FIRST, "sh"];
    const tree = grow([...box, "true"], options);
    pumpInto(tree, () => Promise.resolve());
    const code = await tree.ended;
    await tree.settle();
    return code === 0 ? box : [];
  };
  const known = boxes.get(flags) ?? probe();
  boxes.set(flags, known);
  return known;
}
