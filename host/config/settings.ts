/** Every setting with its value and where it came from: flags over environment over trusted project files over user config over defaults. */
import { parseEnv } from "node:util";
import { type Budget, no, ok, type Outcome } from "../../actors/types.ts";
import { reason } from "../session/files.ts";
import { CHECKS, type Config, KEYS, parseConfig } from "./config_file.ts";
import { type Piece, readPiece } from "./files.ts";
import type { Granted } from "./trust.ts";

type Key = keyof Config;
const VARIABLES: Record<Key, string> = {
  apiKey: "OPENROUTER_API_KEY",
  baseUrl: "INFERENCE_BASE_URL",
  model: "MODEL_NAME",
  fastModel: "FAST_MODEL_NAME",
  window: "EVO_WINDOW",
  maxChanges: "EVO_MAX_CHANGES",
  maxAttempts: "EVO_MAX_ATTEMPTS",
  wallMinutes: "EVO_WALL_MINUTES",
  maxTokens: "EVO_MAX_TOKENS",
  deno: "EVO_DENO",
  home: "EVO_HOME",
};
const DEFAULTS: Config = {
  baseUrl: "https://openrouter.ai/api/v1",
  model: "anthropic/claude-opus-4",
  maxChanges: 3,
  maxAttempts: 3,
  wallMinutes: 60,
  maxTokens: 2_000_000,
};
const FORBIDDEN_ENV = /^(?:EVO_.*|INFERENCE_.*|OPENROUTER_.*|OPENAI_.*|.*_PROXY|DENO_.*|NODE_.*|XDG_.*)$/i;

/** A value with its origin: a flag, "environment", the path of a file, or "default". */
type Found = { value: string | number; origin: string };
type Layer = Map<Key, Found>;

/** The settings of one run. */
export type Settings = Config & Required<Pick<Config, "baseUrl" | "model" | "fastModel">> & {
  budget: Budget;
  /** What the user's and the project's .env hold, for the redactor alone. */
  dotenv: Record<string, string | undefined>;
  /** True if a request could be sent (`canAsk`), or the replies come from a cassette. */
  hasModel: boolean;
  /** Sentences to show once. */
  warnings: string[];
  /** A table of each setting: variable, value (the key masked), origin. */
  show(): string;
};

/** What `loadSettings` reads: `home` is the user's home directory, `granted` the project's texts that trust has let through. */
export interface SettingsOptions {
  flags: Partial<Record<Key, string | number | undefined>>;
  env: Record<string, string>;
  home: string;
  granted: Pick<Granted, "config" | "env" | "secrets">;
}

/** How to set a model, in two lines, for when there is none. */
export const NO_MODEL =
  `No model is set: export OPENROUTER_API_KEY=<key> (from https://openrouter.ai/keys), or for a local model
export INFERENCE_BASE_URL=http://127.0.0.1:11434/v1 MODEL_NAME=<name>; "evo config" shows every setting and its origin`;

/** True if a request can be sent: with a key, or to an endpoint that the user has set, which may want none. */
export function canAsk({ apiKey, baseUrl }: { apiKey?: string | undefined; baseUrl: string }): boolean {
  return Boolean(apiKey) || baseUrl !== DEFAULTS.baseUrl;
}

/** The folder of the user's own config: `evo` below `$XDG_CONFIG_HOME` if that is absolute, else below `~/.config`. */
export function configFolder(env: Record<string, string>, home: string): string {
  return `${env.XDG_CONFIG_HOME?.startsWith("/") ? env.XDG_CONFIG_HOME : `${home}/.config`}/evo`;
}

/** Loads and checks all settings; a bad outcome is one sentence that names file, line and key, or the variable (exit code 4). */
export async function loadSettings({ flags, env, home, granted }: SettingsOptions): Promise<Outcome<Settings>> {
  const folder = configFolder(env, home);
  try {
    const userConfig = await readPiece(`${folder}/config.jsonc`, { strict: true });
    const userEnv = await readPiece(`${folder}/.env`);
    const layers = [
      layerOf(DEFAULTS, "default"),
      configLayer(userConfig, false),
      envLayer(variablesOf(userEnv), { origin: userEnv?.path ?? "", keys: KEYS }),
      configLayer(granted.config, true),
      envLayer(variablesOf(granted.env), { origin: granted.env?.path ?? "", keys: ["model", "fastModel"] }),
      envLayer(env, { origin: "environment", keys: KEYS }),
      flagLayer(flags),
    ];
    const dotenv = { ...variablesOf(userEnv), ...variablesOf(granted.secrets ?? granted.env) };
    return ok({ ...settle(new Map(layers.flatMap((layer) => [...layer])), granted.env), dotenv });
  } catch (error) {
    return no(reason(error)); // a layer's sentence
  }
}

function settle(found: Layer, projectEnv: Piece | undefined): Omit<Settings, "dotenv"> {
  const { value: main = "" } = found.get("model") ?? {};
  if (!found.has("fastModel")) found.set("fastModel", { value: main, origin: "as MODEL_NAME" });
  const values: Config = Object.fromEntries([...found].map(([key, { value }]) => [key, value]));
  const { model = "", fastModel = "", baseUrl: address = "" } = values;
  const baseUrl = address.replace(/\/+$/, "");
  const { maxChanges = 0, maxAttempts = 1, wallMinutes = 0, maxTokens = 0 } = values;
  const warnings = warningsOf(projectEnv);
  const bare = values.apiKey !== undefined && baseUrl.startsWith("http:") && !isLoopback(baseUrl);
  if (bare) warnings.push(`The key goes to ${baseUrl} unencrypted: use https outside your own network`);
  return {
    ...values,
    ...{ baseUrl, model, fastModel },
    budget: { maxChanges, maxAttempts, wallMs: Math.round(wallMinutes * 60_000), tokens: maxTokens },
    hasModel: canAsk({ ...values, baseUrl }) || /^(?:demo$|cassette:)/.test(model),
    warnings,
    show: () => table(found),
  };
}

function flagLayer(flags: SettingsOptions["flags"]): Layer {
  return new Map(KEYS.flatMap((key) => {
    const origin = `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    return flags[key] === undefined ? [] : [[key, checked(key, String(flags[key]), { name: origin, origin })]];
  }));
}

/** An empty variable counts as not set. */
function envLayer(env: Record<string, string | undefined>, { origin, keys }: { origin: string; keys: Key[] }): Layer {
  return new Map(keys.flatMap((key) => {
    const text = env[VARIABLES[key]]?.trim();
    return text ? [[key, checked(key, text, { name: VARIABLES[key], origin })]] : [];
  }));
}

function configLayer(file: Piece | undefined, project: boolean): Layer {
  const config = file ? parseConfig(file.text, { path: file.path, project }) : ok<Config>({});
  if (!config.ok) throw new Error(config.error);
  return layerOf(config.value, file?.path ?? "");
}

function layerOf(config: Config, origin: string): Layer {
  return new Map(KEYS.flatMap((key) => config[key] === undefined ? [] : [[key, { value: config[key], origin }]]));
}

/** Flags and variables are text; what is a plain number may stand for one. */
function checked(key: Key, text: string, { name, origin }: { name: string; origin: string }): Found {
  const number = CHECKS[key](1000) === undefined && /^\d+(?:\.\d+)?$/.test(text);
  const value = number ? Number(text) : text;
  const wrong = CHECKS[key](value);
  if (wrong === undefined) return { value, origin };
  throw new Error(`Cannot use ${name} (${origin}): ${wrong}; correct or unset it`);
}

function variablesOf(file: Piece | undefined): Record<string, string | undefined> {
  return parseEnv(file?.text.replace(/^\uFEFF/, "") ?? "");
}

function warningsOf(file: Piece | undefined): string[] {
  const refused = Object.keys(variablesOf(file)).filter((name) => FORBIDDEN_ENV.test(name));
  const names = refused.slice(0, 5).map((name) => name.slice(0, 40)).join(", ");
  const rule = "a project's .env may set MODEL_NAME and FAST_MODEL_NAME only; set the rest in your own environment";
  return refused.length > 0 ? [`Ignored ${names} in ${JSON.stringify(file?.path)}: ${rule}`] : [];
}

/** True if the address leads to this machine itself. */
export function isLoopback(address: string): boolean {
  return /^(?:127\.\d+\.\d+\.\d+|\[::1\]|(?:[a-z0-9-]+\.)*localhost)$/.test(URL.parse(address)?.hostname ?? "");
}

function table(found: Layer): string {
  const rows = KEYS.map((key) => {
    const { value, origin } = found.get(key) ?? { value: "-", origin: "not set" };
    const shown = key === "apiKey" && found.has(key) ? `****${String(value).slice(16).slice(-4)}` : String(value);
    return { name: VARIABLES[key], shown, origin };
  });
  const wide = Math.max(...rows.map(({ shown }) => shown.length));
  return rows.map(({ name, shown, origin }) => `${name.padEnd(20)}${shown.padEnd(wide + 2)}${origin}`).join("\n");
}
