import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { isLoopback, loadSettings, NO_MODEL } from "./settings.ts";
import type { Settings, SettingsOptions } from "./settings.ts";

const piece = (path: string, text: string) => ({ path, real: path, text, truncated: false });

/** Loads with the given user files; what is left out is empty. */
async function load(options: Partial<SettingsOptions> & { config?: string; dotenv?: string } = {}) {
  const home = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${home}/.config/evo`, { recursive: true });
    if (options.config !== undefined) await Deno.writeTextFile(`${home}/.config/evo/config.jsonc`, options.config);
    if (options.dotenv !== undefined) await Deno.writeTextFile(`${home}/.config/evo/.env`, options.dotenv);
    return await loadSettings({ flags: {}, env: {}, granted: {}, ...options, home });
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}
async function loaded(options: Parameters<typeof load>[0]): Promise<Settings> {
  const settings = await load(options);
  if (!settings.ok) throw new Error(settings.error);
  return settings.value;
}
const originOf = (settings: Settings, name: string) =>
  settings.show().split("\n").find((line) => line.startsWith(name))?.split(/\s{2,}/).at(-1) ?? "";

Deno.test("Without anything set, the defaults hold and there is no model", async () => {
  const settings = await loaded({});
  equal(settings.baseUrl, "https://openrouter.ai/api/v1");
  equal([settings.model, settings.fastModel], ["anthropic/claude-opus-4", "anthropic/claude-opus-4"]);
  equal(settings.budget, { maxChanges: 3, maxAttempts: 3, wallMs: 3_600_000, tokens: 2_000_000 });
  equal([settings.apiKey, settings.hasModel, settings.warnings], [undefined, false, []]);
  equal(NO_MODEL.split("\n").length, 2);
});

Deno.test("Flags outrank the environment, then trusted project files, then the user's, then defaults", async () => {
  const layers: [string, Parameters<typeof load>[0], RegExp][] = [
    ["user-config", { config: '{"model":"user-config"}' }, /\.config\/evo\/config\.jsonc$/],
    ["user-env", { dotenv: "MODEL_NAME=user-env" }, /\.config\/evo\/\.env$/],
    [
      "project-config",
      { granted: { config: piece("/p/.evo/config.jsonc", '{"model":"project-config"}') } },
      /^\/p\/\.evo\/config\.jsonc$/,
    ],
    ["project-env", { granted: { env: piece("/p/.env", "MODEL_NAME=project-env") } }, /^\/p\/\.env$/],
    ["environment", { env: { MODEL_NAME: "environment" } }, /^environment$/],
    ["flag", { flags: { model: "flag" } }, /^--model$/],
  ];
  let all: NonNullable<Parameters<typeof load>[0]> = {};
  for (const [model, layer, origin] of layers) {
    all = { ...all, ...layer, granted: { ...all.granted, ...layer?.granted } };
    const settings = await loaded(all);
    equal([settings.model, settings.fastModel], [model, model]);
    match(originOf(settings, "MODEL_NAME"), origin);
    match(originOf(settings, "FAST_MODEL_NAME"), /^as MODEL_NAME$/);
  }
  equal((await loaded({ ...all, env: { FAST_MODEL_NAME: "quick" } })).fastModel, "quick");
});

Deno.test("A project's .env sets the two models only; endpoint, key, proxies and EVO_ names get one warning, others none", async () => {
  const text = [
    "export FAST_MODEL_NAME='quick' # mine",
    "INFERENCE_BASE_URL=https://evil.test/v1",
    "OPENROUTER_API_KEY=stolen",
    "HTTPS_PROXY=http://evil.test",
    "http_proxy=http://evil.test",
    "EVO_HOME=/tmp/evil",
    "DATABASE_URL=postgres://x",
  ].join("\r\n");
  const settings = await loaded({ granted: { env: piece("/p/.env", text) } });
  equal([settings.fastModel, settings.baseUrl], ["quick", "https://openrouter.ai/api/v1"]);
  equal([settings.apiKey, settings.home, settings.hasModel], [undefined, undefined, false]);
  equal(settings.warnings.length, 1);
  match(
    settings.warnings[0] ?? "",
    /INFERENCE_BASE_URL, OPENROUTER_API_KEY, HTTPS_PROXY, http_proxy, EVO_HOME in "\/p\/\.env"/,
  );
  ok(!settings.warnings.join().includes("DATABASE_URL") && !settings.warnings.join().includes("stolen"));
  equal(settings.dotenv.DATABASE_URL, "postgres://x", "what stands there can still be redacted");
  const untrusted = await loaded({ granted: { secrets: piece("/p/.env", text) } });
  equal([untrusted.dotenv.DATABASE_URL, untrusted.fastModel], ["postgres://x", "anthropic/claude-opus-4"]);
  const own = await loaded({ dotenv: text });
  equal(
    [own.baseUrl, own.home],
    ["https://evil.test/v1", "/tmp/evil"],
    "the same lines in the user's own file count: the control",
  );
});

Deno.test("A project's config that sets the endpoint is refused as a whole", async () => {
  const refused = await load({ granted: { config: piece("/p/.evo/config.jsonc", '{"baseUrl":"https://evil.test"}') } });
  match(
    refused.ok ? "" : refused.error,
    /^Cannot use "\/p\/\.evo\/config\.jsonc", line 1: a project may not set "baseUrl"/,
  );
});

const wrong: [string, Parameters<typeof load>[0], RegExp][] = [
  [
    "a word for a number",
    { env: { EVO_MAX_CHANGES: "abc" } },
    /^Cannot use EVO_MAX_CHANGES \(environment\): .*expected number/,
  ],
  ["a negative number", { env: { EVO_MAX_CHANGES: "-1" } }, /EVO_MAX_CHANGES/],
  ["a fraction", { env: { EVO_MAX_TOKENS: "1.5" } }, /EVO_MAX_TOKENS \(environment\): .*expected int/],
  ["a flag out of range", { flags: { maxAttempts: 0 } }, /^Cannot use --max-attempts \(--max-attempts\): .*>=1/],
  ["no time", { dotenv: "EVO_WALL_MINUTES=0" }, /EVO_WALL_MINUTES \(.*\.env\)/],
  ["a malformed user config", { config: "{" }, /config\.jsonc", line 1: it is not valid JSONC/],
  [
    "an address of files",
    { env: { INFERENCE_BASE_URL: "file:///etc/passwd" } },
    /INFERENCE_BASE_URL \(environment\): expected an http or https address/,
  ],
  [
    "no address",
    { config: '{\n"baseUrl":"openrouter"}' },
    /line 2: "baseUrl" is wrong \(expected an http or https address\)/,
  ],
  ["an address with a password", { env: { INFERENCE_BASE_URL: "https://me:secret@x.test/v1" } }, /has no credentials/],
  ["an address with a query", { env: { INFERENCE_BASE_URL: "https://x.test/v1?key=secret" } }, /query or fragment/],
];
for (const [name, options, sentence] of wrong) {
  Deno.test(`Settings with ${name} are refused in one sentence that repeats no secret`, async () => {
    const settings = await load(options);
    match(settings.ok ? "" : settings.error, sentence);
    ok(!settings.ok && !settings.error.includes("secret") && !settings.error.endsWith("."));
  });
}

Deno.test("A user config that is a folder, or cannot be read, is a sentence", async () => {
  const home = await Deno.makeTempDir();
  await Deno.mkdir(`${home}/.config/evo/config.jsonc`, { recursive: true });
  const folder = await loadSettings({ flags: {}, env: {}, home, granted: {} });
  match(folder.ok ? "" : folder.error, /^Cannot read ".*config\.jsonc": it is a folder, where a file belongs; make/);
  await Deno.remove(`${home}/.config/evo/config.jsonc`);
  await Deno.symlink("config.jsonc", `${home}/.config/evo/config.jsonc`);
  const looped = await loadSettings({ flags: {}, env: {}, home, granted: {} });
  match(looped.ok ? "" : looped.error, /^Cannot read ".*config\.jsonc": .*; make it readable or remove it$/);
  await Deno.remove(home, { recursive: true });
});

Deno.test("XDG_CONFIG_HOME moves the user's config, if it is absolute", async () => {
  const xdg = await Deno.makeTempDir();
  await Deno.mkdir(`${xdg}/evo`);
  await Deno.writeTextFile(`${xdg}/evo/config.jsonc`, '{"model":"moved"}');
  equal((await loaded({ env: { XDG_CONFIG_HOME: xdg } })).model, "moved");
  equal((await loaded({ env: { XDG_CONFIG_HOME: "relative" } })).model, "anthropic/claude-opus-4");
  await Deno.remove(xdg, { recursive: true });
});

const models: [string, Parameters<typeof load>[0], boolean][] = [
  ["a key", { env: { OPENROUTER_API_KEY: " key\n" } }, true],
  ["a key of digits", { env: { OPENROUTER_API_KEY: "12345678" } }, true],
  ["an empty key", { env: { OPENROUTER_API_KEY: "  " } }, false],
  ["a loopback endpoint", { env: { INFERENCE_BASE_URL: "http://127.0.0.1:11434/v1/" } }, true],
  ["a far endpoint without key", { env: { INFERENCE_BASE_URL: "http://box.lan:8000/v1" } }, true],
  ["the default endpoint, named", { env: { INFERENCE_BASE_URL: "https://openrouter.ai/api/v1/" } }, false],
  ["a cassette", { flags: { model: "cassette:a.jsonl" } }, true],
  ["the demo model", { flags: { model: "demo" } }, true],
  ["a model that only begins like it", { flags: { model: "demolition" } }, false],
];
for (const [name, options, has] of models) {
  Deno.test(`With ${name} a model is ${has ? "" : "not "}set`, async () =>
    equal((await loaded(options)).hasModel, has));
}

Deno.test("Keys and addresses are cleaned of what people paste along", async () => {
  const settings = await loaded({
    env: { OPENROUTER_API_KEY: " key-key-key\n", INFERENCE_BASE_URL: "http://box.lan/v1//" },
  });
  equal([settings.apiKey, settings.baseUrl], ["key-key-key", "http://box.lan/v1"]);
  match(settings.warnings[0] ?? "", /goes to http:\/\/box\.lan\/v1 unencrypted/);
});

Deno.test("The table of settings shows each value with its origin and never the key", async () => {
  const apiKey = "sk-or-v1-canary0123456789abcdef";
  const shown = (await loaded({ env: { OPENROUTER_API_KEY: apiKey, EVO_MAX_CHANGES: "0" } })).show();
  equal(shown.split("\n").length, 11);
  ok(!shown.includes("canary"));
  match(shown, /^OPENROUTER_API_KEY +\*\*\*\*cdef +environment$/m);
  match(shown, /^EVO_MAX_CHANGES +0 +environment$/m);
  match(shown, /^EVO_HOME +- +not set$/m);
  ok(!(await loaded({ env: { OPENROUTER_API_KEY: "short-canary" } })).show().includes("canary"));
});

const addresses: [string, boolean][] = [
  ["http://localhost:1/v1", true],
  ["http://api.localhost/", true],
  ["http://127.9.9.9", true],
  ["http://[::1]:8080", true],
  ["http://2130706433/", true],
  ["http://localhost.evil.test", false],
  ["http://127.0.0.1.evil.test", false],
  ["http://127.0.0.1@evil.test", false],
  ["http://10.0.0.1", false],
  ["nonsense", false],
];
for (const [address, local] of addresses) {
  Deno.test(`${address} is ${local ? "" : "not "}on this machine`, () => equal(isLoopback(address), local));
}
