/** Completion of slash commands, paths and `@file`. */

/** What may be completed. */
export interface Sources {
  commands: () => { name: string; summary: string }[];
  files: (prefix: string) => Promise<string[]>;
}

/** Looks at the text before the caret; returns what to insert there, and the choices if there are several. */
export async function complete(
  before: string,
  { commands, files }: Sources,
): Promise<{ add: string; choices: string[] }> {
  const command = /^\/\S*$/.test(before);
  const word = /\S*$/.exec(before)?.[0].replace(/^[@!]/, "") ?? "";
  const known = command ? commands().map(({ name }) => `/${name.replace(/^\//, "")}`) : await files(word);
  const prefix = command ? before : word;
  const choices = known.filter((one) => one.startsWith(prefix)).sort();
  const [first = ""] = choices;
  const only = choices.length === 1;
  let shared = first;
  while (choices.some((one) => !one.startsWith(shared))) shared = shared.slice(0, -1);
  const add = shared.slice(prefix.length) + (only && !first.endsWith("/") ? " " : "");
  return { add: choices.length === 0 ? "" : add, choices: only ? [] : choices };
}
