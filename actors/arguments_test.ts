import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { HELP, parseArguments, SUBCOMMANDS } from "./arguments.ts";

const good: [string[], Record<string, unknown>][] = [
  [[], { mode: "repl" }],
  [["-p", "hi there"], { mode: "print", prompt: "hi there" }],
  [["-p", "--yes", "--json", "hi"], { mode: "print", prompt: "hi", yes: true, json: true }],
  [["--model", "m", "-p=hi"], { mode: "print", prompt: "hi", model: "m" }],
  [["evolve", "--max-changes", "0"], { mode: "command", command: "evolve", maxChanges: 0, needsModel: true }],
  [["lineage", "verify"], { mode: "command", command: "lineage", needsModel: false }],
  [["-p", "hi", "--", "--not-a-flag"], { prompt: "hi --not-a-flag" }],
  [["-p", "--", "--not-a-flag"], { prompt: "--not-a-flag" }],
  [["--continue"], { mode: "repl", resume: "" }],
  [["--resume", "s1"], { resume: "s1" }],
  [["fn", "evolve", "sort", "--rounds", "3", "--demo"], {
    command: "fn",
    rest: ["evolve", "sort", "--rounds=3", "--demo"],
  }],
  [["fn", "evolve", "sort", "--seed", "-1"], { command: "fn", rest: ["evolve", "sort", "--seed=-1"] }],
  [["fn", "call", "sort", "[[-1]]"], { command: "fn", rest: ["call", "sort", "[[-1]]"] }],
  [["plugins", "new", "x"], { command: "plugins", rest: ["new", "x"], needsModel: false }],
  [["-p", "evolve"], { mode: "print", prompt: "evolve" }],
];

for (const [args, expected] of good) {
  Deno.test(`parseArguments() reads ${JSON.stringify(args)}`, () => {
    const parsed = parseArguments(args);
    if (!parsed.ok) throw new Error(parsed.error);
    const { options, ...rest } = parsed.value;
    for (const [key, value] of Object.entries(expected)) equal({ ...options, ...rest }[key as never], value, key);
  });
}

const bad: [string[], RegExp][] = [
  [["--modle", "x"], /Unknown option "--modle"; did you mean "--model"/],
  [["evolve", "please"], /Unknown command "please"/],
  [["evolv"], /Unknown command "evolv"; did you mean "evo evolve"/],
  [["write me a poem please"], /a prompt goes after -p/],
  [["-p"], /empty prompt/],
  [["-p", "x", "--rounds", "2"], /"--rounds" belongs to "evo fn"/],
  [["--max-changes", "many"], /takes a whole number/],
  [["rollback", "-1"], /^There is no generation "-1": they are numbered from 0 on; evo lineage lists them/],
  [["--model", ""], /--model takes a name, and has none/],
];

for (const [args, expected] of bad) {
  Deno.test(`parseArguments() refuses ${JSON.stringify(args)}`, () => {
    const parsed = parseArguments(args);
    ok(!parsed.ok);
    match(parsed.error, expected);
  });
}

Deno.test("the help names every command and every option", () => {
  for (const name of SUBCOMMANDS) ok(HELP.includes(`evo ${name}`), name);
  for (
    const flag of [
      "print",
      "json",
      "yes",
      "model",
      "fast-model",
      "record",
      "resume",
      "max-changes",
      "continue",
      "version",
      "help",
    ]
  ) ok(HELP.includes(`--${flag}`), flag);
});

Deno.test("evo help is evo --help, but as a prompt it is a prompt", () => {
  for (const args of [["help"], ["help", "fn"]]) {
    const parsed = parseArguments(args);
    equal(parsed.ok && parsed.value.help, true, args.join(" "));
  }
  const asked = parseArguments(["-p", "help"]);
  equal(asked.ok && [asked.value.help, asked.value.prompt], [false, "help"]);
});
