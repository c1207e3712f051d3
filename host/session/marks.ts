/** How far reflection has read each session: the processed set that decides, and the watermark for people. */
import * as z from "zod";
import { attempt, replaceFile } from "./files.ts";

const Mark = z.object({ events: z.number(), bytes: z.number(), at: z.string() });
/** The end of a session as it was when it was reflected on: events, bytes and the time of its last event. */
export type Mark = z.infer<typeof Mark>;

const Marks = z.object({ v: z.literal(1), sessions: z.record(z.string(), Mark) }).catch({ v: 1, sessions: {} });

/** Creates the store of marks in a `.evo` folder. A missing or damaged set means that nothing was reflected on: reading twice is better than never. */
export function createMarks(folder: string) {
  const read = async (): Promise<Record<string, Mark>> => {
    const text = await Deno.readTextFile(`${folder}/reflected.json`).catch(() => "");
    return Marks.parse(attempt(() => JSON.parse(text))).sessions;
  };
  return {
    read,
    async add(marks: [id: string, mark: Mark][]): Promise<void> {
      if (marks.length === 0) return;
      const sessions = { ...await read(), ...Object.fromEntries(marks) };
      await replaceFile(`${folder}/reflected.json`, `${JSON.stringify({ v: 1, sessions }, null, 1)}\n`);
      const before = await Deno.readTextFile(`${folder}/learned_until.txt`).catch(() => "");
      const until = Math.max(millis(before), ...marks.map(([, mark]) => millis(mark.at)));
      await replaceFile(`${folder}/learned_until.txt`, `${new Date(until).toISOString()}\n`);
    },
  };
}

/** The watermark is one line: an ISO time, or whole seconds since the epoch. */
function millis(line: string): number {
  const text = line.trim();
  const value = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  return Math.abs(value) < 8e15 ? value : 0;
}
