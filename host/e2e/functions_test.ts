/** The compiled executable evolves functions in a plain directory: no Deno, no key, and with a model that makes mistakes. */
import { deepStrictEqual as equal, doesNotMatch, match, ok } from "node:assert/strict";
import { at, EVO, openDesk } from "../testing/evo.ts";
import * as mock from "../testing/mock_server.ts";
import { drive, hasPty } from "../testing/pty.ts";

const ignore = EVO === undefined;
const SHIPPED = ["bin_packing", "circle_packing", "fizzbuzz", "quantize", "rastrigin", "sort", "tictactoe"];
const STACK = /\n\s+at .*:\d+:\d+/;
const body = (code: string) => mock.say(`\`\`\`ts\nexport function fizzbuzz(n: u64): string {\n${code}\n}\n\`\`\``);

Deno.test(
  "evo fn lists the shipped functions in an empty directory, without Deno and without a key",
  { ignore },
  async () => {
    const desk = await openDesk();
    try {
      const { code, out, err } = await desk.run(["fn"], { env: { PATH: "/nowhere" } });
      equal([code, SHIPPED.filter((name) => !out.includes(name))], [0, []], err);
      const shown = await desk.run(["fn", "show", "fizzbuzz"]);
      match(shown.out, /export function fizzbuzz/);
    } finally {
      await desk.clean();
    }
  },
);

Deno.test("without a key the search proposer works, says so, and its revisions survive", { ignore }, async () => {
  const desk = await openDesk();
  try {
    const { code, out, err } = await desk.run(["fn", "evolve", "bin_packing", "--rounds", "2", "--seed", "1"]);
    equal(code, 0, err);
    match(`${out}${err}`, /search/);
    match((await desk.run(["fn", "history", "bin_packing"])).out, /\b0\b/);
    ok((await Deno.stat(`${desk.cwd}/.evo/functions/functions.db`)).isFile);
  } finally {
    await desk.clean();
  }
});

for (const name of SHIPPED) {
  Deno.test(`the cassette of ${name} reaches its goal in the executable`, { ignore }, async () => {
    const desk = await openDesk();
    try {
      const { code, out, err } = await desk.run(["fn", "evolve", name, "--demo"]);
      equal(code, 0, `${out}${err}`);
      doesNotMatch(`${out}${err}`, STACK);
      match((await desk.run(["fn", "show", name])).out, /revision [1-9]/i);
    } finally {
      await desk.clean();
    }
  });
}

Deno.test(
  "a model's mistakes come back to it, a worse body never becomes active, the mended one does",
  { ignore },
  () =>
    at([
      mock.say("I would rather talk about it."),
      body("  return oops;"),
      body("  while (true) {}"),
      body('  return "Fizz";'),
      body(
        '  return n % 15 == 0 ? "FizzBuzz" : n % 3 == 0 ? "Fizz" : n % 5 == 0 ? "Buzz" : n.toString();',
      ),
    ], async (desk, server) => {
      const ended = await desk.run(["fn", "evolve", "fizzbuzz", "--rounds", "5", "--lanes", "1"]);
      equal(ended.code, 0, ended.err);
      const asked = server.requests.map(({ text }) => text);
      equal(asked.length, 5, asked.join("\n---\n"));
      match(asked[2] ?? "", /oops/);
      match(asked[3] ?? "", /fuel/i);
      match(asked[4] ?? "", /expected/);
      const called = await desk.run(["fn", "call", "fizzbuzz", "15"]);
      match(called.out, /FizzBuzz/, called.err);
      doesNotMatch(await desk.read(".evo/functions/functions.db").catch(() => ""), /sk-or-v1-canary/);
    }),
);

Deno.test(
  "activate goes back to any revision at once; a wrong name or number is one sentence",
  { ignore },
  async () => {
    const desk = await openDesk();
    try {
      equal((await desk.run(["fn", "evolve", "fizzbuzz", "--demo"])).code, 0);
      equal((await desk.run(["fn", "activate", "fizzbuzz", "0"])).code, 0);
      doesNotMatch((await desk.run(["fn", "call", "fizzbuzz", "15"])).out, /FizzBuzz/);
      const wrong = {
        ...{ "activate fizzbuzz 999": 1, "show fizzbuz": 1, "call fizzbuzz {": 1 },
        ...{ "evolv fizzbuzz": 2, "evolve fizzbuzz --seed -1": 2, "evolve fizzbuzz --proposer model": 4 },
      };
      for (const [line, exit] of Object.entries(wrong)) {
        const { code, err } = await desk.run(["fn", ...line.split(" ")]);
        equal([code, err.trim().split("\n").length], [exit, 1], err);
        doesNotMatch(err, STACK);
      }
    } finally {
      await desk.clean();
    }
  },
);

Deno.test(
  "a key that is refused is one request and one sentence",
  { ignore },
  () =>
    at([mock.status(401)], async (desk, server) => {
      const { code, out, err } = await desk.run(["fn", "evolve", "fizzbuzz"]);
      equal([code, out, err.trim().split("\n").length, server.requests.length], [3, "", 1, 1], err);
      doesNotMatch(err, STACK);
    }),
);

Deno.test("a model that is not there is given up once, with the exit code of that", { ignore }, async () => {
  const desk = await openDesk("http://127.0.0.1:1/v1");
  try {
    const { code, err } = await desk.run(["fn", "evolve", "fizzbuzz", "--lanes", "1"]);
    equal(code, 6, err);
    equal(err.match(/^retry in/gm)?.length, 4, err);
    match(err, /\nCannot evolve "fizzbuzz": .*\(5 requests\); [^\n]*\n$/);
  } finally {
    await desk.clean();
  }
});

Deno.test("with --json each row is an object on a line of its own", { ignore }, async () => {
  const desk = await openDesk();
  try {
    equal((await desk.run(["fn", "evolve", "fizzbuzz", "--demo"])).code, 0);
    for (const line of ["fn", "fn show fizzbuzz", "fn history fizzbuzz", "fn bench fizzbuzz", "plugins"]) {
      const { code, out, err } = await desk.run([...line.split(" "), "--json"]);
      equal([code, err], [0, ""], line);
      const rows = out.split("\n").slice(0, -1).map((row) => JSON.parse(row));
      ok(line === "plugins" ? rows.length === 0 : rows.every(({ score }) => score !== undefined), out);
      equal((await desk.run(line.split(" "))).out.startsWith("{"), false);
    }
  } finally {
    await desk.clean();
  }
});

Deno.test("a kill in the middle of an evolution loses nothing that was accepted", { ignore }, async () => {
  const desk = await openDesk();
  try {
    const killed = await desk.run(["fn", "evolve", "bin_packing", "--rounds", "100000", "--budget", "minutes=5"], {
      after: [/./, (child) => setTimeout(() => child.kill("SIGKILL"), 3000)],
    });
    ok(killed.code !== 0);
    const { code, out } = await desk.run(["fn", "history", "bin_packing"]);
    equal(code, 0);
    match(out, /\b0\b/);
    equal((await desk.run(["fn", "evolve", "bin_packing", "--rounds", "1"])).code, 0);
  } finally {
    await desk.clean();
  }
});

Deno.test("fn new writes a function that evolves as it is, once the directory is trusted; never over another", {
  ignore: ignore || !hasPty,
}, async () => {
  const desk = await openDesk();
  try {
    match((await desk.run(["fn", "new", "my_root"])).out, /fn evolve my_root/);
    equal((await desk.run(["fn", "new", "my_root"])).code, 1);
    const refused = await desk.run(["fn", "show", "my_root"]);
    equal(refused.code, 1);
    match(refused.err, /not trusted/);
    const { seen } = await drive([
      ["Trust this directory", "WAIT1.50yes\r"],
    ], { args: ["fn", "evolve", "my_root", "--rounds", "1"], cwd: desk.cwd, env: desk.env, columns: 100 });
    match(seen, /EXIT 0/);
    const called = await desk.run(["fn", "call", "my_root", "81"]);
    equal([called.code, called.out.split("\n", 1)[0]], [0, "9"], called.err);
  } finally {
    await desk.clean();
  }
});

const broken: [name: string, task: string, body: string, sentence: RegExp][] = [
  ["a type that is none", 'functions: { f: { parameters: [["n", "int"]], result: "u32" } }', "", /"?int"?/],
  ["an evaluator that throws", "evaluate() { throw new Error('ouch'); }", "", /ouch/],
  ["an evaluator that loops", "evaluate() { for (;;); }", "", /time|deadline|ms/],
  ["a body with a syntax error", "", "export function f(n: u32): u32 { return", /line 1/],
  ["a body of the wrong name", "", "export function g(n: u32): u32 { return n; }", /\bf\b/],
  [
    "a body of 5 MB",
    "",
    `export function f(n: u32): u32 { return n; } // ${"x".repeat(5_000_000)}`,
    /characters|bytes|MB/,
  ],
];

Deno.test(
  "a function that is broken gets one clear sentence, and the others go on",
  { ignore: ignore || !hasPty },
  async () => {
    const desk = await openDesk();
    try {
      const good = { limits: "limits: { fuel: 1000, pages: 1, deadlineMs: 500, source: 1000 }" };
      for (const [at, [, more, body]] of broken.entries()) {
        const parts: Record<string, string> = {
          name: `name: "f${at}"`,
          description: 'description: "d"',
          functions: 'functions: { f: { parameters: [["n", "u32"]], result: "u32" } }',
          ...good,
          evaluate: "evaluate({ functions }) { return { score: functions.f(1), feedback: [] }; }",
        };
        if (more) parts[/^\w+/.exec(more)?.[0] ?? ""] = more;
        const folder = `.evo/plugins/functions/f${at}`;
        await desk.write(
          `${folder}/task.ts`,
          `export default ({ task }) => task({ ${Object.values(parts).join(", ")} });`,
        );
        await desk.write(`${folder}/function.ts`, body || "export function f(n: u32): u32 { return n; }");
      }
      const trusted = await drive([["Trust this directory", "WAIT1.50yes\r"]], {
        ...{ args: ["fn", "list"], cwd: desk.cwd, env: desk.env, columns: 100 },
      });
      match(trusted.seen, /fizzbuzz/);
      for (const [at, [name, , , sentence]] of broken.entries()) {
        const { code, err } = await desk.run(["fn", "evolve", `f${at}`, "--rounds", "1"]);
        const said = err.replace(/^no model.*\n/m, "");
        equal(code, 1, name);
        match(said, sentence, name);
        doesNotMatch(err, STACK, name);
      }
      match((await desk.run(["fn", "call", "fizzbuzz", "7"])).out, /^"7"\n/);
    } finally {
      await desk.clean();
    }
  },
);
