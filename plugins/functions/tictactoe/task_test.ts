import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { declared, scoreOf } from "../../lib/fake_functions.ts";
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
  return { best, score: games.reduce((sum, value) => sum + value, 0) / 6, games, plays, worth, after };
}
const { best, score: most, games, plays, worth, after } = optimum();

/** How likely a body is to come to each position when it starts and when it is second, and what it gets of both games. */
function walk(move: Move, opponent: number) {
  const reached = new Map<string, number>();
  const replies = (own: number, other: number, chance: number): number => {
    const cells = plays[opponent]?.(other, own) ?? [];
    if (won(own)) return 1;
    if (own + other === 511) return 0.5;
    return cells.map((cell) => turn(own, other | 1 << cell, chance / cells.length)).reduce((sum, one) => sum + one, 0) /
      cells.length;
  };
  const turn = (own: number, other: number, chance: number): number => {
    if (won(other)) return 0;
    if (own + other === 511) return 0.5;
    const at = `${own} ${other}`, cell = move(own, other, opponent);
    reached.set(at, (reached.get(at) ?? 0) + chance);
    return free(own, other).includes(cell) ? replies(own | 1 << cell, other, chance) : 0;
  };
  return { values: [turn(0, 0, 1), replies(0, 0, 1)], reached };
}

Deno.test("tictactoe declares what its bodies are held to", () => {
  const { description: _, evaluate: __, goal, ...rest } = declared(tictactoe);
  ok(Math.abs((goal ?? 0) - (most - 1e-9)) < 1e-12);
  equal(rest, {
    name: "tictactoe",
    functions: { move: { parameters: [["own", "u16"], ["other", "u16"], ["opponent", "i32"]], result: "i32" } },
    limits: { fuel: 5_000_000, pages: 16, deadlineMs: 20_000, source: 20_000 },
  });
});

Deno.test("tictactoe's goal is the mean of the best responses, computed another way", () => {
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
  const evenly = scoreOf(tictactoe, body(first), { set: "held_out", random: { next: () => 0 } });
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

const NAMES = ["random", "smart", "minimax"];
/** Every hint about a body, and what the choice costs. */
function allHints(move: Move): Map<string, number> {
  const found = new Map<string, number>();
  for (const [opponent, name] of NAMES.entries()) {
    for (const [at, chance] of walk(move, opponent).reached) {
      const [own = 0, other = 0] = at.split(" ").map(Number), cell = move(own, other, opponent);
      const most = worth(own, other, opponent), value = (cell: number) => after(own | 1 << cell, other, opponent);
      const legal = free(own, other).includes(cell), lost = most - (legal ? value(cell) : 0);
      const cells = CELLS.map((cell) => own & 1 << cell ? "x" : other & 1 << cell ? "o" : ".").join("");
      const rows = `${cells.slice(0, 3)}/${cells.slice(3, 6)}/${cells.slice(6)}`;
      const better = free(own, other).filter((cell) => value(cell) === most).join(" or ");
      const got = legal ? `${cell}, worth ${value(cell).toFixed(3)} at best` : `${cell}, no free cell: it loses`;
      if (lost < 1e-12) continue;
      found.set(
        `against ${name}, own ${own} and other ${other} (${rows}): expected ${better}, worth ${
          most.toFixed(3)
        }, got ${got}`,
        lost * chance,
      );
    }
  }
  return found;
}

const taken: Move = (own, other) => own === 0 ? first(own, other, 0) : own === 1 ? 0 : 32;
/** Wrong in no more places than are shown. */
const slips: Move = (own, other, opponent) => own === 0 && other === 16 ? 1 : best(own, other, opponent);

const any: Move = (own, other, opponent) => (7 * own + 13 * other + 5 * opponent) % 9;
const drift = (by: number): Move => (own, other, opponent) =>
  (own * by + other * 13 + opponent) % 5 === 0 ? any(own, other, opponent) : best(own, other, opponent);
const bodies = { first, taken, slips, any, drift: drift(7), drift2: drift(17) };

for (const [name, move] of Object.entries(bodies)) {
  Deno.test(`tictactoe tells of the choices of "${name}" that cost most, with the cells that are best, and of all games`, () => {
    const { feedback } = scoreOf(tictactoe, body(move)), costs = allHints(move);
    const told = feedback.slice(0, -3), most = [...costs.values()].sort((a, b) => b - a).slice(0, 6);
    equal(told.length, most.length);
    for (const [at, cost] of most.entries()) {
      ok(Math.abs((costs.get(told[at] ?? "") ?? NaN) - cost) < 1e-12, `${told[at]} is not ${cost}`);
    }
    const lines = NAMES.map((name, at) => {
      const [starting, second] = walk(move, at).values.map((value) => value.toFixed(4));
      const [high, low] = [games[2 * at], games[2 * at + 1]].map((value) => value?.toFixed(4));
      return `against ${name}: starting ${starting} of ${high}, second ${second} of ${low}`;
    });
    equal(feedback.slice(-3), lines);
  });
}

Deno.test("tictactoe weighs each held-out game from a half to one and a half", () => {
  const values = [0, 1, 2].flatMap((opponent) => walk(first, opponent).values);
  for (const [at, value] of values.entries()) {
    let drawn = 0;
    const next = () => drawn++ === at ? 1 : 0;
    const { score } = scoreOf(tictactoe, body(first), { set: "held_out", random: { next } });
    const sum = values.reduce((sum, value) => sum + 0.5 * value, 0) + value;
    ok(Math.abs(score - sum / 4) < 1e-12);
    equal(drawn, 6);
  }
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

for (const cell of [-1, 9, 10, 4.5, NaN]) {
  Deno.test(`tictactoe: ${cell} is no cell, it loses the game and passes no turn`, () => {
    const { feedback } = scoreOf(tictactoe, body((...turn) => turn[0] + turn[1] === 0 ? cell : best(...turn)));
    equal(feedback.filter((line) => line.includes(": starting 0.0000 of ")).length, 3);
  });
}

Deno.test("tictactoe gives nothing for the opponent's cells, nor for one's own, once the game is on", () => {
  const lowest = (cells: number) => CELLS.find((cell) => cells & 1 << cell) ?? 4;
  equal(scoreOf(tictactoe, body((_, other) => lowest(other))).score, 0);
  equal(scoreOf(tictactoe, body((own, other) => own ? lowest(own) : lowest(511 - other))).score, 0);
});

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
