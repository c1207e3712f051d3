import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { landlockAvailable, restrict, Rules, runSandboxed, sandboxed } from "./landlock.ts";

const MODULE = new URL("./landlock.ts", import.meta.url).href;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;
const ENTRY =
  `const [flag, ...rest] = Deno.args; if (flag !== "--evo-sandboxed") throw new Error(flag); const { runSandboxed } = await import("${MODULE}"); console.error(runSandboxed(rest)); Deno.exit(126);`;
const SYSTEM = ["/usr", "/bin", "/lib", "/lib64", "/etc", "/proc", "/dev", "/no/such/folder"];
const sandboxTest = (name: string, fn: (fixture: Fixture) => Promise<void>) =>
  Deno.test({
    name: landlockAvailable() ? name : `${name} (skipped: this kernel has no Landlock)`,
    ignore: !landlockAvailable(),
    fn: () => withFixture(fn),
  });

interface Fixture {
  inside: string;
  outside: string;
  run(command: string[], rules?: Rules): Promise<{ code: number; out: string }>;
}

async function withFixture(fn: (fixture: Fixture) => Promise<void>): Promise<void> {
  const dir = await Deno.realPath(await Deno.makeTempDir());
  const [inside, outside] = [`${dir}/inside`, `${dir}/outside`];
  await Deno.mkdir(inside);
  await Deno.mkdir(outside);
  await Deno.writeTextFile(`${outside}/secret.json`, `{"secret":1}`);
  await Deno.writeTextFile(`${dir}/entry.ts`, ENTRY);
  const self = [Deno.execPath(), "run", "-A", "--config", CONFIG, `${dir}/entry.ts`];
  const run = async (command: string[], rules?: Rules) => {
    const [program = "", ...args] = rules ? sandboxed(command, { rules, self }) : command;
    const { code, stdout, stderr } = await new Deno.Command(program, { args, cwd: inside }).output();
    return { code, out: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
  };
  try {
    await fn({ inside, outside, run });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** A program that imports a file, by the way that no permission of Deno stops. */
const importing = (inside: string, file: string) => [
  "/usr/bin/env",
  `DENO_DIR=${inside}/.cache`,
  Deno.execPath(),
  ...["eval", "--no-config", `console.log((await import("file://${file}", { with: { type: "json" } })).default)`],
];
const rulesFor = (inside: string): Rules => ({ ro: [...SYSTEM, Deno.execPath()], rw: [inside, "/dev/null"] });

sandboxTest(
  "a sandboxed program cannot import a file outside, which it could without the sandbox",
  async ({ inside, outside, run }) => {
    const command = importing(inside, `${outside}/secret.json`);
    const free = await run(command);
    equal(free.code, 0, free.out);
    match(free.out, /secret: 1/);
    const held = await run(command, rulesFor(inside));
    ok(held.code !== 0 && !held.out.includes("secret: 1"), held.out);
    match(held.out, /denied|os error 13/);
  },
);

sandboxTest("a sandboxed program can import and write inside", async ({ inside, run }) => {
  await Deno.writeTextFile(`${inside}/own.json`, `{"own":2}`);
  const read = await run(importing(inside, `${inside}/own.json`), rulesFor(inside));
  match(read.out, /own: 2/);
  const write = await run(
    ["/bin/sh", "-c", "echo x > a && mkdir d && mv a d/b && : > d/b && cat d/b && echo done"],
    rulesFor(inside),
  );
  equal(write, { code: 0, out: "done\n" });
});

const HOLDS: [string, string][] = [
  ["reading", "cat $OUT/secret.json"],
  ["listing", "ls $OUT"],
  ["writing a new file", "echo x > $OUT/new"],
  ["truncating", ": > $OUT/secret.json"],
  ["removing", "rm -f $OUT/secret.json"],
  ["making a folder", "mkdir $OUT/new"],
  ["reading through a link", "ln -sf $OUT/secret.json link && cat link"],
  ["reading through a hard link", "ln -f $OUT/secret.json hard && cat hard"],
  ["reading through /proc", "cat /proc/self/root$OUT/secret.json"],
  ["moving a file out", "echo x > y && mv y $OUT/y"],
  ["writing where it may only read", "echo x > /usr/evo_test_file"],
];
for (const [name, script] of HOLDS) {
  sandboxTest(`the sandbox holds ${name}, also in a child of a child`, async ({ inside, outside, run }) => {
    const command = ["/bin/sh", "-c", `sh -c '${script.replaceAll("$OUT", outside)}'`];
    const held = await run(command, rulesFor(inside));
    ok(held.code !== 0, held.out);
    match(held.out, /denied|cross-device|Invalid cross/i);
    equal(await Deno.readTextFile(`${outside}/secret.json`), `{"secret":1}`);
    const listed = await Array.fromAsync(Deno.readDir(outside), (entry) => entry.name);
    equal(listed, ["secret.json"]);
    if (script.includes("/usr/")) return;
    const free = await run(command);
    equal(free.code, 0, free.out);
  });
}

sandboxTest(
  "a path that does not exist is left out, and a single file may be allowed",
  async ({ inside, outside, run }) => {
    await Deno.writeTextFile(`${outside}/other.json`, "{}");
    const rules = { ...rulesFor(inside), ro: [...rulesFor(inside).ro, `${outside}/secret.json`] };
    equal(await run(["/bin/cat", `${outside}/secret.json`], rules), { code: 0, out: `{"secret":1}` });
    ok((await run(["/bin/cat", `${outside}/other.json`], rules)).code !== 0);
  },
);

Deno.test("restrict says that there is no Landlock where there is none", { ignore: landlockAvailable() }, () => {
  match(String(Object.values(restrict({ ro: [], rw: [] }))), /no Landlock/);
});

const BAD: [string, string[], RegExp][] = [
  ["rules that are no JSON", ["{", "/bin/true"], /the rules are not/],
  ["rules of another shape", [`{"ro":[1],"rw":[]}`, "/bin/true"], /the rules are not/],
  ["no command", [`{"ro":[],"rw":[]}`], /first word is not an absolute path/],
  ["a relative command", [`{"ro":[],"rw":[]}`, "--", "true"], /first word is not an absolute path/],
];
for (const [name, args, expected] of BAD) {
  Deno.test(`runSandboxed refuses ${name} before it restricts anything`, () => match(runSandboxed(args), expected));
}
