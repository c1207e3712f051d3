/** The command line. */
// @ts-types="./parse_args.d.ts"
import { parseArgs } from "@std/cli/parse-args";
import type { Options } from "./ports.ts";
import { nearest, no, ok, type Outcome } from "./types.ts";

/** The commands beside the conversation. */
export const SUBCOMMANDS = [
  "evolve",
  "fn",
  "plugins",
  "lineage",
  "why",
  "rollback",
  "replay",
  "sessions",
  "config",
  "doctor",
] as const;

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
/** Options of `evo fn`, which reads them itself. */
const OF_FUNCTIONS = ["rounds", "lanes", "budget", "proposer", "seed"];

type Text = string | undefined;

/** The flags as they were given. By hand: a schema would take longer than the rest of a start. */
function readFlags(given: Record<string, unknown>) {
  const text = (name: string): Text => typeof given[name] === "string" ? given[name] : undefined;
  const [print, resume, model, record] = [text("print"), text("resume"), text("model"), text("record")];
  const named = { print, resume, model, record, "fast-model": text("fast-model"), "max-changes": text("max-changes") };
  const [json, yes, help] = [given.json === true, given.yes === true, given.help === true];
  return { ...named, json, yes, help, continue: given.continue === true };
}

/** What is wrong with the flags, naming the first that is. */
function wrongFlag(flags: ReturnType<typeof readFlags>): string | undefined {
  const empty = (["model", "fast-model", "record"] as const).find((name) => flags[name] === "");
  if (empty) return `--${empty} takes a name, and has none`;
  if (flags["max-changes"] && !/^\d+$/.test(flags["max-changes"])) return "--max-changes takes a whole number";
  return undefined;
}

/** Parses the command line; a bad outcome is one sentence for a usage error. */
export function parseArguments(args: string[]): Outcome<Arguments> {
  const strange: string[] = [];
  if (args[0] === "fn") args = args.map((arg) => /^-\d/.test(arg) ? `\0${arg}` : arg); // a number, no option
  const parsed = parseArgs(args, {
    string: [...STRINGS, ...OF_FUNCTIONS],
    boolean: [...BOOLEANS, "demo"],
    alias: { p: "print", y: "yes", h: "help", m: "model", c: "continue" },
    "--": true,
    unknown: (arg) => arg.startsWith("-") && arg !== "-" ? (strange.push(arg), false) : true,
  });
  if (strange[0]) return no(unknownFlag(strange[0]));
  const flags = readFlags(parsed);
  const wrong = wrongFlag(flags);
  if (wrong) return no(`Cannot read the command line: ${wrong}; see evo --help`);
  const words = [...parsed._.map(String), ...parsed["--"] ?? []];
  const printing = flags.print !== undefined;
  if (!printing && words[0] === "help") (words.shift(), flags.help = true);
  const command = printing ? undefined : SUBCOMMANDS.find((name) => name === words[0]);
  if (!printing && words.length > 0 && !command) return no(unknownWord(words[0] ?? ""));
  if (command === "evolve" && words.length > 1) return no(unknownWord(words[1] ?? ""));
  const own = [...OF_FUNCTIONS, "demo"].filter((name) => parsed[name] !== undefined && parsed[name] !== false);
  if (command !== "fn" && own[0]) return no(`The option "--${own[0]}" belongs to "evo fn"; see evo --help`);
  const options: Options = {
    mode: command ? "command" : printing ? "print" : "repl",
    json: flags.json,
    yes: flags.yes,
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
    help: flags.help,
    rest: [
      ...words.slice(1),
      ...own.map((name) => name === "demo" ? "--demo" : `--${name}=${parsed[name]}`),
    ].map((word) => word.replace("\0", "")),
    ...(command && { command }),
    ...(prompt && { prompt }),
  });
}

function unknownFlag(flag: string): string {
  if (/^-\d/.test(flag)) {
    return `There is no generation "${flag}": they are numbered from 0 on; evo lineage lists them, and a prompt goes after --`;
  }
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
  evo -p "prompt"            one answer: answer on stdout, progress on stderr (piped input goes below the prompt; "-p -" reads it from stdin)
  evo evolve                 reflect, change Evo's own source, prove it, become it; without a conversation
  evo fn [list]              the evolvable functions; also: evo fn show|history|bench|new NAME, evo fn activate NAME REVISION,
                             evo fn call NAME [FUNCTION] ARGUMENTS (as JSON)
  evo fn evolve NAME         write better bodies for a function; only what its evaluator finds better becomes active
  evo plugins [new NAME]     the plugins that were dropped in; new writes a working template with its test
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
      --rounds N, --lanes N, --budget tokens=N,usd=X,minutes=M, --proposer model|search, --seed N, --demo
                             of "evo fn evolve": how long, how many side by side, who proposes (search needs no model)
      --version              version, generation, source hash, Deno and V8
  -h, --help                 this text

Variables: OPENROUTER_API_KEY, INFERENCE_BASE_URL, MODEL_NAME, FAST_MODEL_NAME, EVO_HOME, EVO_DENO, NO_COLOR.
Exit codes: 0 done, 1 failed, 2 usage, 3 key refused, 4 not configured, 6 model unreachable, 7 limit reached,
  8 not approved, 9 internal error, 129 hung up, 130 interrupted, 143 terminated.`;
