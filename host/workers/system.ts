/** The few calls of the C library that a plugin's process needs. */
import { LIBC } from "../sandbox/libc.ts";
import { no, ok, type Outcome } from "../../actors/types.ts";

/** The process as its first thread sees it; the worker inside reaches none of it. */
export interface System {
  /** What `read` makes of what Evo sends. Ends when Evo is gone. */
  incoming<T>(read: (piece: Uint8Array) => T[]): AsyncGenerator<T>;
  send(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Bytes of memory at the highest point so far. */
  memory(): number;
  /** Ends this process and every process of its group. */
  endAll(): void;
}

const CLOSE_ON_EXEC: Partial<Record<typeof Deno.build.os, bigint>> = { linux: 0x5451n, darwin: 0x20006601n };
const DIE_WITH_PARENT = 1, KILL = 9, CORE = 4;

/** Takes the pipes to Evo for itself: what the worker prints goes to standard error, and there is nothing for it to read. */
export function takeProcess({ alone }: { alone: boolean }): Outcome<System> {
  if (!LIBC) return no(`Cannot run plugins on ${Deno.build.os}: they need a system with process groups`);
  const libc = Deno.dlopen(LIBC, {
    dup: { parameters: ["i32"], result: "i32" },
    ioctl: { parameters: ["i32", "usize"], result: "i32" },
    dup2: { parameters: ["i32", "i32"], result: "i32" },
    read: { parameters: ["i32", "buffer", "usize"], result: "isize", nonblocking: true },
    write: { parameters: ["i32", "buffer", "usize"], result: "isize", nonblocking: true },
    kill: { parameters: ["i32", "i32"], result: "i32" },
    getrusage: { parameters: ["i32", "buffer"], result: "i32" },
    setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
    prctl: { parameters: ["i32", "u64", "u64", "u64", "u64"], result: "i32", optional: true },
  }).symbols;
  const from = libc.dup(0), to = libc.dup(1);
  // Programs that the plugin starts must not hold the pipes to Evo.
  for (const pipe of [from, to]) libc.ioctl(pipe, CLOSE_ON_EXEC[Deno.build.os] ?? 0n);
  libc.dup2(2, 0);
  libc.dup2(2, 1);
  libc.setrlimit(CORE, new Uint8Array(16));
  // With programs of its own it must live long enough to end them when Evo is gone; without, the kernel ends it.
  if (alone) libc.prctl?.(DIE_WITH_PARENT, BigInt(KILL), 0n, 0n, 0n);
  let writing = Promise.resolve();
  return ok({
    async *incoming(read) {
      for (const buffer = new Uint8Array(65_536);;) {
        const size = Number(await libc.read(from, buffer, BigInt(buffer.length)));
        if (size <= 0) return;
        yield* read(buffer.subarray(0, size));
      }
    },
    send(bytes) {
      writing = writing.then(async () => {
        for (let at = 0; at < bytes.length;) {
          const wrote = Number(await libc.write(to, bytes.subarray(at), BigInt(bytes.length - at)));
          if (wrote < 0) return; // Evo is gone; the end of `incoming` says so.
          at += wrote;
        }
      });
      return writing;
    },
    memory() {
      const usage = new BigInt64Array(18);
      libc.getrusage(0, new Uint8Array(usage.buffer));
      return Number(usage[4]) * (Deno.build.os === "darwin" ? 1 : 1024);
    },
    endAll: () => void libc.kill(0, KILL),
  });
}
