import { deepStrictEqual as equal, match, ok, rejects } from "node:assert/strict";
import { clean, KEEP } from "./output.ts";
import { createRunner, shellEnv } from "./run.ts";

type Run = (
  command: string,
  options?: { timeoutMs?: number; signal?: AbortSignal; onText?: (text: string) => void },
) => ReturnType<
  ReturnType<typeof createRunner>["run"]
>;

/** Runs the test in a scratch folder; `raw` is the environment of Evo itself. */
function runTest(
  name: string,
  fn: (fixture: { run: Run; dir: string; end(): Promise<void> }) => Promise<void>,
  raw: Record<string, string> = {},
) {
  Deno.test(name, async () => {
    const dir = await Deno.realPath(await Deno.makeTempDir());
    const runner = createRunner();
    const redact = (text: string) => text.replaceAll("hunter2", "[redacted]");
    const env = shellEnv({ PATH: Deno.env.get("PATH") ?? "", ...raw }, { cwd: dir, redact });
    const run: Run = (command, options = {}) =>
      runner.run(command, {
        cwd: dir,
        env,
        timeoutMs: 20_000,
        signal: new AbortController().signal,
        spillDir: `${dir}/spill`,
        redact,
        ...options,
      });
    try {
      await fn({ run, dir, end: runner.end });
    } finally {
      await runner.end();
      await Deno.remove(dir, { recursive: true });
    }
  });
}

/** True once no living process has this mark among its words. */
async function gone(mark: string): Promise<boolean> {
  for (let tries = 0; tries < 100; tries++) {
    if (!await alive(mark)) return true;
    await new Promise((done) => setTimeout(done, 50));
  }
  return false;
}

async function alive(mark: string): Promise<boolean> {
  const { stdout } = await new Deno.Command("ps", { args: ["-A", "-o", "stat=,args="] }).output();
  return new TextDecoder().decode(stdout).split("\n").some((line) => line.includes(mark) && !line.startsWith("Z"));
}

/** A time to sleep that no other process sleeps. */
const unique = () => `86${crypto.getRandomValues(new Uint32Array(1))[0]}`;

const ENDS: [string, number, string][] = [
  ["echo out; echo err >&2; echo out; exit 3", 3, "out\nerr\nout\n"],
  ["printf 'no newline'", 0, "no newline"],
  ["kill -9 $$", 137, ""],
  ["cat", 0, ""],
  ["printf '\\033[31mred\\033[0m \\033]0;title\\007\\033]52;c;x\\033\\\\x\\n10%%\\r100%%\\r\\n'", 0, "red x\n100%\n"],
  ["printf '\\342\\202'; sleep 0.1; printf '\\254\\n'", 0, "€\n"],
  ["printf 'a\\000b\\001\\377\\n'", 0, "ab\ufffd\n"],
  ["echo the password is hunter2", 0, "the password is [redacted]\n"],
  ["printf 'hun'; sleep 0.1; printf 'ter2'", 0, "[redacted]"],
];
for (const [command, code, output] of ENDS) {
  runTest(`run ends ${JSON.stringify(command)} with ${code}`, async ({ run }) => {
    const end = await run(command);
    equal({ code: end.code, output: end.output, timedOut: end.timedOut }, { code, output, timedOut: false });
  });
}

runTest("run shows lines while they come", async ({ run }) => {
  const heard: string[] = [];
  await run("echo one; sleep 0.2; echo two", { onText: (text) => heard.push(text) });
  equal(heard, ["one\n", "two\n"]);
});

runTest("run does not wait for a background child, which goes on until the end of Evo", async ({ run, end }) => {
  const time = unique();
  const { output, left } = await run(`sleep ${time} & echo hi`);
  equal({ output, left }, { output: "hi\n", left: true });
  ok(await alive(`sleep ${time}`));
  await end();
  ok(await gone(`sleep ${time}`));
});

runTest("run lets a background child write on without being heard", async ({ run, dir }) => {
  const { output } = await run("{ sleep 0.6; echo late; echo wrote > late; } & echo hi");
  equal(output, "hi\n");
  for (let tries = 0; tries < 100 && !(await exists(`${dir}/late`)); tries++) {
    await new Promise((done) => setTimeout(done, 50));
  }
  ok(await exists(`${dir}/late`));
});

runTest("run keeps head and tail of 400,000 lines, and all of it in a file of the owner", async ({ run }) => {
  const { output, file } = await run("seq 400000");
  ok(output.startsWith("1\n2\n") && output.endsWith("399999\n400000\n") && output.length < 2 * KEEP + 100);
  match(output, /\[\.\.\. \d+ characters left out \.\.\.\]/);
  const all = await Deno.readTextFile(file ?? "");
  equal(all, Array.from({ length: 400_000 }, (_, at) => `${at + 1}\n`).join(""));
  equal(((await Deno.stat(file ?? "")).mode ?? 0) & 0o777, 0o600);
});

runTest("run keeps one endless line bounded, and cuts no character in half", async ({ run }) => {
  const { output } = await run("yes 😀 | tr -d '\\n' | head -c 4000000");
  ok(output.length < 2 * KEEP + 200);
  ok(output.isWellFormed());
});

runTest("run says so when the file cannot be written", async ({ run, dir }) => {
  await Deno.writeTextFile(`${dir}/spill`, "a file where the folder should be");
  const { output, file } = await run("seq 100000");
  equal(file, undefined);
  match(output, /left out; the rest could not be kept in a file/);
  ok(output.endsWith("100000\n"));
});

for (
  const [how, start] of [["", ""], [", even if it ignores TERM", "trap '' TERM; "], [
    ", also without namespaces",
    ": ps; ",
  ]]
) {
  runTest(`run ends the whole tree at the deadline${how}`, async ({ run }) => {
    const time = unique();
    const { timedOut, output } = await run(`${start}echo began; sh -c 'sleep ${time}; true'; echo not this`, {
      timeoutMs: 500,
    });
    ok(timedOut);
    match(output, /^began\n(Terminated\n)?$/);
    ok(await gone(`sleep ${time}`));
  });
}

runTest("run ends the whole tree on an abort, and throws with what was said", async ({ run }) => {
  const time = unique();
  const stop = new AbortController();
  await rejects(
    run(`trap '' TERM; echo began; sh -c 'sleep ${time}; true'`, { signal: stop.signal, onText: () => stop.abort() }),
    { name: "AbortError", partial: "began\n" },
  );
  ok(await gone(`sleep ${time}`));
  await rejects(run("echo hi", { signal: stop.signal }), { name: "AbortError" });
});

runTest("run ends a child that left the process group where namespaces work, and only there", async ({ run }) => {
  const time = unique();
  const { output } = await run(`set''sid -f sleep ${time}; readlink /proc/self/ns/pid`);
  const boxed = output.includes("pid:") && output.trim() !== await Deno.readLink("/proc/self/ns/pid");
  if (boxed) ok(await gone(`sleep ${time}`));
  // This word makes the command run without namespaces, and the child escapes.
  const other = unique();
  await run(`setsid -f sleep ${other}`);
  if (boxed) ok(await alive(`sleep ${other}`));
  const { stdout } = await new Deno.Command("ps", { args: ["-A", "-o", "pid=,args="] }).output();
  for (const line of new TextDecoder().decode(stdout).split("\n")) {
    if (line.includes(`sleep ${other}`)) Deno.kill(Number.parseInt(line), "SIGKILL");
  }
});

for (const background of [false, true]) {
  runTest(`a tree${background ? " in the background" : ""} dies with Evo, even on SIGKILL`, async ({ dir }) => {
    const time = unique();
    const command = background ? `sleep ${time} & echo hi` : `sh -c 'sleep ${time}; true'`;
    const parent = `${dir}/parent.ts`;
    await Deno.writeTextFile(
      parent,
      `import { createRunner } from "${new URL("./run.ts", import.meta.url).href}";
const options = { cwd: "${dir}", env: { PATH: "${
        Deno.env.get("PATH")
      }" }, timeoutMs: 60_000, signal: new AbortController().signal, spillDir: "${dir}", redact: (t) => t };
await createRunner().run(${JSON.stringify(command)}, options);
setInterval(() => {}, 1000);`,
    );
    const config = new URL("../../deno.json", import.meta.url).pathname;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--config", config, parent],
      stdin: "null",
    }).spawn();
    for (let tries = 0; tries < 200 && !(await alive(`sleep ${time}`)); tries++) {
      await new Promise((done) => setTimeout(done, 50));
    }
    ok(await alive(`sleep ${time}`));
    child.kill("SIGKILL");
    await child.status;
    ok(await gone(`sleep ${time}`));
  });
}

Deno.test("without the life line a tree outlives its parent: what the test above looks for is real", async () => {
  const time = unique();
  const script =
    `const c = new Deno.Command("sleep", { args: ["${time}"], detached: true }).spawn(); console.log(c.pid); setInterval(() => {}, 1000);`;
  const child = new Deno.Command(Deno.execPath(), { args: ["eval", script], stdin: "null", stdout: "piped" }).spawn();
  const reader = child.stdout.getReader();
  const pid = Number(new TextDecoder().decode((await reader.read()).value));
  child.kill("SIGKILL");
  await child.status;
  await reader.cancel();
  ok(await alive(`sleep ${time}`));
  Deno.kill(pid, "SIGKILL");
  ok(await gone(`sleep ${time}`));
});

const CANARY = "sk-or-v1-canary0123456789abcdef";
const SECRETS = {
  OPENROUTER_API_KEY: CANARY,
  GITHUB_TOKEN: CANARY,
  AWS_SECRET_ACCESS_KEY: CANARY,
  XDG_API_KEY: CANARY,
  LC_TOKEN: CANARY,
  LANG: CANARY,
  TZ: "hunter2",
  HTTPS_PROXY: `http://user:${CANARY}@proxy.test`,
  ENV: "./evil.sh",
  BASH_ENV: "./evil.sh",
  LD_PRELOAD: "./evil.so",
  GIT_DIR: "/elsewhere",
  NODE_OPTIONS: "--require ./evil.js",
  SSH_AUTH_SOCK: "/tmp/agent",
};
runTest("a command sees no key and nothing that is not on the list", async ({ run }) => {
  const { output } = await run(
    "env; cat /proc/self/environ /proc/$$/environ /proc/$PPID/environ | tr '\\0' '\\n'; export -p",
  );
  ok(output.includes("TERM=dumb") && output.includes("HOME=/home/x"));
  for (const name of Object.keys(SECRETS)) ok(!output.includes(`${name}=`), name);
  ok(!output.includes("canary") && !output.includes("hunter2"));
}, { ...SECRETS, HOME: "/home/x" });

Deno.test("an environment that is passed on whole would show the keys", async () => {
  const { stdout } = await new Deno.Command("env", { env: SECRETS, clearEnv: true }).output();
  ok(new TextDecoder().decode(stdout).includes(CANARY));
});

Deno.test("clean leaves words, tabs, emoji and CJK alone", () => {
  const text = "a\tb\n漢字 👩‍👩‍👧 é\n";
  equal(clean(text), text);
  equal(clean("\u202eevil\u2066\x1b[2J\x9b1mok\x1b"), "evilok");
});

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
