/**
 * Tic-tac-toe against three opponents, by exact expectation: no game is sampled, every reachable position is walked with its
 * probability.
 *
 * - random: any free cell, each as likely;
 * - smart: a cell that wins, else one that keeps the other from winning, else any free cell; among equals each as likely;
 * - minimax: a cell of the best outcome under perfect play, each of those as likely, without a liking for short games.
 *
 * A win counts 1, a draw a half; each opponent is met with the body starting and with the opponent starting, six games in all,
 * and the score is their mean. A move that is not a free cell loses.
 *
 * The body is told whom it plays. The best responses then are one body, and their mean is the goal: 0.9974 and 0.9624 against
 * random (first, second), 0.9635 and 0.7 against smart, 0.5 and 0.5 against minimax, in all 0.7706. A body that is not told
 * cannot have that: the best one that a long search found for all three at once has 0.74, and nothing shows that none is better. A goal should be
 * known and in reach, so the opponent is an argument.
 *
 * Nothing is sampled, so there is no set of positions to overfit to. What a held-out run changes is what a score is made of: how
 * much each of the six games counts, from a half to one and a half. A best response wins under any such weights; a body that
 * gains a little in one game by a loss in another does not always. And each position is asked again, of a fresh instance
 * and in another order: what answers otherwise then has no policy, and gets the floor.
 */
import type { Callable, FunctionApi, Random } from "../../../actors/functions.ts";

const MOVE = { parameters: [["own", "u16"], ["other", "u16"], ["opponent", "i32"]], result: "i32" } as const;
const OPPONENTS = ["random", "smart", "minimax"] as const;
const LINES = [0b111, 0b111000, 0b111000000, 0b1001001, 0b10010010, 0b100100100, 0b100010001, 0b1010100];
const FULL = 0b111111111;
const HINTS = 6;

type Move = Callable<typeof MOVE>;
/** What a player may do: one of these, each as likely. */
type Policy = (own: number, other: number) => number[];

const hasWon = (cells: number) => LINES.some((line) => (cells & line) === line);
const freeCells = (taken: number) => [0, 1, 2, 3, 4, 5, 6, 7, 8].filter((cell) => (taken >> cell & 1) === 0);
const winning: Policy = (own, other) => freeCells(own | other).filter((cell) => hasWon(own | 1 << cell));
const key = (own: number, other: number) => own << 9 | other;

/** A function of a position that is computed once for each. */
function remembered<T>(compute: (own: number, other: number) => T): (own: number, other: number) => T {
  const known = new Map<number, T>();
  return (own, other) => {
    const found = known.get(key(own, other));
    if (found !== undefined) return found;
    const made = compute(own, other);
    known.set(key(own, other), made);
    return made;
  };
}

/** 1, 0 or -1 for the player whose turn it is, under perfect play. */
const outcome = remembered((own, other): number => {
  if (hasWon(other)) return -1;
  const free = freeCells(own | other);
  return free.length === 0 ? 0 : Math.max(...free.map((cell) => -outcome(other, own | 1 << cell)));
});

const policies: Record<typeof OPPONENTS[number], Policy> = {
  random: (own, other) => freeCells(own | other),
  smart(own, other) {
    const wins = winning(own, other), blocks = winning(other, own);
    return wins.length > 0 ? wins : blocks.length > 0 ? blocks : freeCells(own | other);
  },
  minimax: (own, other) =>
    freeCells(own | other).filter((cell) => -outcome(other, own | 1 << cell) === outcome(own, other)),
};

/** What the best response to an opponent gets: `mine` when it is its turn, `theirs` when it is the opponent's. */
function bestResponse(opponent: Policy) {
  const mine = remembered((own, other): number => {
    if (hasWon(other)) return 0;
    const free = freeCells(own | other);
    return free.length === 0 ? 0.5 : Math.max(...free.map((cell) => theirs(own | 1 << cell, other)));
  });
  const theirs = remembered((own, other): number => {
    if (hasWon(own)) return 1;
    if ((own | other) === FULL) return 0.5;
    const cells = opponent(other, own);
    return cells.reduce((sum, cell) => sum + mine(own, other | 1 << cell), 0) / cells.length;
  });
  return { mine, theirs };
}

const players = OPPONENTS.map((name, index) => {
  const policy = remembered(policies[name]);
  return { name, index, policy, best: bestResponse(policy) };
});
type Player = typeof players[number];
const OPTIMUM = players.reduce((sum, { best }) => sum + best.mine(0, 0) + best.theirs(0, 0), 0) / (2 * players.length);

/** A choice of the body, how likely it is to come to it, and what it gives away against the best response. */
interface Choice {
  own: number;
  other: number;
  cell: number;
  legal: boolean;
  reached: number;
  lost: number;
}

/** Walks both games against one opponent: what the body gets of each, and all of its choices. */
function play(move: Move, { policy, best, index }: Player) {
  const choices = new Map<number, Choice>();
  function mine(own: number, other: number, reached: number): number {
    if (hasWon(other)) return 0;
    if ((own | other) === FULL) return 0.5;
    const known = choices.get(key(own, other));
    const cell = known?.cell ?? move(own, other, index);
    const legal = Number.isInteger(cell) && cell >= 0 && cell <= 8 && ((own | other) >> cell & 1) === 0;
    const lost = best.mine(own, other) - (legal ? best.theirs(own | 1 << cell, other) : 0);
    const before = known?.reached ?? 0;
    choices.set(key(own, other), { own, other, cell, legal, reached: before + reached, lost });
    return legal ? theirs(own | 1 << cell, other, reached) : 0;
  }
  function theirs(own: number, other: number, reached: number): number {
    if (hasWon(own)) return 1;
    if ((own | other) === FULL) return 0.5;
    const cells = policy(other, own);
    const each = cells.map((cell) => mine(own, other | 1 << cell, reached / cells.length));
    return each.reduce((sum, value) => sum + value, 0) / cells.length;
  }
  return { values: [mine(0, 0, 1), theirs(0, 0, 1)] as const, choices: [...choices.values()] };
}

const board = (own: number, other: number) =>
  freeCells(0).map((cell) => own >> cell & 1 ? "x" : other >> cell & 1 ? "o" : ".").join("")
    .replace(/^(...)(...)/, "$1/$2/");

/** The choices that cost most, for the model. */
function hints({ name, best }: Player, choices: readonly Choice[]): { cost: number; hint: string }[] {
  return choices.filter(({ lost }) => lost > 0).map(({ own, other, cell, legal, reached, lost }) => {
    const worth = best.mine(own, other);
    const better = freeCells(own | other).filter((one) => best.theirs(own | 1 << one, other) === worth).join(" or ");
    const got = legal ? `worth ${best.theirs(own | 1 << cell, other).toFixed(3)} at best` : "no free cell: it loses";
    const turn = `against ${name}, own ${own} and other ${other} (${board(own, other)})`;
    const hint = `${turn}: expected ${better}, worth ${worth.toFixed(3)}, got ${cell}, ${got}`;
    return { cost: lost * reached, hint };
  });
}

/** The first choice that a fresh instance, asked in another order, does not repeat. */
function change(move: Move, asked: readonly (Choice & { index: number })[], random: Random): string {
  for (const { own, other, cell, index } of random.shuffle(asked)) {
    const now = move(own, other, index);
    if (!Object.is(now, cell)) return `move(${own}, ${other}, ${index}) was ${cell} and then ${now}`;
  }
  return "";
}

export default ({ task }: FunctionApi) =>
  task({
    name: "tictactoe",
    description:
      "Choose a move in tic-tac-toe. own and other are the cells taken by you and by the opponent, bit k is cell k: " +
      "cells 0 1 2 are the top row, 3 4 5 the middle, 6 7 8 the bottom. opponent is 0 (random: any free cell), 1 (smart: wins " +
      "if it can, else blocks if it must, else any free cell) or 2 (minimax: plays perfectly, any of the equally good cells). " +
      "Return a free cell, 0 to 8; anything else loses. Against each opponent you start once and it starts once; win 1, draw " +
      "0.5; the score is the exact expected mean of the six games. The best response to each opponent has " +
      `${OPTIMUM.toFixed(4)} in all. The answer must depend on the arguments alone.`,
    functions: { move: MOVE },
    limits: { fuel: 5_000_000, pages: 16, deadlineMs: 20_000, source: 20_000 },
    goal: OPTIMUM - 1e-9,
    evaluate(candidate, { set, random }) {
      const { move } = candidate.fresh().functions;
      const games = players.map((player) => ({ player, ...play(move, player) }));
      const asked = games.flatMap(({ player: { index }, choices }) => choices.map((choice) => ({ ...choice, index })));
      const changed = change(candidate.fresh().functions.move, asked, random);
      if (changed) return { score: 0, feedback: [`${changed}: the answer must depend on the arguments alone`] };
      const values = games.flatMap(({ values }) => values);
      const weights = values.map(() => set === "training" ? 1 : 0.5 + random.next());
      const score = values.reduce((sum, value, at) => sum + value * (weights[at] ?? 0), 0) /
        weights.reduce((sum, weight) => sum + weight, 0);
      const metrics = Object.fromEntries(
        games.map(({ player, values: [first, second] }) => [player.name, (first + second) / 2]),
      );
      const told = games.map(({ player: { name, best }, values: [first, second] }) =>
        `against ${name}: starting ${first.toFixed(4)} of ${best.mine(0, 0).toFixed(4)}, second ${
          second.toFixed(4)
        } of ` +
        best.theirs(0, 0).toFixed(4)
      );
      const worst = games.flatMap(({ player, choices }) => hints(player, choices)).sort((a, b) => b.cost - a.cost);
      return { score, metrics, feedback: [...worst.slice(0, HINTS).map(({ hint }) => hint), ...told] };
    },
  });
