import { deepStrictEqual as equal, throws } from "node:assert/strict";
import { createWire } from "./frames.ts";

const MARK = crypto.randomUUID(), OTHER = crypto.randomUUID(), MOST = 1_000;
const bytes = (text: string) => new TextEncoder().encode(text);
const join = (...parts: (Uint8Array | undefined)[]) => Uint8Array.from(parts.flatMap((part) => [...part ?? []]));
const FRAME = { op: "score", note: "naïve 🦊\n\u2028" };

Deno.test("frames come out as they went in, however the stream is cut, and the child learns the mark of its parent", () => {
  const parent = createWire(MOST, MARK), stream = join(parent.encode(FRAME), parent.encode(2), parent.encode([]));
  for (const size of [1, 3, 7, 1000]) {
    const child = createWire(MOST), read: unknown[] = [];
    for (let at = 0; at < stream.length; at += size) read.push(...child.read(stream.subarray(at, at + size)));
    equal(read, [FRAME, 2, []], `${size} bytes at a time`);
    equal(createWire(MOST, MARK).read(child.encode(FRAME) ?? new Uint8Array()), [FRAME]);
  }
});

const strays: Record<string, Uint8Array | undefined> = {
  "text": bytes("hello from an evaluator\n"),
  "text whose line has no end": bytes("hello"),
  "many line ends": bytes("\n\n\n\n"),
  "a frame without a mark": bytes(`${JSON.stringify(FRAME)}\n`),
  "a beginning of the mark": bytes(MARK.slice(0, 20)),
  "the mark within a line": bytes(`x${MARK}{}\n`),
  "a frame of another mark": createWire(MOST, OTHER).encode(FRAME),
  "half a character": Uint8Array.of(0xf0, 0x9f),
};
for (const [what, stray] of Object.entries(strays)) {
  Deno.test(`a frame is read behind stray output, which is none: ${what}`, () => {
    const { encode, read } = createWire(MOST, MARK);
    equal(read(join(stray, encode(FRAME), stray, encode(FRAME))), [FRAME, FRAME]);
  });
}

Deno.test("who knows the mark is heard, so nothing but the mark keeps others out", () => {
  equal(createWire(MOST, MARK).read(bytes(`${MARK}{"forged":true}\n`)), [{ forged: true }]);
});

Deno.test("a frame beyond the limit is not sent, and a line beyond it not held", () => {
  const { encode, read } = createWire(MOST, MARK);
  equal(encode("x".repeat(MOST)), undefined);
  const fits = "x".repeat(MOST - MARK.length - 4);
  equal(read(encode(fits) ?? new Uint8Array()), [fits]);
  throws(() => Array.from({ length: 20 }, () => read(bytes("x".repeat(100)))), /over the limit/);
});
