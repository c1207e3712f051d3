import { createHash } from "node:crypto";
import { dirname } from "node:path";
import * as z from "zod";
import { Aborted, type Agents } from "../../actors/ports.ts";
import { EXIT, no, ok, type Outcome } from "../../actors/types.ts";
import { replaceFile } from "../session/files.ts";
import { grow, type Tree } from "./tree.ts";

/** What sub-agents need: the words that start this executable, and `env` as the child gets it, with the key. */
export interface AgentsOptions {
  exec: string[];
  /** A real path. */
  cwd: string;
  env: Record<string, string>;
  /** The present task's folder, relative to `cwd`. */
  outputs(): string;
  /** Flags that the child inherits, such as `--model`. */
  flags: string[];
}

interface Agent {
  tree: Tree;
  done: Promise<Outcome<{ text: string; out: string }>>;
  running: boolean;
}

const AT_ONCE = 4;
const TASK_LIMIT = 100_000;
const Line = z.looseObject({ type: z.string(), text: z.string().optional(), level: z.string().optional() });

/** Sub-agents as child processes in print mode (`-p --json`); they end with this process. `end` ends them all. */
export function createAgents(options: AgentsOptions): Agents & { end(): Promise<void> } {
  const agents = new Map<string, Agent>();
  let made = 0;
  const fileOf = (id: string) => `${options.outputs()}/agent_${id}.md`;
  /** Not by chance: played again, a conversation names the same agents. */
  const newId = (task: string) => createHash("sha256").update(`${made++} ${task}`).digest("hex").slice(0, 8);
  const running = () => [...agents].filter(([, agent]) => agent.running).map(([id]) => id);
  return {
    async spawn(task, { out, deadlineMs }) {
      if (options.env.EVO_AGENT === "1") return no("Cannot start a sub-agent: this is one itself; do the work here");
      if (task.trim() === "") return no("Cannot start a sub-agent: it has no task; say what it should do");
      const bytes = new TextEncoder().encode(task).length;
      if (bytes > TASK_LIMIT || task.includes("\0")) {
        return no(
          `Cannot start a sub-agent with a task of ${bytes} bytes: the limit is ${TASK_LIMIT}; put it into a file and name that`,
        );
      }
      if (running().length >= AT_ONCE) {
        return no(
          `Cannot start a sub-agent: ${AT_ONCE} are at work (${running().join(", ")}); wait for one of them first`,
        );
      }
      const id = newId(task);
      const path = out ?? fileOf(id);
      const refusal = await refusalOf(path, options.cwd);
      if (refusal) return no(refusal);
      const env = { ...options.env, EVO_AGENT: "1" };
      const argv = [...options.exec, "-p", "--json", ...options.flags, "--", task];
      const tree = grow(argv, { cwd: options.cwd, env });
      const agent: Agent = { tree, running: true, done: finish(tree, { id, out: path, cwd: options.cwd, deadlineMs }) };
      agent.done = agent.done.finally(() => agent.running = false);
      agents.set(id, agent);
      return ok({ id, out: path });
    },
    async wait(id, signal) {
      const agent = agents.get(id);
      if (!agent) {
        return no(
          `Cannot wait for the sub-agent "${id}": there is none; known are: ${[...agents.keys()].join(", ") || "none"}`,
        );
      }
      signal.throwIfAborted();
      let stopping: Promise<void> | undefined;
      const stop = () => void (stopping = agent.tree.kill(50));
      signal.addEventListener("abort", stop, { once: true });
      const result = await agent.done;
      signal.removeEventListener("abort", stop);
      await stopping;
      if (signal.aborted) throw new Aborted("");
      return result;
    },
    async end() {
      await Promise.all([...agents.values()].filter((agent) => agent.running).map((agent) => agent.tree.kill(50)));
    },
  };
}

/** Follows one agent to its end and writes what it said last to its file; never rejects. */
async function finish(
  tree: Tree,
  { id, out, cwd, deadlineMs }: { id: string; out: string; cwd: string; deadlineMs: number },
): Promise<Outcome<{ text: string; out: string }>> {
  let late: Promise<void> | undefined;
  const timer = setTimeout(() => late = tree.kill(500), deadlineMs);
  const said = { text: "", problem: "" };
  try {
    const reading = follow(tree, said);
    const code = await tree.ended;
    clearTimeout(timer);
    await (late ?? tree.kill(0));
    await reading;
    const why = late
      ? `was ended at its deadline of ${Math.round(deadlineMs / 1000)} s`
      : `failed with exit code ${code}`;
    const problem = said.problem.trim().replace(/\s+/g, " ").slice(0, 500);
    const failure = late || (code !== 0 && code !== EXIT.denied)
      ? `The sub-agent "${id}" ${why}${problem ? ` (${problem})` : ""}`
      : "";
    await place(`${cwd}/${out}`, failure ? `${failure}\n\n${said.text}` : said.text);
    if (!failure && said.text !== "") return ok({ text: said.text, out });
    return no(
      failure
        ? `${failure}; what it said so far is in "${out}"`
        : `The sub-agent "${id}" ended without an answer; ask it again with a clearer task`,
    );
  } catch (error) {
    return no(
      `Cannot keep the result of the sub-agent "${id}" in "${out}": ${error instanceof Error ? error.message : error}`,
    );
  } finally {
    clearTimeout(timer);
  }
}

/** Reads the agent's JSON lines; `text` is what it said after its last tool call, bounded. */
async function follow({ output }: Tree, said: { text: string; problem: string }): Promise<void> {
  const decoder = new TextDecoder();
  let carry = "";
  for (let read = await output.read(); !read.done; read = await output.read()) {
    const lines = (carry + decoder.decode(read.value, { stream: true })).split("\n");
    carry = (lines.pop() ?? "").slice(-1_000_000);
    for (const line of lines) hear(line, said);
  }
  hear(carry, said);
}

function hear(line: string, said: { text: string; problem: string }): void {
  let event: z.infer<typeof Line> | undefined;
  try {
    event = Line.safeParse(JSON.parse(line)).data;
  } catch {
    // Not an event: standard error, which comes in the same stream.
    if (line.trim() !== "") said.problem = line;
  }
  if (event?.type === "tool_start") said.text = "";
  if (event?.type === "text_delta") said.text = (said.text + (event.text ?? "")).slice(0, 1_000_000);
  if (event?.type === "notice" && event.level === "error") said.problem = event.text ?? "";
}

/** Says why a result may not be written there; undefined if it may. */
async function refusalOf(path: string, cwd: string): Promise<string | undefined> {
  const because = (why: string) =>
    `Cannot write the result of a sub-agent to "${path}": ${why}; use a new path like "outputs/result.md"`;
  const plain = path.split("/").every((part) => ![".", "..", ".git", ".evo", ""].includes(part));
  if (!plain) return because("it is not below the working directory");
  let real = `${cwd}/${path}`;
  if (await Deno.lstat(real).then(() => true, () => false)) return because("there is something already");
  while (real.length > cwd.length) {
    real = dirname(real);
    const found = await Deno.realPath(real).catch(() => undefined); // Not there yet: its folder decides.
    if (found) {
      return `${found}/`.startsWith(`${cwd}/`)
        ? undefined
        : because(`it lies in "${found}", outside the working directory`);
    }
  }
  return because("the working directory is gone");
}

/** Writes a whole file, or none: what stands there, a link too, is replaced and never followed. */
async function place(path: string, text: string): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  await replaceFile(path, text);
}
