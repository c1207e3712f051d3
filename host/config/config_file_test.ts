import { deepStrictEqual as equal, match } from "node:assert/strict";
import { parseConfig } from "./config_file.ts";

const good: [string, string, unknown][] = [
  ["an empty file", "", {}],
  ["comments alone", "// nothing\n/* yet */\n", {}],
  ["comments, a trailing comma and CRLF", '{\r\n  // the model\r\n  "model": "a/b", /* "x": 1 */\r\n}\r\n', {
    model: "a/b",
  }],
  ["a byte order mark", '\ufeff{"maxChanges":0}', { maxChanges: 0 }],
  ["a string that looks like a comment", '{"model":"a//b/*c*/"}', { model: "a//b/*c*/" }],
];
for (const [name, text, config] of good) {
  Deno.test(`A config file with ${name} is read`, () => {
    equal(parseConfig(text, { path: "/c", project: false }), { ok: true, value: config });
  });
}

const bad: [string, string, RegExp][] = [
  [
    "an unknown key",
    '{\n  "model": "a",\n  "fastModle": "b"\n}',
    /line 3: there is no setting "fastModle"; did you mean "fastModel"$/,
  ],
  ["a key like none", '{"zzz":1}', /line 1: there is no setting "zzz"; the keys are apiKey, baseUrl, model/],
  [
    "a wrong type",
    '{\n// c\n/* "window": 5\n*/\n"window": "many"}',
    /line 5: "window" is wrong \(.*expected number.*\); correct or remove it$/,
  ],
  ["a number out of range", '{\n\n"maxAttempts": 0}', /line 3: "maxAttempts" is wrong/],
  ["a fraction where none can be", '{"maxChanges": 1.5}', /line 1: "maxChanges" is wrong/],
  ["null", '{"model":null}', /line 1: "model" is wrong/],
  ["an empty model", '{"model":""}', /line 1: "model" is wrong/],
  ["an object for a value", '{\n"model":{\n"model":"x"}}', /line 2: "model" is wrong/],
  ["the key twice, the last counts", '{"window":5000,\n"window":"x"}', /line 2: "window" is wrong/],
  ["an escaped key", '{\n"mod\\u0065l": 5}', /line 2: "model" is wrong/],
  ["the key's name in a string before", '{"model":"\\"window\\": 1",\n"window":"x"}', /line 2: "window" is wrong/],
  ["__proto__", '{\n"__proto__": {}}', /line 2: there is no setting "__proto__"/],
  ["toString", '{\n"toString": 1}', /line 2: there is no setting "toString"/],
  ["a missing comma", '{\n"model":"a"\n"window":1\n}', /line 3: it is not valid JSONC here; mend the syntax$/],
  ["no end", '{\n"model":"a"\n', /line 3: it is not valid JSONC here/],
  ["an open comment", "{}\n/* x", /line \d: it is not valid JSONC here/],
  ["an array", "\n[1]", /line 2: it holds no object/],
  ["a word", "null", /line 1: it holds no object/],
  ["half a pair in a key", '{"\ud83d": 1}', /line 1: there is no setting "\ufffd"/],
];
for (const [name, text, sentence] of bad) {
  Deno.test(`A config file with ${name} is refused by key and line`, () => {
    const parsed = parseConfig(text, { path: "/etc/x.jsonc", project: false });
    match(parsed.ok ? "" : parsed.error, /^Cannot use "\/etc\/x\.jsonc", line \d+: .*[^.]$/);
    match(parsed.ok ? "" : parsed.error, sentence);
  });
}

const security = [
  "apiKey",
  "baseUrl",
  "deno",
  "home",
  "proxy",
  "httpsProxy",
  "approvals",
  "yes",
  "permissions",
  "headers",
  "trusted",
];
for (const key of security) {
  Deno.test(`A project's config may not set ${key}`, () => {
    const parsed = parseConfig(`{\n"model": "m",\n"${key}": "x"}`, { path: "/p/.evo/config.jsonc", project: true });
    match(
      parsed.ok ? "" : parsed.error,
      new RegExp(`line 3: a project may not set "${key}"; set it in your own config`),
    );
  });
}

Deno.test("The user's own config may set endpoint and key: the control", () => {
  const text = '{"apiKey":"k","baseUrl":"https://x/v1","deno":"/d","home":"/h"}';
  equal(parseConfig(text, { path: "/c", project: false }).ok, true);
});

Deno.test("The config that is committed with Evo is good as it is, and each of its comments names a setting with its default", async () => {
  const path = new URL("../../.evo/config.jsonc", import.meta.url);
  const text = await Deno.readTextFile(path);
  equal(parseConfig(text, { path: "config.jsonc", project: true }), { ok: true, value: {} });
  const uncommented = text.replace(/^(\s*)\/\/ "/gm, '$1"');
  const parsed = parseConfig(uncommented, { path: "config.jsonc", project: true });
  equal(parsed.ok ? Object.keys(parsed.value) : parsed.error, [
    "model",
    "fastModel",
    "window",
    "maxChanges",
    "maxAttempts",
    "wallMinutes",
    "maxTokens",
  ]);
});
