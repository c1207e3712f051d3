/** The words of `evo fn`: parsed, or one sentence that says what is wrong. */
import { nearest, no, ok, type Outcome } from "../../actors/types.ts";
import type { Limit } from "../proposers/budget.ts";

/** What `evolve` is asked. */
export interface EvolveWords {
  rounds?: number;
  lanes?: number;
  budget: Limit;
  proposer?: "model" | "search";
  seed: number;
  demo: boolean;
}

/** One command line, parsed. */
export interface Words {
  command: string;
  name: string;
  rest: string[];
  evolve: EvolveWords;
}

/** Every command: what follows its name, and what it does. */
export const COMMANDS: Readonly<Record<string, { takes: string; does: string; name: boolean }>> = {
  list: { takes: "", does: "the functions, with their active revisions", name: false },
  show: { takes: "NAME", does: "task, signature, active source and scores", name: true },
  evolve: {
    takes:
      "NAME [--rounds N] [--lanes N] [--budget tokens=N,usd=X,minutes=M] [--proposer model|search] [--seed N] [--demo]",
    does: "look for a better body; what wins is active at once",
    name: true,
  },
  activate: { takes: "NAME REV", does: "make a revision the active one", name: true },
  history: { takes: "NAME", does: "the revisions that won, and the latest", name: true },
  bench: { takes: "NAME", does: "starting body and active revision side by side", name: true },
  new: { takes: "NAME", does: "write a function of your own to start from", name: true },
  call: { takes: "NAME [FUNCTION] ARGS...", does: "call the active revision; each argument is JSON", name: true },
};
const FLAGS = ["rounds", "lanes", "budget", "proposer", "seed", "demo"];
const MOST: Record<string, number> = { rounds: 1_000_000, lanes: 64, seed: 2 ** 32 - 1 };

/** The commands as text for people. */
export function help(): string {
  const all = Object.entries(COMMANDS);
  return all.map(([name, { takes, does }]) => `fn ${`${name} ${takes}`.trim()}\n    ${does}`).join("\n");
}

/** Parses one command line; nothing said means `list`. */
export function parseWords(words: string[]): Outcome<Words> {
  const [command = "list", ...rest] = words;
  const known = COMMANDS[command];
  const all = Object.keys(COMMANDS);
  if (!known) return no(`Cannot run "fn ${command}": there is no such command${meant(command, all)}`);
  const evolve: EvolveWords = { budget: {}, seed: 1, demo: false };
  const plain: string[] = [];
  for (let at = 0; at < rest.length; at++) {
    const word = rest[at] ?? "";
    if (command !== "evolve" || !word.startsWith("--")) {
      plain.push(word);
      continue;
    }
    const [flag = "", ...given] = word.slice(2).split("=");
    if (!FLAGS.includes(flag)) return no(`Cannot evolve: there is no option "--${flag}"${meant(flag, FLAGS)}`);
    if (flag === "demo") evolve.demo = true;
    else {
      const wrong = take(evolve, flag, given.length > 0 ? given.join("=") : rest[++at] ?? "");
      if (wrong) return no(`Cannot evolve: ${wrong}`);
    }
  }
  const [name = "", ...more] = plain;
  const usage = `fn ${command} ${known.takes}`.trim();
  const absent = known.name && name === "" ? "name" : command === "activate" && !more[0] ? "revision" : "";
  if (absent) return no(`Cannot run "fn ${command}" without a ${absent}: say ${usage}`);
  const most = command === "call" ? Infinity : command === "activate" ? 1 : 0;
  const extra = known.name ? more : plain;
  if (extra.length > most) return no(`Cannot run "fn ${command}" with "${extra[most]}": say ${usage}`);
  return ok({ command, name, rest: more, evolve });
}

function take(evolve: EvolveWords, flag: string, value: string): string | undefined {
  if (flag === "budget") return takeBudget(evolve.budget, value);
  if (flag === "proposer") {
    if (value !== "model" && value !== "search") return `"--proposer ${value}" is neither model nor search`;
    evolve.proposer = value;
    return undefined;
  }
  const most = MOST[flag] ?? 0, least = flag === "seed" ? 0 : 1;
  if (!/^\d+$/.test(value) || Number(value) < least || Number(value) > most) {
    return `"--${flag} ${value}" is not a whole number from ${least} to ${most}`;
  }
  if (flag === "rounds") evolve.rounds = Number(value);
  else if (flag === "lanes") evolve.lanes = Number(value);
  else evolve.seed = Number(value);
  return undefined;
}

function takeBudget(budget: Limit, value: string): string | undefined {
  for (const part of value.split(",")) {
    const [key = "", amount = ""] = part.split("=");
    const number = Number(amount);
    if (key !== "tokens" && key !== "usd" && key !== "minutes") {
      return `"--budget ${value}" is not of the form tokens=N,usd=X,minutes=M`;
    }
    if (amount === "" || !Number.isFinite(number) || number <= 0) return `the budget "${part}" is not a number above 0`;
    budget[key] = number;
  }
  return undefined;
}

/** "; did you mean ..." for the nearest known word, else all of them. */
export function meant(word: string, known: readonly string[]): string {
  const near = nearest(word, [...known]);
  if (near !== undefined) return `; did you mean "${near}"`;
  return known.length > 0 ? `; there are ${known.join(", ")}` : "";
}
