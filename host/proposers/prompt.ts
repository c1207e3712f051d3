/** What the model is told of a function, and what people are shown of it. */
import type { Score } from "../../actors/functions.ts";
import { cut } from "../session/files.ts";
import type { Declaration } from "../evaluation/types.ts";
import type { Archive } from "../functions/archive.ts";

const IN_SOURCE: Record<string, string> = { BigInt64Array: "Int64Array", BigUint64Array: "Uint64Array" };
/** Characters of an earlier body, of its feedback, and of the best body's feedback in a prompt. */
const MOST = { body: 3_000, feedback: 400, best: 4_000 };

/** The exported functions, as AssemblyScript writes them. */
export function signatures({ functions }: Pick<Declaration, "functions">): string {
  const typed = (type: string) => IN_SOURCE[type] ?? type;
  return Object.entries(functions).map(([name, { parameters, result }]) => {
    const taken = parameters.map(([word, type]) => `${word}: ${typed(type)}`).join(", ");
    return `export function ${name}(${taken}): ${typed(result)}`;
  }).join("\n");
}

/** A score with so many of its metrics, short. */
export function scored(score: Score | undefined, most = 2): string {
  if (!score) return "-";
  const metrics = Object.entries(score.metrics ?? {}).slice(0, most).map(([name, value]) => `${name} ${short(value)}`);
  return [short(score.score), ...metrics].join(", ");
}

/** A number in at most seven digits, unless it needs more to be told from a whole one. */
export function short(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(7)));
}

/** The first prompt of a round: task, signature, the best body with its training feedback, and what was tried before. */
export function taskPrompt(task: Declaration, archive: Archive, on: { lane: number; lanes: number }): string {
  const { lane, lanes } = on;
  const active = archive.revision(archive.standing().active);
  const front = task.objectives ? archive.incumbents(true) : [];
  const goal = task.goal === undefined ? "" : ` The goal is ${task.goal}.`;
  const wanted = Object.entries(task.objectives ?? {}).map(([name, way]) => `${name} (${way} is better)`).join(", ");
  return [
    `# ${task.name}\n\n${task.description}`,
    `Write exactly these functions:\n\n\`\`\`ts\n${signatures(task)}\n\`\`\``,
    `A call may use ${task.limits.fuel} fuel (one for each function entry and loop iteration) and ${task.limits.pages} pages` +
    ` of 64 KiB; the body at most ${task.limits.source} characters. Higher scores are better.${goal}`,
    wanted && `Measured against each other: ${wanted}. The front so far: ` +
      front.map(({ number, score }) => `revision ${number}: ${scored(score)}`).join("; "),
    active &&
    `The best body so far is revision ${active.number}, score ${scored(active.score, 20)}:\n\n${fenced(active.source)}`,
    active && active.feedback.length > 0 &&
    `Its training feedback:\n\n${cut(active.feedback.map((line) => `- ${line}`).join("\n"), MOST.best)}`,
    earlier(archive, active?.number),
    lanes > 1 && `You are one of ${lanes} who work on this side by side, number ${lane + 1}: take a way of your own.`,
  ].filter(Boolean).join("\n\n");
}

/** Two that came close and the last three that failed, so that neither is tried again. */
function earlier(archive: Archive, active: number | undefined): string {
  const close = archive.list("best", 3).filter(({ number }) => number !== active).slice(0, 2);
  const failed = archive.list("recent", 12).filter(({ state, number }) =>
    state === "rejected" && close.every((one) => one.number !== number)
  ).slice(0, 3);
  const tried = [...close, ...failed].map((one) => {
    const why = one.state === "rejected" ? `rejected (${one.kind})` : "accepted";
    const said = cut(one.feedback.join("\n"), MOST.feedback), body = fenced(cut(one.source, MOST.body));
    return `Revision ${one.number}, ${why}, score ${scored(one.score)}:\n\n${body}\n${said}`;
  });
  return tried.length === 0 ? "" : `Earlier attempts, not to be repeated:\n\n${tried.join("\n\n")}`;
}

const fenced = (source: string) => `\`\`\`ts\n${source.trimEnd()}\n\`\`\``;

type Cell = string | number | Score | undefined;
/** Rows under a head, columns aligned; with `json` an object a line, the metrics of a score beside it. */
export function table(head: string[], rows: Cell[][], json = false): string {
  const field = (name: string, cell?: Cell) =>
    typeof cell === "object" ? { [name]: cell.score, metrics: cell.metrics ?? {} } : { [name]: cell ?? null };
  const line = (row: Cell[]) => JSON.stringify(Object.assign({}, ...head.map((name, at) => field(name, row[at]))));
  if (json) return rows.map(line).join("\n");
  const told = (cell: Cell) =>
    typeof cell === "number" ? short(cell) : typeof cell === "object" ? scored(cell) : cell ?? "-";
  const all = [head, ...rows.map((row) => row.map(told))];
  const widths = head.map((_, at) => Math.max(...all.map((row) => row[at]?.length ?? 0)));
  return all.map((row) => row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join("  ").trimEnd()).join("\n");
}
