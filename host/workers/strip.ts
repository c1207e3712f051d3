/** From a plugin's TypeScript to the JavaScript that its worker imports. */
import { no, ok, type Outcome } from "../../actors/types.ts";
import { loadAmaro } from "../assembly/modules.ts";

/** Takes the types out, keeping every line where it was; refuses what is not plain TypeScript, and every import of values. */
export async function strip(source: string, file: string): Promise<Outcome<string>> {
  const because = (why: string) => no(`Cannot load "${file}": ${why}`);
  let code = source;
  if (file.endsWith(".ts")) {
    const { transformSync } = await loadAmaro();
    try {
      code = transformSync(source, { mode: "strip-only" }).code;
    } catch (error) {
      return because(plain(error));
    }
  }
  const line = findImport(code);
  return line === 0 ? ok(code) : because(
    `line ${line} imports a value; only type imports are possible ("import type ..."), take what you need from the API`,
  );
}

function plain(error: unknown): string {
  const { message = error, startLine }: { message?: unknown; startLine?: unknown } = Object(error);
  return `${startLine ? `line ${startLine}: ` : ""}${String(message).replace(/\s+/g, " ").slice(0, 300)}`;
}

/** The line of the first import of a value, static or dynamic; 0 if there is none. It is a courtesy: the guard is Landlock. */
export function findImport(code: string): number {
  const bare = code.replace(HIDDEN, (text) => /^["']/.test(text) ? `"${blank(text).slice(2)}"` : blank(text));
  const found = IMPORT.exec(bare);
  return found ? bare.slice(0, found.index).split("\n").length : 0;
}

const IMPORT = /(?<![.\w$#])(?:import(?!\s*\.\s*meta\b|\s*:|[\w$])|export\b[^;=(]*?\bfrom\s*")/;
/** Comments, texts, templates and regular expressions. */
const HIDDEN =
  /\/\/[^\n]*|\/\*[^]*?\*\/|"(?:\\[^]|[^"\\\n])*"|'(?:\\[^]|[^'\\\n])*'|`(?:\\[^]|[^`\\])*`|(?<=(?:^|[=([,;:!&|?{}+*%<>~^-]|\breturn|\btypeof|\bcase)\s*)\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\//g;
const blank = (text: string) => text.replace(/[^\n]/g, " ");
