/**
 * Tool calls in plain text, for endpoints that refuse `tools`. A call is a block between two lines that hold a nonce; its
 * arguments are JSON, in which a line break is always escaped, so no content can end a block.
 */
import type { Assistant, Message, ToolCall } from "../../actors/types.ts";
import type { ToolSchema } from "../../actors/ports.ts";
import { settle, uniqueId } from "./calls.ts";

const opening = (nonce: string) => `<<call ${nonce} `;
const closing = (nonce: string) => `end ${nonce}>>`;

/** A nonce that does not occur in any of the texts. */
export function drawNonce(texts: string[], random: () => number): string {
  for (;;) {
    const nonce = Math.floor(random() * 36 ** 8).toString(36).padStart(8, "0");
    if (!texts.some((text) => text.includes(nonce))) return nonce;
  }
}

/** What the system message says about tools. */
export function describeTools(tools: ToolSchema[], nonce: string): string {
  const list = tools.map(({ name, description, parameters }) =>
    `- ${name}: ${description}\n  arguments: ${JSON.stringify(parameters)}`
  );
  return [
    "# Tools",
    "To call a tool, write a block of exactly this form, each part on lines of its own, the arguments as one JSON object:",
    `${opening(nonce)}TOOL_NAME>>\n{"argument": "value"}\n${closing(nonce)}`,
    "You may write several blocks. Then stop: the results come in the next message.",
    ...list,
  ].join("\n");
}

/** A call as the model should have written it. */
export function writeCall({ name, arguments: args }: Pick<ToolCall, "name" | "arguments">, nonce: string): string {
  return `${opening(nonce)}${name}>>\n${args}\n${closing(nonce)}`;
}

/** Rewrites a conversation so that it needs no tool fields. */
export function toText(messages: Message[], tools: ToolSchema[], nonce: string): Message[] {
  const told = tools.length ? describeTools(tools, nonce) : "";
  const out = messages.map((message): Message => {
    if (message.role === "tool") {
      const content = `<<result ${nonce} ${message.name}>>\n${message.content}\n${closing(nonce)}`;
      return { role: "user", content };
    }
    if (message.role !== "assistant") return message;
    const content = [message.content, ...message.calls.map((call) => writeCall(call, nonce))].filter(Boolean).join(
      "\n",
    );
    return { ...message, content, calls: [] };
  });
  const first = out[0];
  if (!told) return out;
  if (first?.role !== "system") return [{ role: "system", content: told }, ...out];
  return [{ role: "system", content: `${first.content}\n\n${told}` }, ...out.slice(1)];
}

/** Reads the calls out of a reply. A block without its end gets a fault. */
export function readCalls(
  message: Assistant,
  nonce: string,
  { used, broken }: { used: Set<string>; broken?: string | undefined },
): Assistant {
  const calls: ToolCall[] = [];
  const prose: string[] = [];
  let open: { name: string; args: string[] } | undefined;
  const close = (whole: boolean) => {
    if (!open) return;
    const call = settle({ name: open.name, args: open.args.join("\n") }, {
      id: uniqueId("", calls.length, used),
      whole,
    });
    const fault = whole ? broken : `The block of this call has no closing line "${closing(nonce)}", so it was not run`;
    calls.push(fault ? { ...call, fault } : call);
    open = undefined;
  };
  for (const line of message.content.split(/\r?\n/)) {
    const trimmed = line.trim();
    if (trimmed.startsWith(opening(nonce))) {
      close(false);
      open = { name: trimmed.slice(opening(nonce).length).replace(/>>$/, "").trim(), args: [] };
    } else if (open && trimmed === closing(nonce)) close(true);
    else (open?.args ?? prose).push(line);
  }
  close(false);
  return { ...message, content: calls.length ? prose.join("\n").trim() : message.content, calls };
}

/** How much of a growing reply may be shown: up to the first block, without what could begin one. `from` was shown before. */
export function visible(text: string, nonce: string, from: number): number {
  const mark = opening(nonce);
  const at = text.indexOf(mark, from);
  if (at >= 0) return at;
  for (let length = Math.min(mark.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(mark.slice(0, length))) return text.length - length;
  }
  return text.length;
}
