/** What a child does to itself before it runs anything of others: it dies with its parent, at its deadline, and owns nothing. */
import { LIBC } from "../sandbox/libc.ts";
import { restrict } from "../sandbox/landlock.ts";

const PR_SET_PDEATHSIG = 1, SIGKILL = 9n, RLIMIT_DATA = 2, RLIMIT_CORE = 4, ITIMER_REAL = 0;

/** The locks of this process. `without` names, for people, each that this system does not have. */
export interface Locks {
  without: string[];
  /** Ends this process by a signal that nothing can catch after so many milliseconds, also while it spins; 0 calls it off. */
  limit(ms: number): void;
  /**
   * Gives up files, network, programs and libraries, for good, and variables unless `env` (they were chosen by the parent).
   * Modules that are needed must be loaded by then.
   */
  close(on?: { env: true }): Promise<void>;
}

/** Binds this process to its parent's life and to `memory` bytes beyond those it has now. */
export async function lockDown({ memory }: { memory: number }): Promise<Locks> {
  const without: string[] = [];
  const libc = openLibrary();
  if (libc && Deno.build.os === "linux") {
    if (libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0n, 0n, 0n) !== 0) without.push("an end with its parent while it spins");
    const status = await Deno.readTextFile("/proc/self/status").catch(() => "");
    const data = Number(/^VmData:\s+(\d+) kB/m.exec(status)?.[1] ?? NaN) * 1024;
    const set = Number.isFinite(data) && libc.setrlimit(RLIMIT_DATA, words(data + memory, data + memory)) === 0;
    if (!set) without.push("a memory limit of the system");
    libc.setrlimit(RLIMIT_CORE, words(0, 0));
  } else without.push("an end with its parent while it spins (its deadline ends it)", "a memory limit of the system");
  if (!libc) without.push("a deadline of its own");
  return {
    without,
    limit(ms) {
      const seconds = Math.floor(ms / 1000), micros = Math.floor((ms % 1000) * 1000);
      libc?.setitimer(ITIMER_REAL, words(0, 0, seconds, micros), null);
    },
    async close(on) {
      // The runtime looks for the bounds of its stack in /proc/self/maps whenever it explains a trap, and panics without.
      if (Deno.build.os === "linux" && !restrict({ ro: ["/proc/self"], rw: [] }).ok) {
        without.push("Landlock beneath the permissions");
      }
      await giveUp(on?.env ? "env" : undefined);
    },
  };
}

/** Gives up every permission of this process for good, but for the one that is `kept`. */
export async function giveUp(kept?: "env"): Promise<void> {
  for (const name of ["run", "ffi", "net", "write", "env", "sys", "import", "read"] as const) {
    if (name !== kept) await Deno.permissions.revoke({ name });
  }
}

function openLibrary() {
  try {
    if (!LIBC) return undefined;
    return Deno.dlopen(LIBC, {
      prctl: { parameters: ["i32", "u64", "u64", "u64", "u64"], result: "i32", optional: true },
      setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
      setitimer: { parameters: ["i32", "buffer", "pointer"], result: "i32" },
    }).symbols as Libc;
  } catch {
    return undefined; // another C library: `without` says what is missing
  }
}

interface Libc {
  prctl(option: number, a: bigint, b: bigint, c: bigint, d: bigint): number;
  setrlimit(which: number, limits: BufferSource): number;
  setitimer(which: number, value: BufferSource, old: Deno.PointerValue): number;
}

/** C's structs of 64-bit numbers; a 32-bit one with padding reads the same in little endian. */
const words = (...numbers: number[]) =>
  new Uint8Array(new BigUint64Array(numbers.map((number) => BigInt(Math.floor(number)))).buffer);
