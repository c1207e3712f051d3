/** Cassettes on disk. */
import { no, ok, type Outcome } from "../../actors/types.ts";
import { reason } from "../session/files.ts";

const why = (error: unknown) => reason(error).replace(/[\s.]+$/, "");

/** Reads a cassette file. */
export function readCassette(file: string): Outcome<string> {
  try {
    return ok(Deno.readTextFileSync(file));
  } catch (error) { // a missing file is an expected outcome
    return no(`Cannot read cassette "${file}": ${why(error)}; check the path after "cassette:"`);
  }
}

/**
 * Appends lines to a cassette file of mode 0600; a new file gets the header first, a file of another kind is refused. A full
 * disk is a bad outcome too: the reply is worth more than its recording.
 */
export function createRecorder(file: string, header: () => { model: string; window: number }) {
  const append = (text: string) => Deno.writeTextFile(file, text, { append: true, mode: 0o600 });
  let begun = "";
  return async (line: string): Promise<Outcome<void>> => {
    try {
      begun ||= await Deno.readTextFile(file).catch(() => "");
      if (begun && !begun.startsWith('{"cassette":1')) {
        return no(`Cannot record to "${file}": it is not a cassette; name another file`);
      }
      if (!begun) await append(begun = `${JSON.stringify({ cassette: 1, ...header() })}\n`);
      return ok(await append(line));
    } catch (error) { // said, not thrown
      return no(`Cannot record to "${file}": ${why(error)}; free the disk or name another file`);
    }
  };
}
