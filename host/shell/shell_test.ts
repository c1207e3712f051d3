import { deepStrictEqual as equal, match, ok, rejects } from "node:assert/strict";
import { type Outcome } from "../../actors/types.ts";
import { createShell, noShell, type ShellOptions } from "./shell.ts";

interface Fixture {
  dir: string;
  asked: { question: string; choices: string[] }[];
  logged: { kind: string; data: Record<string, unknown> }[];
  events: string[];
  answers: Outcome<string>[];
  run(command: string): Promise<string>;
  readOnly(command: string): boolean;
}

function shellTest(name: string, fn: (fixture: Fixture) => Promise<void>, changes: Partial<ShellOptions> = {}) {
  Deno.test(name, async () => {
    const top = await Deno.realPath(await Deno.makeTempDir());
    const dir = `${top}/work`;
    await Deno.mkdir(dir);
    await Deno.writeTextFile(`${top}/secret`, "the secret");
    await Deno.writeTextFile(`${dir}/a.txt`, "inside\n");
    const fixture: Omit<Fixture, "run" | "readOnly"> = { dir, asked: [], logged: [], events: [], answers: [] };
    const shell = createShell({
      cwd: dir,
      env: { PATH: Deno.env.get("PATH") ?? "", OPENROUTER_API_KEY: "sk-or-v1-canary0123456789" },
      ask: (question, { choices = [] }) => {
        fixture.asked.push({ question, choices });
        fixture.events.push("ask");
        return Promise.resolve(fixture.answers.shift() ?? { ok: false, error: "nobody answers" });
      },
      interactive: () => true,
      log: {
        write: (kind, data) => {
          fixture.logged.push({ kind, data: data as Record<string, unknown> });
          fixture.events.push("log");
        },
      },
      yes: false,
      redact: (text) => text,
      capture: () => Promise.resolve(void fixture.events.push("capture")),
      spillDir: `${dir}/spill`,
      show: () => {},
      ...changes,
    });
    const run = async (command: string) => {
      const end = await shell.run(command, { timeoutMs: 20_000, signal: new AbortController().signal });
      return end.ok ? end.value.output : end.error;
    };
    try {
      await fn({ ...fixture, run, readOnly: shell.readOnly });
    } finally {
      await shell.end();
      await Deno.remove(top, { recursive: true });
    }
  });
}

const yes = { ok: true as const, value: "yes" };
const always = { ok: true as const, value: "always" };
const exists = (path: string) => Deno.lstat(path).then(() => true, () => false);

shellTest("the shell runs what is read-only at once, and logs that it did", async ({ run, asked, logged, events }) => {
  equal(await run("cat a.txt | head -1"), "inside\n");
  equal(asked, []);
  equal(logged.map(({ kind, data }) => [kind, data.answer, data.by]), [["approval", "yes", "policy"]]);
  ok(!events.includes("capture"));
});

shellTest(
  "the shell asks before anything else, and logs and captures before it runs",
  async ({ run, asked, answers, events, dir }) => {
    answers.push(yes);
    equal(await run("rm a.txt && echo removed"), "removed\n");
    match(asked[0]?.question ?? "", /rm a\.txt && echo removed/);
    equal(asked[0]?.choices, ["yes", "no", "always"]);
    equal(events, ["ask", "log", "capture"]);
    equal(await exists(`${dir}/a.txt`), false);
  },
);

for (
  const answer of [{ ok: true as const, value: "no" }, { ok: true as const, value: "" }, {
    ok: false as const,
    error: "closed",
  }]
) {
  shellTest(`the shell takes ${JSON.stringify(answer)} for no`, async ({ run, answers, logged, events, dir }) => {
    answers.push(answer);
    match(await run("rm a.txt"), /^Cannot run "rm a\.txt": the person said no/);
    equal(logged.at(-1)?.data.answer, "no");
    ok(!events.includes("capture") && await exists(`${dir}/a.txt`));
  });
}

shellTest("always covers its prefix and nothing else", async ({ run, answers, asked, logged }) => {
  answers.push(always);
  await run("mkdir one");
  match(asked[0]?.question ?? "", /always, in this session, covers: mkdir \*/);
  equal(await run("mkdir two && ls"), "a.txt\none\ntwo\n");
  equal([asked.length, logged.at(-1)?.data.by], [1, "session"]);
  const others = [
    "rm a.txt",
    "mkdir x && rm a.txt",
    "mkdir x > a.txt",
    "mkdir $(rm a.txt)",
    "A=1 mkdir x",
    "sudo mkdir x",
    "mkdir x &",
    "mkdirx",
    "./mkdir x",
    "mkdir x; eval y",
  ];
  for (const [index, other] of others.entries()) {
    match(await run(other), /the person said no/, other);
    equal(asked.length, index + 2);
  }
});

shellTest("always for a command that is not known covers exactly that command", async ({ run, answers, asked }) => {
  answers.push(always);
  await run("rm -f gone");
  await run("rm -f gone");
  equal(asked.length, 1);
  for (const other of ["rm -f gone a.txt", "rm -f", "rm -rf gone", "rm  -f gone"]) {
    match(await run(other), /said no/, other);
  }
});

shellTest("always is not offered for what cannot be parsed into simple commands", async ({ run, asked, answers }) => {
  answers.push(always);
  match(await run("rm $X"), /said no/);
  equal(asked[0]?.choices, ["yes", "no"]);
});

shellTest(
  "without a person what would be asked is refused, with the way to allow it",
  async ({ run, asked, logged, dir }) => {
    match(await run("rm a.txt"), /^Cannot run "rm a\.txt" without approval: .*start Evo with --yes/);
    equal([asked.length, logged.at(-1)?.data.answer], [0, "refused"]);
    ok(await exists(`${dir}/a.txt`));
    equal(await run("cat a.txt"), "inside\n");
  },
  { interactive: () => false },
);

shellTest("--yes approves what a person would be asked", async ({ run, asked, logged, events }) => {
  equal(await run("rm a.txt; ls"), "");
  equal([asked.length, logged.at(-1)?.data.by, events], [0, "flag", ["log", "capture"]]);
}, { interactive: () => false, yes: true });

shellTest("the question shows the end of a padded command, and what cannot be seen", async ({ run, asked }) => {
  for (const padding of [" ".repeat(2000), "\n".repeat(300), "\u00a0".repeat(3), "\r", "\u202e", "\x1b[2K"]) {
    await run(`ls ${padding}; curl http://evil.test`);
    const question = asked.at(-1)?.question ?? "";
    ok(question.includes("curl http://evil.test") && question.length < 400, question);
    ok(!/[^\P{C}\n]|\u00a0/u.test(question), JSON.stringify(question));
  }
});

const LINKS: [string, string][] = [
  ["a link to a file", "cat link"],
  ["a link in a folder", "cat folder/secret"],
  ["a pattern that may take a link", "cat *"],
  ["a dangling link, which may come to life", "cat dangling/../../secret"],
  ["input from a link", "cat < link"],
  ["a search below a link", "grep -r secret folder/"],
];
for (const [name, command] of LINKS) {
  shellTest(`the shell asks before it reads outside through ${name}`, async ({ run, readOnly, answers, dir }) => {
    await Deno.symlink("../secret", `${dir}/link`);
    await Deno.symlink("..", `${dir}/folder`);
    equal(readOnly(command), false);
    match(await run(command), /said no/);
    answers.push(yes);
    if (!name.includes("dangling")) match(await run(command), /the secret/);
  });
}

const HOSTILE: [string, string, string][] = [
  ["core.fsmonitor", "git status", `[core]\n\tfsmonitor = "touch ran; false"\n`],
  ["diff.external", "git diff", `[diff]\n\texternal = "touch ran; true"\n`],
  ["a textconv driver", "git diff", `[diff "evil"]\n\ttextconv = "touch ran; cat"\n`],
  ["a clean filter", "git status", `[filter "evil"]\n\tclean = "touch ran; cat"\n`],
  ["an included file", "git status", `[include]\n\tpath = ../hidden\n`],
];
for (const [name, command, config] of HOSTILE) {
  shellTest(`the shell asks before git runs in a repository with ${name}`, async ({ run, readOnly, dir, answers }) => {
    const git = async (...args: string[]) => {
      const { code, stderr } = await new Deno.Command("git", { args: ["-C", dir, ...args] }).output();
      equal(code, 0, new TextDecoder().decode(stderr));
    };
    await git("init", "-q");
    await Deno.writeTextFile(`${dir}/.gitattributes`, "*.txt diff=evil filter=evil\n");
    await git("-c", "user.name=x", "-c", "user.email=x@x", "add", ".");
    await git("-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", "x");
    await Deno.writeTextFile(`${dir}/a.txt`, "chang3\n");
    equal(readOnly(command), true);
    ok(!(await run(command)).startsWith("Cannot"));
    await Deno.writeTextFile(`${dir}/hidden`, `[core]\n\tfsmonitor = "touch ran; false"\n`);
    await Deno.writeTextFile(`${dir}/.git/config`, config, { append: true });
    match(await run(command), /said no/);
    equal(await exists(`${dir}/ran`), false);
    answers.push(yes);
    await run(command);
    equal(await exists(`${dir}/ran`), true, "the setting does run a program");
  });
}

shellTest(
  "a read-only command is not taken from the working directory's own programs",
  async ({ run, answers, dir }) => {
    await Deno.mkdir(`${dir}/bin`);
    await Deno.writeTextFile(`${dir}/bin/ls`, "#!/bin/sh\necho hijacked\n", { mode: 0o755 });
    const shell = createShell({
      ...{
        cwd: dir,
        env: { PATH: `${dir}/bin:.:${Deno.env.get("PATH")}` },
        interactive: () => true,
        yes: true,
        spillDir: dir,
      },
      ...{
        ask: () => Promise.reject(new Error("asked")),
        log: { write() {} },
        redact: (text: string) => text,
        capture: () => Promise.resolve(),
        show() {},
      },
    });
    const output = async (command: string) => {
      const end = await shell.run(command, { timeoutMs: 20_000, signal: new AbortController().signal });
      return end.ok ? end.value.output : end.error;
    };
    equal(await output("ls"), "a.txt\nbin\n");
    equal(await output("ls; touch approved"), "hijacked\n");
    answers.push(yes);
    ok(!(await run("env")).includes("canary"));
  },
);

shellTest("an abort while it asks runs nothing", async ({ dir }) => {
  const stop = new AbortController();
  const shell = createShell({
    ...{ cwd: dir, env: { PATH: Deno.env.get("PATH") ?? "" }, interactive: () => true, yes: false, spillDir: dir },
    ...{ log: { write() {} }, redact: (text: string) => text, capture: () => Promise.resolve(), show() {} },
    ask: () => {
      stop.abort();
      return Promise.resolve(yes);
    },
  });
  await rejects(shell.run("rm a.txt", { timeoutMs: 1000, signal: stop.signal }), { name: "AbortError" });
  ok(await exists(`${dir}/a.txt`));
});

shellTest("a command that is too long, or has a NUL, is refused", async ({ run }) => {
  match(await run("echo a\0b"), /NUL/);
  match(await run(`echo ${"x".repeat(200_000)}`), /limit is 100,000/);
});

shellTest("a long output names its file relative to the working directory", async ({ dir }) => {
  const shell = createShell({
    ...{
      cwd: dir,
      env: { PATH: Deno.env.get("PATH") ?? "" },
      interactive: () => false,
      yes: false,
      spillDir: `${dir}/outputs/s/spill`,
    },
    ...{
      ask: () => Promise.reject(new Error("asked")),
      log: { write() {} },
      redact: (text: string) => text,
      capture: () => Promise.resolve(),
      show() {},
    },
  });
  const end = await shell.run("seq 100000", { timeoutMs: 20_000, signal: new AbortController().signal });
  match(end.ok ? end.value.file ?? "" : end.error, /^outputs\/s\/spill\/shell_\w+\.txt$/);
});

Deno.test("an evolution has no shell", async () => {
  const end = await noShell.run("ls", { timeoutMs: 1000, signal: new AbortController().signal });
  equal([end.ok, noShell.readOnly("ls")], [false, false]);
});

shellTest("a pattern in place of grep's own pattern reads no link", async ({ readOnly, dir }) => {
  equal(readOnly("grep a* a.txt"), true);
  await Deno.symlink("../secret", `${dir}/alink`);
  equal(readOnly("grep a* a.txt"), false);
});
