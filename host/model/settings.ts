/** What a model client is told: endpoint, names, limits, and the quirks of endpoints and model families. */

/** Bounds of one reply. */
export interface Limits {
  firstByteMs: number;
  idleMs: number;
  maxStreamBytes: number;
  maxReplyChars: number;
}

/** Quirks of one endpoint and model; the switches that a refusal teaches are learned at run time. */
export interface Compat {
  /** Ask for usage in the stream. */
  streamOptions: boolean;
  /** Send `tools: []` when the history holds calls and no tool is offered. */
  emptyTools: boolean;
  /** Send reasoning fields back. */
  reasoning: boolean;
  /** Describe tools in words and read calls from the text. */
  textTools: boolean;
  /** Put the tool's name into its result, and an assistant message between a result and a user message. */
  strictTurns: boolean;
  /** The longest id of a tool call. */
  idLength: number;
}

/** Where the model is and what it is called. `cassette` plays while `model` is asked; `record` names the file to append to. */
export interface ModelSettings {
  baseUrl: string;
  apiKey?: string;
  model: string;
  fastModel: string;
  window?: number;
  cassette?: { text: string };
  record?: string;
  limits?: Partial<Limits>;
  compat?: Partial<Compat>;
}

/** The bounds when nothing else is said. */
export const LIMITS: Limits = {
  firstByteMs: 300_000,
  idleMs: 60_000,
  maxStreamBytes: 32 << 20,
  maxReplyChars: 4 << 20,
};

const WINDOWS: [RegExp, number][] = [
  [/^claude/, 200_000],
  [/^gpt-4\.1/, 1_047_576],
  [/^gpt-5/, 400_000],
  [/^(gpt-4o|gpt-4-turbo|gpt-4-1|chatgpt)/, 128_000],
  [/^gpt-4/, 8_192],
  [/^gpt-3\.5/, 16_385],
  [/^o[134]/, 200_000],
  [/^gemini/, 1_048_576],
  [/^(qwen3-coder|kimi-k2-0905|grok-4)/, 256_000],
];

/** The context window of a model by its name, in tokens; undefined when the name says nothing. */
export function windowOf(model: string): number | undefined {
  const name = model.toLowerCase().slice(model.lastIndexOf("/") + 1);
  return WINDOWS.find(([pattern]) => pattern.test(name))?.[1];
}

/** The quirks to start with for a model. */
export function compatOf(model: string, settings: ModelSettings): Compat {
  const mistral = /mistral|mixtral|devstral|codestral|magistral|ministral/i.test(model);
  const plain = { streamOptions: true, emptyTools: true, reasoning: true, textTools: false };
  return { ...plain, strictTurns: mistral, idLength: mistral ? 9 : 40, ...settings.compat };
}

/** The host of an endpoint, or undefined if the address cannot be used. */
export function hostOf(baseUrl: string): string | undefined {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined;
  return url && /^https?:$/.test(url.protocol) ? url.host : undefined;
}

/** True if the endpoint is OpenRouter, which reports the cost of a reply when it is asked to. */
export function isOpenRouter(baseUrl: string): boolean {
  return /(^|\.)openrouter\.ai(:\d+)?$/.test(hostOf(baseUrl) ?? "");
}
