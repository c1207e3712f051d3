/** How one endpoint wants to be asked: builds the body of a request and learns from refusals. */
import type { ModelRequest } from "../../actors/ports.ts";
import type { Message } from "../../actors/types.ts";
import type { Body } from "./attempt.ts";
import { usedIds } from "../protocol/calls.ts";
import { type Compat, compatOf, isOpenRouter, type ModelSettings } from "./settings.ts";
import { drawNonce, toText } from "../protocol/text_tools.ts";
import { refusesTools, type StatusError } from "../protocol/trouble.ts";
import { bridge, type WireMessage, wireMessage, wireTools } from "../protocol/wire.ts";

/** A request with the model's name; `shown` if its text is shown while it comes. */
export type Ask = ModelRequest & { model: string; shown: boolean };

interface Known {
  compat: Compat;
  /** The window that the endpoint betrayed, in tokens. */
  window: number;
  cache: WeakMap<object, WireMessage | "none">;
}

/** Makes the builder of bodies. `clean` is applied to every text that leaves. */
export function createNegotiation(settings: ModelSettings, clean: (text: string) => string, random: () => number) {
  const models = new Map<string, Known>();
  let nonce = "";

  function known(model: string): Known {
    const found = models.get(model) ?? { compat: compatOf(model, settings), window: Infinity, cache: new WeakMap() };
    models.set(model, found);
    return found;
  }

  function build({ model, messages, tools }: Ask): { body: Body; nonce: string } {
    const { compat, cache } = known(model);
    const wired = (compat.textTools ? inWords(messages, tools) : messages).flatMap((message) => {
      const made = cache.get(message) ?? wireMessage(message, compat, clean) ?? "none";
      cache.set(message, made);
      return made === "none" ? [] : [made];
    });
    const offered = compat.textTools ? [] : wireTools(tools);
    const empty = !compat.textTools && compat.emptyTools && usedIds(messages).size > 0;
    const body: Body = {
      model,
      messages: compat.strictTurns ? bridge(wired) : wired,
      stream: true,
      ...(compat.streamOptions ? { stream_options: { include_usage: true } } : {}),
      ...(isOpenRouter(settings.baseUrl) ? { usage: { include: true } } : {}),
      ...(offered.length || empty ? { tools: offered } : {}),
    };
    return { body, nonce: compat.textTools ? nonce : "" };
  }

  function inWords(messages: Message[], tools: ModelRequest["tools"]): Message[] {
    const texts = messages.flatMap((message) =>
      message.role === "assistant"
        ? [message.content, ...message.calls.map((call) => call.arguments)]
        : [message.content]
    );
    if (!nonce || texts.some((text) => text.includes(nonce))) nonce = drawNonce(texts, random);
    return toText(messages, tools, nonce);
  }

  /** True if a refusal taught another way to say the same request. */
  function learn(refusal: StatusError, { model, tools }: Ask, body: Body): boolean {
    const { status, text } = refusal;
    const about = known(model);
    const { compat } = about;
    const set = (change: Partial<Compat>) => {
      models.set(model, { ...about, compat: { ...compat, ...change }, cache: new WeakMap() });
      return true;
    };
    if (tools.length && !compat.textTools && refusesTools(refusal)) return set({ textTools: true });
    if (status !== 400 && status !== 422) return false;
    if (compat.streamOptions && /stream_options|include_usage/i.test(text)) return set({ streamOptions: false });
    if (body.tools?.length === 0 && /\btools\b/i.test(text)) return set({ emptyTools: false });
    const reasoned = compat.reasoning &&
      body.messages.some((message) => Object.keys(message).some((key) => key.startsWith("reasoning")));
    return reasoned && /reasoning/i.test(text) && set({ reasoning: false });
  }

  return { build, learn, known };
}
