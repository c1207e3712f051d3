/** The audit of four shipped functions: one row for each evaluator and cheat. */
import fizzbuzz from "../../plugins/functions/fizzbuzz/task.ts";
import quantize from "../../plugins/functions/quantize/task.ts";
import rastrigin from "../../plugins/functions/rastrigin/task.ts";
import sort from "../../plugins/functions/sort/task.ts";
import { audit, type Audited, type Functions } from "../testing/audit.ts";

/** The text with one thing changed; a change that finds nothing would test nothing. */
function but(text: string, from: string, to: string): string {
  if (!text.includes(from)) throw new Error(`Cannot change "${from}": the body does not hold it`);
  return text.replaceAll(from, to);
}
const start = (name: string) =>
  Deno.readTextFileSync(new URL(`../../plugins/functions/${name}/function.ts`, import.meta.url));

const word = (n: bigint) => `${n % 3n === 0n ? "Fizz" : ""}${n % 5n === 0n ? "Buzz" : ""}` || `${n}`;
const FIZZ = (rules: string) => `export function fizzbuzz(n: u64): string { ${rules} return n.toString(); }`;
const RULES = `if (n % 15 == 0) return "FizzBuzz"; if (n % 3 == 0) return "Fizz"; if (n % 5 == 0) return "Buzz";`;

const RANK = `function rank(value: f64): i64 {
  if (value != value) return i64.MAX_VALUE;
  const bits = reinterpret<i64>(value);
  return bits < 0 ? bits ^ i64.MAX_VALUE : bits;
}`;
/** Shell sort; \`order\` is an expression that says whether a comes after b. */
const shell = (order: string, { from = 0, less = 0 } = {}) =>
  `${RANK}
function after(a: f64, b: f64): bool { return ${order}; }
export function sort(values: Float64Array): void {
  const length = values.length - ${less};
  let gap = 1;
  while (gap < length / 3) gap = 3 * gap + 1;
  for (; gap > 0; gap /= 3) {
    for (let i = gap + ${from}; i < length; i++) {
      const value = values[i];
      let at = i;
      for (; at >= gap + ${from} && after(values[at - gap], value); at -= gap) values[at] = values[at - gap];
      values[at] = value;
    }
  }
}`;
const values = (change: (values: Float64Array) => void) => (): Functions => ({ sort: change });

const laplacian = (levels: number) => (x: number) => {
  const cell = Math.min(levels / 2 - 1, Math.floor((1 - Math.exp(-Math.abs(x) / 3)) * levels / 2));
  return Math.sign(x || 1) * -3 * Math.log(1 - (cell + 0.5) * 2 / levels);
};
const COMPAND = (side: number, middle = 0.5, scale = 3) =>
  `export function quantize(x: f64): f64 {
  const cell = Math.min(${side - 1}, Math.floor((1 - Math.exp(-Math.abs(x) / ${scale})) * ${side}));
  const level = -${scale} * Math.log(1 - (cell + ${middle}) / ${side});
  return x < 0 ? -level : level;
}`;

const wave = (x: number) => x * x - 10 * Math.cos(2 * Math.PI * x);
const RASTRIGIN = ({ pi = "Math.PI", amplitude = 10, offset = "20" } = {}) =>
  `function wave(x: f64): f64 {
  return x * x - ${amplitude} * Math.cos(2 * ${pi} * x);
}
export function surrogate(x: f64, y: f64): f64 { return ${offset} + wave(x) + wave(y); }`;

const audited: Audited[] = [
  {
    file: fizzbuzz,
    start: start("fizzbuzz"),
    solution: { body: FIZZ(RULES), fake: () => ({ fizzbuzz: word }) },
    cheats: [
      { name: "answers a constant", body: FIZZ(`return "Fizz";`), fake: () => ({ fizzbuzz: () => "FizzBuzz" }) },
      { name: "counts its calls", fake: () => (((at) => ({ fizzbuzz: () => word(BigInt(at++)) }))(0)) },
      { name: "answers something that is no text", fake: () => ({ fizzbuzz: (n) => ({ toString: () => word(n) }) }) },
      { name: "answers a text without end", fake: () => ({ fizzbuzz: () => "Fizz".repeat(1e6) }) },
    ],
    misses: [
      { name: "forgets FizzBuzz", body: FIZZ(but(RULES, "FizzBuzz", "Fizz")) },
      { name: "writes it in small letters", body: FIZZ(but(RULES, "FizzBuzz", "Fizzbuzz")) },
      { name: "takes 0 for a number", body: FIZZ(`if (n == 0) return "0"; ${RULES}`) },
      { name: "looks at 32 bits only", body: FIZZ(`const low = <u32>n; ${but(RULES, "n %", "low %")}`) },
      {
        name: "loses precision as a float does",
        body: FIZZ(`const f = <u64><f64>n; ${but(RULES, "n %", "f %")}`),
      },
      {
        name: "takes n for signed",
        body: `export function fizzbuzz(n: u64): string { ${RULES} return (<i64>n).toString(); }`,
      },
    ],
  },
  {
    file: sort,
    start: start("sort"),
    solution: { body: shell("rank(a) > rank(b)"), fake: values((given) => void given.sort()) },
    cheats: [
      { name: "answers a constant", body: `export function sort(values: Float64Array): void { values.fill(1); }` },
      {
        name: "answers a sorted array that is not its input",
        body: `export function sort(values: Float64Array): void {
  for (let i = 0; i < values.length; i++) values[i] = i;
}`,
      },
      { name: "spreads one of its values over the rest", fake: values((given) => void given.fill(given[0] ?? 0)) },
      {
        name: "takes the array away",
        fake: values((given) => void (given.buffer instanceof ArrayBuffer && given.buffer.transfer())),
      },
      {
        name: "sorts what it thinks is looked at: the ends",
        fake: values((given) => {
          const [first, last] = [Math.min(...given), Math.max(...given)];
          if (given.length > 1) [given[0], given[given.length - 1]] = [first, last];
        }),
      },
      {
        name: "gives up on long arrays",
        body: but(shell("rank(a) > rank(b)"), "let gap", "if (length > 9999) return; let gap"),
      },
    ],
    misses: [
      { name: "compares with >", body: shell("a > b") },
      { name: "takes -0 and 0 for equal", body: shell("a > b || (a != a && b == b)") },
      { name: "puts NaN first", body: shell("b != b ? a == a : rank(a) > rank(b)") },
      { name: "sorts the other way round", body: shell("rank(a) < rank(b)") },
      { name: "leaves out the first element", body: shell("rank(a) > rank(b)", { from: 1 }) },
      { name: "leaves out the last element", body: shell("rank(a) > rank(b)", { less: 1 }) },
      {
        name: "compares with > where the array is long",
        body: but(
          shell("rank(a) > rank(b)"),
          "after(values[at - gap], value)",
          "(length == 10000 ? values[at - gap] > value : after(values[at - gap], value))",
        ),
      },
      { name: "compares as f32", body: shell("rank(<f32>a) > rank(<f32>b)") },
      {
        name: "loses what is equal",
        body: but(
          shell("rank(a) > rank(b)"),
          "values[at] = value;",
          "if (at == 0 || values[at - 1] != value) values[at] = value;",
        ),
      },
    ],
  },
  {
    file: quantize,
    start: start("quantize"),
    solution: { body: COMPAND(24), fake: () => ({ quantize: laplacian(48) }) },
    cheats: [
      { name: "answers a constant", body: "export function quantize(x: f64): f64 { return 0.5; }" },
      { name: "returns x itself", body: "export function quantize(x: f64): f64 { return x; }" },
      {
        name: "rounds finely where the samples lie",
        body: "export function quantize(x: f64): f64 { return Math.round(x * 100) / 100; }",
      },
      { name: "has two levels", body: "export function quantize(x: f64): f64 { return x < 0 ? -1 : 1; }" },
      {
        name: "answers infinity far out",
        body: "export function quantize(x: f64): f64 { return Math.abs(x) > 20 ? Infinity : Math.round(x * 4) / 4; }",
      },
      { name: "answers big numbers, that pass for a string", fake: () => ({ quantize: (x) => `${Math.round(x)}` }) },
      {
        name: "forgets its levels after a while",
        fake: () => ((at) => ({ quantize: (x) => at++ < 300 ? x : Math.round(x) }))(0),
      },
    ],
    misses: [
      { name: "puts levels at the edges of cells", body: COMPAND(24, 0) },
      { name: "is made for another scale", body: COMPAND(24, 0.5, 1.5) },
      {
        name: "has cells of one width",
        body: "export function quantize(x: f64): f64 { return Math.max(-8, Math.min(8, Math.round(x * 2.9) / 2.9)); }",
      },
      { name: "loses the sign", body: but(COMPAND(24), "-level : level", "level : level") },
      { name: "clips at 5", body: but(COMPAND(24), "return x", "if (level > 5) return x < 0 ? -5 : 5; return x") },
    ],
  },
  {
    file: rastrigin,
    start: start("rastrigin"),
    solution: { body: RASTRIGIN(), fake: () => ({ surrogate: (x, y) => 20 + wave(x) + wave(y) }) },
    cheats: [
      { name: "answers the best constant", body: "export function surrogate(x: f64, y: f64): f64 { return 36.7; }" },
      {
        name: "answers infinity",
        body: "export function surrogate(x: f64, y: f64): f64 { return Infinity; }",
        ends: "nan",
      },
      {
        name: "knows the grid only",
        fake: () => ({
          surrogate: (x, y) => Number.isInteger(Math.round((x + 5) * 99e9) / 1e10) ? 20 + wave(x) + wave(y) : 0,
        }),
      },
      { name: "counts its calls", fake: () => ((at) => ({ surrogate: () => 36 + Math.sin(at++) }))(0) },
    ],
    misses: [
      { name: "has a shorter pi", body: RASTRIGIN({ pi: "3.14159" }) },
      { name: "has an amplitude off by little", body: RASTRIGIN({ amplitude: 10.00002 }) },
      { name: "is off by a hundred-thousandth", body: RASTRIGIN({ offset: "20.00001" }) },
      {
        name: "computes in f32",
        body: `function wave(x: f32): f32 { return x * x - 10 * Mathf.cos(2 * Mathf.PI * x); }
export function surrogate(x: f64, y: f64): f64 { return 20 + wave(<f32>x) + wave(<f32>y); }`,
      },
      { name: "leaves out the wave of y", body: but(RASTRIGIN(), "+ wave(y)", "+ y * y") },
    ],
  },
];

audited.forEach(audit);
