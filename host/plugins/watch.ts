/** Notices that something changed in folders that may not exist yet, may go away and come back. */
import { dirname } from "node:path";

/** What `createWatch` needs. `notify: false` leaves only the slow poll (for tests). */
export interface WatchOptions {
  folders: string[];
  /** Called soon after each change, at most once in `quietMs`. Never called again after `close`. */
  changed(): void;
  quietMs?: number;
  pollMs?: number;
  notify?: boolean;
}

/** A watch. */
export type Watch = ReturnType<typeof createWatch>;

/**
 * Watches with the system's notifications where they work, and looks once a second besides which folder is there: one that is
 * missing is waited for at its nearest parent. Without notifications the poll calls `changed` each time.
 */
export function createWatch({ folders, changed, quietMs = 100, pollMs = 1000, notify = true }: WatchOptions) {
  let timer: number | undefined, closed = false;
  const again = () => {
    if (!closed) timer ??= setTimeout(() => (timer = undefined, changed()), quietMs);
  };
  const watched = folders.map((folder) => watchOne(folder, { again, notify }));
  const poll = setInterval(() => watched.forEach(({ compare }) => void compare()), pollMs);
  Deno.unrefTimer(poll);
  return {
    /** Has `changed` called once more, after `quietMs`. */
    again,
    close(): void {
      closed = true;
      clearTimeout(timer);
      clearInterval(poll);
      for (const { close } of watched) close();
    },
  };
}

function watchOne(folder: string, { again, notify }: { again: () => void; notify: boolean }) {
  let fs: Deno.FsWatcher | undefined, seen = "", armed = "", busy = false, closed = false;
  const listen = async (at: string) => {
    let from: Deno.FsWatcher | undefined;
    try {
      fs = from = Deno.watchFs(at, { recursive: false });
      for await (const { kind, paths } of from) {
        if (kind === "access" || !paths.some((path) => at === folder || `${folder}/`.startsWith(`${path}/`))) continue;
        again();
        if (at !== folder || paths.includes(folder)) void compare();
      }
    } catch {
      // no notifications here, or no more: the poll has to do
    }
    if (fs === from) fs = undefined;
  };
  /** Until two looks in a row see the same: watches the folder, or the nearest that is above it. */
  const compare = async () => {
    if (busy) return;
    busy = true;
    for (let moved = true; moved && !closed;) {
      const { at, id, time } = await nearest(folder);
      moved = seen !== (seen = `${id}:${time}`);
      if (moved || (fs === undefined && at === folder)) again();
      if (closed || !notify || (id === armed && fs)) continue;
      armed = id;
      fs?.close();
      void listen(at);
    }
    busy = false;
  };
  void compare();
  return { compare, close: () => (closed = true, fs?.close()) };
}

/** The folder, or what there is of the way to it; `time` tells when the folder's own list changed. */
async function nearest(folder: string): Promise<{ at: string; id: string; time: number }> {
  for (let at = folder;; at = dirname(at)) {
    const info = await Deno.stat(at).catch(() => undefined);
    const id = `${at}:${info?.dev}:${info?.ino}`, time = at === folder ? info?.mtime?.getTime() ?? 0 : 0;
    if (info?.isDirectory || at === dirname(at)) return { at, id, time };
  }
}
