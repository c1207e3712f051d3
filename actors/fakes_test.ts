/** Hand-written fakes of the ports, for tests of the mind. */
import * as z from "zod";
import {
  type Heard,
  type ModelRequest,
  type Ports,
  tool,
  type ToolContext,
  type ToolPlugin,
  type Workspace,
} from "./ports.ts";
import {
  type Candidate,
  type Generation,
  no,
  NO_USAGE,
  ok,
  type Reply,
  type Shown,
  type ToolCall,
  type Verdict,
} from "./types.ts";

/** A reply of the fake model: words, calls, or a failure. */
export type Scripted = Partial<Reply["message"]> & {
  finish?: Reply["finish"];
  failure?: { kind: "auth" | "overflow" | "unreachable"; message: string };
};

/** What happened to the fakes. */
export interface Seen {
  requests: ModelRequest[];
  shown: Shown[];
  logged: { kind: string; data: unknown }[];
  calls: string[];
  hear(heard: Heard): void;
}

/** A call as the model makes it. */
export const call = (id: string, name: string, args: unknown = {}): ToolCall => ({
  id,
  name,
  arguments: JSON.stringify(args),
});

/** A verdict for the fake candidate's tree. */
export const verdict = (pass: boolean, half: "proof" | "build" = "proof"): Verdict => ({
  pass,
  half,
  tree: "t1",
  steps: [{ name: half, pass, ms: 1 }],
  ...(!pass && { step: half, diagnostics: `${half} failed` }),
});

/** The fake draft's candidate. */
export const CANDIDATE: Candidate = {
  goal: { title: "a goal", predicted: "better" },
  tree: "t1",
  diff: "+x",
  paths: ["main.ts"],
  added: 1,
  removed: 0,
};

/** A tool that answers with its argument, or throws. */
export const echo: ToolPlugin = tool({
  name: "echo",
  description: "says it again",
  input: z.object({ text: z.string() }),
  modes: ["chat", "evolve", "reflect"],
  readOnly: ({ text }) => !text.startsWith("write"),
  summary: ({ text }) => text,
  run: ({ text }) => text === "throw" ? Promise.reject(new Error("thrown")) : Promise.resolve({ ok: true, text }),
}) as ToolPlugin;

const unused = () => Promise.resolve(no("not in this test"));

/** Ports whose model plays `script` in order (a function may wait or look at the request), with what they have seen. */
export function fakePorts(
  script: (Scripted | ((request: ModelRequest, signal: AbortSignal) => Scripted | Promise<Scripted>))[],
  over: Partial<Ports> & { proofs?: boolean[]; builds?: boolean[] } = {},
): { ports: Ports; seen: Seen } {
  const seen: Seen = { requests: [], shown: [], logged: [], calls: [], hear: () => {} };
  const note = <T>(name: string, value: T) => {
    seen.calls.push(name);
    return Promise.resolve(value);
  };
  const workspace: Workspace = {
    root: "/w",
    read: (path) => Promise.resolve(ok({ path, text: `text of ${path}`, hash: "h", bom: false })),
    write: unused,
    remove: unused,
    list: unused,
    search: unused,
  };
  const generation: Generation = {
    number: 1,
    parent: 0,
    goal: "a goal",
    commit: "c",
    source: "s",
    at: "2026-01-01T00:00:00Z",
    cost: 0,
    steps: [],
    state: "unconfirmed",
  };
  let at = 0;
  const ports: Ports = {
    model: {
      name: () => "fake",
      window: () => 100_000,
      use: (name) => ok(name),
      estimate: (messages) => Math.ceil(messages.reduce((sum, m) => sum + m.content.length, 0) / 4),
      async reply(request, signal) {
        seen.requests.push(structuredClone(request));
        const next = script[at++];
        const said = typeof next === "function" ? await next(request, signal) : next;
        if (!said) {
          return {
            ok: false,
            error: "the script is over",
            failure: { kind: "diverged", message: "the script is over" },
          };
        }
        if (said.failure) return { ok: false, error: said.failure.message, failure: said.failure };
        const { finish, failure: _, ...message } = said;
        const calls = message.calls ?? [];
        return ok({
          message: { role: "assistant", content: "", ...message, calls },
          usage: { ...NO_USAGE, input: 10, output: 1 },
          finish: finish ?? (calls.length ? "calls" : "stop"),
        });
      },
    },
    terminal: {
      interactive: () => true,
      listen(hear) {
        seen.hear = hear;
        return () => seen.calls.push("unlisten");
      },
      show: (event) => seen.shown.push(event),
      busy: () => {},
      edit: (text) => seen.calls.push(`edit ${text}`),
      ask: unused,
    },
    log: { write: (kind, data) => seen.logged.push({ kind, data }) },
    clock: { now: () => 1000, sleep: () => Promise.resolve() },
    tools: {
      load: () => Promise.resolve([echo]),
      context: (_, __, signal): ToolContext => ({
        workspace,
        shell: {
          readOnly: () => true,
          run: (command) => Promise.resolve(ok({ code: 0, output: `ran ${command}`, timedOut: false, ms: 1 })),
        },
        agents: { spawn: unused, wait: unused },
        sessions: ports.sessions,
        functions: ports.functions,
        ask: ports.terminal.ask,
        clock: ports.clock,
        signal,
        update: () => {},
      }),
      spill: (id) => note("spill", ok(`outputs/${id}.txt`)),
    },
    sessions: {
      current: () => "now",
      list: () => Promise.resolve([]),
      load: () => Promise.resolve(ok([])),
      resume: () => Promise.resolve(ok([])),
      unreflected: () => Promise.resolve(["s1"]),
      summary: () => Promise.resolve(ok("what happened")),
      page: unused,
      reflected: (ids) => note(`reflected ${ids}`, undefined),
      openTask: (number) => note(`task ${number}`, ok(`outputs/now/task_${number}`)),
    },
    journal: {
      add: ({ outcome }) => void seen.calls.push(`journal ${outcome}`),
      fail: ({ reason }) => void seen.calls.push(`fail ${reason}`),
      recent: () => [],
      failures: () => [{ change: "an old change", reason: "an old reason" }],
    },
    guidance: {
      prompt: (name) => Promise.resolve(`prompt ${name}`),
      memory: () => Promise.resolve("- a note"),
      agents: () => Promise.resolve([]),
    },
    undo: {
      mark: () => {},
      settle: () => Promise.resolve(),
      back: () => note("undo", ok("restored")),
      diff: () => Promise.resolve(ok("")),
    },
    draft: {
      open: () => note("open", ok({ root: "/d", generation: 0, sourceMap: "main.ts 10" })),
      workspace: () => workspace,
      candidate: (goal) => Promise.resolve(ok({ ...CANDIDATE, goal })),
      discard: () => note("discard", undefined),
      close: () => note("close", undefined),
    },
    gate: {
      prove: () => note("prove", verdict(over.proofs?.shift() ?? true)),
      build: () => note("build", verdict(over.builds?.shift() ?? true, "build")),
    },
    lineage: {
      promote: ({ goal }) => note(`promote ${goal.title}`, ok(generation)),
      list: () => Promise.resolve([generation]),
      verify: () => Promise.resolve(ok("1 generation")),
      why: (number) => Promise.resolve(ok(`why ${number}`)),
      rollback: (number) => note(`rollback ${number}`, ok(generation)),
    },
    about: {
      doctor: () => Promise.resolve({ text: "all is well", healthy: true }),
      config: () => "MODEL_NAME fake",
      version: () => "0",
      replay: unused,
    },
    functions: { run: (line) => note(`fn ${line.join(" ")}`, ok("functions")) },
    plugins: { run: (line) => note(`plugins ${line.join(" ")}`, ok("plugins")) },
    budget: { maxChanges: 1, maxAttempts: 3, wallMs: 60_000, tokens: 100_000 },
    handover: undefined,
    run: () => Promise.reject(new Error("not in this test")),
    relaunch: unused,
    ...over,
  };
  return { ports, seen };
}
