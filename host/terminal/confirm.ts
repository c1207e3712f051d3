/** One question at a terminal outside of a conversation. */

import { LIBC } from "../sandbox/libc.ts";

/** Asks on stderr and reads one line of stdin; true only for "yes" or "y". What was typed before the question does not answer it. */
export async function confirm(question: string): Promise<boolean> {
  dropTypeAhead();
  await Deno.stderr.write(new TextEncoder().encode(`${question} [yes/no] `));
  const bytes = new Uint8Array(1024);
  const read = await Deno.stdin.read(bytes) ?? 0;
  return /^y(es)?$/i.test(new TextDecoder().decode(bytes.subarray(0, read)).trim());
}

/** True if there is somebody to ask. */
export const canConfirm = (): boolean => Deno.stdin.isTerminal() && Deno.stderr.isTerminal();

function dropTypeAhead(): void {
  if (!LIBC) return;
  try {
    const library = Deno.dlopen(LIBC, { tcflush: { parameters: ["i32", "i32"], result: "i32" } });
    library.symbols.tcflush(0, Deno.build.os === "darwin" ? 1 : 0);
    library.close();
  } catch {
    // no such library: then what was typed ahead counts
  }
}
