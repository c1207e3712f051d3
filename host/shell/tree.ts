/** A process with all its descendants in one group. It dies with Evo, even on SIGKILL: its standard input is its life line. */
export interface Tree {
  output: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  /** Resolves when the first process has ended, whatever goes on behind it. */
  ended: Promise<number>;
  /** Ends the whole tree: TERM, and after `graceMs` KILL. */
  kill(graceMs: number): Promise<void>;
  /** After the end of the first process: true if it left others running. They then go on until `kill`, or Evo's end. */
  settle(): Promise<boolean>;
}

const LIFE_LINE = `exec 3<&0 </dev/null 2>&1
{ read -r _ <&3; kill -9 -$$; } >/dev/null 2>&1 &
exec "$@" 3<&-`;

/** Starts a process tree. Standard output and error come as one stream, in order. Throws if `sh` or `cwd` is missing. */
export function grow(argv: string[], { cwd, env }: { cwd: string; env: Record<string, string> }): Tree {
  const child = new Deno.Command("/bin/sh", {
    args: ["-c", LIFE_LINE, "sh", ...argv],
    cwd,
    env,
    clearEnv: true,
    detached: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const line = child.stdin.getWriter();
  const cut = () => line.close().catch(() => {});
  return {
    output: child.stdout.getReader(),
    ended: child.status.then(({ code }) => code),
    async kill(graceMs) {
      if (signal(child.pid, "SIGTERM")) {
        const until = Date.now() + graceMs;
        while (Date.now() < until && signal(child.pid, "SIGCONT")) await new Promise((done) => setTimeout(done, 10));
        signal(child.pid, "SIGKILL");
      }
      await child.status;
      await cut();
    },
    async settle() {
      await child.status;
      // One process of the group is the one that watches the life line.
      if (await membersOf(child.pid) > 1) return true;
      await cut();
      return false;
    },
  };
}

function signal(group: number, name: Deno.Signal): boolean {
  try {
    Deno.kill(-group, name);
    return true;
  } catch {
    return false; // Nobody is left in the group.
  }
}

async function membersOf(group: number): Promise<number> {
  try {
    const { stdout } = await new Deno.Command("ps", { args: ["-A", "-o", "pgid="], stderr: "null" }).output();
    return new TextDecoder().decode(stdout).split("\n").filter((line) => line.trim() === String(group)).length;
  } catch {
    return 0; // Without ps nothing is left running.
  }
}
