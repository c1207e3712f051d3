import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { declared, fakeInstance, fakeRandom, scoreOf } from "../../lib/fake_functions.ts";
import tictactoe from "./task.ts";

type Move = (own: number, other: number, opponent: number) => number;
const body = (move: Move) => () => ({ move });
const CELLS = [0, 1, 2, 3, 4, 5, 6, 7, 8];
const free = (own: number, other: number) => CELLS.filter((cell) => ((own | other) & 1 << cell) === 0);
const rows = [[0, 1, 2], [3, 4, 5], [6, 7, 8], [0, 3, 6], [1, 4, 7], [2, 5, 8], [0, 4, 8], [2, 4, 6]];
const won = (cells: number) => rows.some((row) => row.every((cell) => cells & 1 << cell));
const first: Move = (own, other) => free(own, other)[0] ?? -1;

/** Best responses by another way than the evaluator's: negamax and expectation over boards as text. */
function optimum() {
  const values = new Map<string, number>();
  const remember = (key: string, compute: () => number) => {
    const value = values.get(key) ?? compute();
    values.set(key, value);
    return value;
  };
  const perfect = (own: number, other: number): number =>
    remember(`perfect ${own} ${other}`, () => {
      if (won(other)) return -1;
      return Math.max(
        ...free(own, other).map((cell) => -perfect(other, own | 1 << cell)),
        own + other === 511 ? 0 : -2,
      );
    });
  const plays = [free, (own: number, other: number) => {
    const cells = free(own, other);
    const wins = cells.filter((cell) => won(own | 1 << cell)), blocks = cells.filter((cell) => won(other | 1 << cell));
    return [wins, blocks, cells].find((some) => some.length > 0) ?? [];
  }, (own: number, other: number) => {
    const cells = free(own, other), value = (cell: number) => -perfect(other, own | 1 << cell);
    const best = Math.max(...cells.map(value));
    return cells.filter((cell) => value(cell) === best);
  }];
  const worth = (own: number, other: number, opponent: number): number =>
    remember(`${opponent} ${own} ${other}`, () => {
      if (won(other)) return 0;
      return own + other === 511
        ? 0.5
        : Math.max(...free(own, other).map((cell) => after(own | 1 << cell, other, opponent)));
    });
  const after = (own: number, other: number, opponent: number): number => {
    if (won(own)) return 1;
    const cells = plays[opponent]?.(other, own) ?? [];
    const all = cells.map((cell) => worth(own, other | 1 << cell, opponent));
    return cells.length === 0 ? 0.5 : all.reduce((sum, value) => sum + value, 0) / cells.length;
  };
  const best: Move = (own, other, opponent) => {
    const value = (cell: number) => after(own | 1 << cell, other, opponent);
    return free(own, other).sort((a, b) => value(b) - value(a))[0] ?? -1;
  };
  const games = [0, 1, 2].flatMap((opponent) => [worth(0, 0, opponent), after(0, 0, opponent)]);
  return { best, score: games.reduce((sum, value) => sum + value, 0) / 6, games, plays };
}
const { best, score: most, games, plays } = optimum();

Deno.test("tictactoe's goal is the mean of the best responses, computed another way", () => {
  const { goal = 0 } = declared(tictactoe);
  ok(goal < most && most - goal < 1e-8);
  equal(games.map((value) => value.toFixed(4)), ["0.9974", "0.9624", "0.9635", "0.7000", "0.5000", "0.5000"]);
  equal(most.toFixed(4), "0.7706");
});

Deno.test("tictactoe: the best response reaches the goal exactly, with nothing left to mend", () => {
  const { score, metrics, feedback } = scoreOf(tictactoe, body(best));
  ok(Math.abs(score - most) < 1e-12 && score >= (declared(tictactoe).goal ?? 1));
  const means = [0, 2, 4].map((at) => ((games[at] ?? 0) + (games[at + 1] ?? 0)) / 2);
  equal(Object.entries(metrics ?? {}), ["random", "smart", "minimax"].map((name, at) => [name, means[at]]));
  equal(feedback.map((line) => line.split(":")[0]), ["against random", "against smart", "against minimax"]);
});

Deno.test("tictactoe's expectation is what many sampled games come to", () => {
  let state = 1, points = 0;
  const chance = () => (state = (state * 48271) % 2147483647) / 2147483647;
  const GAMES = 30_000;
  for (let game = 0; game < GAMES; game++) {
    const opponent = game % 3;
    let own = 0, other = 0, mine = game % 2 === 0;
    while (!won(own) && !won(other) && (own | other) !== 511) {
      const cells = plays[opponent]?.(other, own) ?? [];
      if (mine) own |= 1 << first(own, other, opponent);
      else other |= 1 << (cells[Math.floor(chance() * cells.length)] ?? 0);
      mine = !mine;
    }
    points += won(own) ? 1 : won(other) ? 0 : 0.5;
  }
  const { score } = scoreOf(tictactoe, body(first));
  ok(Math.abs(points / GAMES - score) < 0.01, `${points / GAMES} sampled, ${score} exact`); // more than three deviations
});

Deno.test("tictactoe has one score on training whatever the seed, and weighs games anew on each held-out seed", () => {
  const scores = (set: "training" | "held_out", move: Move) =>
    [1, 2, 3].map((seed) => scoreOf(tictactoe, body(move), { set, seed }).score);
  equal(new Set(scores("training", first)).size, 1);
  equal(new Set(scores("held_out", first)).size, 3);
  const { functions } = declared(tictactoe);
  const alike = { ...fakeRandom(1), next: () => 0 };
  const evenly = declared(tictactoe).evaluate(fakeInstance<typeof functions>(body(first)), {
    set: "held_out",
    random: alike,
  });
  ok(Math.abs(evenly.score - scoreOf(tictactoe, body(first)).score) < 1e-12);
  const [winner, loser] = [scores("held_out", best), scores("held_out", first)];
  ok(winner.every((score, at) => score > (loser[at] ?? 1)));
});

Deno.test("tictactoe: a wrong move anywhere costs, a nearly best body is below the best", () => {
  const slip: Move = (own, other, opponent) =>
    opponent === 1 && own === 0 && other === 16 ? 1 : best(own, other, opponent);
  const { score, feedback } = scoreOf(tictactoe, body(slip));
  ok(score < most && score > most - 0.05);
  match(feedback[0] ?? "", /^against smart, own 0 and other 16 \(\.\.\.\/\.o\.\/\.\.\.\): expected .*, got 1, worth/);
});

const illegal: [name: string, move: Move][] = [
  ["does nothing", () => 0],
  ["answers no cell", () => -1],
  ["answers beyond the board", () => 9],
  ["answers a taken cell", (own, other) => CELLS.find((cell) => (own | other) & 1 << cell) ?? 99],
  ["answers NaN", () => NaN],
  ["answers a fraction", () => 4.5],
  ["answers nothing", () => undefined as unknown as number],
  ["answers bits that pass for a cell", () => 32],
];
for (const [name, move] of illegal) {
  Deno.test(`tictactoe has the floor for a body that ${name}`, () => {
    const { score, feedback } = scoreOf(tictactoe, body(move));
    equal(score, 0);
    match(feedback.join("\n"), /no free cell: it loses/);
  });
}

Deno.test("tictactoe has the floor for a body that answers by call count", () => {
  const answers: number[] = [];
  scoreOf(tictactoe, body((...turn) => answers[answers.push(best(...turn)) - 1] ?? 0)); // what a right body said, in order
  const { score, feedback } = scoreOf(tictactoe, () => {
    let calls = 0;
    return { move: () => answers[calls++] ?? 0 };
  });
  equal(score, 0);
  match(feedback[0] ?? "", /^move\(\d+, \d+, \d\) was \d and then \d: the answer must depend on the arguments alone/);
});
