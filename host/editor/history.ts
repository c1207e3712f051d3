/** Lines of earlier runs, for Up and Ctrl-R. */
import { dirname } from "node:path";

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
      try {
        const value: unknown = JSON.parse(line);
        return typeof value === "string" ? [value] : [];
      } catch {
        return []; // a torn or foreign line is no reason to lose the others
      }
    });
  };
  const shorten = async (lines: string[]) => {
    const temporary = `${path}.${crypto.randomUUID()}`;
    const text = lines.slice(-KEPT).map((line) => `${JSON.stringify(line)}\n`).join("");
    await Deno.writeTextFile(temporary, text, { mode: 0o600, createNew: true });
    await Deno.rename(temporary, path);
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
