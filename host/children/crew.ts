/** Processes of one kind: at most so many, kept warm, replaced when they die, and a queue before them. */
import { either } from "../../actors/types.ts";
import type { Process } from "./ask.ts";

/** What a crew is made of. A process serves one `key` only; `idleMs` after its last work it is ended. */
export interface CrewOptions {
  size: number;
  idleMs: number;
  start(): Promise<Process>;
}

/** A crew at work. */
export interface Crew {
  /** Runs a job on a process of this key, in the order of asking. An abort takes a waiting job out of the queue. */
  run<T>(key: string, job: (seated: Process) => Promise<T>, signal: AbortSignal): Promise<T>;
  /** Ends all; what waits or runs rejects. */
  close(): Promise<void>;
}

interface Seat {
  key: string;
  process: Promise<Process> | undefined;
  busy: boolean;
  /** When it was last chosen, by count: of the warm seats the longest unused is given away. */
  used: number;
  timer: number | undefined;
}

/** Makes a crew without starting anything. */
export function createCrew({ size, idleMs, start }: CrewOptions): Crew {
  const seats: Seat[] = Array.from({ length: Math.max(1, size) }, () => ({
    key: "",
    process: undefined,
    busy: false,
    used: 0,
    timer: undefined,
  }));
  let chosen = 0;
  const queue: { key: string; take(seat: Seat): void; refuse(reason: unknown): void }[] = [];
  const stopping = new AbortController();
  const choose = (key: string) => {
    const free = seats.filter(({ busy }) => !busy);
    const warm = free.find((seat) => seat.process && seat.key === key);
    return warm ?? free.find((seat) => !seat.process) ?? free.toSorted((a, b) => a.used - b.used)[0];
  };
  const dispatch = () => {
    for (let first = queue[0]; first; first = queue[0]) {
      const seat = choose(first.key);
      if (!seat) return;
      queue.shift();
      seat.busy = true;
      seat.used = ++chosen;
      clearTimeout(seat.timer);
      first.take(seat);
    }
  };
  const vacate = async (seat: Seat) => {
    const leaving = seat.process;
    seat.process = undefined;
    await (await leaving)?.end();
  };
  const seated = (key: string, signal: AbortSignal) =>
    new Promise<Seat>((take, fail) => {
      const refuse = () => {
        const at = queue.indexOf(waiting);
        if (at >= 0) queue.splice(at, 1);
        fail(signal.reason);
      };
      const waiting = {
        key,
        refuse: fail,
        take: (seat: Seat) => {
          signal.removeEventListener("abort", refuse);
          take(seat);
        },
      };
      signal.addEventListener("abort", refuse, { once: true });
      queue.push(waiting);
      dispatch();
    });
  const occupied = async (seat: Seat, key: string): Promise<Process> => {
    const present = await seat.process?.catch(() => undefined);
    if (present?.alive() && seat.key === key) return present;
    if (present) await vacate(seat);
    seat.key = key;
    seat.process = start();
    return await seat.process;
  };
  const release = (seat: Seat) => {
    seat.busy = false;
    if (stopping.signal.aborted) return;
    seat.timer = setTimeout(() => seat.busy || vacate(seat).catch(() => {}), idleMs);
    Deno.unrefTimer(seat.timer);
    dispatch();
  };
  return {
    async run(key, job, signal) {
      const both = either(signal, stopping.signal);
      both.throwIfAborted();
      const seat = await seated(key, both);
      try {
        const process = await occupied(seat, key);
        const stop = () => void process.end();
        stopping.signal.addEventListener("abort", stop);
        try {
          both.throwIfAborted();
          const done = await job(process);
          stopping.signal.throwIfAborted(); // its process was ended under it
          return done;
        } finally {
          stopping.signal.removeEventListener("abort", stop);
        }
      } catch (error) {
        await vacate(seat).catch(() => {}); // a job that threw leaves its process in no known state
        stopping.signal.throwIfAborted();
        throw error;
      } finally {
        release(seat);
      }
    },
    async close() {
      stopping.abort(new DOMException("The workshop was closed", "AbortError"));
      for (const seat of seats) clearTimeout(seat.timer);
      await Promise.allSettled(seats.map(vacate));
      for (const seat of seats) clearTimeout(seat.timer);
    },
  };
}
