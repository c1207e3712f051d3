/** The compiled executable with plugins that are dropped in: live at once, hot, bounded, and only with leave. */
import { deepStrictEqual as equal, doesNotMatch, match, ok } from "node:assert/strict";
import { act, type Desk, EVO, openDesk, tool } from "../testing/evo.ts";
import * as mock from "../testing/mock_server.ts";
import { drive, hasPty } from "../testing/pty.ts";

const ignore = EVO === undefined;

const plugin = (name: string, run: string, more = "") =>
  `export default ({ z, tool }: any) => tool({ name: "${name}", description: "d", input: z.object({ text: z.string() }), ${more} run: async ({ text }: { text: string }) => { ${run} } });\n`;

/** A desk whose directory is trusted, as if a person had said yes. */
async function trusting(work: (desk: Desk) => Promise<void>): Promise<void> {
  const desk = await openDesk();
  try {
    await desk.write(".evo/config.jsonc", "{}");
    const words = JSON.stringify([[`${desk.cwd}/.evo/config.jsonc`, `${desk.cwd}/.evo/config.jsonc`, "{}"]]);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(words)));
    const store = { v: 1, trusted: { [desk.cwd]: { hash: digest.toHex(), at: new Date().toISOString() } } };
    await desk.write(`${desk.root}/state/evo/trust.json`, JSON.stringify(store));
    await work(desk);
  } finally {
    await desk.clean();
  }
}

Deno.test("a plugin of a trusted directory is a tool of the model; without trust it is not, and that is said", {
  ignore,
}, () =>
  trusting(async (desk) => {
    await desk.write(".evo/plugins/shout.ts", plugin("shout", "return text.toUpperCase();"));
    const { results, code, err } = await act(desk, [[tool("shout", { text: "grüße" })]]);
    equal([code, results], [0, ["GRÜSSE"]], err);
    const listed = await desk.run(["plugins"]);
    match(listed.out, /shout +tool/);
    await Deno.remove(`${desk.root}/state/evo/trust.json`);
    const refused = await act(desk, [[tool("shout", { text: "x" })]]);
    doesNotMatch(refused.results[0] ?? "", /^X$/);
    match(refused.err, /not trusted/);
  }));

Deno.test(
  "a plugin reads no file, no key, starts no program and imports nothing from the disk",
  { ignore },
  () =>
    trusting(async (desk) => {
      await desk.write("secret.js", "export default 'the secret';");
      const tries = {
        reads: `return await (globalThis as any).Deno.readTextFile("${desk.cwd}/secret.js");`,
        env: `return (globalThis as any).Deno.env.get("HOME") ?? "";`,
        runs: `return String((await new (globalThis as any).Deno.Command("ls").output()).code);`,
        imports:
          `const name = "file://${desk.cwd}/secret.js"; return (await (0, eval)("(n) => import(n)")(name)).default;`,
      };
      for (const [name, code] of Object.entries(tries)) await desk.write(`.evo/plugins/${name}.ts`, plugin(name, code));
      const { results } = await act(desk, Object.keys(tries).map((name) => [tool(name, { text: "" })]));
      equal(results.length, 4);
      for (const [at, text] of results.entries()) {
        doesNotMatch(text, /the secret/, Object.keys(tries)[at]);
        ok(!text.includes(`${desk.root}/home`), text);
      }
    }),
);

Deno.test(
  "a hang is ended at its deadline, a crash and a flood stay where they are, the next call works",
  { ignore },
  () =>
    trusting(async (desk) => {
      await desk.write(".evo/plugins/hang.ts", plugin("hang", "for (;;) {}", "deadlineMs: 500,"));
      await desk.write(".evo/plugins/crash.ts", plugin("crash", "(globalThis as any).Deno.exit(0); return '';"));
      await desk.write(".evo/plugins/flood.ts", plugin("flood", "return 'x'.repeat(5_000_000);"));
      await desk.write(".evo/plugins/fine.ts", plugin("fine", "return text;"));
      const { code, results, err } = await act(
        desk,
        ["hang", "crash", "flood", "fine"].map((name) => [tool(name, { text: "still here" })]),
      );
      equal(code, 0, err);
      match(results[0] ?? "", /not done after 0.5 s/);
      ok((results[2]?.length ?? 0) < 300_000);
      equal(results[3], "still here");
    }),
);

Deno.test("plugins new writes a plugin that is live as it is", { ignore }, () =>
  trusting(async (desk) => {
    equal((await desk.run(["plugins", "new", "my_tool"])).code, 0);
    match((await desk.run(["plugins"])).out, /my_tool +tool +\S+ +live/);
    const again = await desk.run(["plugins", "new", "my_tool"]);
    equal(again.code, 1);
    match(again.err, /exists/);
  }));

Deno.test(
  "at a terminal: a file that appears is live without a restart, an edit reloads it, one with wrong types or broken leaves the old",
  {
    ignore: ignore || !hasPty,
  },
  () =>
    trusting(async (desk) => {
      const server = mock.startMock([
        mock.say("CONTINUE"),
        mock.calls([{ name: "shout", arguments: { text: "one" } }]),
        mock.say("first done"),
        mock.say("CONTINUE"),
        mock.calls([{ name: "shout", arguments: { text: "two" } }]),
        mock.say("second done"),
      ]);
      await desk.write("v1", plugin("shout", "return text.toUpperCase();"));
      await desk.write("v2", plugin("shout", "return `${text}!`;"));
      await desk.write("v3", "export default (");
      await desk.write("v4", plugin("shout", "return text.nothing();"));
      const env = { ...desk.env, INFERENCE_BASE_URL: server.url, MODEL_NAME: "mock" };
      const { seen } = await drive([
        ["evo 0>", "!mkdir -p .evo/plugins; cp v1 .evo/plugins/shout.ts\r"],
        ["is live", "WAIT0.30go\r"],
        ["first done", "WAIT0.30!cp v2 .evo/plugins/shout.ts\r"],
        ["is live again", "WAIT0.30!cp v3 .evo/plugins/shout.ts\r"],
        ["is broken", "WAIT0.30!cp v4 .evo/plugins/shout.ts\r"],
        ["types are wrong", "WAIT0.30more\r"],
        ["second done", "WAIT0.50\x04"],
      ], { args: ["--yes"], cwd: desk.cwd, env, columns: 120 });
      await server.stop();
      match(seen, /EXIT 0/);
      match(seen, /"\.evo\/plugins\/shout\.ts" is broken: its types are wrong: line 1: Property 'nothing'/);
      const told = server.requests.at(-1)?.body.messages.filter(({ role }) => role === "tool").map(({ content }) =>
        content
      );
      equal(told, ["ONE", "two!"]);
    }),
);
