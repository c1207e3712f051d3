/** `deno task bench`: measures, as ratios in one run, prints a table and writes outputs/bench.json. Arguments name the parts to run. */
import { join } from "node:path";
import { findBase } from "../build/base.ts";
import { CHECKOUT, ensure } from "../build/install.ts";
import { findHome } from "../home.ts";
import { measureDispatch } from "./dispatch.ts";
import { measureEvolved } from "./evolved.ts";
import { measureEvolving } from "./evolving.ts";
import { measurePacking } from "./packing.ts";
import { measureScoring } from "./scoring.ts";
import type { Row } from "../testing/measure.ts";
import { measureStart } from "./start.ts";
import { measureStoring } from "./storing.ts";
import { measureTurns } from "./turns.ts";

const out = (line: string) => void Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
const isOver = ({ value, target }: Row) => target !== undefined && !(value <= target);

function print(row: Row): void {
  const number = (value: number) => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
  const target = row.target === undefined ? "" : `${row.target} ${row.unit}`;
  const verdict = row.target === undefined ? "" : isOver(row) ? "over" : "ok";
  const cells = [row.measure.padEnd(36), `${number(row.value)} ${row.unit}`.padStart(12), target.padStart(10)];
  out([...cells, verdict.padEnd(4), row.note ?? ""].join("  ").trimEnd());
}

const built = await ensure(CHECKOUT, out);
if (!built.ok) throw new Error(built.error);
const executable = built.value;
const env = (name: string) => Deno.env.get(name);
const { home } = await findHome({ env, exe: executable });
const base = await findBase({ home, env, deno: [Deno.execPath()] });
if (!base.ok) throw new Error(base.error);
const parts: Record<string, () => Promise<Row[]>> = {
  start: () => measureStart(executable, base.value),
  turns: () => measureTurns(executable),
  storing: () => measureStoring(executable),
  scoring: () => measureScoring(executable), // before what loads the compiler: where bodies are scored, there is none
  dispatch: measureDispatch,
  evolved: measureEvolved,
  packing: () => measurePacking({ self: [executable] }),
  evolving: () => measureEvolving(CHECKOUT, base.value, out),
};
const rows: Row[] = [];
for (const [name, measure] of Object.entries(parts)) {
  if (Deno.args.length > 0 && !Deno.args.includes(name)) continue;
  out(`measuring: ${name}`);
  rows.push(...await measure());
}
out(["measure".padEnd(36), "value".padStart(12), "target".padStart(10)].join("  "));
rows.forEach(print);
const path = join(CHECKOUT, "outputs/bench.json");
await Deno.mkdir(join(CHECKOUT, "outputs"), { recursive: true });
const machine = { cores: navigator.hardwareConcurrency, deno: Deno.version.deno, target: Deno.build.target };
const told = rows.map((row) => ({ ...row, over: isOver(row) }));
await Deno.writeTextFile(
  path,
  `${JSON.stringify({ at: new Date().toISOString(), ...machine, rows: told }, null, 2)}\n`,
);
out(`Written to outputs/bench.json; ${rows.filter(isOver).length} of ${rows.length} are over their target`);
