// deno-lint-ignore-file no-control-regex
/** Bytes of a terminal to keys. Knows nothing of what the keys do. */
import { safe } from "../render/safe.ts";

/** One key: `text` (a run of typed characters), `paste`, or a name such as `enter`, `ctrl-a`, `alt-shift-left`, with empty text. */
export interface Key {
  name: string;
  text: string;
}

const FINALS: Record<string, string> = {
  A: "up",
  B: "down",
  C: "right",
  D: "left",
  H: "home",
  F: "end",
  Z: "shift-tab",
};
const TILDES: Record<string, string> = {
  1: "home",
  3: "delete",
  4: "end",
  5: "pageup",
  6: "pagedown",
  7: "home",
  8: "end",
};
const CODES: Record<number, string> = {
  9: "tab",
  10: "enter",
  13: "enter",
  27: "esc",
  127: "backspace",
  8: "backspace",
};
const PASTE_END = "\x1b[201~";
const LONGEST_PASTE = 16 << 20;
const CSI = /^\x1b\[([0-?]*)[ -/]*([@-~])/;
const PARTIAL_CSI = /^\x1b\[\[?$|^\x1b\[[0-?]*[ -/]*$/;
const REPLY = /^\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)/;
const PARTIAL_REPLY = /^\x1b[\]PX^_][^\x07\x1b]*\x1b?$/;
const TYPED = /^[^\x00-\x1f\x7f]+/;

/** What one look at the input found: keys and how much they took; nothing if more bytes are needed to tell. */
type Taken = { keys: Key[]; length: number } | undefined;

const key = (name: string, text = ""): Key => ({ name, text });

/**
 * Makes a parser. `feed` takes bytes as they come and calls `hear` for each key. What may still become a longer sequence (a
 * lone Esc) waits for `after` to call back, unless more bytes come first.
 */
export function createKeys(
  hear: (key: Key) => void,
  { after = (settle: () => void) => setTimeout(settle, 40) as unknown }: { after?: (settle: () => void) => unknown } =
    {},
): { feed(bytes: Uint8Array): void; settle(): void } {
  const decoder = new TextDecoder();
  let rest = "";
  let paste: string | undefined;
  let turn = 0;
  const read = (final: boolean) => {
    while (rest !== "") {
      if (paste !== undefined) {
        const end = readPaste();
        if (!end) return;
        continue;
      }
      const taken = take(rest, final);
      if (taken === undefined) return;
      rest = rest.slice(taken.length);
      for (const one of taken.keys) one.name === "paste" ? (paste = "") : hear(one);
    }
  };
  /** Collects a paste up to its end mark; true once that has come. */
  const readPaste = (): boolean => {
    const end = rest.indexOf(PASTE_END);
    const upTo = end === -1 ? Math.max(0, rest.length - PASTE_END.length + 1) : end;
    paste = ((paste ?? "") + rest.slice(0, upTo)).slice(0, LONGEST_PASTE);
    rest = rest.slice(end === -1 ? upTo : end + PASTE_END.length);
    if (end === -1) return false;
    hear(key("paste", safe(paste)));
    paste = undefined;
    return true;
  };
  return {
    feed(bytes) {
      const text = decoder.decode(bytes, { stream: true });
      // A lone Ctrl-C is the way out of a paste whose end mark was lost.
      if (paste !== undefined && text === "\x03") (paste = undefined, rest = "");
      rest += text;
      read(false);
      const mine = ++turn;
      if (rest !== "" && paste === undefined) after(() => mine === turn && read(true));
    },
    settle: () => read(true),
  };
}

/** Takes what stands first. `final`: no more bytes will come, so decide. */
function take(text: string, final: boolean): Taken {
  const typed = TYPED.exec(text);
  if (typed !== null) return { keys: [key("text", typed[0])], length: typed[0].length };
  if (text[0] !== "\x1b") return { keys: control(text), length: 1 };
  if (text.length === 1) return final ? { keys: [key("esc")], length: 1 } : undefined;
  if (text[1] === "\x1b") {
    if (text.length === 2 && !final) return undefined;
    const inner = /^[[O]$/.test(text[2] ?? "") ? take(text.slice(1), final) : undefined;
    if (inner === undefined) {
      return text.length > 2 && !final && /^[[O]/.test(text[2] ?? "") ? undefined : { keys: [key("esc")], length: 1 };
    }
    return { keys: inner.keys.map((one) => key(`alt-${one.name}`)), length: inner.length + 1 };
  }
  if (text[1] === "[") return takeCsi(text, final);
  if (text[1] === "O") {
    const name = FINALS[text[2] ?? ""];
    if (text.length > 2) return { keys: name ? [key(name)] : text[2] === "M" ? [key("enter")] : [], length: 3 };
    return final ? { keys: [key("alt-O")], length: 2 } : undefined;
  }
  const reply = REPLY.exec(text);
  if (reply !== null) return { keys: [], length: reply[0].length };
  if (!final && PARTIAL_REPLY.test(text)) return undefined;
  const [first = ""] = text.slice(1);
  const [inner] = first < " " || first === "\x7f" ? control(first) : [key(first)];
  return { keys: inner ? [key(`alt-${inner.name}`)] : [], length: 1 + first.length };
}

function takeCsi(text: string, final: boolean): Taken {
  if (PARTIAL_CSI.test(text)) {
    if (!final && text.length < 64) return undefined;
    return { keys: text === "\x1b[" ? [key("alt-[")] : [], length: text.length };
  }
  if (text.startsWith("\x1b[[")) return { keys: [], length: 4 };
  const match = CSI.exec(text);
  // A broken sequence: its introducer goes, the rest is read again.
  if (match === null) return { keys: [], length: 2 };
  const [whole, parameters = "", end = ""] = match;
  return { keys: csi(parameters.split(";").map((field) => field.split(":")), end), length: whole.length };
}

/** Keys of one CSI sequence. Unknown ones (focus, mouse, reports) are no keys. */
function csi(fields: string[][], end: string): Key[] {
  const number = fields[0]?.[0] ?? "";
  if (fields[1]?.[1] === "3") return [];
  const modifiers = Number(fields[1]?.[0] || 1);
  if (end === "u") return coded(Number(number), modifiers);
  if (end === "~" && number === "27") return coded(Number(fields[2]?.[0]), modifiers);
  if (end === "~" && number === "200") return [key("paste")];
  const name = end === "~" ? TILDES[number] : FINALS[end];
  return name ? [key(prefix(modifiers) + name)] : [];
}

/** A key given by its code point (kitty's CSI u, xterm's modifyOtherKeys). */
function coded(code: number, modifiers: number): Key[] {
  const bits = modifiers - 1;
  const named = CODES[code];
  if (named !== undefined) return [key(prefix(modifiers) + named)];
  if (!(code >= 32 && code <= 0x10ffff) || (code >= 0xd800 && code <= 0xf8ff)) return [];
  const character = String.fromCodePoint(code);
  if ((bits & 6) === 0) return [key("text", bits & 1 ? character.toUpperCase() : character)];
  return [key(prefix(modifiers & ~1 ? ((bits & ~1) + 1) : modifiers) + character.toLowerCase())];
}

function prefix(modifiers: number): string {
  const bits = modifiers - 1;
  return (bits & 4 ? "ctrl-" : "") + (bits & 2 ? "alt-" : "") + (bits & 1 ? "shift-" : "");
}

/** The key of a C0 character or DEL. */
function control(text: string): Key[] {
  const code = text.charCodeAt(0);
  const named = CODES[code];
  if (named !== undefined) return [key(named)];
  if (code === 0) return [key("ctrl-space")];
  return code < 27 ? [key(`ctrl-${String.fromCharCode(code + 96)}`)] : [key(`ctrl-${String.fromCharCode(code + 64)}`)];
}
