/** Completion of slash commands, sessions, paths and `@file`. */

/** What may be completed. */
export interface Sources {
  commands: () => { name: string; summary: string }[];
  files: (prefix: string) => Promise<string[]>;
  /** Ids of earlier sessions. */
  sessions: () => Promise<string[]>;
}

/**
 * Looks at the text before the caret; returns what to put in its place, and the choices if there are several. A path with blanks
 * is quoted, as `@file` and a shell read it.
 */
export async function complete(
  before: string,
  { commands, files, sessions }: Sources,
): Promise<{ text: string; choices: string[] }> {
  const command = /^\/\S*$/.test(before);
  const quoted = /(?:^|[\s@])"([^"@]*)$/.exec(before)?.[1];
  const word = command ? before : quoted ?? /\S*$/.exec(before)?.[0].replace(/^[@!]/, "") ?? "";
  const resumed = /^\/resume\s+\S*$/.test(before);
  const known = command
    ? commands().map(({ name }) => `/${name.replace(/^\//, "")}`)
    : resumed
    ? await sessions()
    : await files(word);
  const choices = known.filter((one) => one.startsWith(word)).sort();
  const [first = before] = choices, only = choices.length === 1;
  let shared = first;
  while (choices.some((one) => !one.startsWith(shared))) shared = shared.slice(0, -1);
  const lead = before.slice(0, before.length - word.length - (quoted === undefined ? 0 : 1));
  const quote = quoted !== undefined || /\s/.test(shared) ? '"' : "";
  const text = choices.length === 0 ? before : `${lead}${quote}${shared}`;
  return { text: only && !first.endsWith("/") ? `${text}${quote} ` : text, choices: only ? [] : choices };
}
