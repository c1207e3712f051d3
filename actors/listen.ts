/** The person's side as events of the machine. */
import { fromCallback } from "xstate";
import type { Event } from "./context.ts";
import type { Ports } from "./ports.ts";

/** Turns what the terminal hears into events, for as long as the machine lives. */
export function listen({ terminal }: Pick<Ports, "terminal">) {
  return fromCallback(({ sendBack }) =>
    terminal.listen((heard) => {
      if (heard.type === "line") sendBack({ type: "user.said", text: heard.text } satisfies Event);
      else if (heard.type === "interrupt") sendBack({ type: "user.interrupted" } satisfies Event);
      else if (heard.type === "unqueue") sendBack({ type: "user.unqueued" } satisfies Event);
      else sendBack({ type: "user.left" } satisfies Event);
    })
  );
}
