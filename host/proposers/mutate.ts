/** Changes to a body's source without a model: constants, operators, expressions, and crossing two bodies. */
import type { Random, Task } from "../../actors/functions.ts";

/** A body as words: blanks and comments are words too, so that joining them gives the source again. */
export type Words = string[];

/** What a task tells of what its bodies may be made of: numbers and quoted words of its description. */
export interface Told {
  /** True if its functions deal with fractions. */
  float: boolean;
  numbers: string[];
  divisors: string[];
  /** Empty if no function gives a string. */
  texts: string[];
}

/** One way to change a body; undefined where it finds nothing to change. `step` is the relative size of a change of a constant. */
export type Mutation = (
  words: Words,
  on: { random: Random; step: number; other: Words; told: Told },
) => Words | undefined;

const NUMBER = /^\(?-?(\d[\d_]*\.?\d*(e[+-]?\d+)?|\.\d+(e[+-]?\d+)?)\)?$/i;
const WORD =
  /\/\/[^\n]*|\/\*[^]*?\*\/|\s+|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|0[xXbBoO][\da-fA-F_]+|(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[A-Za-z_$][\w$]*|>>>=?|<<=?|>>=?|\*\*=?|[=!]==?|=>|[<>]=|&&|\|\||\+\+|--|[-+*/%&|^]=|[^]/g;

/** Splits a source into words. A negative constant in brackets of its own is one word. */
export function split(source: string): Words {
  const words: Words = [];
  for (const word of source.match(WORD) ?? []) {
    const [before = "", open, minus, number] = [words.at(-4), words.at(-3), words.at(-2), words.at(-1)];
    if (word === ")" && open === "(" && minus === "-" && NUMBER.test(number ?? "") && !/[\w$)\]]$/.test(before)) {
      words.splice(-3, 3, `(-${number})`);
    } else words.push(word);
  }
  return words;
}

const isBlank = (word: string | undefined) => word !== undefined && /^(\s|\/\/|\/\*)/.test(word);
const isName = (word: string | undefined) => word !== undefined && /^[A-Za-z_$]/.test(word);
const isNumber = (word: string | undefined) => word !== undefined && NUMBER.test(word);
const isText = (word: string | undefined) => word !== undefined && /^["'`]/.test(word);
const isFloat = (word: string) => /[.e]/i.test(word);
const KEYWORDS = new Set(
  "function export return let const var if else for while do break continue switch case default new true false null as Math void class static"
    .split(" "),
);
const ARITHMETIC = ["+", "-", "*", "/"], COMPARISON = ["<", "<=", ">", ">=", "==", "!="];

/** Where words may change: not in the head of a function, not in a type. */
function open(words: Words): boolean[] {
  const free = words.map(() => true);
  let head = false, depth = 0;
  words.forEach((word, at) => {
    if (word === "function") [head, depth] = [true, 0];
    if (head) {
      free[at] = false;
      if (word === "(") depth++;
      if (word === ")") depth--;
      if (word === "{" && depth === 0) head = false;
    }
    const before = words[near(words, at, -1)] ?? "";
    if (isBlank(word) || (isName(word) && [":", "as", "let", "const", "new", "."].includes(before))) free[at] = false;
    const type = words[at + 1], end = words[at + 2];
    if (word === "<" && isName(type) && end === ">") free[at] = free[at + 1] = free[at + 2] = false;
    if (word === ">" && words[at - 2] === "<" && isName(words[at - 1])) free[at] = false;
  });
  return free;
}

/** The next word in a direction that is not blank. */
function near(words: Words, at: number, way: 1 | -1): number {
  let to = at + way;
  while (isBlank(words[to])) to += way;
  return to;
}

const OPEN: Record<string, string> = { "(": ")", "[": "]" }, CLOSE: Record<string, string> = { ")": "(", "]": "[" };

/** The bracket that belongs to the one at `at`. */
function partner(words: Words, at: number): number {
  const here = words[at] ?? "", way = OPEN[here] ? 1 : -1, there = OPEN[here] ?? CLOSE[here];
  for (let to = at, depth = 0; to >= 0 && to < words.length; to += way) {
    if (words[to] === here) depth++;
    if (words[to] === there && --depth === 0) return to;
  }
  return -1;
}

/** The last word of the operand that begins at `at`, or -1: a number, a name with its calls and members, or brackets. */
function endOf(words: Words, at: number): number {
  const word = words[at];
  const short = isNumber(word) || isText(word) || (isName(word) && !keyword(word));
  let end = word === "(" ? partner(words, at) : short ? at : -1;
  while (end >= 0 && isName(word)) {
    const next = words[end + 1] ?? "";
    if (next === "." && isName(words[end + 2])) end += 2;
    else if (OPEN[next]) end = partner(words, end + 1);
    else break;
  }
  return end;
}
const keyword = (word: string | undefined) =>
  KEYWORDS.has(word ?? "") && word !== "Math" && word !== "true" && word !== "false";

/** Operands as ranges of words; not the left side of an assignment. */
function operands(words: Words): [from: number, to: number][] {
  const free = open(words), found: [number, number][] = [];
  words.forEach((word, at) => {
    const before = words[near(words, at, -1)];
    if (!free[at] || before === "." || (word === "(" && isName(before) && before !== "return")) return;
    const end = endOf(words, at);
    const after = words[near(words, end, 1)] ?? "";
    if (end >= at && !/^([-+*/%&|^]|\*\*|<<|>>|>>>)?=$|^(\+\+|--|:|\{)$/.test(after)) found.push([at, end]);
  });
  for (const [at, word] of words.entries()) { // whole right sides
    const from = near(words, at, 1), end = words.indexOf(";", at);
    const whole = free[at] && /^(return|[-+*/]?=)$/.test(word) && end > from + 1;
    if (whole && !/[{}?]/.test(words.slice(from, end).join(""))) found.push([from, end - 1]);
  }
  return found;
}

/** Names that may stand for a value: parameters and variables, by what the body declares. */
function names(words: Words): string[] {
  const declared = words.flatMap((word, at) => {
    const before = words[near(words, at, -1)] ?? "", after = words[near(words, at, 1)] ?? "";
    return isName(word) && !keyword(word) && (["let", "const"].includes(before) || after === ":") ? [word] : [];
  });
  return [...new Set(declared)];
}

const pick = <T>(random: Random, items: readonly T[]): T | undefined =>
  items[random.integer(Math.max(items.length, 1))];
const replaced = (words: Words, [from, to]: [number, number], ...by: Words) =>
  words.toSpliced(from, to - from + 1, ...by);

/** A constant as source. A whole number stays whole; a fraction stays one. */
function written(value: number, float: boolean): string {
  const plain = !float || (Number.isInteger(value) && Math.abs(value) < 1e15);
  const text = plain ? value.toFixed(float ? 1 : 0) : String(value);
  return text.startsWith("-") ? `(${text})` : text;
}

const valueOf = (word: string) => Number(word.replace(/[()_]/g, ""));
const COMMON = [0, 1, -1, 2, 0.5, 10, 0.1, 3, Math.PI, 2 * Math.PI, 4, 100];

function changed(word: string, random: Random, step: number): string {
  const value = valueOf(word), float = isFloat(word), size = step * 10 ** (-3 * random.next());
  const way = random.next();
  let next = value;
  if (way < 0.4) next = value * (1 + size * random.normal());
  else if (way < 0.7) next = value + size * random.normal();
  else if (way < 0.8) next = pick(random, COMMON) ?? 0;
  else if (way < 0.85) next = -value;
  else if (way < 0.92) next = value * (pick(random, [0.5, 2, 0.1, 10, 1.5]) ?? 1);
  else next = (random.next() < 0.5 ? -1 : 1) * 10 ** (random.next() * 6 - 3);
  if (!float && Math.round(next) === value) next = value + (random.next() < 0.5 ? -1 : 1);
  return Number.isFinite(next) ? written(float ? next : Math.round(next), float) : word;
}

function constants(words: Words): number[] {
  const free = open(words);
  return words.flatMap((word, at) => free[at] && isNumber(word) ? [at] : []);
}

const constant: Mutation = (words, { random, step }) => {
  const at = pick(random, constants(words));
  return at === undefined ? undefined : replaced(words, [at, at], changed(words[at] ?? "", random, step));
};

/** Many fractions at once, each a little: what a landscape of many constants needs. */
const drift: Mutation = (words, { random, step }) => {
  const found = constants(words).filter((at) => isFloat(words[at] ?? ""));
  if (found.length < 2) return undefined;
  const share = random.next() < 0.5 ? 1 : Math.min(1, 3 / found.length), size = step * 10 ** (-3 * random.next());
  const chosen = new Set(found.filter(() => random.next() < share));
  return words.map((word, at) => {
    if (!chosen.has(at)) return word;
    const value = valueOf(word);
    return written(value + size * random.normal() * Math.max(Math.abs(value), 0.1), true);
  });
};

function swapped(among: string[]): Mutation {
  return (words, { random }) => {
    const free = open(words);
    const at = pick(random, words.flatMap((word, at) => free[at] && among.includes(word) ? [at] : []));
    const by = pick(random, among.filter((one) => one !== words[at ?? -1]));
    return at === undefined || by === undefined ? undefined : replaced(words, [at, at], by);
  };
}

/** Both sides of an operator: swapped, or one of them alone. */
const sides: Mutation = (words, { random }) => {
  const found = operands(words).flatMap(([from, to]) => {
    const operator = near(words, to, 1), right = near(words, operator, 1), end = endOf(words, right);
    const known = [...ARITHMETIC, ...COMPARISON].includes(words[operator] ?? "");
    return known && end >= right ? [{ from, to, right, end }] : [];
  });
  const one = pick(random, found);
  if (!one) return undefined;
  const left = words.slice(one.from, one.to + 1), right = words.slice(one.right, one.end + 1);
  const way = random.integer(3);
  const by = way === 0 ? [...right, ...words.slice(one.to + 1, one.right), ...left] : way === 1 ? left : right;
  return replaced(words, [one.from, one.end], ...by);
};

/** An operand is replaced, gets a further term, is wrapped, or becomes one of two. */
const grow: Mutation = (words, { random, step, told }) => {
  const all = operands(words), range = pick(random, all);
  if (!range) return undefined;
  const textOf = ([from, to]: [number, number]) => words.slice(from, to + 1).join("");
  const text = textOf(range), now = range[0] === range[1] || endOf(words, range[0]) === range[1] ? text : `(${text})`;
  const whole = () => pick(random, told.numbers) ?? "1";
  const fraction = () =>
    written((pick(random, COMMON) ?? 1) * (random.next() < 0.5 ? 1 : 1 + step * random.normal()), true);
  const number = told.float ? fraction : whole;
  const ofWords = (text: string) => told.texts.length > 0 && /["'`]|toString/.test(text), worded = ofWords(text);
  const value = () => {
    if (worded) return pick(random, told.texts) ?? text;
    const way = random.next();
    if (way < 0.75) return way < 0.3 ? number() : pick(random, names(words)) ?? number();
    const part = textOf(pick(random, all) ?? range);
    return ofWords(part) ? number() : `(${part})`;
  };
  const wave = () =>
    `${number()} * Math.${pick(random, ["cos", "sin", "exp", "sqrt", "abs"])}(${number()} * ${value()})`;
  const name = () => pick(random, names(words)) ?? number();
  const compared = () => `${told.float ? value() : name()} ${pick(random, COMPARISON)} ${number()}`;
  const divided = () => `${name()} % ${pick(random, told.divisors)} == ${random.next() < 0.7 ? 0 : whole()}`;
  const some = [value, () => `(${now} ${pick(random, worded ? ["+"] : ARITHMETIC)} ${value()})`];
  const fractions = [
    () => `(${now} ${pick(random, ["+", "-"])} ${number()} * ${value()})`,
    () => `Math.${pick(random, ["min", "max"])}(${now}, ${value()})`,
    () => `Math.${pick(random, ["abs", "sqrt", "exp", "log", "cos", "sin", "floor"])}(${now})`,
    () => `(${now} * ${random.next() < 0.5 ? now : value()})`,
    () => `(${now} ${pick(random, ["+", "-"])} ${wave()})`,
    () => `(${compared()} ? ${now} : ${value()})`,
  ];
  const wholes = [compared, divided, divided].flatMap((test) => [
    () => `(${test()} ? ${now} : ${value()})`,
    () => `(${test()} ? ${value()} : ${now})`,
  ]);
  const by = pick(random, [...some, ...(told.float && !worded ? fractions : wholes)])?.();
  return by === undefined ? undefined : replaced(words, range, by);
};

/** Two bodies of one shape exchange constants, two of different shape a line. */
const cross: Mutation = (words, { random, other }) => {
  const mine = constants(words), theirs = constants(other);
  const shape = (all: Words) => all.filter((word) => !isBlank(word) && !isNumber(word)).join(" ");
  if (mine.length > 0 && mine.length === theirs.length && shape(words) === shape(other)) {
    const blend = random.next() < 0.5;
    const child = [...words];
    mine.forEach((at, n) => {
      const a = words[at] ?? "", b = other[theirs[n] ?? -1] ?? a, share = random.next();
      if (blend && isFloat(a)) child[at] = written(valueOf(a) + (valueOf(b) - valueOf(a)) * (share * 1.5 - 0.25), true);
      else if (share < 0.5) child[at] = b;
    });
    return child;
  }
  const ends = (line: string) => line.trim().endsWith(";"), isReturn = (line = "") => /^\s*return\b/.test(line);
  const lines = words.join("").split("\n"), by = pick(random, other.join("").split("\n").filter(ends));
  const at = pick(random, lines.flatMap((line, at) => ends(line) && isReturn(line) === isReturn(by) ? [at] : []));
  if (at === undefined || by === undefined) return undefined;
  const over = isReturn(by) || random.next() < 0.5;
  return split([...lines.slice(0, at), by, ...lines.slice(over ? at + 1 : at)].join("\n"));
};

/** Reads what a task tells. */
export function readTask({ description, functions }: Pick<Task, "description" | "functions">): Told {
  const results = Object.values(functions).map(({ result }) => result);
  const types = Object.values(functions).flatMap(({ parameters }) => parameters.map(([, type]) => type));
  const found = (pattern: RegExp): string[] => description.match(pattern) ?? [];
  const numbers = [...new Set(["0", "1", "2", "10", ...found(/\b\d{1,4}\b/g)])];
  return {
    float: [...results, ...types].some((type) => /f32|f64|Float/.test(type)),
    ...{ numbers, divisors: numbers.filter((number) => Number(number) > 1) },
    texts: results.includes("string") ? [...new Set(found(/"[^"\n]{1,40}"/g))] : [],
  };
}

/** Every way to change a body, by name. */
export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  constant,
  drift,
  arithmetic: swapped(ARITHMETIC),
  comparison: swapped(COMPARISON),
  sides,
  grow,
  cross,
};
