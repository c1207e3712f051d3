/** What an evolution may spend, and who may ask the model next. */
import { addUsage, no, NO_USAGE, ok, type Outcome, type Usage } from "../../actors/types.ts";

/** The most that one evolution may use; what is left out is not limited. */
export interface Limit {
  tokens?: number;
  usd?: number;
  minutes?: number;
}

/** Tokens that are set aside for an answer before it is asked for. */
export const ANSWER_TOKENS = 4_000;

/** Lets requests through: at most so many at a time, and only those that the budget has room for. */
export interface Gate {
  /**
   * Waits for its turn; the highest `priority` comes first. A bad outcome says which limit is reached. Whoever was let
   * through calls `leave` with what it used, or with nothing if there was no reply.
   */
  enter(on: { priority: number; tokens: number; signal: AbortSignal }): Promise<Outcome<(usage?: Usage) => void>>;
  spent(): Usage;
}

interface Waiting {
  priority: number;
  tokens: number;
  go(admitted: Outcome<(usage?: Usage) => void>): void;
}

/** Creates the gate; `flight` is the most requests at one time. */
export function createGate({ tokens = Infinity, usd }: Limit, flight: number): Gate {
  let spent = NO_USAGE, held = 0, flying = 0;
  const queue: Waiting[] = [];

  /** Without a price, one request goes alone to learn it. */
  function room(more: number): Outcome<boolean> {
    const used = spent.input + spent.output;
    const later = held > 0 && used + more <= tokens;
    if (used + held + more > tokens) {
      return later ? ok(false) : no(`the budget of ${tokens} tokens has no room for more`);
    }
    if (usd === undefined) return ok(true);
    if (spent.cost === null) return no("the endpoint tells no prices, so a budget in usd cannot be kept; set tokens");
    if (used === 0) return ok(flying === 0);
    const price = spent.cost / used;
    if (spent.cost + (held + more) * price <= usd) return ok(true);
    const waits = held > 0 && spent.cost + more * price <= usd;
    return waits ? ok(false) : no(`the budget of ${usd} USD has no room for more`);
  }
  function next(): void {
    while (queue.length > 0 && flying < flight) {
      queue.sort((a, b) => b.priority - a.priority);
      const [first] = queue;
      if (!first) return;
      const more = first.tokens + ANSWER_TOKENS, admitted = room(more);
      if (admitted.ok && !admitted.value) return;
      queue.shift();
      if (admitted.ok) fly(first, more);
      else first.go(admitted);
    }
  }
  function fly(first: Waiting, more: number): void {
    held += more;
    flying++;
    first.go(ok((usage) => {
      held -= more;
      flying--;
      if (usage) spent = addUsage(spent, usage);
      next();
    }));
  }
  return {
    spent: () => spent,
    enter({ priority, tokens, signal }) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        const stop = () => {
          queue.splice(queue.indexOf(waiting), 1);
          reject(signal.reason);
        };
        const waiting: Waiting = {
          priority,
          tokens,
          go: (admitted) => (signal.removeEventListener("abort", stop), resolve(admitted)),
        };
        signal.addEventListener("abort", stop, { once: true });
        queue.push(waiting);
        next();
      });
    },
  };
}
