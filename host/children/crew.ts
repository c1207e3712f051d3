/** Processes of one kind: at most so many, kept warm, replaced when they die, and a queue before them. */
import { either } from "../../actors/types.ts";
import type { Process } from "./ask.ts";
import { createLanes } from "./lanes.ts";

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
  const none = { key: "", process: undefined, busy: false, used: 0, timer: undefined };
  const seats: Seat[] = Array.from({ length: Math.max(1, size) }, () => ({ ...none }));
  const lane = createLanes(seats.length), stopping = new AbortController();
  let chosen = 0;
  /** A free seat, if possible one that is warm for the key: there are as many seats as lanes. */
  const choose = (key: string): Seat => {
    const free = seats.filter(({ busy }) => !busy);
    const warm = free.find((seat) => seat.process && seat.key === key);
    const seat = warm ?? free.find((seat) => !seat.process) ?? free.toSorted((a, b) => a.used - b.used)[0];
    if (!seat) throw new RangeError("Cannot choose a seat: there are more lanes than seats");
    clearTimeout(seat.timer);
    return Object.assign(seat, { busy: true, used: ++chosen });
  };
  const vacate = async (seat: Seat) => {
    const leaving = seat.process;
    seat.process = undefined;
    await (await leaving)?.end();
  };
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
  };
  return {
    async run(key, job, signal) {
      const over = new AbortController(), both = either(signal, stopping.signal, over.signal);
      const left = Promise.withResolvers<never>();
      both.throwIfAborted();
      const leave = () => left.reject(both.reason);
      both.addEventListener("abort", leave);
      const turn = lane(async () => {
        both.removeEventListener("abort", leave); // from here on the job itself ends
        both.throwIfAborted();
        const seat = choose(key);
        try {
          const process = await occupied(seat, key);
          stopping.signal.addEventListener("abort", () => void process.end(), { signal: over.signal });
          both.throwIfAborted();
          const done = await job(process);
          stopping.signal.throwIfAborted(); // its process was ended under it
          return done;
        } catch (error) {
          await vacate(seat).catch(() => {}); // a job that threw leaves its process in no known state
          stopping.signal.throwIfAborted();
          throw error;
        } finally {
          release(seat);
        }
      });
      return await Promise.race([turn, left.promise]).finally(() => over.abort()); // or its listeners stay
    },
    async close() {
      stopping.abort(new DOMException("The workshop was closed", "AbortError"));
      for (const seat of seats) clearTimeout(seat.timer);
      await Promise.allSettled(seats.map(vacate));
    },
  };
}
