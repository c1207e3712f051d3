/** Lines of earlier runs, for Up and Ctrl-R. */
import { dirname } from "node:path";
import { attempt, replaceFile } from "../session/files.ts";

/** Past lines, oldest first. */
export interface History {
  load(): Promise<string[]>;
  append(line: string): void;
}

const KEPT = 1000;
const LONGEST = 10_000;

/**
 * History in a file, one JSON string a line, mode 0600, at most the newest 1,000 when loaded. Lines that start with a blank and
 * lines over 10,000 characters are not kept. A file that cannot be read or written means no history, never an error.
 */
export function createHistory(path: string): History {
  let writing: Promise<void> = Promise.resolve();
  const read = async (): Promise<string[]> => {
    const text = await Deno.readTextFile(path);
    return text.split("\n").flatMap((line) => {
      const value = attempt<unknown>(() => JSON.parse(line)); // a torn or foreign line is no reason to lose the others
      return typeof value === "string" ? [value] : [];
    });
  };
  const shorten = async (lines: string[]) => {
    await replaceFile(path, lines.slice(-KEPT).map((line) => `${JSON.stringify(line)}\n`).join(""));
  };
  const add = async (line: string) => {
    await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await Deno.writeTextFile(path, `\n${JSON.stringify(line)}\n`, { append: true, mode: 0o600 });
  };
  return {
    async load() {
      try {
        await writing;
        const lines = await read();
        if (lines.length > 2 * KEPT) await shorten(lines);
        return lines.slice(-KEPT);
      } catch {
        return [];
      }
    },
    append(line) {
      if (line.startsWith(" ") || line.length > LONGEST) return;
      writing = writing.then(() => add(line)).catch(() => {});
    },
  };
}
