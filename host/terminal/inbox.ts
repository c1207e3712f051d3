/** What was heard and not yet told: nothing is lost while nobody listens. */
import type { Heard } from "../../actors/ports.ts";

/** The way from the input to the mind. */
export interface Inbox {
  listen(hear: (heard: Heard) => void): () => void;
  /** Tells it now, or, if nobody listens, later and in order; an interrupt is only worth something now. */
  tell(heard: Heard): void;
  /** Lines that nobody has heard. */
  lines(): string[];
}

/** Makes an inbox that begins with these lines. */
export function createInbox(lines: string[]): Inbox {
  const unheard: Heard[] = lines.map((text) => ({ type: "line", text }));
  let hear: ((heard: Heard) => void) | undefined;
  const flush = () => {
    while (hear !== undefined) {
      const next = unheard.shift();
      if (next === undefined) return;
      hear(next);
    }
  };
  return {
    listen(listener) {
      hear = listener;
      queueMicrotask(flush);
      return () => hear = hear === listener ? undefined : hear;
    },
    tell(heard) {
      if (hear === undefined && heard.type === "interrupt") return;
      unheard.push(heard);
      flush();
    },
    lines: () => unheard.flatMap((heard) => heard.type === "line" ? [heard.text] : []),
  };
}
