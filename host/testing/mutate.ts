/**
 * The mutation score of the shipped evaluators, at least 95 % each: `deno test -A host/testing/mutate.ts [--filter sort]`, many
 * minutes. A mutant is a task.ts with one thing changed: an operator, a number, a condition, a name, an element of a list, a
 * statement or call left out. It is killed when the evaluator's own tests or its audit fail. Text that only people and models
 * read is not changed; the numbers in it, the cases and what they are called are.
 */
import { deepStrictEqual as equal, ok } from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { EQUIVALENT } from "./equivalent.ts";

interface Mutant {
  start: number;
  end: number;
  put: string;
  /** A number that stands in only for what is never missing: it changes nothing when a throw in its place does not either. */
  spare: boolean;
}
// deno-lint-ignore no-explicit-any -- a node of the linter's tree, told apart by `type`
type Node = any;
type Change = [node: Node, put: string];

const OPERATORS: Record<string, string[]> = {
  ...{ "<": ["<=", ">="], "<=": ["<", ">"], ">": [">=", "<="], ">=": [">", "<"], "===": ["!=="], "!==": ["==="] },
  ...{ "+": ["-"], "-": ["+"], "*": ["/"], "/": ["*"], "%": ["*"], "**": ["*"], "++": ["--"], "--": ["++"] },
  ...{ "&": ["|"], "|": ["&"], "<<": [">>"], ">>": ["<<"], "&&": ["||"], "||": ["&&"], "??": ["&&"] },
  ...{ "+=": ["-=", "="], "-=": ["+=", "="] },
};
const CALLS: Record<string, string> = { min: "max", max: "min", floor: "ceil", ceil: "floor", round: "floor" };
/** Calls that are left out: what they are called on, or their only argument, takes their place. */
const DROPPED = ["sort", "toSorted", "reverse", "slice", "filter", "shuffle", "abs"];
const REMOVED = /^(Expression|If|For|ForOf|While|Break|Continue)Statement$/;
const TYPES = /^(Import|TS(?!As|NonNull|Satisfies))/;

const ancestors = ({ parent }: Node): Node[] => parent ? [parent, ...ancestors(parent)] : [];

function* operators(node: Node, text: string): Generator<Change> {
  const { left, right, operator, argument, prefix, type } = node,
    of = (node: Node) => text.slice(...node.range as [0, 0]);
  if (!left && /^[-!]$/.test(operator)) yield [node, of(argument)];
  if (operator === "+" && [left, right].some((side) => /^["'`]/.test(of(side)))) return; // pieces of a sentence
  for (const other of !left && operator === "-" ? [] : OPERATORS[operator] ?? []) {
    if (!left) yield [node, prefix ? other + of(argument) : of(argument) + other];
    else {
      const [from, to] = node.range, between = text.slice(left.range[1], right.range[0]).replace(operator, other);
      const changed = text.slice(from, left.range[1]) + between + text.slice(right.range[0], to);
      yield [node, type === "LogicalExpression" ? `(${changed})` : changed];
    }
  }
  if (/sort$/i.test(node.parent.parent?.callee?.property?.name)) yield [node, `${of(right)} ${operator} ${of(left)}`];
}

function* literals(node: Node): Generator<Change> {
  const { value, bigint, raw, parent } = node;
  if (typeof value === "number" || bigint) {
    const number = bigint ? BigInt(bigint) : Number(raw.replaceAll("_", "")), suffix = bigint ? "n" : "";
    const others = typeof number === "bigint" ? [number + 1n, number - 1n, 0n] : [number + 1, number - 1, 0];
    for (const other of others) if (other !== number) yield [node, `(${other}${suffix})`];
  } else if (typeof value === "boolean") yield [node, `${!value}`];
  else if (typeof value === "string") {
    const label = parent.elements?.[0].range[0] === node.range[0] &&
      ancestors(node).some((at) => at.key?.name === "parameters");
    const human = label || value.split(" ").length > 3 || (value && value !== "." && !/\w/.test(value));
    if (!human) yield [node, `"mutant"`];
  }
}

function* others(node: Node, text: string): Generator<Change> {
  const { type, test, callee, elements } = node, of = (node: Node) => text.slice(...node.range as [0, 0]);
  if (test) yield [test, `!(${of(test)})`];
  if (REMOVED.test(type)) yield [node, ";"];
  if (type === "ArrayExpression" && elements.length > 2) {
    for (const left of elements) yield [node, `[${elements.filter((one: Node) => one !== left).map(of).join(", ")}]`];
  }
  const name = type === "CallExpression" && callee.property?.name;
  if (CALLS[name]) yield [callee.property, CALLS[name]];
  if (DROPPED.includes(name)) {
    yield [node, of(/^(random|Math)$/.test(of(callee.object)) ? node.arguments[0] : callee.object)];
  }
}

/** The nodes of a source; throws if it does not parse. */
function visit(text: string, see: (node: Node) => void): void {
  Deno.lint.runPlugin({ name: "all", rules: { all: { create: () => ({ "*": see }) } } }, "task.ts", text);
}

/** Every mutant of a source that parses, each once. */
function mutants(text: string): Mutant[] {
  const found = new Map<string, Mutant>();
  visit(text, (node) => {
    const all = ancestors(node);
    if (all.some(({ type, key }) => TYPES.test(type) || key?.name === "description")) return;
    const expression = /^(Binary|Logical|Assignment|Update|Unary)Expression$/.test(node.type);
    const changes = [...expression ? operators(node, text) : node.type === "Literal" ? literals(node) : []];
    for (const [{ range: [start, end] }, put] of [...changes, ...others(node, text)]) {
      const spare = [node, ...all].some((at, up) =>
        all[up]?.right === at && (all[up].operator === "??" || all[up].type === "AssignmentPattern")
      );
      found.set(text.slice(0, start) + put + text.slice(end), { start, end, put, spare });
    }
  });
  const parses = (text: string) => {
    try {
      return visit(text, () => {}), true;
    } catch {
      return false;
    }
  };
  return [...found].filter(([changed]) => parses(changed)).map(([, mutant]) => mutant);
}

const AUDITS = ["", "_more", "_tictactoe"].map((of) => `host/functions/audit${of}_test.ts`);
const root = fileURLToPath(new URL("../..", import.meta.url));
const out = (line: string) => void Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));

/** Whether tests pass in a folder; those that hang do not. */
async function pass(cwd: string, ...tests: string[]): Promise<boolean> {
  const args = ["test", "-A", "-q", "--no-check", "--fail-fast", ...tests], signal = AbortSignal.timeout(60_000);
  return (await new Deno.Command(Deno.execPath(), { args, cwd, signal, stdout: "null", stderr: "null" }).output())
    .success;
}

for (const [name, equivalent] of Object.entries(EQUIVALENT)) {
  Deno.test(`mutation: ${name}`, async () => {
    const task = `plugins/functions/${name}/task.ts`, text = await Deno.readTextFile(join(root, task));
    const copy = await Deno.makeTempDir(), counts = { killed: 0, equivalent: 0, alive: 0 };
    const used = new Set<(typeof equivalent)[number]>();
    const survives = async (changed: string) => {
      await Deno.writeTextFile(join(copy, task), changed);
      return await pass(copy, task.replace(".ts", "_test.ts")) &&
        await pass(copy, "--filter", `/^${name}:/`, ...AUDITS);
    };
    try {
      const parts = ["actors", "host", "plugins", "prompts", "deno.json", "imports.json", "deno.lock"];
      ok((await new Deno.Command("cp", { args: ["-r", ...parts, copy], cwd: root }).output()).success);
      ok(await survives(text), "the tests pass on the evaluator itself");
      for (const { start, end, put, spare } of mutants(text)) {
        const changed = text.slice(0, start) + put + text.slice(end), from = changed.lastIndexOf("\n", start - 1) + 1;
        const line = changed.slice(from).split("\n")[0]?.trim() ?? "";
        const known = equivalent.find(([part]) => line.includes(part) && !text.includes(part));
        if (known) used.add(known);
        const thrown = `${text.slice(0, start)}(() => { throw new Error("reached") })()${text.slice(end)}`;
        const fate = !await survives(changed)
          ? "killed"
          : known || spare && await survives(thrown)
          ? "equivalent"
          : "alive";
        counts[fate]++;
        if (fate === "alive") out(`${text.slice(start, end)} => ${put} in: ${line}`);
      }
      out(`${name}: ${JSON.stringify(counts)}`);
      equal(equivalent.filter((one) => !used.has(one)), [], "each of these names a mutant");
      ok(
        counts.killed >= 0.95 * (counts.killed + counts.alive),
        `the tests of "${name}" let ${counts.alive} mutants live`,
      );
    } finally {
      await Deno.remove(copy, { recursive: true });
    }
  });
}
