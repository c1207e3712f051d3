import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { hasLandlock } from "./process.ts";
import { CHECKOUT, EVOS, using, write } from "./fixture_test.ts";

const ACTS = `
  const acts: any = {
    read: () => Deno.readTextFile(context.cwd + "/data.txt"),
    write: () => Deno.writeTextFile(context.cwd + "/out/new.txt", "w").then(() => "w"),
    net: () => fetch("http://127.0.0.1:" + act.port).then((r) => r.text()),
    env: () => Deno.env.get("PROBE_VALUE") ?? "unset",
    run: () => new Deno.Command("echo", { args: ["ran"] }).output().then(({ stdout }) => new TextDecoder().decode(stdout).trim()),
    ffi: () => (Deno.dlopen("libc.so.6", {}), "ffi"),
    sys: () => Deno.hostname(),
  };
  return await acts[act.name]();`;

const GRANTS = {
  read: { read: ["data.txt"] },
  write: { write: ["out"] },
  net: (port: number) => ({ net: [`127.0.0.1:${port}`] }),
  env: { env: ["PROBE_VALUE"] },
  run: { run: ["echo"] },
};
const WORKS = { read: "data", write: "w", net: "net", env: "value", run: "ran" } as const;
const KINDS = ["read", "write", "net", "env", "run"] as const;

Deno.test("each permission lets its own act through and nothing else; none lets nothing through", async () => {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, () => new Response("net"));
  const { port } = server.addr;
  Deno.env.set("PROBE_VALUE", "value");
  const probe = async (kind: typeof KINDS[number] | undefined) => {
    const cwd = await Deno.realPath(await Deno.makeTempDir({ prefix: "evo-worker-" }));
    await Deno.writeTextFile(`${cwd}/data.txt`, "data");
    await Deno.mkdir(`${cwd}/out`);
    const granted = kind === undefined ? {} : kind === "net" ? GRANTS.net(port) : GRANTS[kind];
    await using(write(ACTS), async ({ say }) => {
      for (const act of [...KINDS, "ffi", "sys"] as const) {
        const result = await say({ name: act, port });
        if (act === kind) equal(result, { ok: true, text: WORKS[act] });
        else {
          ok(!result.ok, `${act} was possible with ${kind}: ${result.text}`);
          match(result.text, /access/);
        }
      }
    }, { cwd, granted });
    await Deno.remove(cwd, { recursive: true });
  };
  try {
    await Promise.all([probe("read"), probe("write"), probe(undefined)]);
    await Promise.all([probe("net"), probe("env"), probe("run")]);
  } finally {
    Deno.env.delete("PROBE_VALUE");
    await server.shutdown();
  }
});

for (const { name, self } of EVOS) {
  Deno.test(`in ${name}, Landlock stops the import of a secret file, which permissions alone do not everywhere`, async () => {
    const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "evo-secret-" }));
    const secrets = [`${folder}/key.json`, `${folder}/key.js`];
    await Deno.writeTextFile(secrets[0] ?? "", `{"key":"hidden"}`);
    await Deno.writeTextFile(secrets[1] ?? "", `export default {"key":"hidden"}`);
    // The scan of the source would refuse this; what counts is what is beneath it.
    const sneak = (code: string) =>
      code.replace(
        "HERE",
        `return (await import(act, act.endsWith("json") ? { with: { type: "json" } } : {})).default.key`,
      );
    const change = <T extends { code: string }>(declared: T) => ({ ...declared, code: sneak(declared.code) });
    const told: string[] = [];
    for (const landlock of [true, false]) {
      await using(write("HERE"), async ({ say }) => {
        for (const secret of secrets) told.push((await say(`file://${secret}`)).text);
      }, { self, landlock, change });
    }
    await Deno.remove(folder, { recursive: true });
    const [one = "", two = "", ...without] = told;
    // Deno itself, from a checkout, asks its permissions; an executable does not.
    if (self !== CHECKOUT) equal(without, ["hidden", "hidden"]);
    else for (const text of without) match(text, /Requires read access/);
    if (hasLandlock()) match(`${one}\n${two}`, /(denied|Requires read)[^]*(denied|Requires read)/);
  });
}

Deno.test("the environment of a plugin's process holds no key, not even for the programs that it may run", async () => {
  Deno.env.set("OPENROUTER_API_KEY", "sk-canary");
  Deno.env.set("PROBE_VALUE", "value");
  const run = `const { stdout } = await new Deno.Command("env").output(); return new TextDecoder().decode(stdout);`;
  try {
    await using(write(run), async ({ say }) => {
      const { text } = await say("");
      match(text, /^PROBE_VALUE=value$/m);
      match(text, /^PATH=/m);
      ok(!/canary|HOME=/.test(text), text);
    }, { granted: { run: ["env"], env: ["PROBE_VALUE"] } });
  } finally {
    Deno.env.delete("OPENROUTER_API_KEY");
    Deno.env.delete("PROBE_VALUE");
  }
});

Deno.test("programs are held to the granted files by Landlock", { ignore: !hasLandlock() }, async () => {
  const secret = await Deno.makeTempFile();
  await Deno.writeTextFile(secret, "hidden");
  const run = `const { stdout, stderr } = await new Deno.Command("cat", { args: [act] }).output();
    return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);`;
  for (const landlock of [true, false]) {
    await using(write(run), async ({ say }) => {
      equal(/hidden/.test((await say(secret)).text), !landlock);
    }, { granted: { run: ["cat"] }, landlock });
  }
  await Deno.remove(secret);
});
