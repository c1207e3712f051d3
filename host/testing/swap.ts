/** Swapping under load: this thread and two workers call a handle in tight loops while revisions are activated. */
import { createHandle, followHandle, type Share } from "../wasm/handle.ts";

/** Two functions that must always be of one revision: `first(n)` is n + k, `second(n)` is 1000 n + k, k of the revision. */
const PAIR = {
  first: { parameters: [["n", "i32"]], result: "i32" },
  second: { parameters: [["n", "i32"]], result: "i32" },
} as const;
const LIMITS = { fuel: 1_000, pages: 1, deadlineMs: 1_000, source: 1_000 };

/** What was seen by all threads together; `revisions` and `last` by thread. */
export interface Seen {
  calls: number;
  failed: number;
  mixed: number;
  activations: number;
  revisions: number[];
  last: (number | undefined)[];
}

/** What one thread saw. */
interface Part {
  calls: number;
  failed: number;
  mixed: number;
  revisions: number;
  last: number | undefined;
}
interface Order {
  share: Share;
  /** [0]: threads that are ready; [1]: 1 when all is activated; [2], [3]: rounds of calls that each worker has made. */
  state: SharedArrayBuffer;
  calls: number;
  worker: number;
}
/** Every so many activations this thread waits for the others, so that none of them sleeps through all. */
const PACE = 10;

/** Makes at least `calls` calls in all while `activations` happen, evenly spread over this thread's own calls. */
export async function swapUnderLoad(
  modules: readonly WebAssembly.Module[],
  { calls, activations }: { calls: number; activations: number },
): Promise<Seen> {
  const handle = createHandle(PAIR, LIMITS);
  const activate = (at: number) => handle.activate(at, modules[at % modules.length] as WebAssembly.Module);
  activate(0);
  const state = new SharedArrayBuffer(16), flags = new Int32Array(state);
  const share = Math.ceil(calls / 3);
  const workers = [0, 1].map((index) => {
    const worker = new Worker(import.meta.url, { type: "module" });
    const own = handle.share();
    const done = new Promise<Part>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => reject(new Error(event.message));
    });
    worker.postMessage({ share: own, state, calls: share, worker: index } satisfies Order, [own.port]);
    return { worker, done };
  });
  while (Atomics.load(flags, 0) < 2) await new Promise((resume) => setTimeout(resume, 1));
  const mine = newPart();
  for (let at = 1; at <= activations; at++) {
    activate(at);
    callPairs(handle, mine, Math.ceil(share / activations / 2));
    if (at % PACE !== 0) continue;
    for (const worker of [2, 3]) Atomics.wait(flags, worker, Atomics.load(flags, worker), 1_000);
  }
  Atomics.store(flags, 1, 1);
  const parts = [mine, ...await Promise.all(workers.map(({ done }) => done))];
  for (const { worker } of workers) worker.terminate();
  handle.close();
  const sum = (of: "calls" | "failed" | "mixed") => parts.reduce((total, part) => total + part[of], 0);
  return {
    calls: sum("calls"),
    failed: sum("failed"),
    mixed: sum("mixed"),
    activations,
    revisions: parts.map(({ revisions }) => revisions),
    last: parts.map(({ last }) => last),
  };
}

type Caller = Pick<ReturnType<typeof createHandle<typeof PAIR>>, "functions" | "revision">;
const newPart = (): Part => ({ calls: 0, failed: 0, mixed: 0, revisions: 0, last: undefined });

/** `first` and `second` may be of two revisions; each by itself must be of one: its k is found from its own result. */
function callPairs({ functions, revision }: Caller, part: Part, count: number): void {
  for (let at = 0; at < count; at++) {
    try {
      const before = revision();
      const first = functions.first(at) - at, second = functions.second(at) - at * 1000;
      const same = revision() === before;
      if (first < 1 || first > 4 || second < 1 || second > 4 || (same && first !== second)) part.mixed++;
      if (before !== part.last) part.revisions++;
      part.last = revision();
    } catch {
      part.failed++;
    }
  }
  part.calls += 2 * count;
}

/** A worker calls until it has made its share and all activations have happened, and once more after that. */
function work({ share, state, calls, worker }: Order): void {
  const follower = followHandle(share, PAIR, LIMITS);
  const flags = new Int32Array(state), part = newPart();
  callPairs(follower, part, 1);
  Atomics.add(flags, 0, 1);
  while (part.calls < calls || Atomics.load(flags, 1) === 0) {
    callPairs(follower, part, 100);
    Atomics.add(flags, 2 + worker, 1);
    Atomics.notify(flags, 2 + worker);
  }
  callPairs(follower, part, 1);
  (globalThis as unknown as Worker).postMessage(part);
}

if ("WorkerGlobalScope" in globalThis) {
  addEventListener("message", (event) => work((event as MessageEvent<Order>).data));
}
