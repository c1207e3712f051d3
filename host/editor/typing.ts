/** The person at the prompt: keys in, wishes out. */
import type { Heard } from "../../actors/ports.ts";
import { complete, type Sources } from "./complete.ts";
import { EMPTY, expand, holding } from "./editor.ts";
import type { History } from "./history.ts";
import type { Key } from "./keys.ts";
import { FRESH, type Prompt, react } from "./prompt.ts";
import { safe } from "../render/safe.ts";

/** The prompt with its history and completion. */
export interface Typing {
  prompt(): Prompt;
  set(change: Partial<Prompt>): void;
  press(key: Key): void;
  /** Puts text before what is being typed. */
  edit(text: string): void;
  /** Loads the history. */
  load(): void;
}

/** Makes it. `sent` gets each line that was submitted, `tell` all that is for the mind, `draw` shows a completion that came late. */
export function createTyping(
  { history, sources, typed, now }: { history: History; sources: Sources; typed: string; now: () => number },
  { sent, tell, draw, suspend }: {
    sent: (text: string) => void;
    tell: (heard: Heard) => void;
    draw: () => void;
    suspend: () => void;
  },
): Typing {
  let prompt: Prompt = { ...FRESH, editor: holding(EMPTY, typed) };
  const submit = (text: string) => {
    if (text.trim() === "") return;
    prompt.past = [...prompt.past.filter((one) => one !== text), text];
    history.append(text);
    sent(text);
    tell({ type: "line", text });
  };
  const completeHere = async () => {
    const { editor } = prompt;
    const before = editor.text.slice(0, editor.caret);
    const found = await complete(before, sources).catch(() => undefined);
    if (prompt.editor !== editor || found === undefined) return;
    const text = safe(found.text), caret = text.length;
    if (text !== before) prompt.editor = { ...editor, text: text + editor.text.slice(editor.caret), caret };
    else prompt.hint = found.choices.join("  ");
    draw();
  };
  return {
    prompt: () => prompt,
    set: (change) => void (prompt = { ...prompt, ...change }),
    load: () => void history.load().then((past) => prompt.past = [...past, ...prompt.past]),
    press(key) {
      const { prompt: next, wish } = react(prompt, key, now());
      prompt = next;
      if (wish.type === "submit") submit(wish.text);
      else if (wish.type === "complete") completeHere();
      else if (wish.type === "suspend") suspend();
      else if (wish.type !== "none") tell(wish);
    },
    edit(text) {
      const rest = expand(prompt.editor);
      prompt.editor = holding(prompt.editor, rest === "" ? safe(text) : `${safe(text)}\n${rest}`);
    },
  };
}
