import { LIBC } from "./libc.ts";

const ERRORS: Record<number, string> = {
  2: "it does not exist",
  7: "its arguments are too long",
  8: "it is not an executable for this machine",
  12: "there is not enough memory",
  13: "it may not be executed",
  26: "it is being written",
};

/** The bytes of a C string. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}

/**
 * Becomes another program, in the same process: `path` with these arguments (the program's name is put before them), and with
 * `env` instead of this environment if given. The terminal must be in cooked mode. Returns only on failure: one sentence, why.
 */
export function execute(path: string, args: string[], env?: Record<string, string>): string {
  const because = (why: string) => `Cannot become "${path}": ${why}`;
  if (!LIBC) return because(`there is no exec on ${Deno.build.os}; start it as a new process`);
  const environment = Object.entries(env ?? {}).map(([key, value]) => `${key}=${value}`);
  if ([path, ...args, ...environment].some((text) => text.includes("\0"))) {
    return because("a word of it has a NUL character");
  }
  try {
    const libc = Deno.dlopen(LIBC, {
      execv: { parameters: ["buffer", "buffer"], result: "i32" },
      execve: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
      errno: { name: ERRNO, parameters: [], result: "pointer" },
    });
    const argv = vector([path, ...args]);
    if (env) libc.symbols.execve(cString(path), argv, vector(environment));
    else libc.symbols.execv(cString(path), argv);
    const errno = libc.symbols.errno();
    const number = errno ? new Deno.UnsafePointerView(errno).getInt32() : 0;
    libc.close();
    return because(ERRORS[number] ?? `the system refused it (error ${number})`);
  } catch (error) {
    return because(error instanceof Error ? error.message : String(error));
  }
}

const ERRNO = Deno.build.os === "darwin" ? "__error" : "__errno_location";

/** A NULL-terminated array of C strings, with the strings behind it in the same buffer. */
function vector(words: string[]): Uint8Array<ArrayBuffer> {
  const strings = words.map(cString);
  const head = 8 * (strings.length + 1);
  const buffer = new Uint8Array(strings.reduce((size, string) => size + string.length, head));
  const base = BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(buffer)));
  let at = head;
  strings.forEach((string, index) => {
    new DataView(buffer.buffer).setBigUint64(8 * index, base + BigInt(at), true);
    buffer.set(string, at);
    at += string.length;
  });
  return buffer;
}
