import { deepStrictEqual as equal, ok, rejects } from "node:assert/strict";
import { cut, environment, run } from "./run.ts";

const signal = new AbortController().signal;
const shell = (script: string, options: { ms?: number; signal?: AbortSignal } = {}) =>
  run(["sh", "-c", script], { cwd: "/", ms: 20_000, signal, ...options });
const untilGone = async (pid: string) => {
  while (await isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 10));
};
const isAlive = async (pid: string) =>
  (await new Deno.Command("kill", { args: ["-0", pid.trim()], stderr: "null" }).output()).success;

Deno.test("a child's code, output and time-out are told apart", async () => {
  equal(await shell("echo out; echo err >&2; exit 3"), { code: 3, stdout: "out\n", stderr: "err\n", timedOut: false });
  const late = await shell("echo begun; sleep 60", { ms: 300 });
  equal([late.code, late.stdout, late.timedOut], [124, "begun\n", true]);
});

Deno.test("what a child started ends with it, at its end and at its deadline", async () => {
  for (const script of ["sleep 60 >/dev/null 2>&1 & echo $!", "sleep 60 & echo $!; sleep 60"]) {
    const { stdout } = await shell(script, { ms: 500 });
    ok(stdout.trim() !== "");
    await untilGone(stdout);
  }
});

Deno.test("a child ends when the process that started it is killed", async () => {
  const code = `import { run } from ${JSON.stringify(new URL("./run.ts", import.meta.url).href)};
await run(["sh", "-c", "echo $$ > $0; exec sleep 60", Deno.args[0]], { cwd: "/", ms: 60_000, signal: new AbortController().signal });`;
  const folder = await Deno.makeTempDir(), file = `${folder}/pid`;
  try {
    await Deno.writeTextFile(`${folder}/a.ts`, code);
    const parent = new Deno.Command(Deno.execPath(), { args: ["run", "-A", "--no-config", `${folder}/a.ts`, file] })
      .spawn();
    let pid = "";
    while (pid.trim() === "") pid = await Deno.readTextFile(file).catch(() => "");
    ok(await isAlive(pid));
    parent.kill("SIGKILL");
    await parent.status;
    await untilGone(pid);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("an abort ends the child and throws", async () => {
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 100);
  await rejects(shell("sleep 60", { signal: stop.signal }), /abort/i);
  await rejects(shell("true", { signal: AbortSignal.abort() }), /abort/i);
});

Deno.test("a child sees no key", async () => {
  Deno.env.set("EVO_TEST_API_KEY", "canary-4711");
  try {
    const { stdout } = await shell("env");
    ok(stdout.includes("PATH=") && !stdout.includes("canary-4711"));
    ok(!JSON.stringify(environment()).includes("canary-4711"));
  } finally {
    Deno.env.delete("EVO_TEST_API_KEY");
  }
});

Deno.test("endless output is bounded, and its end is kept", async () => {
  const { stdout } = await shell("yes 0123456789 | head -c 20000000; echo the end");
  ok(stdout.length < 10_000_000 && stdout.endsWith("the end\n") && stdout.includes("characters left out"));
});

Deno.test("a cut text keeps head and tail and splits no character", () => {
  equal(cut("short", 10), "short");
  const text = cut(`${"🦕".repeat(5_001)}x`, 6_001);
  ok(text.isWellFormed() && text.startsWith("🦕") && text.endsWith("x") && text.length < 6_100);
});
