/** A directory with one function on the fake workshop, for tests of the loop and of the commands. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import type { Clock, Functions, Model } from "../../actors/ports.ts";
import { createFunctions } from "../functions/functions.ts";
import { openStore, type Store } from "../functions/store.ts";
import { bodyOf, type FakeWorkshop, fakeWorkshop } from "./fake_workshop.ts";

/** A directory whose functions are at work. */
export interface Bench {
  cwd: string;
  workshop: FakeWorkshop;
  lines: string[];
  /** Runs one command line on a model, or on none. */
  run(
    line: string,
    how?: {
      model?: Model;
      signal?: AbortSignal;
      redact?: (text: string) => string;
      sleep?: Clock["sleep"];
      json?: boolean;
    },
  ): ReturnType<Functions["run"]>;
  /** The database, opened beside. */
  store(): Store;
  /** The lines of the trace, in order. */
  traces(): Record<string, unknown>[];
  /** The task's file: changing it changes the task. */
  task: string;
  database: string;
}

const clock: Clock = {
  now: Date.now,
  sleep: (ms, signal) =>
    ms < 60_000
      ? Promise.resolve()
      : new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true })),
};

/** Makes a directory with the function "line", whose starting body is worth 0.1, and cleans up. */
export async function withFunctions(
  act: (bench: Bench) => Promise<void>,
  { start = bodyOf(0.1), workshop = fakeWorkshop(), cassette = "" } = {},
): Promise<void> {
  const cwd = await Deno.makeTempDir();
  const folder = join(cwd, "shipped", "line"), task = join(folder, "task.ts");
  const database = join(cwd, ".evo/functions/functions.db");
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(task, "// the evaluator");
  await Deno.writeTextFile(join(folder, "function.ts"), start);
  if (cassette) await Deno.writeTextFile(join(folder, "cassette.jsonl"), cassette);
  const lines: string[] = [];
  const store = () => openStore({ path: database, now: Date.now, redact: String, warn: () => {} });
  try {
    await act({
      ...{ cwd, workshop, lines, store, task, database },
      traces() {
        const db = new DatabaseSync(database);
        const rows = db.prepare("SELECT line FROM attempts ORDER BY id").all();
        db.close();
        return rows.map(({ line }) => JSON.parse(String(line)));
      },
      run: (line, { model, signal = new AbortController().signal, redact = String, sleep = clock.sleep, json } = {}) =>
        createFunctions({
          ...{
            cwd,
            clock: { ...clock, sleep },
            redact,
            ...(json && { json }),
            workshop: () => workshop,
            hasModel: () => model !== undefined,
          },
          shipped: new URL(`${pathToFileURL(join(cwd, "shipped"))}/`),
          folders: () => Promise.resolve([join(cwd, ".evo/plugins/functions")]),
          model: () => model ?? fail(),
          play: () => model ?? fail(),
          prompt: (name) => Promise.resolve(`the prompt ${name}`),
        }).run(line.split(" "), { signal, update: (text) => lines.push(text) }),
    });
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
}

function fail(): never {
  throw new Error("There is no model here");
}
