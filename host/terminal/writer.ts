/** Where bytes go: `Deno.stdout` and `Deno.stderr` fit. */
export interface Out {
  write(bytes: Uint8Array): Promise<number>;
  isTerminal(): boolean;
}

/** An ordered, bounded way to an `Out`. */
export interface Writer {
  /** Queues a text; false if it was dropped, because the reader is gone or too far behind. */
  write(text: string): boolean;
  /** Resolves when everything queued is written, or the reader is gone. */
  done(): Promise<void>;
}

/**
 * Makes a writer. `write` never waits and never throws: texts are queued and written in order by one loop. When more than
 * `limit` characters wait for a slow reader, whole texts are dropped, and once the reader has caught up `lost` says how
 * many characters are missing. A reader that is gone drops everything and is told once to `gone`, with the reason.
 */
export function createWriter(
  out: Out,
  { limit = 16 << 20, lost, gone }: { limit?: number; lost: (count: number) => string; gone: (why: unknown) => void },
): Writer {
  const encoder = new TextEncoder();
  let queue: string[] = [];
  let waiting = 0;
  let dropped = 0;
  let open = true;
  let running: Promise<void> | undefined;
  const run = async () => {
    try {
      while (queue.length > 0 || dropped > 0) {
        if (queue.length === 0) (queue.push(lost(dropped)), dropped = 0);
        const text = queue.join("");
        queue = [];
        const bytes = encoder.encode(text);
        for (let at = 0; at < bytes.length;) at += await out.write(bytes.subarray(at, at + 65536));
        waiting = queue.reduce((sum, one) => sum + one.length, 0);
      }
    } catch (error) {
      // Whatever the reason, nothing can be said to this reader any more, and it is no reason to end the process.
      open = false;
      queue = [];
      gone(error);
    }
    running = undefined;
  };
  return {
    write(text) {
      if (!open || (waiting > 0 && waiting + text.length > limit)) {
        if (open) dropped += text.length;
        return false;
      }
      if (text === "") return true;
      queue.push(text);
      waiting += text.length;
      running ??= Promise.resolve().then(run);
      return true;
    },
    done: async () => {
      while (running !== undefined) await running;
    },
  };
}
