import * as z from "zod";
import { no, ok, type Outcome } from "../../actors/types.ts";
import { cString, execute } from "./exec.ts";

/** What a restricted program may do: read and execute below `ro`, everything below `rw`. Paths that do not exist are left out. */
export const Rules = z.object({ ro: z.array(z.string()), rw: z.array(z.string()) });
export type Rules = z.infer<typeof Rules>;

/** The hidden first argument under which this executable restricts itself and becomes a command. */
export const FLAG = "--evo-sandboxed";

const CREATE = 444n, ADD = 445n, RESTRICT = 446n;
const EXECUTE = 1n, WRITE_FILE = 2n, READ_FILE = 4n, READ_DIR = 8n, TRUNCATE = 1n << 14n;
const READ = EXECUTE | READ_FILE | READ_DIR;
const OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE;
const O_PATH = 0x200000, O_CLOEXEC = 0x80000, NO_NEW_PRIVILEGES = 38;

function open() {
  return Deno.dlopen("libc.so.6", {
    create: { name: "syscall", parameters: ["i64", "buffer", "usize", "usize"], result: "i64" },
    add: { name: "syscall", parameters: ["i64", "i64", "i64", "buffer", "usize"], result: "i64" },
    enforce: { name: "syscall", parameters: ["i64", "i64", "usize"], result: "i64" },
    prctl: { parameters: ["i32", "u64", "u64", "u64", "u64"], result: "i32" },
    open: { parameters: ["buffer", "i32"], result: "i32" },
    close: { parameters: ["i32"], result: "i32" },
  }).symbols;
}

/** The version of Landlock in this kernel; 0 if it has none. */
export function landlockVersion(): number {
  if (Deno.build.os !== "linux") return 0;
  try {
    return Math.max(0, Number(open().create(CREATE, null, 0n, 1n)));
  } catch {
    return 0; // No glibc: the caller says that there is no sandbox.
  }
}

/** True if this kernel can restrict a program. */
export function landlockAvailable(): boolean {
  return landlockVersion() > 0;
}

/** Restricts the present thread, for good, and the program that it becomes. The value: the paths that do not exist. */
export function restrict({ ro, rw }: Rules): Outcome<string[]> {
  const version = landlockVersion();
  if (version === 0) {
    return no("Cannot restrict this process: the kernel has no Landlock; run it without the sandbox and say so");
  }
  const libc = open();
  // Version 1 knows 13 rights, 2 adds moving between folders, 3 truncation; later rights (devices, network) are left as they are.
  const all = (1n << BigInt(Math.min(version, 3) + 12)) - 1n;
  const ruleset = libc.create(CREATE, new Uint8Array(new BigUint64Array([all]).buffer), 8n, 0n);
  const missing: string[] = [];
  let failed = ruleset < 0n ? "the kernel made no rule set" : "";
  for (
    const [path, rights] of [...ro.map((path) => [path, READ] as const), ...rw.map((path) => [path, all] as const)]
  ) {
    const file = libc.open(cString(path), O_PATH | O_CLOEXEC);
    if (file < 0) {
      missing.push(path);
      continue;
    }
    const rule = new DataView(new ArrayBuffer(12));
    rule.setBigUint64(0, isFolder(path) ? rights : rights & OF_FILES, true);
    rule.setInt32(8, file, true);
    const added = libc.add(ADD, ruleset, 1n, new Uint8Array(rule.buffer), 0n);
    if (added !== 0n) failed ||= `the kernel refused the rule for "${path}"`;
    libc.close(file);
  }
  if (!failed && libc.prctl(NO_NEW_PRIVILEGES, 1n, 0n, 0n, 0n) !== 0) failed = "it may still gain privileges";
  if (!failed && libc.enforce(RESTRICT, ruleset, 0n) !== 0n) failed = "the kernel refused the rule set";
  if (ruleset >= 0n) libc.close(Number(ruleset));
  return failed ? no(`Cannot restrict this process: ${failed}; run it without the sandbox and say so`) : ok(missing);
}

function isFolder(path: string): boolean {
  return Deno.statSync(path).isDirectory;
}

/** The words that run `command` (its first word an absolute path) under `rules`, through `self`, the words that start this executable. */
export function sandboxed(command: string[], { rules, self }: { rules: Rules; self: string[] }): string[] {
  return [...self, FLAG, JSON.stringify(rules), ...command];
}

/** What follows FLAG: restricts this process and becomes the command. Returns only on failure: one sentence, why; exit 126 then. */
export function runSandboxed([json = "", ...command]: string[]): string {
  let rules: Rules;
  try {
    rules = Rules.parse(JSON.parse(json));
  } catch {
    return `Cannot run a command in the sandbox: the rules are not {"ro":[...],"rw":[...]}`;
  }
  const [path, ...args] = command[0] === "--" ? command.slice(1) : command;
  if (!path?.startsWith("/")) return "Cannot run a command in the sandbox: its first word is not an absolute path";
  const restricted = restrict(rules);
  return restricted.ok ? execute(path, args) : restricted.error;
}
