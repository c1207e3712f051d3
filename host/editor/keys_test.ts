import { deepStrictEqual as equal } from "node:assert/strict";
import { createKeys, type Key } from "./keys.ts";

const table: [string, string, string[]][] = [
  ["ASCII", "hello", ["hello"]],
  ["two, three and four byte UTF-8", "é中👍🏽", ["é中👍🏽"]],
  ["a ZWJ family", "👩‍👩‍👧", ["👩‍👩‍👧"]],
  ["Enter as CR", "\r", ["<enter>"]],
  ["Enter as LF", "\n", ["<enter>"]],
  ["Tab", "\t", ["<tab>"]],
  ["Ctrl-A to Ctrl-Z", "\x01\x03\x04\x0b\x12\x1a", [
    "<ctrl-a>",
    "<ctrl-c>",
    "<ctrl-d>",
    "<ctrl-k>",
    "<ctrl-r>",
    "<ctrl-z>",
  ]],
  ["Backspace as DEL and as BS", "\x7f\x08", ["<backspace>", "<backspace>"]],
  ["a lone Esc", "\x1b", ["<esc>"]],
  ["two Escs", "\x1b\x1b", ["<esc>", "<esc>"]],
  ["arrows as CSI", "\x1b[A\x1b[B\x1b[C\x1b[D", ["<up>", "<down>", "<right>", "<left>"]],
  ["arrows as SS3", "\x1bOA\x1bOH", ["<up>", "<home>"]],
  ["Home, End, Delete", "\x1b[H\x1b[F\x1b[1~\x1b[4~\x1b[3~", ["<home>", "<end>", "<home>", "<end>", "<delete>"]],
  ["Ctrl-Left, Alt-Right, Shift-Up", "\x1b[1;5D\x1b[1;3C\x1b[1;2A", ["<ctrl-left>", "<alt-right>", "<shift-up>"]],
  ["Alt-b, Alt-Enter, Alt-Backspace", "\x1bb\x1b\r\x1b\x7f", ["<alt-b>", "<alt-enter>", "<alt-backspace>"]],
  ["Alt-é", "\x1bé", ["<alt-é>"]],
  ["Alt-Left as Esc and CSI", "\x1b\x1b[D", ["<alt-left>"]],
  ["Shift-Enter of kitty and of xterm", "\x1b[13;2u\x1b[27;2;13~", ["<shift-enter>", "<shift-enter>"]],
  ["Ctrl-C and Esc of kitty", "\x1b[99;5u\x1b[27u", ["<ctrl-c>", "<esc>"]],
  ["a kitty release is no key", "\x1b[97;1:3u", []],
  ["a kitty letter", "\x1b[97u\x1b[97;2u", ["aA"]],
  ["Shift-Tab", "\x1b[Z", ["<shift-tab>"]],
  ["function keys, focus, cursor reports are no keys", "\x1bOP\x1b[15~\x1b[[A\x1b[I\x1b[O\x1b[12;40R", []],
  ["a reply of the terminal is no key", "\x1b]11;rgb:0000/0000/0000\x1b\\\x1bP1$r0m\x1b\\", []],
  ["a paste", "\x1b[200~yes\r\nno\x1b[201~", ["[yes\nno]"]],
  ["a paste with multi-byte text, escapes and Enter after it", "\x1b[200~é\x1b[31m中\x1b[201~\r", ["[é中]", "<enter>"]],
  ["text around keys", "ab\x1b[Dcd\r", ["ab", "<left>", "cd", "<enter>"]],
];

/** Keys as one list, neighbouring text joined. */
function parse(chunks: Uint8Array[]): string[] {
  const heard: string[] = [];
  let typing = false;
  const keys = createKeys(({ name, text }: Key) => {
    if (name === "text" && typing) heard.push(heard.pop() + text);
    else heard.push(name === "text" ? text : name === "paste" ? `[${text}]` : `<${name}>`);
    typing = name === "text";
  }, { after: () => {} });
  for (const chunk of chunks) keys.feed(chunk);
  keys.settle();
  return heard;
}

for (const [what, input, expected] of table) {
  Deno.test(`keys are the same at every cut of ${what}`, () => {
    const bytes = new TextEncoder().encode(input);
    equal(parse([bytes]), expected);
    for (let cut = 1; cut < bytes.length; cut++) {
      equal(parse([bytes.slice(0, cut), bytes.slice(cut)]), expected, `cut at ${cut}`);
    }
    equal(parse([...bytes].map((byte) => Uint8Array.of(byte))), expected, "byte by byte");
  });
}

Deno.test("Esc is told from a sequence by time: settled before the rest comes, it is a key of its own", () => {
  const heard: string[] = [];
  let settle = () => {};
  const keys = createKeys(({ name, text }) => heard.push(name + text), { after: (then) => (settle = then) });
  keys.feed(Uint8Array.of(27));
  equal(heard, []);
  settle();
  equal(heard, ["esc"]);
  keys.feed(new TextEncoder().encode("[A"));
  equal(heard, ["esc", "text[A"]);
});

Deno.test("an old timer does not split a sequence that came after it was set", () => {
  const heard: string[] = [];
  const timers: (() => void)[] = [];
  const keys = createKeys(({ name }) => heard.push(name), { after: (then) => timers.push(then) });
  keys.feed(Uint8Array.of(27));
  keys.feed(new TextEncoder().encode("[1;"));
  timers[0]?.();
  keys.feed(new TextEncoder().encode("5D"));
  equal(heard, ["ctrl-left"]);
});

Deno.test("a paste of a megabyte in small chunks is one key", () => {
  const heard: Key[] = [];
  const keys = createKeys((key) => heard.push(key));
  const text = "0123456789abcde\n".repeat(65536);
  const bytes = new TextEncoder().encode(`\x1b[200~${text}\x1b[201~`);
  for (let at = 0; at < bytes.length; at += 4096) keys.feed(bytes.subarray(at, at + 4096));
  equal(heard, [{ name: "paste", text }]);
});

Deno.test("a lone Ctrl-C leaves a paste whose end never comes", () => {
  const heard: string[] = [];
  const keys = createKeys(({ name }) => heard.push(name));
  keys.feed(new TextEncoder().encode("\x1b[200~rm"));
  keys.feed(Uint8Array.of(3));
  equal(heard, ["ctrl-c"]);
});
