/**
 * Start, memory, idleness, size: each start next to a start of an empty program on the same base. From the first prompt on keys
 * are taken; the line that names the session comes when what is typed is also answered.
 */
import type { Base } from "../build/base.ts";
import {
  makePlace,
  median,
  type Place,
  readProcess,
  ROUNDS,
  type Row,
  timeRun,
  untilShown,
} from "../testing/measure.ts";

const IDLE_MS = 4000;

/** Measures. */
export async function measureStart(executable: string, base: Base): Promise<Row[]> {
  const place = await makePlace();
  try {
    const hello = await compileHello(place, base);
    const plain: number[] = [], prompt: number[] = [], shown: number[] = [], version: number[] = [];
    const ready: number[] = [];
    const memory: { rss: number; peak: number }[] = [];
    let idle = NaN;
    for (let round = 0; round < ROUNDS; round++) {
      plain.push(await timeRun([hello], place));
      version.push(await timeRun([executable, "--version"], place));
      shown.push(await untilShown(hello, place, { mark: /hello/ }));
      ready.push(await untilShown(executable, place, { mark: /evo \d+ · /, look: async () => {} }));
      prompt.push(
        await untilShown(executable, place, {
          mark: /evo \d+> /,
          async look(pid) {
            const before = await readProcess(pid);
            memory.push(before);
            if (round < ROUNDS - 1) return;
            await new Promise((done) => setTimeout(done, 1000)); // what a start leaves for later has then been done
            const settled = await readProcess(pid);
            memory.push(settled);
            await new Promise((done) => setTimeout(done, IDLE_MS));
            idle = ((await readProcess(pid)).cpuMs - settled.cpuMs) / IDLE_MS * 100;
          },
        }),
      );
    }
    const ratio = (many: number[], few: number[]) => median(many.map((value, at) => value / (few[at] ?? NaN)));
    const bare = (many: number[]) => many.map((value, at) => value - (shown[at] ?? NaN) + (plain[at] ?? NaN)); // without script's own start
    return [
      { measure: "start to first prompt / hello", value: ratio(bare(prompt), plain), unit: "x", target: 2.2 },
      { measure: "start to first prompt", value: median(bare(prompt)), unit: "ms", note: `hello ${ms(plain)}` },
      { measure: "start to named session / hello", value: ratio(bare(ready), plain), unit: "x" },
      {
        measure: "--version / hello",
        value: ratio(version, plain),
        unit: "x",
        target: 1.3,
        note: `hello ${ms(plain)}`,
      },
      { measure: "resident at the prompt", value: Math.max(...memory.map(({ rss }) => rss)), unit: "MB", target: 90 },
      { measure: "resident, peak of a start", value: Math.max(...memory.map(({ peak }) => peak)), unit: "MB" },
      { measure: "idle CPU", value: idle, unit: "%", target: 0.5, note: `over ${IDLE_MS / 1000} s` },
      { measure: "executable", value: (await Deno.stat(executable)).size / 1e6, unit: "MB", target: 110 },
    ];
  } finally {
    await Deno.remove(place.root, { recursive: true });
  }
}

const ms = (values: number[]) => `${median(values).toFixed(0)} ms`;

async function compileHello({ root, env }: Place, base: Base): Promise<string> {
  await Deno.writeTextFile(`${root}/hello.js`, 'console.log("hello");\n');
  const flags = ["compile", "--quiet", "--no-check", "--no-config", "--no-code-cache", "--output", "hello", "hello.js"];
  const extra = base.path ? { DENORT_BIN: base.path } : {};
  await timeRun([Deno.execPath(), ...flags], { cwd: root, env: { ...env, ...extra } });
  return `${root}/hello`;
}
