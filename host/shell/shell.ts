import { type Log, type Shell, type Terminal } from "../../actors/ports.ts";
import { no, ok, type Outcome } from "../../actors/types.ts";
import { isPlainRepository, staysInside } from "./disk.ts";
import { judge, type Judgement } from "./policy.ts";
import { createRunner, shellEnv } from "./run.ts";

/** What a shell needs. `cwd` is a real path; `capture` takes the undo snapshot; `yes` approves what a person would be asked. */
export interface ShellOptions {
  cwd: string;
  env: Record<string, string>;
  ask: Terminal["ask"];
  interactive(): boolean;
  log: Log;
  yes: boolean;
  redact(text: string): string;
  capture(): Promise<void>;
  /** Absolute path of the folder for outputs that are too long. */
  spillDir: string;
  show: Terminal["show"];
}

/** Settings under which git runs no hook, pager or monitor of the repository and writes nothing on the side. */
const GIT_QUIET = {
  GIT_OPTIONAL_LOCKS: "0",
  GIT_NO_LAZY_FETCH: "1",
  GIT_CONFIG_COUNT: "4",
  GIT_CONFIG_KEY_0: "core.fsmonitor",
  GIT_CONFIG_VALUE_0: "false",
  GIT_CONFIG_KEY_1: "core.hooksPath",
  GIT_CONFIG_VALUE_1: "/dev/null",
  GIT_CONFIG_KEY_2: "safe.bareRepository",
  GIT_CONFIG_VALUE_2: "explicit",
  GIT_CONFIG_KEY_3: "diff.ignoreSubmodules",
  GIT_CONFIG_VALUE_3: "all",
};

/** The shell of the chat: approval is asked here. `end` ends what commands left running in the background. */
export function createShell(options: ShellOptions): Shell & { end(): Promise<void> } {
  const { cwd, env, log, redact, show } = options;
  const always = new Set<string>();
  const runner = createRunner();
  const base = shellEnv(env, { cwd, redact });
  const own = base.PATH?.split(":").filter((dir) => !`${dir}/`.startsWith(`${cwd}/`)).join(":") ?? "";

  function assess(command: string): Judgement {
    const judgement = judge(command, cwd);
    if (!judgement.readOnly) return judgement;
    const reason = !staysInside(judgement.paths, cwd)
      ? "it reads a file that lies, through a link, outside the working directory"
      : judgement.git && !isPlainRepository(cwd)
      ? "this repository has settings or submodules with which git may run other programs"
      : undefined;
    return reason === undefined ? judgement : { ...judgement, readOnly: false, prefixes: null, reason };
  }

  async function approve(command: string, judgement: Judgement, signal: AbortSignal): Promise<Outcome<void>> {
    const { prefixes, reason } = judgement;
    const note = (answer: string, by: string) =>
      log.write("approval", { command, prefix: prefixes, answer, by, reason });
    const first = brief(command);
    if (judgement.readOnly) return note("yes", "policy"), ok(undefined);
    if (prefixes?.length && prefixes.every((prefix) => always.has(prefix))) {
      return note("yes", "session"), ok(undefined);
    }
    if (options.yes) return note("yes", "flag"), ok(undefined);
    if (!options.interactive()) {
      note("refused", "policy");
      return no(
        `Cannot run "${first}" without approval: ${reason}, and there is no person to ask; start Evo with --yes to approve all commands`,
      );
    }
    const choices = prefixes?.length ? ["yes", "no", "always"] : ["yes", "no"];
    const answer = await options.ask(questionOf(command, judgement), { choices, signal });
    signal.throwIfAborted();
    const said = answer.ok && choices.includes(answer.value) ? answer.value : "no";
    note(said, "person");
    if (said === "no") {
      return no(`Cannot run "${first}": the person said no; ask what they want instead, or go on without it`);
    }
    if (said === "always") prefixes?.forEach((prefix) => always.add(prefix));
    return ok(undefined);
  }

  return {
    readOnly: (command) => assess(command).readOnly,
    async run(command, { timeoutMs, signal, onOutput }) {
      signal.throwIfAborted();
      if (command.includes("\0")) return no(`Cannot run a command with a NUL character in it; write it without`);
      if (command.length > 100_000) {
        return no(`Cannot run a command of ${command.length} characters: the limit is 100,000; put it into a file`);
      }
      const judgement = assess(command);
      const approved = await approve(command, judgement, signal);
      if (!approved.ok) return approved;
      if (!judgement.readOnly) await options.capture();
      const safe = judgement.readOnly ? { ...base, PATH: own, ...GIT_QUIET } : base;
      const { left, file, ...end } = await runner.run(command, {
        ...{ cwd, env: safe, timeoutMs, signal, redact, spillDir: options.spillDir },
        ...(onOutput ? { onText: onOutput } : {}),
      });
      if (left) {
        show({ type: "notice", level: "info", text: `"${brief(command)}" left a process running; it ends with Evo` });
      }
      return ok(file ? { ...end, file: file.startsWith(`${cwd}/`) ? file.slice(cwd.length + 1) : file } : end);
    },
    end: runner.end,
  };
}

/** The shell of an evolution: none. */
export const noShell: Shell = {
  readOnly: () => false,
  run: () => Promise.resolve(no("Cannot run a command here: an evolution has no shell; use the file tools")),
};

function brief(command: string): string {
  const text = visible(command).replace(/\s+/g, " ");
  return text.length > 100 ? `${[...text].slice(0, 100).join("")}...` : text;
}

/** The whole command; what would push a part of it out of sight, or hide it, is named instead. */
function questionOf(command: string, { prefixes, reason }: Judgement): string {
  const covers = prefixes?.length ? `\n  always, in this session, covers: ${prefixes.map(visible).join(", ")}` : "";
  return `Run this command?\n  ${visible(command).replaceAll("\n", "\n  ")}\n  asked because ${reason}${covers}`;
}

function visible(text: string): string {
  return text
    .replace(
      /[^\P{C}\n]|[^\P{Z} ]/gu,
      (character) => `<U+${character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0")}>`,
    )
    .replace(/ {4,}/g, (run) => ` <${run.length} spaces> `)
    .replace(/\n\s*\n(\s*\n)*/g, (run) => `\n<${run.split("\n").length - 2} empty lines>\n`);
}
