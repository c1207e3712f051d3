import { deepStrictEqual as equal, throws } from "node:assert/strict";
import { createReader, encode, type Frame, MOST } from "./frames.ts";

const MARK = "\nmark-1\n";
const text = (value: string) => new TextEncoder().encode(value);
const join = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
const frame: Frame = {
  head: { op: "score", note: "naïve 🦊" },
  bytes: [Uint8Array.of(0, 255, 10), new Uint8Array(0), Uint8Array.of(1)],
};

Deno.test("frames come out as they went in, however the stream is cut", () => {
  const stream = join(encode(frame, MARK), encode({ head: 2, bytes: [] }, MARK));
  for (const size of [1, 3, 7, 1000]) {
    const reader = createReader(MARK), read: Frame[] = [];
    for (let at = 0; at < stream.length; at += size) read.push(...reader.push(stream.subarray(at, at + size)));
    equal(read, [frame, { head: 2, bytes: [] }], `${size} bytes at a time`);
  }
});

const strays: Record<string, Uint8Array> = {
  "text": text("hello from an evaluator\n"),
  "a beginning of the mark": text("\nmark-"),
  "many line ends": text("\n\n\n\n"),
  "the mark with a length beyond the limit": join(text(MARK), new Uint8Array(8).fill(255), text("x")),
  "the mark before what is not JSON": join(text(MARK), Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0), text("{no")),
  "a frame of another mark": encode(frame, "\nother-2\n"),
};
for (const [what, stray] of Object.entries(strays)) {
  Deno.test(`a frame is read behind stray output: ${what}`, () => {
    const reader = createReader(MARK);
    equal(reader.push(join(stray, encode(frame, MARK), stray, encode(frame, MARK))), [frame, frame]);
  });
}

Deno.test("a reader that was told another mark reads only frames of that one", () => {
  const reader = createReader(MARK);
  reader.use("\nnext\n");
  equal(reader.push(join(encode(frame, MARK), encode({ head: 1, bytes: [] }, "\nnext\n"))), [{ head: 1, bytes: [] }]);
});

Deno.test("a frame beyond the limit is not sent", () => {
  throws(() => encode({ head: 0, bytes: [new Uint8Array(MOST)] }, MARK), /Cannot send a frame of \d+ bytes/);
});
