/** A process with all its descendants in one group. */
export interface Tree {
  output: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  /** Resolves when the first process has ended, whatever goes on behind it. */
  ended: Promise<number>;
  /** Ends the whole tree: TERM, and after `graceMs` KILL. */
  kill(graceMs: number): Promise<void>;
  /** After the end of the first process: true if it left others running. They then go on until `kill`, or Evo's end. */
  settle(): Promise<boolean>;
}

const LIFE_LINE = '{ read -r _ <&3; kill -9 -$$; } >/dev/null 2>&1 & exec "$@" 3<&-';

/**
 * Starts a program in a group of its own. It dies with Evo, even on SIGKILL: its standard input is its life line. `errors` go
 * into the output, in order, or to a pipe apart. Throws if `sh` or `cwd` is missing.
 */
export function spawnGroup(argv: string[], { cwd, env, errors }: {
  cwd: string;
  env: Record<string, string>;
  errors: "within" | "apart";
}): Deno.ChildProcess {
  const [redirect, stderr] = errors === "within" ? [" 2>&1", "null"] as const : ["", "piped"] as const;
  const args = ["-c", `exec 3<&0 </dev/null${redirect}; ${LIFE_LINE}`, "sh", ...argv];
  const how = { cwd, env, clearEnv: true, detached: true, stdin: "piped", stdout: "piped", stderr } as const;
  return new Deno.Command("/bin/sh", { ...how, args }).spawn();
}

/** Starts a process tree. Standard output and error come as one stream, in order. Throws if `sh` or `cwd` is missing. */
export function grow(argv: string[], { cwd, env }: { cwd: string; env: Record<string, string> }): Tree {
  const child = spawnGroup(argv, { cwd, env, errors: "within" });
  const line = child.stdin.getWriter();
  const cut = () => line.close().catch(() => {});
  return {
    output: child.stdout.getReader(),
    ended: child.status.then(({ code }) => code),
    async kill(graceMs) {
      if (signalGroup(child.pid, "SIGTERM")) {
        const until = Date.now() + graceMs;
        while (Date.now() < until && signalGroup(child.pid, "SIGCONT")) {
          await new Promise((done) => setTimeout(done, 10));
        }
        signalGroup(child.pid, "SIGKILL");
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

/** Tells every process of a group; false if nobody is left in it. */
export function signalGroup(group: number, name: Deno.Signal): boolean {
  try {
    Deno.kill(-group, name);
    return true;
  } catch {
    return false;
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
