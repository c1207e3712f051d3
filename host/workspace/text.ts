import { no, ok, type Outcome } from "../../actors/types.ts";

/** Reads bytes as UTF-8 text without its byte order mark, or says which encoding problem they have. */
export function decode(bytes: Uint8Array): Outcome<{ text: string; bom: boolean }> {
  const [a, b] = bytes;
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff)) {
    return no("it is UTF-16, not UTF-8; convert it first, as with iconv -f UTF-16 -t UTF-8");
  }
  const nul = bytes.indexOf(0);
  if (nul >= 0) return no(`it is binary (a NUL byte at offset ${nul}); only text can be used here`);
  const bom = a === 0xef && b === 0xbb && bytes[2] === 0xbf;
  const body = bom ? bytes.subarray(3) : bytes;
  try {
    return ok({ text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body), bom });
  } catch {
    const at =
      encode(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes).split("\uFFFD", 1)[0] ?? "", false).length;
    const byte = (bytes[at] ?? 0).toString(16);
    return no(
      `it is not UTF-8 (byte 0x${byte} at offset ${at}), perhaps Latin-1; convert it first, as with iconv -f LATIN1 -t UTF-8`,
    );
  }
}

/** Writes text as UTF-8, with a byte order mark if asked. The text must be well-formed. */
export function encode(text: string, bom: boolean): Uint8Array<ArrayBuffer> {
  const body = new TextEncoder().encode(text);
  if (!bom) return body;
  const bytes = new Uint8Array(body.length + 3);
  bytes.set([0xef, 0xbb, 0xbf]);
  bytes.set(body, 3);
  return bytes;
}

/** SHA-256 of bytes, in hex. */
export async function hashOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/** Runs acts one after the other, each when the one before it has ended, well or not. */
export function createTurns(): <T>(act: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (act) => {
    const turn = last.then(act);
    last = turn.catch(() => {});
    return turn;
  };
}
