import { deepStrictEqual as equal, ok } from "node:assert/strict";
import { join } from "node:path";
import { mustGit } from "../source/git.ts";
import { identify } from "../build/payload.ts";
import { EDIT, makeCandidate, makeWorld, openLineage, textAt, WORK } from "./fixture_test.ts";
import { readHead } from "./manifest.ts";
import { recover } from "./recover.ts";

for (let turn = 0; turn < 14; turn++) {
  const delay = turn * 7;
  Deno.test(`a kill ${delay} ms into a promotion, in whatever git is doing, leaves everything in agreement`, async () => {
    const world = await makeWorld();
    try {
      const candidate = await makeCandidate(world);
      const old = await identify(world.exe);
      const child = new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-check", new URL("./fixture_test.ts", import.meta.url).pathname],
        env: { EVO_TEST_KILL: JSON.stringify({ world, step: "none" }), EVO_TEST_CANDIDATE: JSON.stringify(candidate) },
        stdout: "piped",
      }).spawn();
      const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
      for (let seen = ""; !seen.includes("checked");) {
        const { value, done } = await reader.read();
        ok(!done, "the child ended too early");
        seen += value;
      }
      await new Promise((done) => setTimeout(done, delay));
      try {
        child.kill("SIGKILL");
      } catch {
        // It was faster than the delay: then there is nothing to recover.
      }
      await child.status;
      await reader.cancel();
      const start = await recover({ home: world.home, executable: world.exe });
      await start.leave();
      const again = await recover({ home: world.home, executable: world.exe });
      await again.leave();
      const notices = start.notices.concat(again.notices).join("\n");
      const promoted = (await readHead(world.home))?.number === 1;
      const tree = (await mustGit(world.root, ["rev-parse", "HEAD^{tree}"])).trim();
      equal(tree === candidate.tree, promoted, notices);
      equal(await identify(world.exe), promoted ? await identify(join(world.root, "bin/candidate")) : old, notices);
      equal(await textAt(world.root, "actors/a.ts"), promoted ? EDIT["actors/a.ts"] : "export const a = 1;\n", notices);
      for (const [path, text] of Object.entries(WORK)) equal(await textAt(world.root, path), text);
      const status = await mustGit(world.root, ["status", "--porcelain"]);
      equal(status, "M  docs/own.md\n M prompts/chat.md\n?? notes.txt\n", notices);
      const verified = await (await openLineage(world)).verify();
      ok(verified.ok, JSON.stringify(verified));
    } finally {
      await Deno.remove(world.root, { recursive: true });
    }
  });
}
