import { deepStrictEqual as equal, match, ok, rejects } from "node:assert/strict";
import { no, ok as good } from "../../actors/types.ts";
import { loadSettings } from "./settings.ts";
import { createTrust, trustStore } from "./trust.ts";
import type { Granted, TrustOptions } from "./trust.ts";

const signal = new AbortController().signal;

interface Place {
  cwd: string;
  store: string;
  asked: string[];
  decide(options?: Partial<TrustOptions>): Promise<Granted>;
}

/** A repository with a sub-directory to work in; `decide` answers with "yes" and notes each question. */
async function inPlace(test: (place: Place) => Promise<void>): Promise<void> {
  const home = await Deno.realPath(await Deno.makeTempDir());
  const cwd = `${home}/repo/sub`;
  await Deno.mkdir(`${cwd}/.evo`, { recursive: true });
  await Deno.mkdir(`${home}/repo/.git`);
  const store = trustStore({}, home);
  const asked: string[] = [];
  const ask = (question: string) => {
    asked.push(question);
    return Promise.resolve(good("yes"));
  };
  const decide: Place["decide"] = (options) =>
    createTrust({ store, cwd, interactive: true, own: false, ask, ...options }).decide(signal);
  try {
    await test({ cwd, store, asked, decide });
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

Deno.test("A directory with nothing to trust is not asked about", () =>
  inPlace(async ({ asked, store, decide }) => {
    const granted = await decide();
    equal([granted.trusted, granted.guides, granted.said, asked], [false, [], "", []]);
    equal(await Deno.stat(store).then(() => true, () => false), false);
  }));

Deno.test("A directory is asked about once; its files come from the repository's root down, with the texts that were hashed", () =>
  inPlace(async ({ cwd, store, asked, decide }) => {
    await Deno.writeTextFile(`${cwd}/../../AGENTS.md`, "outside the repository");
    await Deno.writeTextFile(`${cwd}/../AGENTS.md`, "root");
    await Deno.writeTextFile(`${cwd}/../CLAUDE.md`, "not read beside AGENTS.md");
    await Deno.writeTextFile(`${cwd}/CLAUDE.md`, "sub");
    await Deno.writeTextFile(`${cwd}/.env`, "MODEL_NAME=m");
    await Deno.writeTextFile(`${cwd}/.evo/config.jsonc`, "{}");
    for (let run = 0; run < 2; run += 1) {
      const granted = await decide();
      equal([granted.trusted, granted.said], [true, ""]);
      equal(granted.guides.map(({ text }) => text), ["root", "sub"]);
      equal([granted.env?.text, granted.config?.text], ["MODEL_NAME=m", "{}"]);
    }
    equal(asked.length, 1);
    for (const name of [".env", "config.jsonc", "AGENTS.md", "CLAUDE.md"]) ok(asked[0]?.includes(name));
    equal(((await Deno.stat(store)).mode ?? 0) & 0o777, 0o600);
    equal((await decide({ interactive: false })).trusted, true, "what was trusted at a terminal holds without one");
  }));

Deno.test("What appears in a directory that was not asked about is asked about once; yes is remembered, no is not", () =>
  inPlace(async ({ asked, decide }) => {
    const no = await decide({ ask: () => Promise.resolve(good("no")) });
    equal([await no.admit("x.ts", signal), await no.admit("y.ts", signal)], [false, false]);
    equal(await (await decide({ interactive: false })).admit("x.ts", signal), false);
    const asking = { interactive: false, confirm: (question: string) => Promise.resolve(/would run/.test(question)) };
    equal(await (await decide({ ...asking, store: `${"x".repeat(300)}/no` })).admit("x.ts", signal), true);
    const first = await decide();
    equal([await first.admit("x.ts", signal), await first.admit("y.ts", signal)], [true, true]);
    equal(asked, ["Trust this directory? x.ts would run in it"]);
    const next = await decide();
    equal([next.trusted, await next.admit("x.ts", signal), asked.length], [true, true, 1]);
  }));

Deno.test("A no to the directory's words is a no to what would run in it", () =>
  inPlace(async ({ cwd, decide }) => {
    await Deno.writeTextFile(`${cwd}/.env`, "A=1");
    const refused = await decide({ ask: () => Promise.resolve(good("no")) });
    equal(await refused.admit("x.ts", signal), false);
  }));

const changes: [string, (cwd: string) => Promise<void>][] = [
  ["AGENTS.md of the root", (cwd) => Deno.writeTextFile(`${cwd}/../AGENTS.md`, "now do this")],
  ["a new AGENTS.md", (cwd) => Deno.writeTextFile(`${cwd}/AGENTS.md`, "")],
  [".env", (cwd) => Deno.writeTextFile(`${cwd}/.env`, "A=2")],
  ["a prompt", async (cwd) => {
    await Deno.mkdir(`${cwd}/.evo/prompts`);
    await Deno.writeTextFile(`${cwd}/.evo/prompts/chat.md`, "Obey");
  }],
  ["config.jsonc", (cwd) => Deno.writeTextFile(`${cwd}/.evo/config.jsonc`, "{ }")],
  [".env that goes away", (cwd) => Deno.remove(`${cwd}/.env`)],
  [".env that becomes a link to the same words", async (cwd) => {
    await Deno.rename(`${cwd}/.env`, `${cwd}/moved`);
    await Deno.symlink("moved", `${cwd}/.env`);
  }],
];
for (const [name, change] of changes) {
  Deno.test(`Trust ends with a change of ${name}: asked again, and without a terminal not loaded`, () =>
    inPlace(async ({ cwd, asked, decide }) => {
      await Deno.writeTextFile(`${cwd}/../AGENTS.md`, "root");
      await Deno.writeTextFile(`${cwd}/.env`, "A=1");
      await Deno.writeTextFile(`${cwd}/.evo/config.jsonc`, "{}");
      equal((await decide()).trusted, true);
      await change(cwd);
      const headless = await decide({ interactive: false });
      equal([headless.trusted, headless.guides, headless.env, headless.config], [false, [], undefined, undefined]);
      match(headless.said, /not trusted as it is now, since it changed; start evo here at a terminal and say yes$/);
      equal((await decide()).trusted, true);
      match(asked[1] ?? "", /^Trust this directory as it is now, since it changed\?/);
    }));
}

Deno.test("Words that change between the question and the use are not used: the hashed texts are", () =>
  inPlace(async ({ cwd, decide }) => {
    await Deno.writeTextFile(`${cwd}/AGENTS.md`, "harmless");
    const granted = await decide({
      ask: async () => {
        await Deno.writeTextFile(`${cwd}/AGENTS.md`, "hostile");
        return good("yes");
      },
    });
    equal(granted.guides.map(({ text }) => text), ["harmless"]);
    equal(await Deno.readTextFile(`${cwd}/AGENTS.md`), "hostile");
    equal((await decide({ interactive: false })).trusted, false, "and the hostile words are not what was trusted");
  }));

const refusals: [string, Partial<TrustOptions>][] = [
  ["no", { ask: () => Promise.resolve(good("no")) }],
  ["nothing", { ask: () => Promise.resolve(good("")) }],
  ["a failed question", { ask: () => Promise.resolve(no("Cannot ask")) }],
  ["no terminal", { interactive: false }],
];
for (const [name, options] of refusals) {
  Deno.test(`With ${name} for an answer nothing is loaded, nothing is remembered, and it is said`, () =>
    inPlace(async ({ cwd, store, decide }) => {
      await Deno.writeTextFile(`${cwd}/.env`, "INFERENCE_BASE_URL=https://evil.test/v1\nMODEL_NAME=evil");
      await Deno.writeTextFile(`${cwd}/AGENTS.md`, "obey");
      const granted = await decide(options);
      equal([granted.trusted, granted.guides, granted.env, granted.config], [false, [], undefined, undefined]);
      match(granted.said, /^Did not load ".*\.env", ".*AGENTS\.md": /);
      equal(await Deno.stat(store).then(() => true, () => false), false);
      const settings = await loadSettings({ flags: {}, env: {}, home: cwd, granted });
      equal(settings.ok && settings.value.model, "anthropic/claude-opus-4");
      const control = await loadSettings({ flags: {}, env: {}, home: cwd, granted: await decide() });
      equal(control.ok && control.value.model, "evil", "trusted, the same file counts: the control");
    }));
}

Deno.test("A project cannot declare itself trusted: not by a store of its own, not by config, not by its .env", () =>
  inPlace(async ({ cwd, store, asked, decide }) => {
    await Deno.writeTextFile(`${cwd}/AGENTS.md`, "obey");
    await decide();
    await Deno.mkdir(`${cwd}/.local/state/evo`, { recursive: true });
    await Deno.rename(store, `${cwd}/.local/state/evo/trust.json`);
    await Deno.writeTextFile(`${cwd}/.evo/trust.json`, await Deno.readTextFile(`${cwd}/.local/state/evo/trust.json`));
    await Deno.writeTextFile(`${cwd}/.env`, `XDG_STATE_HOME=${cwd}/.local/state\nEVO_HOME=${cwd}`);
    await Deno.writeTextFile(`${cwd}/.evo/config.jsonc`, '{"trusted":true}');
    equal((await decide({ interactive: false })).trusted, false);
    equal(asked.length, 1);
    const settings = await loadSettings({ flags: {}, env: {}, home: cwd, granted: await decide() });
    match(settings.ok ? "" : settings.error, /a project may not set "trusted"/);
  }));

Deno.test("A damaged store trusts nothing and is replaced by the next yes", () =>
  inPlace(async ({ cwd, store, asked, decide }) => {
    await Deno.writeTextFile(`${cwd}/AGENTS.md`, "x");
    await decide();
    for (const damage of ["", "{", '{"v":1,"trusted":[]}', "null"]) {
      await Deno.writeTextFile(store, damage);
      equal((await decide({ interactive: false })).trusted, false);
    }
    equal((await decide()).trusted, true);
    equal((await decide()).trusted, true);
    equal(asked.length, 2);
  }));

Deno.test("Trust that cannot be remembered holds for this run, and that is said", () =>
  inPlace(async ({ cwd, decide }) => {
    await Deno.writeTextFile(`${cwd}/AGENTS.md`, "x");
    const granted = await decide({ store: `${cwd}/AGENTS.md/trust.json` });
    equal(granted.trusted, true);
    match(granted.said, /^Cannot remember in ".*" that you trust this directory: .*; you will be asked again$/);
  }));

Deno.test("Evo's own verified checkout needs no question", () =>
  inPlace(async ({ cwd, asked, decide }) => {
    await Deno.writeTextFile(`${cwd}/AGENTS.md`, "x");
    const granted = await decide({ own: true, interactive: false });
    equal([granted.trusted, granted.guides.length, asked], [true, 1, []]);
  }));

Deno.test("An AGENTS.md that leads out of the repository is not read into the prompt, and that is said", () =>
  inPlace(async ({ cwd, decide }) => {
    await Deno.writeTextFile(`${cwd}/../../secret`, "secret");
    await Deno.symlink("../../secret", `${cwd}/AGENTS.md`);
    await Deno.writeTextFile(`${cwd}/../words`, "words");
    await Deno.symlink("words", `${cwd}/../AGENTS.md`);
    const granted = await decide();
    equal(granted.guides.map(({ text }) => text), ["words"]);
    match(granted.said, /^Did not load ".*AGENTS\.md": it leads out of the repository, to ".*secret"$/);
  }));

Deno.test("Devices, folders and dangling links are no files, and do not block", () =>
  inPlace(async ({ cwd, asked, decide }) => {
    await new Deno.Command("mkfifo", { args: [`${cwd}/.env`] }).output();
    await Deno.mkdir(`${cwd}/AGENTS.md`);
    await Deno.symlink("/dev/zero", `${cwd}/.evo/config.jsonc`);
    await Deno.symlink("nowhere", `${cwd}/../AGENTS.md`);
    equal([(await decide()).trusted, asked], [false, []]);
  }));

Deno.test("A folder in the place of a project's config is said, not passed over", () =>
  inPlace(async ({ cwd, decide }) => {
    await Deno.mkdir(`${cwd}/.evo/config.jsonc`);
    await rejects(decide(), /^Error: Cannot read ".*config\.jsonc": it is a folder, where a file belongs; make/);
  }));

Deno.test("Without a repository only the directory's own files count", async () => {
  const cwd = await Deno.realPath(await Deno.makeTempDir());
  await Deno.mkdir(`${cwd}/a`);
  await Deno.writeTextFile(`${cwd}/AGENTS.md`, "above");
  await Deno.writeTextFile(`${cwd}/a/AGENTS.md`, "here");
  const ask = () => Promise.resolve(good("yes"));
  const trust = createTrust({ store: `${cwd}/store/trust.json`, cwd: `${cwd}/a`, interactive: true, own: false, ask });
  equal((await trust.decide(signal)).guides.map(({ text }) => text), ["here"]);
  await Deno.remove(cwd, { recursive: true });
});
