import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import type { ToolPlugin } from "../../actors/ports.ts";
import { ok as good, type Shown, type ToolResult } from "../../actors/types.ts";
import { createPlugins } from "./plugins.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const never = new AbortController().signal;

interface Desk {
  cwd: string;
  folder: string;
  said: string[];
  asked: string[];
  plugins: ReturnType<typeof createPlugins>;
  tool(name: string): ToolPlugin | undefined;
  call(name: string, input: unknown, signal?: AbortSignal): Promise<ToolResult> | undefined;
  /** Writes a plugin; `rest` is what follows its name, description and input. */
  put(name: string, rest: string): Promise<void>;
  until(what: () => boolean | Promise<boolean>): Promise<void>;
}

/** Plugins with real processes in a directory of their own; every question is answered with yes. */
async function withPlugins(test: (desk: Desk) => Promise<void>): Promise<void> {
  const cwd = await Deno.realPath(await Deno.makeTempDir()), folder = join(cwd, ".evo/plugins");
  const said: string[] = [], asked: string[] = [];
  const plugins = createPlugins({
    self: [Deno.execPath(), "run", "-A", `${ROOT}host/boot.ts`],
    ...{ cwd, folders: [{ path: folder, own: false }], trusted: true, store: join(cwd, "state/plugins.json") },
    ask: (question) => (asked.push(question), Promise.resolve(good("yes"))),
    ...{ interactive: () => true, builtIn: () => [], deno: () => Promise.resolve(good([Deno.execPath()])) },
    show: (event: Shown) => void (event.type === "notice" && said.push(event.text)),
  });
  const tool = (name: string) => plugins.tools().find((one) => one.name === name);
  const call = (name: string, input: unknown, signal = never) =>
    tool(name)?.run(input, { signal, update() {} } as never);
  const put = (name: string, rest: string) =>
    Deno.writeTextFile(
      join(folder, `${name}.ts`),
      `import type { PluginApi } from "./evo.d.ts";
export default ({ z, tool }: PluginApi) => tool({ name: "${name}", description: "d", input: z.object({}), ${rest} });`,
    );
  const until = async (what: () => boolean | Promise<boolean>): Promise<void> => {
    for (const end = Date.now() + 30_000; !await what();) {
      if (Date.now() > end) throw new Error(`Waited in vain for ${what}; said: ${said.join("; ")}`);
      await new Promise((done) => setTimeout(done, 20));
    }
  };
  try {
    await Deno.mkdir(folder, { recursive: true });
    await plugins.start();
    await test({ cwd, folder, said, asked, plugins, tool, call, put, until });
  } finally {
    await plugins.end();
    await Deno.remove(cwd, { recursive: true });
  }
}

const loaded = { sanitizeResources: false }; // the library that asks the kernel for Landlock stays loaded

Deno.test(
  "A new plugin from the template is live, checks its input, and passes its test with no network and nothing installed",
  loaded,
  () =>
    withPlugins(async ({ plugins, tool, call, until, cwd, folder }) => {
      ok((await plugins.run(["new", "count_words"], never)).ok);
      await until(() => tool("count_words") !== undefined);
      equal(await call("count_words", { text: "one two three" }), { ok: true, text: "3 words" });
      match((await call("count_words", { text: 3 }))?.text ?? "", /expected string/);
      equal(Object.keys(tool("count_words")?.parameters?.properties ?? {}), ["text"]);
      const offline = { DENO_DIR: join(cwd, "deno_dir"), HOME: cwd, PATH: "/nowhere" };
      const args = ["test", "--no-remote", join(folder, "count_words_test.ts")];
      const tested = await new Deno.Command(Deno.execPath(), { args, cwd, env: offline, clearEnv: true }).output();
      equal(tested.code, 0, new TextDecoder().decode(tested.stderr));
      match(new TextDecoder().decode(tested.stdout), /1 passed/);
    }),
);

Deno.test(
  "A plugin has no permission but the one that was agreed to",
  loaded,
  () =>
    withPlugins(async ({ put, tool, call, until, asked, cwd }) => {
      await Deno.writeTextFile(join(cwd, "secret.txt"), "s3cret");
      const reads = 'run: () => Deno.readTextFile("secret.txt")';
      await put("peek", reads);
      await until(() => tool("peek") !== undefined);
      equal((await call("peek", {}))?.ok, false, "without a permission it reads nothing");
      await put("peek", `permissions: { read: ["secret.txt"] }, ${reads}`);
      await until(() => asked.length === 1);
      await until(async () => (await call("peek", {}))?.text === "s3cret");
      match(asked[0] ?? "", /^Plugin peek \(\.evo\/plugins\/peek\.ts\) asks for: read secret\.txt\. Allow it\?$/);
    }),
);

Deno.test(
  "A broken edit leaves the version that worked; wrong types are said, and the plugin runs",
  loaded,
  () =>
    withPlugins(async ({ put, tool, call, until, said }) => {
      await put("fine", "run: () => 'fine'");
      await until(() => tool("fine") !== undefined);
      await put("fine", "run: () => nonsense(");
      await until(() => said.some((line) => /fine\.ts" is broken: .*; the version that worked stays$/.test(line)));
      equal(await call("fine", {}), { ok: true, text: "fine" });
      await put("typed", 'deadlineMs: "soon" as string, run: () => "x"');
      await until(() => said.some((line) => /typed\.ts" is broken/.test(line)));
      await put("typed", "run: ({ nothing }) => nothing ?? 'ran'");
      await until(() => said.some((line) => /typed\.ts" is live, but its types are wrong: .*nothing/.test(line)));
      equal((await call("typed", {}))?.text, "ran");
      await put("fine", "run: ({ nothing }) => nothing ?? 'bad'");
      const stays = /fine\.ts" is broken: its types are wrong: line 2: .*nothing.*; the version that worked stays$/;
      await until(() => said.some((line) => stays.test(line)));
      equal(await call("fine", {}), { ok: true, text: "fine" });
    }),
);

Deno.test(
  "A module that loops is ended with its call and answers the next one; a damaged module is broken",
  loaded,
  () =>
    withPlugins(async ({ plugins, tool, call, until, said, folder }) => {
      // (module (func (export "spin") (loop (br 0))) (func (export "one") (result i32) (i32.const 1)))
      const spin = [0, 97, 115, 109, 1, 0, 0, 0, 1, 8, 2, 96, 0, 0, 96, 0, 1, 127, 3, 3, 2, 0, 1, 7, 14, 2, 4];
      const rest = [
        115,
        112,
        105,
        110,
        0,
        0,
        3,
        111,
        110,
        101,
        0,
        1,
        10,
        14,
        2,
        7,
        0,
        3,
        64,
        12,
        0,
        11,
        11,
        4,
        0,
        65,
        1,
        11,
      ];
      await Deno.writeFile(join(folder, "loops.wasm"), new Uint8Array([...spin, ...rest]));
      await until(() => tool("loops_spin") !== undefined);
      const stop = new AbortController();
      const spun = call("loops_spin", {}, stop.signal)?.catch((error) => ({ ok: false, text: String(error) }));
      setTimeout(() => stop.abort(), 200);
      equal((await spun)?.ok, false);
      equal(await call("loops_one", {}), { ok: true, text: "1" });
      await Deno.writeFile(join(folder, "damaged.wasm"), new Uint8Array([...spin, ...rest]).with(50, 99));
      await until(() =>
        said.some((line) =>
          /damaged\.wasm" is broken: .*CompileError|damaged\.wasm" is broken: .*WebAssembly/.test(line)
        )
      );

      const listed = await plugins.run([], never);
      match(listed.ok ? listed.value : "", /loops \(2 tools\) +wasm +- +live +2 +/);
    }),
);
