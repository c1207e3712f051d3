/** Small private files, replaced whole. */
import { dirname } from "node:path";

/** Replaces a file in one step (temporary file, rename) with mode 0600 in a folder with mode 0700. Throws what the system says; nothing half-written stays. */
export async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  const draft = `${path}.${crypto.randomUUID()}`;
  try {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    const write = () => Deno.writeFile(draft, bytes, { mode: 0o600, createNew: true });
    await write().catch(async (error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await write();
    });
    await Deno.rename(draft, path);
  } catch (error) {
    await Deno.remove(draft).catch(() => {});
    throw error;
  }
}

/** What an error says; for Deno's own closed places in words that a person can act on. */
export function reason(error: unknown): string {
  if (error instanceof Deno.errors.NotCapable && /^Requires all access/.test(error.message)) {
    return "it lies in /dev, /proc or /sys, which hold devices and state of the system, not files; use a path elsewhere";
  }
  return error instanceof Error ? error.message : String(error);
}

/** Cuts a text to at most `limit` UTF-16 units, never through a surrogate pair. */
export function cut(text: string, limit: number): string {
  return text.length <= limit ? text : text.slice(0, limit).replace(/[\ud800-\udbff]$/, "");
}

/** Does what may fail without harm: on a full disk, on an odd file system, on a torn line; undefined if it failed. */
export function attempt<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}
