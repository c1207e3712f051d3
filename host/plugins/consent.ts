/** What a person agreed to, kept by content: another content, or other permissions, is asked about anew. */
import { createHash } from "node:crypto";
import { dirname } from "node:path";
import * as z from "zod";
import type { Permissions } from "../../actors/plugins.ts";
import { attempt, reason, replaceFile } from "../session/files.ts";

const Answer = z.object({ answer: z.enum(["yes", "no"]), at: z.string(), plugin: z.string(), words: z.string() });
const Store = z.object({ v: z.literal(1), answers: z.record(z.string(), Answer) }).catch({ v: 1, answers: {} });

/** What the question was about: the content's hash and exactly what would be granted, paths resolved. */
export interface Asked {
  hash: string;
  granted: Permissions;
}

const KEPT = 1000;

/**
 * The answers in this file of the user's state folder (mode 0600, replaced in one step). Writers take turns by a lock beside
 * it, so that a parallel Evo loses nothing. A damaged file grants nothing.
 */
export function createConsents(store: string, waitMs = 3000) {
  const load = async () => Store.parse(attempt(JSON.parse.bind(JSON, await Deno.readTextFile(store).catch(() => ""))));
  return {
    /** The answer to exactly this question; undefined if it was never asked. */
    find: async (asked: Asked) => (await load()).answers[keyOf(asked)]?.answer,
    /** Remembers an answer; a bad end is one sentence. */
    async remember(asked: Asked, said: Omit<z.infer<typeof Answer>, "at">): Promise<string | undefined> {
      try {
        await Deno.mkdir(dirname(store), { recursive: true, mode: 0o700 });
        using lock = await Deno.open(`${store}.lock`, { create: true, write: true, mode: 0o600 });
        for (const until = Date.now() + waitMs; !await lock.tryLock(true);) {
          if (Date.now() > until) throw new Error("another Evo holds it");
          await new Promise((done) => setTimeout(done, 20));
        }
        const before = Object.entries((await load()).answers).filter(([key]) => key !== keyOf(asked));
        const answers = [...before.slice(1 - KEPT), [keyOf(asked), { ...said, at: new Date().toISOString() }]];
        await replaceFile(store, `${JSON.stringify({ v: 1, answers: Object.fromEntries(answers) }, null, 1)}\n`);
        return undefined;
      } catch (error) {
        return `Cannot remember the answer in "${store}": ${reason(error)}; you will be asked again`;
      }
    },
  };
}

function keyOf({ hash, granted }: Asked): string {
  const sorted = Object.entries(granted).map(([kind, list]) => [kind, list.toSorted()]).sort();
  return createHash("sha256").update(JSON.stringify([hash, sorted])).digest("hex");
}
