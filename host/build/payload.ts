/** Executables by parts: what two generations share is stored once. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import * as z from "zod";
import { no, ok, type Outcome } from "../../actors/types.ts";
import { keepBase, writeFull } from "./base.ts";
import { hashRange, readRange, reason, splitExecutable } from "./executable.ts";
import { attempt } from "../session/files.ts";
import { isThere, removeIfThere, syncPath, writeDurable } from "./disk.ts";

const Sized = z.object({ sha: z.string().regex(/^[0-9a-f]{64}$/), length: z.number().int().nonnegative() });

/** An executable as stored: base ++ payload, the payload in parts; hashes are SHA-256 hex, lengths bytes. */
export const Payload = z.object({ base: Sized.nullable(), payload: Sized, parts: z.array(Sized.shape.sha) });
export type Payload = z.infer<typeof Payload>;

const MIN = 8 << 10, MAX = 128 << 10, SIDE_BY_SIDE = 16;
const MASK = 0xfffe0000; // 15 of the high bits: 32 KiB on average
const GEAR = makeGear();

/** Cuts bytes where their content says so, hence a change moves only the cuts around it. */
export function cut(bytes: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let start = 0;
  for (let at = 0, hash = 0; at < bytes.length; at++) {
    hash = ((hash << 1) + (GEAR[bytes[at] ?? 0] ?? 0)) | 0;
    const length = at + 1 - start;
    if (length < MIN || ((hash & MASK) !== 0 && length < MAX)) continue;
    parts.push(bytes.subarray(start, at + 1));
    start = at + 1;
    hash = 0;
  }
  if (start < bytes.length) parts.push(bytes.subarray(start));
  return parts;
}

/** Stores an executable below EVO_HOME; what is already there is not written again. */
export async function storePayload(home: string, file: string): Promise<Outcome<Payload>> {
  const half = await halves(file);
  if (!half.ok) return half;
  const kept = half.value.start > 0 ? await keepBase(home, file) : undefined;
  if (kept && !kept.ok) return kept;
  const bytes = await readRange(file, half.value.start, half.value.end);
  const parts: string[] = [];
  const writes: Promise<void>[] = [];
  for (const part of cut(bytes)) {
    const sha = sha256(part);
    if (!parts.includes(sha)) writes.push(storePart(partPath(home, sha), part));
    parts.push(sha);
  }
  await Promise.all(writes);
  const base = kept ? { sha: kept.value.sha, length: kept.value.length } : null;
  return ok({ base, payload: { sha: sha256(bytes), length: bytes.length }, parts });
}

/** SHA-256 of an executable's payload: tells generations apart without hashing the base; undefined if it cannot be read. */
export async function identify(file: string): Promise<string | undefined> {
  const half = await halves(file);
  return half.ok ? await hashRange(file, half.value.start, half.value.end) : undefined;
}

/** Writes a stored executable to a new file, verified as it is written; on a mismatch nothing remains and it says what is wrong. */
export async function restorePayload(home: string, stored: Payload, to: string): Promise<Outcome<string>> {
  try {
    if (stored.base) {
      await Promise.all([Deno.copyFile(basePath(home, stored.base.sha), to), checkBase(home, stored.base)]);
    }
    {
      using file = await Deno.open(to, stored.base ? { append: true } : { write: true, createNew: true });
      for await (const part of partsOf(home, stored)) await writeFull(file, part);
    }
    await Deno.chmod(to, 0o755);
    await syncPath(to);
    return ok(to);
  } catch (error) {
    await removeIfThere(to);
    return no(`Cannot restore the executable from "${home}": ${reason(error)}`);
  }
}

/** Checks that an executable could be restored, without writing it; the value is its length. `bases` remembers what has been hashed. */
export async function verifyPayload(home: string, stored: Payload, bases: Set<string>): Promise<Outcome<number>> {
  try {
    const { base } = stored;
    if (base && !bases.has(base.sha)) await checkBase(home, base), bases.add(base.sha);
    for await (const _ of partsOf(home, stored));
    return ok((base?.length ?? 0) + stored.payload.length);
  } catch (error) {
    return no(reason(error));
  }
}

async function checkBase(home: string, { sha, length }: z.infer<typeof Sized>): Promise<void> {
  const path = basePath(home, sha);
  const whole = (await Deno.stat(path)).size === length && await hashRange(path, 0, length) === sha;
  if (!whole) throw new Error(`the base runtime ${sha} is damaged`);
}

async function* partsOf(home: string, { parts, payload }: Payload): AsyncGenerator<Uint8Array> {
  const whole = createHash("sha256");
  for (let at = 0; at < parts.length; at += SIDE_BY_SIDE) {
    for (const part of await Promise.all(parts.slice(at, at + SIDE_BY_SIDE).map((sha) => readPart(home, sha)))) {
      whole.update(part);
      yield part;
    }
  }
  if (whole.digest("hex") !== payload.sha) throw new Error(`the parts do not make ${payload.sha}`);
}

/** Unpacked; that it is the right one is seen at the end, by the hash of all. */
async function readPart(home: string, sha: string): Promise<Uint8Array> {
  const bytes = await Deno.readFile(partPath(home, sha)).catch(() => undefined);
  if (!bytes) throw new Error(`part ${sha} is missing`);
  const part = attempt(() => gunzipSync(bytes));
  if (!part) throw new Error(`part ${sha} is damaged`);
  return part;
}

async function storePart(path: string, part: Uint8Array): Promise<void> {
  if (!await isThere(path)) await writeDurable(path, gzipSync(part));
}

/** Other systems' executables have no such trailer: there, all of it is payload. */
async function halves(file: string): Promise<Outcome<{ start: number; end: number }>> {
  const split = await splitExecutable(file);
  if (split.ok) {
    const { baseLength, payloadLength } = split.value;
    return ok({ start: baseLength, end: baseLength + payloadLength });
  }
  const info = await Deno.stat(file).catch(() => undefined);
  return info && Deno.build.os !== "linux" ? ok({ start: 0, end: info.size }) : split;
}

const basePath = (home: string, sha: string) => join(home, "base", sha);
const partPath = (home: string, sha: string) => join(home, "parts", sha.slice(0, 2), sha);
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

function makeGear(): Int32Array {
  let state = 0x9e3779b9;
  return Int32Array.from({ length: 256 }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state | 0;
  });
}
