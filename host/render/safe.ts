// deno-lint-ignore-file no-control-regex
/** Makes text of models, tools and files harmless for a terminal: nothing of it may move the cursor, set a title or hide words. */

/** A whole escape sequence: strings (OSC, DCS, SOS, PM, APC) with their terminator, CSI, nF and two-byte escapes; 7 and 8 bit. */
const SEQUENCE =
  /(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b[ -/]+[0-~]|\x1b[0-OQ-WYZ\\`-~]/g;
/** The start of a sequence that the next chunk may complete. */
const UNFINISHED =
  /(?:(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*\x1b?|(?:\x1b\[|\x9b)[0-?]*[ -/]*|\x1b[ -/]*|\r|[\ud800-\udbff])$/;
/** C0 (but tab and newline), DEL, C1, bidi controls, line and paragraph separators, interlinear and other invisible marks. */
const CONTROL =
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g;
/** A sequence that is longer than this and still open is not waited for: only its introducer is dropped. */
const LONGEST = 4096;

/** Text without escape sequences and control characters; CRLF and CR become LF, lone surrogates become U+FFFD; tabs stay. */
export function safe(text: string): string {
  return text.replace(SEQUENCE, "").replace(/\r\n?/g, "\n").replace(CONTROL, "").toWellFormed();
}

/** `safe` for a stream: a sequence or character that is cut between two chunks is treated as if it were not. */
export function createSafe(): { feed(chunk: string): string; end(): string } {
  let rest = "";
  return {
    feed(chunk) {
      const text = (rest + chunk).replace(SEQUENCE, "");
      const cut = UNFINISHED.exec(text.slice(-LONGEST));
      rest = cut === null ? "" : cut[0];
      return safe(rest === "" ? text : text.slice(0, -rest.length));
    },
    end() {
      const text = safe(rest);
      rest = "";
      return text;
    },
  };
}

/** `safe` as one line: newlines and runs of blanks become one blank. For places that have exactly one row. */
export function oneLine(text: string): string {
  return safe(text.slice(0, 4000)).replace(/\s+/g, " ").trim();
}
