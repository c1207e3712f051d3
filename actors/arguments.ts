/** The command line. */
// @ts-types="./parse_args.d.ts"
import { parseArgs } from "@std/cli/parse-args";
import * as z from "zod";
import { nearest } from "./nearest.ts";
import type { Options } from "./ports.ts";
import { no, ok, type Outcome } from "./types.ts";

/** The commands beside the conversation. */
export const SUBCOMMANDS = ["evolve", "lineage", "why", "rollback", "replay", "sessions", "config", "doctor"] as const;

/** A parsed command line. `help` wins over everything. */
export interface Arguments {
  options: Options;
  help: boolean;
  command?: (typeof SUBCOMMANDS)[number];
  rest: string[];
  prompt?: string;
}

const STRINGS = ["print", "model", "fast-model", "record", "resume", "max-changes"];
const BOOLEANS = ["json", "yes", "help", "continue"];

const Flags = z.object({
  print: z.string().optional(),
  model: z.string().min(1).optional(),
  "fast-model": z.string().min(1).optional(),
  record: z.string().min(1).optional(),
  resume: z.string().optional(),
  "max-changes": z.string().regex(/^\d+$/, "--max-changes takes a whole number").optional(),
  json: z.boolean().optional(),
  yes: z.boolean().optional(),
  help: z.boolean().optional(),
  continue: z.boolean().optional(),
});

/** Parses the command line; a bad outcome is one sentence for a usage error. */
export function parseArguments(args: string[]): Outcome<Arguments> {
  const strange: string[] = [];
  const parsed = parseArgs(args, {
    string: STRINGS,
    boolean: BOOLEANS,
    alias: { p: "print", y: "yes", h: "help", m: "model", c: "continue" },
    "--": true,
    unknown: (arg) => arg.startsWith("-") && arg !== "-" ? (strange.push(arg), false) : true,
  });
  if (strange[0]) return no(unknownFlag(strange[0]));
  const read = Flags.safeParse(parsed);
  if (!read.success) return no(`Cannot read the command line: ${read.error.issues[0]?.message}; see evo --help`);
  const flags = read.data;
  const words = [...parsed._.map(String), ...parsed["--"] ?? []];
  const printing = flags.print !== undefined;
  const command = printing ? undefined : SUBCOMMANDS.find((name) => name === words[0]);
  if (!printing && words.length > 0 && !command) return no(unknownWord(words[0] ?? ""));
  const options: Options = {
    mode: command ? "command" : printing ? "print" : "repl",
    json: flags.json ?? false,
    yes: flags.yes ?? false,
    commands: [],
    needsModel: !command || command === "evolve",
    ...(flags.model && { model: flags.model }),
    ...(flags["fast-model"] && { fastModel: flags["fast-model"] }),
    ...(flags.record && { record: flags.record }),
    ...(flags["max-changes"] && { maxChanges: Number(flags["max-changes"]) }),
    ...((flags.resume !== undefined || flags.continue) && { resume: flags.resume ?? "" }),
  };
  const prompt = printing ? [flags.print, ...words].filter((word) => word !== "").join(" ") : undefined;
  if (prompt === "" && !flags.help) {
    return no('Cannot answer an empty prompt; say evo -p "prompt", or pipe the prompt into evo -p -');
  }
  return ok({
    options,
    help: flags.help ?? false,
    rest: words.slice(1),
    ...(command && { command }),
    ...(prompt && { prompt }),
  });
}

function unknownFlag(flag: string): string {
  const near = nearest(flag.replace(/^-+/, "").replace(/=.*/, ""), [...STRINGS, ...BOOLEANS, "version"]);
  return `Unknown option "${flag}"; ${near ? `did you mean "--${near}"?` : "see evo --help"}`;
}

function unknownWord(word: string): string {
  const near = nearest(word, [...SUBCOMMANDS]);
  return `Unknown command "${word}"; ${
    near ? `did you mean "evo ${near}"?` : "a prompt goes after -p; see evo --help"
  }`;
}

/** The text of `evo --help`. */
export const HELP = `Evo, a coding agent that improves itself.

Usage:
  evo                        a conversation in this directory
  evo -p "prompt"            one answer: answer on stdout, progress on stderr ("-p -" reads the prompt from stdin)
  evo evolve                 reflect, change Evo's own source, prove it, become it; without a conversation
  evo lineage [verify]       the generations; verify checks the hash chain and every payload
  evo why N                  evidence, goal, diff, gate and decision of generation N
  evo rollback N             return to generation N, as a new generation
  evo sessions               earlier sessions of this directory
  evo replay SESSION         run a recorded session again and compare every tool result
  evo config                 every setting, its value and where it came from
  evo doctor                 check this installation

Options:
  -p, --print PROMPT         answer once and leave
      --json                 print the events as JSON lines
  -y, --yes                  approve what a person would be asked
  -m, --model NAME           the model; cassette:FILE plays recorded replies, demo the built-in demo
      --fast-model NAME      the model for small questions
      --record FILE          write the model's replies to a cassette
  -c, --continue             go on with the last session of this directory
      --resume ID            go on with this session
      --max-changes N        changes of one evolution (default 3; 0: until SKIP or a budget)
      --version              version, generation, source hash, Deno and V8
  -h, --help                 this text

Variables: OPENROUTER_API_KEY, INFERENCE_BASE_URL, MODEL_NAME, FAST_MODEL_NAME, EVO_HOME, EVO_DENO, NO_COLOR.
Exit codes: 0 done, 1 failed, 2 usage, 3 key refused, 4 not configured, 6 model unreachable, 7 limit reached,
  8 not approved, 9 internal error, 130 interrupted, 143 terminated.`;
