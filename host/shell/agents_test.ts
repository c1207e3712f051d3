import { deepStrictEqual as equal, match, ok, rejects } from "node:assert/strict";
import { type AgentsOptions, createAgents } from "./agents.ts";

/** Stands for the executable: its task, the last argument, is a shell script. */
const FAKE = `#!/bin/sh
say() { printf '{"type":"text_delta","text":"%s"}\\n' "$1"; }
for task; do :; done
echo "$@" > args
eval "$task"
`;
const never = () => new AbortController().signal;

function agentsTest(
  name: string,
  fn: (fixture: { agents: ReturnType<typeof createAgents>; dir: string }) => Promise<void>,
  changes: Partial<AgentsOptions> = {},
) {
  Deno.test(name, async () => {
    const dir = await Deno.realPath(await Deno.makeTempDir());
    await Deno.writeTextFile(`${dir}/fake`, FAKE, { mode: 0o755 });
    const env = { PATH: Deno.env.get("PATH") ?? "", KEY: "k" };
    const agents = createAgents({
      exec: [`${dir}/fake`],
      cwd: dir,
      env,
      outputs: () => "outputs/s/task_1",
      flags: ["--yes"],
      ...changes,
    });
    try {
      await fn({ agents, dir });
    } finally {
      await agents.end();
      await Deno.remove(dir, { recursive: true });
    }
  });
}

async function spawned(
  agents: ReturnType<typeof createAgents>,
  task: string,
  options: { out?: string; deadlineMs?: number } = {},
) {
  const started = await agents.spawn(task, { deadlineMs: 20_000, ...options });
  return started.ok ? started.value : { id: "", out: started.error };
}

agentsTest("an agent's last answer is the result, and is in its file", async ({ agents, dir }) => {
  const task =
    `say thinking; echo '{"type":"tool_start","id":"1","name":"x","summary":""}'; echo noise >&2; say 'all '; say 'done ü'`;
  const { id, out } = await spawned(agents, task);
  equal(out, `outputs/s/task_1/agent_${id}.md`);
  equal(await agents.wait(id, never()), { ok: true, value: { text: "all done ü", out } });
  equal(await Deno.readTextFile(`${dir}/${out}`), "all done ü");
  match(await Deno.readTextFile(`${dir}/args`), /^-p --json --yes -- say thinking/);
  equal((await agents.wait(id, never())).ok, true);
});

agentsTest("an agent gets its environment whole, and knows that it is one", async ({ agents }) => {
  const { id } = await spawned(agents, `say "$KEY $EVO_AGENT"`, { out: "deep/result.md" });
  equal(await agents.wait(id, never()), { ok: true, value: { text: "k 1", out: "deep/result.md" } });
});

const FAILURES: [string, string, RegExp][] = [
  ["fails", "say part; echo 'no model' >&2; exit 4", /failed with exit code 4 \(no model\); what it said so far is in/],
  [
    "reports an error",
    `echo '{"type":"notice","level":"error","text":"key refused"}'; exit 3`,
    /exit code 3 \(key refused\)/,
  ],
  ["says nothing", "true", /ended without an answer/],
  ["is killed", "kill -9 $$", /exit code 137/],
  ["says what is no event", "echo '[1]'; echo '{'; echo '{\"type\":3}'", /ended without an answer/],
];
for (const [name, task, expected] of FAILURES) {
  agentsTest(`an agent that ${name} says so`, async ({ agents }) => {
    const { id } = await spawned(agents, task);
    const end = await agents.wait(id, never());
    match(end.ok ? "ok" : end.error, expected);
  });
}

agentsTest("an agent is ended at its deadline, and keeps what it said", async ({ agents, dir }) => {
  const { id, out } = await spawned(agents, "say part; sleep 60", { deadlineMs: 300 });
  const end = await agents.wait(id, never());
  match(end.ok ? "ok" : end.error, /was ended at its deadline/);
  match(await Deno.readTextFile(`${dir}/${out}`), /deadline[^]*part$/);
});

agentsTest("an abort while waiting ends the agent", async ({ agents, dir }) => {
  const { id } = await spawned(agents, "sleep 1; touch survived; say x");
  const stop = new AbortController();
  const waiting = rejects(agents.wait(id, stop.signal), { name: "AbortError" });
  stop.abort();
  await waiting;
  await new Promise((done) => setTimeout(done, 1200));
  ok(await Deno.stat(`${dir}/survived`).then(() => false, () => true));
});

agentsTest("ids are unique, four agents work at once, and a fifth is refused", async ({ agents }) => {
  const four = await Promise.all([1, 2, 3, 4].map(() => spawned(agents, "sleep 60")));
  equal(new Set(four.map(({ id }) => id)).size, 4);
  match((await spawned(agents, "say x")).out, /4 are at work/);
  await agents.end();
  await Promise.all(four.map(({ id }) => agents.wait(id, never())));
  const { id } = await spawned(agents, "say x");
  equal((await agents.wait(id, never())).ok, true);
});

agentsTest("waiting for an unknown agent names those that are known", async ({ agents }) => {
  const { id } = await spawned(agents, "say x");
  const end = await agents.wait("nobody", never());
  ok(!end.ok && end.error.includes(id));
  await agents.wait(id, never());
});

agentsTest("an agent may not start agents", async ({ agents }) => {
  match((await spawned(agents, "say x")).out, /this is one itself/);
}, { env: { EVO_AGENT: "1" } });

const REFUSED: [string, string, { out?: string }, RegExp][] = [
  ["an empty task", " ", {}, /no task/],
  ["a huge task", "x".repeat(200_000), {}, /limit is 100000/],
  ...["/etc/x", "../x", "a/../../x", ".git/x", ".evo/x", "a//b", "link/x", "", "a/"].map((
    out,
  ): [string, string, { out?: string }, RegExp] => [
    `a result in ${JSON.stringify(out)}`,
    "say x",
    { out },
    /Cannot write the result/,
  ]),
];
for (const [name, task, options, expected] of REFUSED) {
  agentsTest(`an agent is refused with ${name}`, async ({ agents, dir }) => {
    await Deno.symlink("/tmp", `${dir}/link`);
    match((await spawned(agents, task, options)).out, expected);
  });
}

agentsTest("a result never goes through a link, nor over a file that is there", async ({ agents, dir }) => {
  await Deno.symlink("/nowhere/target", `${dir}/dangling.md`);
  for (const out of ["dangling.md", "fake"]) match((await spawned(agents, "say x", { out })).out, /something already/);
  const { id } = await spawned(agents, "ln -s /nowhere/target late.md; say safe", { out: "late.md" });
  equal((await agents.wait(id, never())).ok, true);
  equal((await Deno.lstat(`${dir}/late.md`)).isFile, true);
});
