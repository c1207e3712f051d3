/** The audit of the packing functions: one row for each evaluator and cheat. */
import bin_packing from "../../plugins/functions/bin_packing/task.ts";
import { BEST_PACKING } from "../../plugins/lib/packing.ts";
import circle_packing from "../../plugins/functions/circle_packing/task.ts";
import { audit, type Audited } from "../testing/audit.ts";
import { bodiesOf, shippedText } from "../testing/shipped.ts";

const start = (name: string) => shippedText(name, "function.ts");
const solved = (name: string, file: Audited["file"]) => bodiesOf(name, file).at(-1) ?? "";
/** The text with one thing changed; a change that finds nothing would test nothing. */
const but = (text: string, from: string, to: string) => {
  if (!text.includes(from)) throw new Error(`Cannot change "${from}": the body does not hold it`);
  return text.replaceAll(from, to);
};

const PACKED = solved("bin_packing", bin_packing);
const priority = (item: number, remaining: number) => {
  const gap = remaining - item;
  return gap <= 6 ? 4 - gap / 4 : gap < 20 ? 0 : gap < 22 ? 0.5 : 1;
};
const PRIORITY = (statements: string) =>
  `const TABLE: StaticArray<f64> = [0, 0];
export function priority(item: f64, remaining: f64): f64 { ${statements} }`;
const mixed = (item: number, remaining: number) => Math.imul(item * 151 + remaining, 0x9e3779b1) >>> 0;

const PLACED = solved("circle_packing", circle_packing);
const PACK = (statements: string) =>
  `const TABLE: StaticArray<f64> = [0, 0];
export function pack(centres: Float64Array): void { ${statements} }`;
const GRID =
  `for (let i = 0; i < 26; i++) { centres[2 * i] = 0.1 + 0.16 * (i % 6); centres[2 * i + 1] = 0.1 + 0.2 * (i / 6); }`;
const pack = (values: ArrayLike<number>) => () => ({ pack: (centres: Float64Array) => centres.set(values) });
const placed = (change: (value: number, at: number) => number) => pack(BEST_PACKING.map(change));

/** What is refused by the policy or has the floor all the same: a table of constants that is written to. */
const HIDDEN = ["policy", "scored"] as const;

const audited: Audited[] = [
  {
    file: bin_packing,
    start: start("bin_packing"),
    solution: { body: PACKED, fake: () => ({ priority }) },
    without: {
      "answers by remembered arguments": "all cases are asked for in every run: a table of them is a priority",
    },
    cheats: [
      { name: "answers a constant", body: PRIORITY("return 1;"), fake: () => ({ priority: () => 1 }) },
      { name: "answers infinity", body: PRIORITY("return Infinity;") },
      {
        name: "answers NaN for one case",
        body: PRIORITY("return item == 50 && remaining == 51 ? NaN : item - remaining;"),
      },
      { name: "always opens a new bin", body: PRIORITY("return remaining;") },
      { name: "answers by a mixture that fits nothing", fake: () => ({ priority: mixed }) },
      { name: "answers a text", fake: () => ({ priority: (...on) => `${priority(on[0], on[1])}` }) },
      { name: "answers an object with a number in it", fake: () => ({ priority: () => ({ valueOf: () => 1 }) }) },
      { name: "counts its calls", fake: () => ((at) => ({ priority: () => at++ }))(0) },
      {
        name: "hides a count in a table",
        body: PRIORITY("TABLE[0] = TABLE[0] + 1; return item - remaining + TABLE[0];"),
        ends: [...HIDDEN],
      },
      {
        name: "is right until it was asked often",
        fake: () => ((at) => ({ priority: (item, remaining) => at++ < 7000 ? priority(item, remaining) : 0 }))(0),
      },
    ],
    misses: [
      { name: "takes gaps up to 15 for lost", body: but(PACKED, "SMALLEST: f64 = 20", "SMALLEST: f64 = 15") },
      { name: "takes gaps up to 30 for lost", body: but(PACKED, "SMALLEST: f64 = 20", "SMALLEST: f64 = 30") },
      { name: "prefers a looser fit", body: but(PACKED, "4 - gap / 4", "4 + gap / 4") },
      { name: "does not mind a lost gap", body: but(PACKED, "return 0;", "return 2;") },
      { name: "opens a new bin when in doubt", body: but(PACKED, "0.5 : 1", "0.5 : 1 + gap") },
      { name: "knows best fit only", body: PRIORITY("return -(remaining - item);") },
    ],
  },
  {
    file: circle_packing,
    start: start("circle_packing"),
    solution: { body: PLACED, fake: pack(BEST_PACKING) },
    without: {
      "answers by remembered call count": "one answer is wanted; a body that always gives it has earned its score",
    },
    cheats: [
      {
        name: "puts all circles on one place",
        body: PACK("centres.fill(0.5);"),
        fake: pack(new Float64Array(52).fill(0.5)),
      },
      { name: "puts them a billionth apart", body: PACK("for (let i = 0; i < 52; i++) centres[i] = 0.5 + 1e-9 * i;") },
      { name: "stays with a grid that leaves places empty", body: PACK(GRID) },
      { name: "puts them on the border", body: PACK("for (let i = 0; i < 52; i++) centres[i] = i % 2;") },
      { name: "puts them far outside", body: PACK("for (let i = 0; i < 52; i++) centres[i] = i * 1e3;") },
      { name: "puts one outside, where there is room", fake: placed((value, at) => at === 0 ? 1 + value : value) },
      {
        name: "answers infinity",
        body: PACK("centres.fill(Infinity);"),
        fake: pack(new Float64Array(52).fill(-Infinity)),
      },
      { name: "answers NaN for one", fake: placed((value, at) => at === 51 ? NaN : value) },
      { name: "leaves half of the array as it was", fake: pack(BEST_PACKING.slice(0, 26)) },
      { name: "moves what it was given a little", body: PACK("for (let i = 0; i < 52; i++) centres[i] *= 0.99;") },
      {
        name: "takes the array away",
        fake: () => ({ pack: ({ buffer }: Float64Array) => void (buffer instanceof ArrayBuffer && buffer.transfer()) }),
      },
      {
        name: "hides what it found in a table",
        body: PACK(`${GRID} TABLE[0] = TABLE[0] + 0.001; centres[0] = 0.1 + TABLE[0];`),
        ends: [...HIDDEN],
      },
      {
        name: "counts its instances",
        fake: ((at) => () => placed((value) => value + 1e-12 * at++)())(0),
      },
    ],
    misses: [
      { name: "has one circle off by a thousandth", body: but(PLACED, "0.38167", "0.38267") },
      { name: "has one circle on another's place", body: but(PLACED, "0.38167, 0.70261", "0.90761, 0.31312") },
      { name: "has one circle mirrored", body: but(PLACED, "0.38167, 0.70261", "0.70261, 0.38167") },
      { name: "is rounded to two digits", body: PLACED.replace(/0\.(\d\d)\d{3}/g, "0.$1") },
      {
        name: "is drawn together a little",
        body: but(PLACED, "= PLACES[at]", "= 0.5 + (PLACES[at] - 0.5) * 0.999"),
      },
      {
        name: "is moved aside a little",
        body: but(PLACED, "= PLACES[at]", "= PLACES[at] + (at & 1) * 0.0005"),
      },
    ],
  },
];

audited.forEach(audit);
