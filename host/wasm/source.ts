/** Finding a body in a model's reply, and telling whether two bodies are the same, without the compiler. */
import type { Signatures } from "../../actors/functions.ts";
import { no, ok, type Outcome } from "../../actors/types.ts";

/**
 * The last fenced block of a reply that holds every function. A fence stands at the start of a line, is closed by one of
 * at least its length, or by the end of the reply. The error says for the model what was missing.
 */
export function lastBlock(reply: string, functions: Signatures): Outcome<string> {
  const blocks = fencedBlocks(reply);
  if (blocks.length === 0) return no("There is no fenced code block in the reply; answer with exactly one");
  const names = Object.keys(functions);
  const holding = blocks.findLast((block) => {
    const code = strip(block, " ");
    return names.every((name) => new RegExp(`\\bfunction\\s+${name}\\s*[(<]`).test(code)) && isBalanced(code);
  });
  if (holding !== undefined) return ok(holding);
  const last = strip(blocks.at(-1) ?? "", " ");
  const missing = names.filter((name) => !new RegExp(`\\bfunction\\s+${name}\\s*[(<]`).test(last));
  if (missing.length === 0) return no("The last code block is cut off: its brackets do not close; send it whole");
  return no(
    `No code block holds the whole body: function ${missing.join(", ")} is missing; send every function in one block`,
  );
}

/** A body as its tokens, without comments and line breaks: equal texts are the same body. */
export function canonical(source: string): string {
  return (strip(source, " ").match(TOKEN) ?? []).join(" ");
}

const STRING = /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/.source;
const OPERATOR = />>>=?|<<=?|>>=?|\*\*=?|[=!]==?|=>|[<>]=|&&|\|\||\+\+|--|[-+*/%&|^]=/.source;
const TOKEN = new RegExp(`${STRING}|${OPERATOR}|[\\p{L}\\p{M}\\p{N}_$.]+|\\S`, "gu");
const COMMENT = new RegExp(`(${STRING})|//[^\\n]*|/\\*[^]*?\\*/`, "g");
const TEXT = new RegExp(STRING, "g");

function fencedBlocks(reply: string): string[] {
  const blocks: string[] = [];
  let open: { fence: string; lines: string[] } | undefined;
  for (const line of reply.split(/\r?\n/)) {
    const fence = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (open && fence?.startsWith(open.fence) && line.trim() === fence) {
      blocks.push(`${open.lines.join("\n")}\n`);
      open = undefined;
    } else if (open) open.lines.push(line);
    else if (fence) open = { fence, lines: [] };
  }
  if (open) blocks.push(`${open.lines.join("\n")}\n`);
  return blocks;
}

/** Comments replaced; strings stay as they are. */
function strip(source: string, by: string): string {
  return source.replaceAll(COMMENT, (_, text?: string) => text ?? by);
}

function isBalanced(code: string): boolean {
  const closes: Record<string, string> = { ")": "(", "]": "[", "}": "{" };
  const open: string[] = [];
  for (const character of code.replaceAll(TEXT, '""')) {
    if ("([{".includes(character)) open.push(character);
    else if (character in closes && open.pop() !== closes[character]) return false;
  }
  return open.length === 0;
}
