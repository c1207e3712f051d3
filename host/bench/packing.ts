/** What the shipped search reaches without a model: circle packing from several seeds, and bin packing. */
import { CHECKOUT } from "../build/install.ts";
import { makePlace, median, type Place, type Row } from "../testing/measure.ts";

const RECORD = 2.6359830849,
  ACTIVE = / is active: ([-\d.e]+).* -> ([-\d.e]+)/,
  KEPT = / stays active, score ([-\d.e]+)/;
const DEADLINE_MS = 120_000;

/** `self` starts Evo, from the checkout unless told; each seed has `minutes` on one core. */
export interface Packing {
  self?: string[];
  seeds?: number;
  minutes?: number;
}

/** The best sum of radii for each seed, one seed after the other, and the excess that the search leaves of bin packing. */
export async function measurePacking({ self, seeds = 10, minutes = 1 }: Packing = {}): Promise<Row[]> {
  const evo = self ?? [Deno.execPath(), "run", "-A", `${CHECKOUT}/host/boot.ts`];
  const core = await oneCore();
  const seconds = `${Math.round(minutes * 60)} s`, where = core.length > 0 ? "on one core" : "not held to one core";
  const rows: Row[] = [], sums: number[] = [];
  for (let seed = 1; seed <= seeds; seed++) {
    const { score, tried } = await search([...core, ...evo], { name: "circle_packing", seed, minutes });
    sums.push(score);
    const note = `${(RECORD - score).toFixed(6)} below the record; ${tried} bodies in ${seconds} ${where}`;
    rows.push({ measure: `circle packing by search, seed ${seed}`, value: score, unit: "sum", note });
  }
  const { score, tried } = await search([...core, ...evo], { name: "bin_packing", seed: 1, minutes });
  const spread = `best ${Math.max(...sums).toFixed(6)}, worst ${Math.min(...sums).toFixed(6)}, ${seeds} seeds`;
  return [
    ...rows,
    { measure: "circle packing by search, median", value: median(sums), unit: "sum", note: spread },
    {
      measure: "bin packing by search, excess",
      value: -score,
      unit: "%",
      note: `${tried} bodies in ${seconds} ${where}`,
    },
  ];
}

/** Words before a command that hold it to one core, none where that is not known. */
async function oneCore(): Promise<string[]> {
  const command = ["taskset", "-c", "0"];
  const probe = new Deno.Command("taskset", { args: ["-c", "0", "true"], stdout: "null", stderr: "null" });
  try {
    return (await probe.output()).success ? command : [];
  } catch {
    return []; // no taskset here
  }
}

async function search(evo: string[], { name, seed, minutes }: { name: string; seed: number; minutes: number }) {
  const place = await makePlace();
  try {
    const asked = ["--proposer", "search", "--lanes", "1", "--seed", `${seed}`, "--budget", `minutes=${minutes}`];
    const said = await runFor([...evo, "fn", "evolve", name, ...asked], place, minutes * 60_000 + DEADLINE_MS);
    const score = Number(ACTIVE.exec(said)?.[2] ?? KEPT.exec(said)?.[1] ?? NaN);
    if (!Number.isFinite(score)) throw new Error(`Cannot measure "${name}": the search said ${said.slice(-2000)}`);
    return { score, tried: Number(/; (\d+) attempts/.exec(said)?.[1] ?? 0) };
  } finally {
    await Deno.remove(place.root, { recursive: true });
  }
}

async function runFor([name = "", ...args]: string[], { cwd, env }: Place, ms: number): Promise<string> {
  const options = { args, cwd, env, clearEnv: true, stdin: "null", signal: AbortSignal.timeout(ms) } as const;
  const { stdout, stderr } = await new Deno.Command(name, { ...options, stdout: "piped", stderr: "piped" }).output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}
