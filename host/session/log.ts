/** The trajectory on disk: one JSON object a line, append-only, redacted, healed when it is opened again. */
import { dirname } from "node:path";
import { LogEvent } from "../../actors/types.ts";
import type { Clock, Log } from "../../actors/ports.ts";
import { attempt, reason } from "./files.ts";
import { lineHead, scanLines } from "./lines.ts";

/** What git is told of a `.evo` folder: what happened there is nobody else's, what was set up may be shared. */
const UNSHARED = "*\n!config.jsonc\n!plugins/\n!plugins/**\n!prompts/\n!prompts/**\n";

type Used = "writeSync" | "truncateSync" | "syncDataSync" | "statSync" | "tryLockSync" | "close";
/** The part of `Deno.FsFile` that the log uses; tests pass one that fails. */
export type LogFile = Pick<Deno.FsFile, Used>;

/**
 * The log of the current session. `seq` is the number of the next line (0 while closed), `path` the file, be it there yet or not. `move` goes on
 * in the trajectory of another session folder: it is opened and healed at once, and a sentence thrown if it cannot be. `close` lets
 * go of file and lock; a later write opens it again.
 */
export type TrajectoryLog = Log & { seq(): number; path(): string; move(folder: string): void; close(): void };

/** What `createLog` needs; `folder` is the session's. */
export interface LogOptions {
  folder: string;
  clock: Pick<Clock, "now">;
  redact: (text: string) => string;
  openFile?: (path: string) => LogFile;
}

/** Kinds whose line has reached the disk itself when `write` returns; the others have reached the system and survive any kill. */
export const DURABLE: ReadonlySet<string> = new Set(["session_end", "promotion", "evolve_end", "relaunch"]);

/** How often it is looked whether the file was deleted. */
const LOOK_MS = 500;

type Opened = { file: LogFile; seq: number; size: number };

/**
 * Creates the log of one session. Nothing is created on disk before the first write. A write that fails throws one sentence,
 * the first time of an outage: end the turn and show it. While the outage lasts later writes are dropped in silence; the first
 * that works is preceded by a line `log_gap {lost}`, as is one soon after someone deleted the file, which is made anew. The
 * file never keeps half a line.
 */
export function createLog({ folder, clock, redact, openFile = openAppend }: LogOptions): TrajectoryLog {
  let path = `${folder}/traj.jsonl`;
  let opened: Opened | undefined;
  let lost = 0, looked = -LOOK_MS;

  const line = (log: Opened, kind: string, data: unknown) => {
    const ts = new Date(clock.now()).toISOString();
    const event: LogEvent = { v: 1, seq: log.seq, ts, kind, data: clean(data ?? {}, redact) };
    const bytes = encoder.encode(`${JSON.stringify(event)}\n`);
    for (let at = 0; at < bytes.length;) at += log.file.writeSync(bytes.subarray(at));
    log.size += bytes.length;
    log.seq += 1;
    if (DURABLE.has(kind)) log.file.syncDataSync();
  };

  const shut = () => {
    opened?.file.close();
    opened = undefined;
  };

  return {
    seq: () => opened?.seq ?? 0,
    path: () => path,
    move(to) {
      const next = `${to}/traj.jsonl`;
      if (next === path) shut();
      const log = openLog(next, openFile);
      shut();
      [opened, path, lost] = [log, next, 0];
    },
    close: shut,
    write(kind, data) {
      try {
        const now = clock.now(), looks = Math.abs(now - looked) >= LOOK_MS;
        if (looks) looked = now;
        const deleted = looks && opened?.file.statSync().nlink === 0 ? opened.seq : 0;
        if (deleted > 0) shut();
        opened ??= openLog(path, openFile);
        if (lost + deleted > 0) line(opened, "log_gap", { lost: lost + deleted });
        lost = 0;
        line(opened, kind, data);
      } catch (error) {
        attempt(() => opened?.file.truncateSync(opened.size));
        shut(); // the next write opens and heals it again
        lost += 1;
        if (lost > 1) return;
        const effect = "until that is mended, what happens is not recorded and cannot be resumed";
        throw new Error(`Cannot write the trajectory "${path}": ${reason(error)}; ${effect}`);
      }
    },
  };
}

const openAppend = (path: string): LogFile =>
  Deno.openSync(path, { read: true, append: true, create: true, mode: 0o600 });

function openLog(path: string, openFile: (path: string) => LogFile): Opened {
  Deno.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const state = /^.*\/\.evo(?=\/sessions\/)/.exec(path)?.[0];
  if (state) attempt(() => Deno.writeTextFileSync(`${state}/.gitignore`, UNSHARED, { createNew: true }));
  const file = openFile(path);
  try {
    if (attempt(() => file.tryLockSync(true)) === false) throw new Error("another Evo is writing it");
    return heal(path, file);
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Keeps every complete line; torn bytes at the end move to `torn.txt` beside it. */
function heal(path: string, file: LogFile): Opened {
  if (!file.statSync().isFile) return { file, seq: 0, size: 0 };
  let seq = 0;
  const { end, rest } = scanLines(path, (line) => seq = Math.max(seq, (lineHead(line)?.seq ?? -1) + 1));
  const whole = rest.length > 0 ? parseLine(rest) : undefined;
  if (whole) return { file, seq: Math.max(seq, whole.seq + 1), size: end + rest.length + file.writeSync(NEWLINE) };
  if (rest.length > 0) {
    attempt(() => Deno.writeFileSync(`${dirname(path)}/torn.txt`, rest, { append: true, mode: 0o600 }));
  }
  file.truncateSync(end);
  return { file, seq, size: end };
}

const encoder = new TextEncoder();
const NEWLINE = encoder.encode("\n");
const decoder = new TextDecoder();

/** Parses one line of a trajectory; undefined if it is not an event. */
export function parseLine(line: Uint8Array): LogEvent | undefined {
  return LogEvent.safeParse(attempt(() => JSON.parse(decoder.decode(line)))).data;
}

function clean(value: unknown, redact: (text: string) => string): unknown {
  if (typeof value === "string") return redact(value);
  if (Array.isArray(value)) return value.map((item) => clean(item, redact));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [redact(name), clean(item, redact)]));
}
