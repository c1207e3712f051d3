/** Git, without surprises: no hooks, no user or system configuration, no inherited repository, an author of its own. */

/** How git ended. `stdout` and `stderr` are text. */
export interface GitEnd {
  code: number;
  stdout: string;
  stderr: string;
}

/** What a git call may be given besides its arguments. */
export interface GitOptions {
  input?: string;
  env?: Record<string, string>;
  signal?: AbortSignal;
}

const SETTINGS = [
  "core.hooksPath=/dev/null",
  "core.fsmonitor=false",
  "core.autocrlf=false",
  "core.excludesFile=/dev/null",
  "core.attributesFile=/dev/null",
  "core.quotePath=false",
  "core.fileMode=true",
  "commit.gpgSign=false",
  "tag.gpgSign=false",
  "gc.auto=0",
  "maintenance.auto=false",
  "safe.directory=*",
  "advice.detachedHead=false",
].flatMap((setting) => ["-c", setting]);

const ENVIRONMENT = {
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_TERMINAL_PROMPT: "0",
  GIT_NO_REPLACE_OBJECTS: "1",
  GIT_AUTHOR_NAME: "Evo",
  GIT_AUTHOR_EMAIL: "evo@localhost",
  GIT_COMMITTER_NAME: "Evo",
  GIT_COMMITTER_EMAIL: "evo@localhost",
  LC_ALL: "C.UTF-8",
};

/** Runs git below a root and returns how it ended; throws only if git is missing or on an abort. */
export async function git(root: string, args: string[], options: GitOptions = {}): Promise<GitEnd> {
  const kept = ["PATH", "HOME", "TMPDIR", "SystemRoot"].map((name) => [name, Deno.env.get(name)]);
  const env = Object.fromEntries(kept.filter((pair): pair is [string, string] => pair[1] !== undefined));
  const command = new Deno.Command("git", {
    args: [...SETTINGS, ...args],
    cwd: root,
    clearEnv: true,
    env: { ...env, ...ENVIRONMENT, ...options.env },
    stdin: options.input === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
    ...(options.signal ? { signal: options.signal } : {}),
  });
  const child = spawn(command, root);
  const fed = options.input === undefined ? undefined : feed(child.stdin, options.input);
  const { code, stdout, stderr } = await child.output();
  await fed;
  options.signal?.throwIfAborted();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

/** Runs git and returns its stdout; a code other than 0 throws one sentence. */
export async function mustGit(root: string, args: string[], options: GitOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await git(root, args, options);
  if (code === 0) return stdout;
  const said = stderr.trim().split("\n").at(-1)?.replace(/^(fatal|error): /, "") || `exit code ${code}`;
  throw new Error(`Cannot run "git ${args[0]}" in "${root}": ${said}`);
}

/** Stages everything below a worktree's root, ignored files too, so that nothing is examined that is not there and nothing left out; returns the tree hash. */
export async function stageTree(root: string, signal?: AbortSignal): Promise<string> {
  const options = signal ? { signal } : {};
  await mustGit(root, ["add", "--all", "--force", "."], options);
  return (await mustGit(root, ["write-tree"], options)).trim();
}

function spawn(command: Deno.Command, root: string): Deno.ChildProcess {
  try {
    return command.spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(`Cannot run git in "${root}": git or that folder is missing; install git (https://git-scm.com)`);
  }
}

async function feed(stdin: WritableStream<Uint8Array<ArrayBuffer>>, input: string): Promise<void> {
  try {
    await new Blob([input]).stream().pipeTo(stdin);
  } catch {
    // Git may end before it has read everything; its exit code says what that means.
  }
}
