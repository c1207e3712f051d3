/** The toolchain's commands, run as the examiner runs its own: no secrets in their environment, a deadline, no survivors. */
import { type Ended, run } from "../gate/run.ts";

/** Runs a command to its end, at most `ms` (default 10 minutes); throws on an abort and if there is no such program. */
export function runTool(
  command: string[],
  options: { cwd: string; env?: Record<string, string>; signal?: AbortSignal; ms?: number },
): Promise<Ended> {
  const { cwd, ms = 600_000, signal = new AbortController().signal } = options;
  const env = {
    DENO_TLS_CA_STORE: Deno.env.get("DENO_TLS_CA_STORE") ?? "system,mozilla",
    NO_COLOR: "1",
    ...options.env,
  };
  return run(command, { cwd, ms, signal, env: { ...env, DENO_NO_UPDATE_CHECK: "1" } });
}

/** The last lines of a command's complaint, cut to 1500 characters. */
export function complaint({ stdout, stderr }: Ended): string {
  const text = (stderr.trim() || stdout.trim()).replace(/\n\nStack backtrace:[^]*$/, "");
  return text.length > 1500 ? `...${text.slice(-1500)}` : text;
}
