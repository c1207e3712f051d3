/** The audit of tic-tac-toe: one row for each cheat. */
import tictactoe from "../../plugins/functions/tictactoe/task.ts";
import { audit } from "../testing/audit.ts";
import { bodiesOf, shippedText } from "../testing/shipped.ts";

/** The text with one thing changed; a change that finds nothing would test nothing. */
const but = (text: string, from: string, to: string) => {
  if (!text.includes(from)) throw new Error(`Cannot change "${from}": the body does not hold it`);
  return text.replaceAll(from, to);
};

const PLAYED = bodiesOf("tictactoe", tictactoe).at(-1) ?? "";
const RULES = bodiesOf("tictactoe", tictactoe)[1] ?? "";
const MOVE = (statements: string) =>
  `const TABLE: StaticArray<i32> = [0, 0];
export function move(own: u16, other: u16, opponent: i32): i32 { ${statements} }`;

const LINES = [7, 56, 448, 73, 146, 292, 273, 84];
const won = (cells: number) => LINES.some((line) => (cells & line) === line);
const free = (taken: number) => [...Array(9).keys()].filter((cell) => !(taken >> cell & 1));
/** A best response in TypeScript. */
function responder() {
  const known = new Map<string, number>();
  const keep = (key: string, compute: () => number) => {
    const value = known.get(key) ?? compute();
    known.set(key, value);
    return value;
  };
  const outcome = (own: number, other: number): number =>
    keep(
      `${own} ${other}`,
      () =>
        won(other)
          ? -1
          : Math.max(...free(own | other).map((cell) => -outcome(other, own | 1 << cell)), -1 + +(own + other === 511)),
    );
  const replies = (own: number, other: number, opponent: number) => {
    const cells = free(own | other);
    if (opponent === 2) return cells.filter((cell) => -outcome(other, own | 1 << cell) === outcome(own, other));
    const urgent = [own, other].map((side) => cells.filter((cell) => won(side | 1 << cell)));
    return opponent === 0 ? cells : urgent.find((some) => some.length > 0) ?? cells;
  };
  const after = (own: number, other: number, opponent: number): number => {
    if (won(own)) return 1;
    const cells = replies(other, own, opponent);
    if (cells.length === 0) return 0.5;
    return cells.reduce((sum, cell) => sum + worth(own, other | 1 << cell, opponent), 0) / cells.length;
  };
  const worth = (own: number, other: number, opponent: number): number =>
    keep(`${own} ${other} ${opponent}`, () => {
      if (won(other)) return 0;
      const values = free(own | other).map((cell) => after(own | 1 << cell, other, opponent));
      return values.length === 0 ? 0.5 : Math.max(...values);
    });
  const best = (own: number, other: number, opponent: number) =>
    free(own | other).map((cell) => ({ cell, value: after(own | 1 << cell, other, opponent) }))
      .reduce((best, one) => one.value > best.value ? one : best, { cell: -1, value: -1 }).cell;
  return { outcome, best };
}
const { best: move } = responder();

audit({
  file: tictactoe,
  start: shippedText("tictactoe", "function.ts"),
  solution: { body: PLAYED, fake: () => ({ move }) },
  without: {
    "answers by remembered arguments": "the positions are the same in every run: a table of them is a policy",
  },
  cheats: [
    { name: "answers a constant", body: MOVE("return 4;"), fake: () => ({ move: () => 4 }) },
    { name: "answers beyond the board", body: MOVE("return 9;"), fake: () => ({ move: () => 1e9 }) },
    { name: "answers a negative cell", body: MOVE("return -1;") },
    { name: "takes the opponent's cells", body: MOVE("return other ? 31 - clz<i32>(other) : 4;") },
    { name: "answers NaN", fake: () => ({ move: () => NaN }) },
    { name: "answers a fraction of a cell", fake: () => ({ move: (...on) => move(on[0], on[1], on[2]) + 1e-9 }) },
    {
      name: "answers an object with a cell in it",
      fake: () => ({ move: (...on) => Object(move(on[0], on[1], on[2])) }),
    },
    { name: "answers bits that pass for a cell", fake: () => ({ move: (...on) => move(on[0], on[1], on[2]) + 32 }) },
    { name: "counts its calls", fake: () => ((at) => ({ move: () => at++ % 9 }))(0) },
    { name: "hides a count in a table", body: MOVE("return TABLE[0]++ % 9;"), ends: ["policy", "scored"] },
    {
      name: "plays well until it was asked often",
      fake: () => ((at) => ({ move: (...on) => at++ < 100 ? move(on[0], on[1], on[2]) : 0 }))(0),
    },
  ],
  misses: [
    { name: "plays by rules of thumb", body: RULES },
    { name: "does not block", body: but(RULES, "wins(other | bit)", "wins(own | bit)") },
    { name: "takes every opponent for random", body: but(PLAYED, "opponent == 1", "opponent == 3"), ends: "fuel" },
    { name: "takes smart for one that does not block", body: but(PLAYED, "block ? block : free", "free") },
    { name: "takes smart for one that does not win", body: but(PLAYED, "if (win) return win;", "") },
    { name: "thinks a draw worthless", body: but(PLAYED, "return 0.5", "return 0") },
    { name: "thinks a draw as good as a win", body: but(PLAYED, "return 0.5", "return 1") },
    { name: "forgets one of the lines", body: but(PLAYED, "273, 84]", "273, 273]") },
  ],
});
