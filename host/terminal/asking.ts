/** Questions at a terminal. Nothing typed before a question could be read may answer it, and no paste ever does. */
import type { Terminal } from "../../actors/ports.ts";
import { no, ok, type Outcome } from "../../actors/types.ts";
import { type Editor, EMPTY, press } from "../editor/editor.ts";
import type { Key } from "../editor/keys.ts";

/** After the question is on the screen, keys answer only from here on, in milliseconds. */
const UNREAD = 500;
/** And only if the person has stopped typing for so long. */
const PAUSE = 250;
/** The rest of a word whose first letter answered ("es", Enter) is swallowed for so long. */
const REST = 1000;

interface Question {
  choices: string[];
  editor: Editor;
  readyAt: number;
  settle: (answer: Outcome<string>) => void;
}

/** One question at a time: others wait for its end. */
export function inTurn(ask: Terminal["ask"]): Terminal["ask"] {
  let last: Promise<unknown> = Promise.resolve();
  return (question, options) => {
    const answer = last.then(() => ask(question, options));
    last = answer.catch(() => {}); // the next question only waits for the end of this one
    return answer;
  };
}

/** The question that stands, if any. */
export interface Asking {
  ask: Terminal["ask"];
  /** True if the question took the key; otherwise it belongs to the line editor. Esc and Ctrl-C end the question, and go on to the turn; Ctrl-D ends it. */
  press(key: Key): boolean;
  /** The question was just drawn anew: keys have to wait again. */
  unread(): void;
  /** The person is gone: the question ends unanswered. */
  dismiss(): void;
  /** What the live region shows of it: a row of choices, or an editor for free text. */
  view(): { row: string } | { editor: Editor } | undefined;
}

/**
 * Makes the asker. `print` puts a question into the output, `painted` resolves when it is on the screen, `refresh` redraws the
 * live region. One question stands at a time, others wait. `quiet: false` takes the guard against type-ahead away (for tests).
 */
export function createAsking(
  { now, print, painted, refresh, quiet = true }: {
    now: () => number;
    print: (question: string) => void;
    painted: () => Promise<void>;
    refresh: () => void;
    quiet?: boolean;
  },
): Asking {
  let current: Question | undefined;
  let lastKey = 0;
  let rest = { text: "", until: 0 };
  const stand: Terminal["ask"] = async (question, { choices = [], signal }) => {
    signal.throwIfAborted();
    const answer = Promise.withResolvers<Outcome<string>>();
    const mine: Question = { choices, editor: EMPTY, readyAt: quiet ? Infinity : 0, settle: answer.resolve };
    current = mine;
    print(question);
    const stop = () => answer.reject(signal.reason);
    signal.addEventListener("abort", stop);
    painted().then(() => mine.readyAt = quiet ? now() + UNREAD : 0);
    try {
      return await answer.promise;
    } finally {
      signal.removeEventListener("abort", stop);
      current = undefined;
      refresh();
    }
  };
  const settle = (answer: Outcome<string>) => {
    current?.settle(answer);
    current = undefined;
  };
  const dismiss = () => current && settle(refusal(current.choices, "the question was dismissed"));
  /** The end of a word that was begun by its answering letter. */
  const swallow = (key: Key): boolean => {
    const typed = key.name === "text" ? key.text : "";
    const goesOn = now() < rest.until && (key.name === "enter" || (typed !== "" && rest.text.startsWith(typed)));
    rest = goesOn && key.name !== "enter" ? { ...rest, text: rest.text.slice(typed.length) } : { text: "", until: 0 };
    return goesOn;
  };
  /** The person types a line: what comes right after belongs to it, too. */
  const typedOn = () => (lastKey = now(), false);
  const choose = (choices: string[], key: Key): boolean => {
    if (key.name === "paste") return false;
    const chosen = key.name === "text" ? chosenBy(choices, key.text.toLowerCase()) : undefined;
    if (chosen === undefined && key.name === "text") return typedOn();
    if (chosen === undefined) return true;
    rest = { text: chosen.toLowerCase().slice(key.text.length), until: now() + REST };
    settle(ok(chosen));
    return true;
  };
  const write = (question: Question, key: Key): boolean => {
    const { editor, deed } = press(question.editor, key, []);
    question.editor = editor;
    if (deed.type === "submit") settle(ok(deed.text));
    return true;
  };
  return {
    ask: inTurn(stand),
    dismiss: () => void dismiss(),
    unread() {
      if (current !== undefined && quiet) current.readyAt = Math.max(current.readyAt, now() + UNREAD);
    },
    press(key) {
      if (current === undefined) return swallow(key);
      const still = !quiet || now() - lastKey >= PAUSE || current.editor !== EMPTY;
      if (now() < current.readyAt || !still) {
        return key.name === "enter" ? true : typedOn(); // a line is not sent instead of an answer
      }
      const leaves = key.name === "ctrl-d" && current.choices.length > 0;
      if (key.name === "esc" || key.name === "ctrl-c" || leaves) return dismiss(), leaves;
      return current.choices.length > 0 ? choose(current.choices, key) : write(current, key);
    },
    view() {
      if (current === undefined) return undefined;
      const { choices, editor } = current;
      if (choices.length === 0) return { editor };
      return { row: choices.map((choice, at) => `${letter(choices, at)} = ${choice}`).join(", ") };
    },
  };
}

/** What no answer, or none of the choices, means: no where one can say no. */
export function refusal(choices: string[], why: string): Outcome<string> {
  return choices.includes("no") ? ok("no") : no(`Cannot get an answer: ${why}`);
}

/** The choice that these typed letters stand for: its key, or the whole word. */
export function chosenBy(choices: string[], typed: string): string | undefined {
  return choices.find((choice, at) => letter(choices, at) === typed || choice.toLowerCase() === typed);
}

/** The key of a choice: its first letter, or its number where others begin with the same. */
function letter(choices: string[], at: number): string {
  const first = choices[at]?.[0]?.toLowerCase() ?? "";
  const own = choices.filter((other) => other.toLowerCase().startsWith(first)).length === 1;
  return own ? first : `${at + 1}`;
}
