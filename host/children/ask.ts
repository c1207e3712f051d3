/** A child process that answers one question at a time, and is killed at the question's deadline. */
import type * as z from "zod";
import { attempt } from "../session/files.ts";
import { LATE, type Start, startChild } from "./process.ts";

/** How a question ended. `detail` says, for people, how the child died. */
export type Told<T> = { kind: "answer"; answer: T } | { kind: "timeout" } | { kind: "crash"; detail: string };

/** A running child. */
export interface Process {
  /**
   * Asks; the child has `withinMs`, then it is killed. An abort kills it too, and rejects. A dead child, and one whose answer
   * does not parse, is a crash.
   */
  ask<T>(
    question: { withinMs: number; [what: string]: unknown },
    on: { answer: z.ZodType<T>; signal: AbortSignal },
  ): Promise<Told<T>>;
  /** False once it ended, for whatever reason. */
  alive(): boolean;
  /** Ends it at once; resolves when it is gone. */
  end(): Promise<void>;
}

/** The child's own timer comes first; this one is for systems without it. */
const GRACE_MS = 20;

/** Starts a child that is ready to be asked; throws if the executable is gone. */
export function startAsked(start: Start): Process {
  let hear = (_: unknown) => {}, gone = (_: string) => {};
  const child = startChild(start, { hear: (frame) => hear(frame), print: () => {} });
  void child.ended.then((why) => gone(why)); // once: what races against it each time piles up
  return {
    async ask(question, { answer, signal }) {
      signal.throwIfAborted();
      if (!child.alive()) return { kind: "crash", detail: await child.ended };
      const { promise, resolve } = Promise.withResolvers<{ said: unknown } | string>();
      gone = resolve;
      hear = (said) => resolve({ said });
      const stop = (why?: string) => (hear = () => {}, child.kill(why)), leave = () => stop();
      const timer = setTimeout(() => stop(LATE), question.withinMs + GRACE_MS);
      signal.addEventListener("abort", leave);
      child.refill();
      if (!child.send(question)) stop("the question is too large");
      const told = await promise;
      clearTimeout(timer);
      signal.removeEventListener("abort", leave);
      if (typeof told === "string") {
        signal.throwIfAborted();
        return told === LATE ? { kind: "timeout" } : { kind: "crash", detail: told };
      }
      const parsed = attempt(() => answer.parse(told.said));
      if (parsed !== undefined) return { kind: "answer", answer: parsed };
      child.kill("its answer was malformed");
      return { kind: "crash", detail: await child.ended };
    },
    alive: child.alive,
    end: async () => void (child.kill(), await child.ended),
  };
}
