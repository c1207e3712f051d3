/** What of a command's output is kept in memory: its first and its last so many characters, a result of 24 KiB with the words around them; and how much goes to a file. */
export const KEEP = 12 * 1024 - 128;
const FILE_LIMIT = 100_000_000;
const LINE_LIMIT = 64 * 1024;

/** A command's output as it comes: cleaned, redacted line by line, its middle only in a file. */
export interface Output {
  write(bytes: Uint8Array): Promise<void>;
  /** Ends the output; `file` is set if not all of it is in `text`. */
  end(): Promise<{ text: string; file?: string }>;
}

const ESCAPES = new RegExp(
  String.raw`\x1b\[[0-?]*[ -/]*[@-~]?|\x1b[\]PX^_][^\x07\x1b\n]*(\x07|\x1b\\)?|\x1b[ -/]*[0-~]?|\x9b[0-?]*[ -/]*[@-~]`,
  "g",
);

/** What a terminal would show of these lines: no escape sequences, no control or invisible characters, overwritten text left out. */
export function clean(text: string): string {
  const lines = text.replace(ESCAPES, "").split("\n").map((line) => line.replace(/\r+$/, ""));
  return lines.map((line) => line.slice(line.lastIndexOf("\r") + 1)).join("\n").replace(/[^\P{C}\n\t\u200d]/gu, "");
}

/** Collects output. The file is made in `dir`, readable by its owner only, when there is more than fits. */
export function collect(
  { dir, redact, onText }: { dir: string; redact(text: string): string; onText: (text: string) => void },
): Output {
  const decoder = new TextDecoder();
  let carry = "", head = "", tail = "", size = 0, path = "", note = "";
  let file: Deno.FsFile | undefined;
  let room = FILE_LIMIT;

  async function spill(text: string): Promise<void> {
    const bytes = new TextEncoder().encode(text).subarray(0, Math.max(0, room));
    room -= bytes.length;
    if (room <= 0) note = `; the file ends after ${FILE_LIMIT / 1e6} MB`;
    for (let at = 0; file && at < bytes.length;) at += await file.write(bytes.subarray(at));
  }
  async function keep(text: string): Promise<void> {
    const full = size > 2 * KEEP;
    size += text.length;
    const before = tail;
    const free = Math.max(0, KEEP - head.length);
    head += text.slice(0, free);
    tail += text.slice(free);
    try {
      if (!full && size > 2 * KEEP) {
        await Deno.mkdir(dir, { recursive: true });
        path = `${dir}/shell_${crypto.randomUUID().slice(0, 8)}.txt`;
        file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
        await spill(head + before + text.slice(free));
      } else if (file) await spill(text);
    } catch (error) {
      note = `; the rest could not be kept in a file: ${error instanceof Error ? error.message : error}`;
      file?.close();
      file = undefined;
    }
    if (size > 2 * KEEP) tail = tail.slice(-KEEP);
  }
  async function take(text: string): Promise<void> {
    const safe = redact(clean(text));
    if (safe === "") return;
    onText(safe);
    await keep(safe);
  }
  return {
    async write(bytes) {
      carry += decoder.decode(bytes, { stream: true });
      const end = carry.lastIndexOf("\n") + 1 || (carry.length > LINE_LIMIT ? carry.length : 0);
      if (end === 0) return;
      const text = carry.slice(0, end);
      carry = carry.slice(end);
      await take(text);
    },
    async end() {
      await take(carry + decoder.decode());
      carry = "";
      if (size <= 2 * KEEP) return { text: head + tail };
      file?.close();
      const left = size - whole(head, "end").length - whole(tail, "start").length;
      const text = `${whole(head, "end")}\n[... ${left} characters left out${note} ...]\n${whole(tail, "start")}`;
      return path && file ? { text, file: path } : { text };
    },
  };
}

/** Leaves out half a character at the cut. */
function whole(text: string, cut: "start" | "end"): string {
  return cut === "end" ? text.replace(/[\ud800-\udbff]$/, "") : text.replace(/^[\udc00-\udfff]/, "");
}
