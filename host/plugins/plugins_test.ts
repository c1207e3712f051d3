import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import type { Permissions } from "../../actors/plugins.ts";
import { no, ok as good, type Outcome, type Shown, type ToolResult } from "../../actors/types.ts";
import type { ToolWorkerOptions } from "../workers/types.ts";
import { createPlugins, type PluginsOptions, type Runtime } from "./plugins.ts";

/** A runtime without processes: a plugin's file is JSON that says how it behaves. */
interface Fake {
  name?: string;
  permissions?: Permissions;
  broken?: string;
  /** Declares forever. */
  hangs?: boolean;
  /** Calls another plugin. */
  calls?: string;
  text?: string;
}

interface Place {
  cwd: string;
  store: string;
  folder: string;
  own: string;
  said: string[];
  asked: string[];
  created: ToolWorkerOptions[];
  ended: string[];
  declared: string[];
  runtime: Runtime;
  /** Makes and starts the plugins; they end with the test. */
  open(options?: Partial<PluginsOptions>): Promise<ReturnType<typeof createPlugins>>;
  put(name: string, fake: Fake | string): Promise<void>;
}

async function inPlace(test: (place: Place) => Promise<void>): Promise<void> {
  const home = await Deno.realPath(await Deno.makeTempDir());
  const cwd = join(home, "work"), folder = join(cwd, ".evo/plugins"), own = join(home, "evo/plugins");
  await Deno.mkdir(cwd);
  const opened: ReturnType<typeof createPlugins>[] = [];
  const said: string[] = [], asked: string[] = [], created: ToolWorkerOptions[] = [], ended: string[] = [];
  const declared: string[] = [];
  const runtime: Runtime = {
    createDeclare: () => ({ source, file, signal }) => {
      declared.push(file);
      const { name = "none", permissions = {}, broken, hangs }: Fake = source.startsWith("{")
        ? JSON.parse(source)
        : { broken: "it does not parse" };
      if (hangs) return new Promise((done) => signal.addEventListener("abort", () => done(no("not wanted"))));
      const rest = { parameters: { type: "object" }, readOnly: true, deadlineMs: 1000, code: source };
      return Promise.resolve(broken ? no(broken) : good({ name, description: `About ${name}`, permissions, ...rest }));
    },
    createToolWorker: (options) => {
      created.push(options);
      const { code } = options.declared, { calls, text }: Fake = JSON.parse(code);
      const worker = {
        declared: options.declared,
        calls: 0,
        failures: 0,
        state: () => "running" as const,
        end: () => Promise.resolve(void ended.push(code)),
        async call(input: unknown, { signal }: { signal: AbortSignal }): Promise<ToolResult> {
          worker.calls += 1;
          if (calls) return await options.call(calls, input, { signal, chain: [] });
          return { ok: true, text: text ?? JSON.stringify(input) };
        },
      };
      return Promise.resolve(good(worker as never));
    },
    checkTypes: () => Promise.resolve(good("checked")),
  };
  const open: Place["open"] = async (options) => {
    const plugins = createPlugins({
      ...{ self: [], cwd, store: join(home, "state/consents.json"), trusted: true, runtime, builtIn: () => ["shell"] },
      folders: [{ path: folder, own: false }, { path: own, own: true }],
      interactive: () => true,
      ask: (question) => (asked.push(question), Promise.resolve(good("yes"))),
      show: (event: Shown) => void (event.type === "notice" && said.push(event.text)),
      ...options,
    });
    opened.push(plugins);
    await plugins.start();
    return plugins;
  };
  const put: Place["put"] = async (name, fake) => {
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeTextFile(join(folder, name), typeof fake === "string" ? fake : JSON.stringify(fake));
  };
  const store = join(home, "state/consents.json");
  try {
    await test({ cwd, store, folder, own, said, asked, created, ended, declared, runtime, open, put });
  } finally {
    for (const plugins of opened) await plugins.end();
    await Deno.remove(home, { recursive: true });
  }
}

const never = new AbortController().signal;
type Opened = ReturnType<typeof createPlugins>;
const names = (plugins: Opened) => plugins.tools().map(({ name }) => name);
const call = async (plugins: Opened, name: string, input: unknown = {}) => {
  const tool = plugins.tools().find((one) => one.name === name);
  return await tool?.run(input, { signal: never, update() {} } as never);
};
const list = async (plugins: Opened) => {
  const done = await plugins.run([], never);
  return done.ok ? done.value : done.error;
};

/** Waits for something that will be so; fails after ten seconds. */
async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 10_000; !await what();) {
    if (Date.now() > end) throw new Error(`Waited in vain for ${what}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

Deno.test("A plugin is live after it appears, in a folder that did not exist; an edit reloads it, removal unloads it", () =>
  inPlace(async ({ open, put, folder, said, ended }) => {
    const plugins = await open();
    equal(names(plugins), []);
    await put("greet.ts", { name: "greet", text: "one" });
    await until(() => names(plugins).length === 1);
    equal(await call(plugins, "greet"), { ok: true, text: "one" });
    await until(() => said.length === 1);
    equal(said, ["Plugin greet is live (no permissions)"]);
    await put("greet.ts", { name: "greet", text: "two" });
    await until(async () => (await call(plugins, "greet"))?.text === "two");
    equal(ended.length, 1, "the process of the version before has ended");
    await Deno.remove(join(folder, "greet.ts"));
    await until(() => names(plugins).length === 0);
    await until(() => said.includes("Plugin greet is gone"));
    equal(ended.length, 2);
  }));

Deno.test("A broken edit is reported in one line and the version that worked stays; so does one that is mended", () =>
  inPlace(async ({ open, put, said }) => {
    const plugins = await open();
    await put("a.ts", { name: "a", text: "works" });
    await until(() => names(plugins).length === 1);
    await put("a.ts", "half a file {");
    await until(() => said.some((line) => line.includes("broken")));
    equal(said.at(-1), 'Plugin ".evo/plugins/a.ts" is broken: it does not parse; the version that worked stays');
    equal(await call(plugins, "a"), { ok: true, text: "works" });
    match(await list(plugins), /a +tool +- +broken +1 +0 +\.evo\/plugins\/a\.ts\n {2}it does not parse/);
    await put("a.ts", { name: "a", text: "works" });
    await until(async () => /live/.test(await list(plugins)));
    await put("b.ts", { broken: "no default export" });
    await until(() => said.at(-1) === 'Plugin ".evo/plugins/b.ts" is broken: no default export');
  }));

Deno.test("Plugins that declare themselves forever keep no other from being live", () =>
  inPlace(async ({ open, put }) => {
    const plugins = await open();
    for (const name of ["h1.ts", "h2.ts", "h3.ts"]) await put(name, { hangs: true });
    await until(async () => (await list(plugins)).match(/loading/g)?.length === 3);
    await put("late.ts", { name: "late" });
    await until(() => names(plugins).includes("late"));
  }));

Deno.test("What declares itself forever holds the start up for a while only", () =>
  inPlace(async ({ open, put }) => {
    await put("hang.ts", { hangs: true });
    await put("fine.ts", { name: "fine" });
    const plugins = await open({ patienceMs: 300 });
    match(await list(plugins), /hang +tool +- +loading/);
    equal(names(plugins), ["fine"]);
  }));

Deno.test("What is being written is not loaded before it rests; editors' files, tests and types are no plugins", () =>
  inPlace(async ({ open, put, folder, declared }) => {
    const plugins = await open();
    const text = JSON.stringify({ name: "slow" });
    for (let at = 1; at <= text.length; at += 1) {
      await put("slow.ts", text.slice(0, at));
      await new Promise((done) => setTimeout(done, 30));
    }
    await until(() => names(plugins).includes("slow"));
    equal(declared.length, 1, "half a file was never looked at");
    for (
      const name of [
        ".slow.ts.swp",
        ".#x.ts",
        "#x.ts#",
        "x.ts~",
        "x_test.ts",
        "x_test.js",
        "evo.d.ts",
        "x.txt",
        "4913",
        "n.jsonc",
      ]
    ) {
      await put(name, { name: "x" });
    }
    await Deno.mkdir(join(folder, "dir.ts"));
    await Deno.mkdir(join(folder, "tools"));
    await put("tools/y.ts", { name: "y" });
    await put("new.ts.tmp", { name: "renamed" });
    await Deno.rename(join(folder, "new.ts.tmp"), join(folder, "renamed.ts"));
    await until(() => names(plugins).includes("renamed"));
    equal(names(plugins), ["slow", "renamed"]);
  }));

Deno.test("Links out of the folder, FIFOs, devices, strange names and large files are refused in one sentence, each once", () =>
  inPlace(async ({ open, put, cwd, folder, said }) => {
    await put("inside.ts", { name: "inside" });
    await Deno.writeTextFile(join(cwd, "outside.ts"), JSON.stringify({ name: "outside" }));
    await Deno.symlink("../../outside.ts", join(folder, "link.ts"));
    await Deno.symlink("inside.ts", join(folder, "same.ts"));
    await Deno.symlink("nowhere.ts", join(folder, "dangling.ts"));
    await Deno.symlink("/dev/zero", join(folder, "zero.ts"));
    await new Deno.Command("mkfifo", { args: [join(folder, "pipe.ts")] }).output();
    await put("漢字.ts", { name: "kanji" });
    await put("a\u202eb.ts", { name: "turned" });
    await put("big.js", " ".repeat((1 << 19) + 1));
    const plugins = await open();
    await until(() => names(plugins).includes("inside") && said.length >= 7);
    await put("more.ts", { name: "more" });
    await until(() => names(plugins).includes("more"));
    const of = (file: string) => said.filter((line) => line.includes(file));
    equal(of("link.ts"), ['Plugin ".evo/plugins/link.ts" is refused: it leads out of its folder']);
    equal(of("zero.ts"), ['Plugin ".evo/plugins/zero.ts" is refused: it leads out of its folder']);
    equal(of("pipe.ts"), ['Plugin ".evo/plugins/pipe.ts" is refused: it is no regular file']);
    equal(of("漢字").length + of(".evo/plugins/ab.ts").length, 2);
    equal(of("big.js"), ['Plugin ".evo/plugins/big.js" is refused: it has 524289 bytes, 524288 is the limit']);
    equal(of("dangling"), []);
    equal(names(plugins), ["inside", "more"], "the link inside has a name that is taken");
  }));

Deno.test("Of two plugins of one name the first counts, Evo's own before the directory's; no built-in tool is replaced; the second follows when the first goes", () =>
  inPlace(async ({ open, put, own, folder, said }) => {
    await Deno.mkdir(own, { recursive: true });
    await Deno.writeTextFile(join(own, "z.ts"), JSON.stringify({ name: "greet", text: "own" }));
    await put("a.ts", { name: "greet", text: "theirs" });
    await put("shell.ts", { name: "shell" });
    const plugins = await open();
    await until(() => said.filter((line) => line.includes("cannot be used")).length === 2);
    equal([names(plugins), (await call(plugins, "greet"))?.text], [["greet"], "own"]);
    ok(
      said.includes(
        `Plugin ".evo/plugins/a.ts" cannot be used whole: "greet" is the name of "${
          join(own, "z.ts")
        }"; rename one of them`,
      ),
    );
    ok(
      said.includes(
        'Plugin ".evo/plugins/shell.ts" cannot be used whole: "shell" is the name of a built-in tool; rename one of them',
      ),
    );
    await Deno.remove(join(own, "z.ts"));
    await until(async () => (await call(plugins, "greet"))?.text === "theirs");
    await Deno.remove(folder, { recursive: true });
    await until(() => names(plugins).length === 0);
    await put("back.ts", { name: "back" });
    await until(() => names(plugins).includes("back"));
  }));

Deno.test("Whoever has a name keeps it: from a newcomer, from an edit of one that was there before, and from one that waited for consent", () =>
  inPlace(async ({ open, put, said }) => {
    const consent = Promise.withResolvers<Outcome<string>>();
    await put("a.ts", { name: "early" });
    await put("c.ts", { name: "greet", text: "consented", permissions: { env: ["API_KEY"] } });
    const plugins = await open({ ask: () => consent.promise });
    const taken = async (file: string, text: string) => {
      await until(() => said.some((line) => line.startsWith(`Plugin ".evo/plugins/${file}" cannot be used whole`)));
      equal([names(plugins).includes("greet"), (await call(plugins, "greet"))?.text], [true, text]);
    };
    await until(() => names(plugins).length === 1);
    await put("m.ts", { name: "greet", text: "first" });
    await until(() => names(plugins).length === 2);
    consent.resolve(good("yes"));
    await taken("c.ts", "first");
    await put("b.ts", { name: "greet", text: "newcomer" });
    await taken("b.ts", "first");
    await put("a.ts", { name: "greet", text: "renamed" });
    await taken("a.ts", "first");
    await put("m.ts", { name: "greet", text: "edited" });
    await until(async () => (await call(plugins, "greet"))?.text === "edited");
    await put("m.ts", { name: "other" });
    await until(async () => (await call(plugins, "greet"))?.text === "consented");
  }));

Deno.test("Nothing of an untrusted directory is loaded, and that is said once; Evo's own plugins are", () =>
  inPlace(async ({ open, put, own, said, declared }) => {
    await Deno.mkdir(own, { recursive: true });
    await Deno.writeTextFile(join(own, "mine.ts"), JSON.stringify({ name: "mine" }));
    await put("a.ts", { name: "a" });
    const plugins = await open({ trusted: false });
    await put("b.ts", { name: "b" });
    await until(() => names(plugins).length === 1 && said.length > 1);
    await new Promise((done) => setTimeout(done, 500));
    equal([names(plugins), declared], [["mine"], [join(own, "mine.ts")]]);
    equal(said.filter((line) => line.startsWith("Did not load")).length, 1);
    match(await list(plugins), /a +tool +- +not trusted/);
  }));

Deno.test("A directory that was not asked about is asked about when a plugin appears; yes makes it live, no is said", () =>
  inPlace(async ({ open, put, said }) => {
    const asked: string[] = [];
    const admit = (answer: boolean) => (what: string) => (asked.push(what), Promise.resolve(answer));
    const refused = await open({ trusted: false, admit: admit(false) });
    const admitted = await open({ trusted: false, admit: admit(true) });
    await put("a.ts", { name: "a" });
    await until(() => names(admitted).length === 1 && said.length > 1);
    equal([names(refused), asked], [[], ["1 plugin of .evo/plugins", "1 plugin of .evo/plugins"]]);
    match(said.find((line) => line.startsWith("Did not")) ?? "", /^Did not load 1 plugin .* not trusted/);
  }));

Deno.test("A plugin that asks is put as one question; the answer holds for this content, and a change asks again", () =>
  inPlace(async ({ open, put, asked, created, cwd, store }) => {
    await Deno.mkdir(join(cwd, "data"));
    const fetching = { name: "fetch_page", permissions: { net: ["Example.com"], read: ["data"], env: ["API_KEY"] } };
    await put("fetch_page.ts", fetching);
    const plugins = await open();
    await until(() => names(plugins).length === 1);
    const words = "read data, net example.com, env API_KEY (it looks like a secret)";
    equal(asked, [`Plugin fetch_page (.evo/plugins/fetch_page.ts) asks for: ${words}. Allow it?`]);
    equal(created[0]?.granted, { read: [join(cwd, "data")], net: ["example.com"], env: ["API_KEY"] });
    equal(((await Deno.stat(store)).mode ?? 0) & 0o777, 0o600);
    const again = await open();
    await until(() => names(again).length === 1);
    equal(asked.length, 1, "it is remembered");
    await put("fetch_page.ts", { ...fetching, text: "changed" });
    await until(() => asked.length >= 2);
  }));

Deno.test("A refusal is remembered too, and unloads the version before; without a person nothing is granted, and that is said", () =>
  inPlace(async ({ open, put, said, created }) => {
    let asked = 0;
    const ask = () => (asked += 1, Promise.resolve(good("no")));
    const plugins = await open({ ask });
    await put("a.ts", { name: "a" });
    await until(() => names(plugins).length === 1);
    await put("a.ts", { name: "a", permissions: { run: ["git"] } });
    await until(() => asked === 1 && names(plugins).length === 0);
    match(await list(plugins), /a +tool +run git +refused.*\n {2}you did not allow it/);
    ok(said.includes('Plugin ".evo/plugins/a.ts" is refused: you did not allow it; change the file to be asked again'));
    await plugins.end(); // else it may answer for the other one first
    const alone = await open({ interactive: () => false, ask: () => Promise.reject(new Error("nobody")) });
    equal(names(alone), []);
    await put("b.ts", { name: "b", permissions: { env: ["HOME"] } });
    await until(() =>
      said.some((line) => /"\.evo\/plugins\/b.ts" asks for env HOME: not granted, since nobody/.test(line))
    );
    equal([names(alone), created.length], [[], 1]);
  }));

Deno.test("What could not be safe is refused without a question: the folder of consents, Evo's own names, a place outside", () =>
  inPlace(async ({ open, put, asked, said, cwd }) => {
    await put("a.ts", { name: "a", permissions: { write: ["state"] } });
    await put("b.ts", { name: "b", permissions: { env: ["OPENROUTER_API_KEY"] } });
    await put("c.ts", { name: "c", permissions: { read: ["/"] } });
    await put("d.ts", { name: "d", permissions: { write: ["fine"] } });
    const plugins = await open({ store: join(cwd, "state/plugins.json") });
    await until(() => names(plugins).includes("d"));
    equal([asked.length, names(plugins)], [1, ["d"]]);
    const of = (file: string) => said.find((line) => line.includes(file)) ?? "";
    match(
      of("a.ts"),
      /is refused: it may not be given write "state": it reaches "state"; ask for a folder apart from that$/,
    );
    match(of("b.ts"), /belongs to Evo/);
    match(of("c.ts"), /outside the working directory$/);
  }));

Deno.test("A question waits until no turn runs, and is taken back when its plugin changes or goes", () =>
  inPlace(async ({ open, put, folder }) => {
    const idle = Promise.withResolvers<void>();
    const asked: string[] = [], ended: string[] = [];
    const plugins = await open({
      idle: () => idle.promise,
      ask: (question, { signal }) => {
        asked.push(question);
        return new Promise((_, stop) =>
          signal.addEventListener("abort", () => (ended.push(question), stop(signal.reason)))
        );
      },
    });
    await put("a.ts", { name: "a", permissions: { net: ["one.example"] } });
    await until(async () => /net one\.example +waiting for consent/.test(await list(plugins)));
    equal(asked, []);
    idle.resolve();
    await until(() => asked.length === 1);
    await put("a.ts", { name: "a", permissions: { net: ["two.example"] } });
    await until(() => asked.length === 2);
    match(asked[1] ?? "", /net two\.example/);
    await Deno.remove(join(folder, "a.ts"));
    await until(() => ended.length === 2);
    equal(names(plugins), []);
  }));

Deno.test("A plugin may call another only if that one may do no more; calls in flight end before their process", () =>
  inPlace(async ({ open, put, ended }) => {
    await put("weak.ts", { name: "weak", calls: "strong" });
    await put("equal.ts", { name: "equal", calls: "strong", permissions: { net: ["a.example", "b.example"] } });
    await put("strong.ts", { name: "strong", permissions: { net: ["a.example"] }, text: "secret" });
    await put("lost.ts", { name: "lost", calls: "nobody" });
    await put("lower.ts", { name: "lower", calls: "weak", permissions: { net: ["a.example"] } });
    const plugins = await open();
    await until(() => names(plugins).length === 5);
    equal(await call(plugins, "equal"), { ok: true, text: "secret" });
    match(
      (await call(plugins, "weak"))?.text ?? "",
      /^Cannot call "strong": it may do more than this plugin \(net a\.example\)/,
    );
    match((await call(plugins, "lower"))?.text ?? "", /may do more/, "weak stays weak, whoever calls it");
    match((await call(plugins, "lost"))?.text ?? "", /there is no such plugin now/);
    equal(ended, []);
  }));

Deno.test("A hundred plugins are live, the next is left out; many at once are said in few lines", () =>
  inPlace(async ({ open, put, said, folder }) => {
    const plugins = await open();
    for (let n = 0; n < 103; n += 1) await put(`p${String(n).padStart(3, "0")}.ts`, { name: `p_${n}` });
    await until(() => names(plugins).length === 100);
    await until(() => said.some((line) => line.includes("more changes of plugins")));
    equal(said.filter((line) => line.includes("more than 100")).length, 1);
    const before = said.length;
    await Deno.remove(folder, { recursive: true });
    await until(() => names(plugins).length === 0 && said.length > before);
    ok(said.length < 40, `${said.length} lines`);
  }));

Deno.test("A wasm plugin's tools share one process; its notes reload it, and it takes what its types say", () =>
  inPlace(async ({ open, put, folder, created, runtime }) => {
    const module = [
      0,
      97,
      115,
      109,
      1,
      0,
      0,
      0,
      1,
      7,
      1,
      96,
      2,
      127,
      127,
      1,
      127,
      3,
      2,
      1,
      0,
      7,
      13,
      2,
      3,
      97,
      100,
      100,
      0,
      0,
    ];
    const bytes = new Uint8Array([...module, 3, 109, 97, 120, 0, 0, 10, 9, 1, 7, 0, 32, 0, 32, 1, 106, 11]);
    const declaration = { name: "wasm_m", description: "m", parameters: {}, permissions: {}, readOnly: true };
    const fake: Runtime = {
      ...runtime,
      createDeclare: () => () => Promise.resolve(good({ ...declaration, deadlineMs: 1, code: "{}" })),
    };
    const plugins = await open({ runtime: fake });
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeFile(join(folder, "m.wasm"), bytes);
    await until(() => names(plugins).length === 2);
    equal([names(plugins), created.length], [["m_add", "m_max"], 1]);
    const sent = await call(plugins, "m_add", { p0: 1, p1: 2 });
    equal(JSON.parse(sent?.text ?? ""), { name: "add", types: ["i32", "i32"], values: [1, 2], result: ["i32"] });
    match((await call(plugins, "m_add", { p0: "x" }))?.text ?? "", /^Cannot call "m_add": /);
    await put("m.jsonc", '{ "exports": { "add": { "tool": "plus" } } }');
    await until(() => names(plugins)[0] === "plus");
    equal(names(plugins), ["plus"]);
  }));

Deno.test("The list and a new plugin need no start; a new one is not written over a file, and a bad name is a sentence", () =>
  inPlace(async ({ cwd, open, put, folder, store, own, runtime, said }) => {
    await put("a.ts", { name: "a", permissions: { net: ["a.example"] } });
    const listed: Parameters<typeof createPlugins>[0] = {
      prompts: () => Promise.resolve([{ name: "chat", file: "prompts/chat.md", state: "live" }]),
      ...{ self: [], cwd, store, trusted: true, runtime, builtIn: () => ["shell"], show: () => {} },
      folders: [{ path: folder, own: false }, { path: own, own: true }],
      interactive: () => true,
      ask: () => Promise.reject(new Error("the list asks nothing")),
    };
    const [plugins, lines] = [createPlugins(listed), createPlugins({ ...listed, json: true })];
    const rows = (await list(lines)).split("\n").map((line) => JSON.parse(line));
    equal(rows.map(({ name, kind, state, asked }) => [name, kind, state, asked]), [
      ["a", "tool", "waiting for consent", { net: ["a.example"] }],
      ["chat", "prompt", "live", {}],
    ]);
    await lines.end();
    match(await list(plugins), /a +tool +net a\.example +waiting for consent/);
    match(await list(plugins), /chat +prompt +- +live +0 +0 +prompts\/chat\.md/);
    const run = async (...words: string[]) => {
      const done = await plugins.run(words, never);
      return done.ok ? done.value : done.error;
    };
    for (const name of ["Big", "../x", "", "漢字", "a-b", "x_test", "shell", "1a", "a".repeat(61)]) {
      match(await run("new", name), /^Cannot make plugin "/);
    }
    match(await run("new"), /^Which name/);
    match(await run("old", "x"), /^Cannot understand "old x"/);
    match(await run("new", "b", "c"), /^Cannot understand/);
    match(await run("new", "greet"), /^Wrote ".*greet\.ts" and its test/);
    match(await run("new", "greet"), /greet\.ts" exists$/);
    equal(said, []);
    await plugins.end();
    await open();
  }));

/** Types are wrong where the word "wrong" is; a check of what says "slow" ends only when it is not wanted any more. */
function checker() {
  const begun: string[] = [], ended: string[] = [];
  let most = 0;
  const checkTypes: Runtime["checkTypes"] = async ({ file, source, signal }) => {
    begun.push(source);
    most = Math.max(most, begun.length - ended.length);
    if (source.includes("slow")) await new Promise((done) => signal?.addEventListener("abort", done));
    ended.push(source);
    return source.includes("wrong") ? no(`Cannot accept "${file}": line 3: no such name`) : good("checked");
  };
  return { begun, ended, most: () => most, checkTypes };
}
const deno = () => Promise.resolve(good(["deno"]));

Deno.test("An edit whose types are wrong is said with its line, and the version that worked stays; without Deno it counts", () =>
  inPlace(async ({ open, put, said, runtime }) => {
    const { checkTypes } = checker(), plugins = await open({ runtime: { ...runtime, checkTypes }, deno });
    await put("a.ts", { name: "a", text: "one" });
    await until(() => names(plugins).length === 1);
    await put("a.ts", { name: "a", text: "wrong" });
    await until(() => said.some((line) => line.includes("broken")));
    const types = "its types are wrong: line 3: no such name";
    equal(said.at(-1), `Plugin ".evo/plugins/a.ts" is broken: ${types}; the version that worked stays`);
    equal((await call(plugins, "a"))?.text, "one");
    match(await list(plugins), new RegExp(`broken .*\n {2}${types}`));
    await put("a.ts", { name: "a", text: "two" });
    await until(async () => (await call(plugins, "a"))?.text === "two");
    await put("b.ts", { name: "b", text: "wrong" });
    await until(() => said.at(-1) === `Plugin ".evo/plugins/b.ts" is live, but ${types}`);
    equal((await call(plugins, "b"))?.text, "wrong", "what is new has no version that worked");
    await put("b.ts", { name: "b", text: "wrong again" });
    await until(async () => (await call(plugins, "b"))?.text === "wrong again"); // nothing right is lost
    await put("b.ts", { name: "b", text: "right" });
    await until(async () => (await call(plugins, "b"))?.text === "right");
    await put("c.ts", { name: "c" }); // checks are in order: then that of b has ended
    await until(() => said.includes("Plugin c is live (no permissions)"));
    await plugins.end();
    const unchecked = await open({ runtime: { ...runtime, checkTypes }, deno: () => Promise.resolve(no("none")) });
    await put("a.ts", { name: "a", text: "wrong, and nobody knows" });
    await until(async () => (await call(unchecked, "a"))?.text === "wrong, and nobody knows");
  }));

Deno.test("Types are checked one at a time; an edit during the check of an edit, or of a declaration that hangs, takes its place", () =>
  inPlace(async ({ open, put, runtime }) => {
    const { begun, ended, most, checkTypes } = checker();
    const plugins = await open({ runtime: { ...runtime, checkTypes }, deno });
    for (const name of ["a", "b", "c"]) await put(`${name}.ts`, { name, text: "one" });
    await until(() => ended.length === 3);
    await put("a.ts", { name: "a", text: "slow" });
    await until(() => begun.length === 4);
    equal((await call(plugins, "a"))?.text, "one");
    await put("a.ts", { name: "a", text: "two" });
    await until(async () => (await call(plugins, "a"))?.text === "two");
    await put("a.ts", { name: "a", hangs: true });
    await until(() => begun.length === 6);
    await put("a.ts", { name: "a", text: "three" });
    await until(async () => (await call(plugins, "a"))?.text === "three");
    equal(most(), 1);
  }));

Deno.test("A start says in one line what is live; what changes later is said by itself", () =>
  inPlace(async ({ open, put, said }) => {
    for (const name of ["a", "b"]) await put(`${name}.ts`, { name });
    const plugins = await open();
    await until(() => said.length > 0);
    await put("c.ts", { name: "c" });
    await until(() => names(plugins).length === 3);
    await until(() => said.length > 1);
    equal(said, ["2 plugins are live: a, b", "Plugin c is live (no permissions)"]);
  }));

Deno.test("Notes that are broken are named, and so is a path: as it is typed here, absolute elsewhere", () =>
  inPlace(async ({ open, put, folder, own, said }) => {
    await Deno.mkdir(own, { recursive: true });
    await Deno.writeTextFile(join(own, "mine.ts"), "{ half");
    await put("m.jsonc", "{ half");
    await Deno.writeFile(join(folder, "m.wasm"), new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));
    await put("n.jsonc", "x".repeat((1 << 19) + 1));
    await Deno.writeFile(join(folder, "n.wasm"), new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));
    await open();
    await until(() => said.length === 3);
    const of = (file: string) => said.find((line) => line.includes(file)) ?? "";
    match(of(`"${own}/mine.ts"`), /is broken/);
    match(of('".evo/plugins/m.wasm"'), /is broken: m\.jsonc beside it is wrong: .*JSONC/);
    match(of('".evo/plugins/n.wasm"'), /is refused: of its n\.jsonc: it has 524289 bytes/);
  }));

Deno.test("A new plugin is written whole or not at all", () =>
  inPlace(async ({ open, folder }) => {
    const plugins = await open();
    await Deno.mkdir(join(folder, "evo.d.ts"), { recursive: true });
    const failed = await plugins.run(["new", "greet"], never);
    match(failed.ok ? "" : failed.error, /^Cannot make plugin "greet": /);
    equal((await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name), ["evo.d.ts"]);
    await Deno.remove(join(folder, "evo.d.ts"));
    const done = await plugins.run(["new", "greet"], never);
    match(
      done.ok ? done.value : done.error,
      /^Wrote "\.evo\/plugins\/greet\.ts" .* deno test "\.evo\/plugins\/greet_test\.ts"$/,
    );
    const left = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).sort();
    equal(left, ["evo.d.ts", "greet.ts", "greet_test.ts"]);
  }));
