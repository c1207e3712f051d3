/** Negative control of the canary: what does not live is not let through. */
import { match, ok } from "node:assert/strict";
import { join } from "node:path";
import { runCanary } from "../canary.ts";
import { EVO } from "../testing/evo.ts";

const signal = new AbortController().signal;

const DEAD: { name: string; script: string; said: RegExp; ms?: number }[] = [
  { name: "says nothing", script: "true", said: /did not bring back what is in the file/ },
  { name: "hangs", script: "sleep 60", said: /did not end within 0\.5 s/, ms: 500 },
  { name: "prints garbage", script: "echo not an event", said: /its output is not the event stream/ },
  { name: "fails", script: "echo boot failed >&2; exit 9", said: /ended with code 9\nboot failed/ },
  { name: "dies by a signal", script: "kill -SEGV $$", said: /ended with code 139/ },
  {
    name: "says the right words and does nothing",
    script: `echo '{"type":"text_delta","text":"the canary lives"}'`,
    said: /did not bring back what is in the file/,
  },
];

for (const { name, script, said, ms = 10_000 } of DEAD) {
  Deno.test(`the canary dies of an executable that ${name}`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      const executable = join(folder, "evo");
      await Deno.writeTextFile(executable, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
      const sung = await runCanary(executable, signal, { ms });
      ok(!sung.ok);
      match(sung.error, said);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("the canary dies of an executable that is not there", async () => {
  const sung = await runCanary("/nowhere/evo", signal);
  ok(!sung.ok);
  match(sung.error, /ended with code 127/);
});

Deno.test("the canary lives in the executable itself", { ignore: EVO === undefined }, async () => {
  const sung = await runCanary(EVO ?? "", signal);
  ok(sung.ok, JSON.stringify(sung));
});
