import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { createUndo } from "./undo.ts";
import { createWorkspace } from "../workspace/workspace.ts";

/** A scratch folder under undo, with a workspace that captures before it writes. */
async function scratch() {
  const root = await Deno.realPath(await Deno.makeTempDir());
  const logged: unknown[] = [];
  const log = { write: (kind: string, data: unknown) => void logged.push([kind, data]) };
  const store = `${root}/.evo/undo/s1`;
  const open = (session = "s1") => createUndo({ root, store: `${root}/.evo/undo/${session}`, log });
  const undo = open();
  const workspace = createWorkspace({ root, beforeWrite: () => undo.capture() });
  const put = async (path: string, text: string) => {
    await Deno.mkdir(`${root}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.writeTextFile(`${root}/${path}`, text);
  };
  const shell = async (command: string) => {
    await undo.capture();
    const { success } = await new Deno.Command("sh", { args: ["-c", command], cwd: root }).output();
    ok(success, command);
  };
  return {
    root,
    store,
    undo,
    open,
    workspace,
    put,
    shell,
    logged,
    tree: () => treeOf(root),
    [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
  };
}

/** Everything below a folder but `.evo`: content or target and mode by path. */
async function treeOf(folder: string, prefix = ""): Promise<Record<string, string>> {
  const tree: Record<string, string> = {};
  for await (const { name, isDirectory, isSymlink } of Deno.readDir(folder)) {
    if (name === ".evo") continue;
    const path = `${folder}/${name}`;
    const mode = (((await Deno.lstat(path)).mode ?? 0) & 0o777).toString(8);
    if (isDirectory) Object.assign(tree, { [`${prefix}${name}/`]: mode }, await treeOf(path, `${prefix}${name}/`));
    else {tree[prefix + name] = isSymlink
        ? `-> ${await Deno.readLink(path)}`
        : `${mode} ${await Deno.readTextFile(path)}`;}
  }
  return Object.fromEntries(Object.entries(tree).sort(([a], [b]) => a < b ? -1 : 1));
}

const commands: [what: string, command: string, message: RegExp][] = [
  ["a change", "echo more >> a", /changed back a/],
  [
    "a change that keeps size and time",
    "touch -r a /tmp/t$$; printf ALPHA > a; touch -r /tmp/t$$ a; rm /tmp/t$$",
    /changed back a/,
  ],
  ["a deletion", "rm a src/deep/b", /brought back a, src\/deep\/b/],
  ["a creation with folders", "mkdir -p x/y && echo 1 > x/y/z && echo 2 > n", /removed n, x\/y\/z/],
  ["a deleted tree", "rm -r src empty", /brought back src\/deep\/b/],
  ["a rename", "mv src lib", /brought back src\/deep\/b, removed lib\/deep\/b/],
  ["a mode", "chmod 600 run.sh", /changed back run.sh/],
  [
    "a link made, one changed, one deleted",
    "ln -s a l2; ln -sf src link; rm dangling",
    /changed back link, brought back dangling, removed l2/,
  ],
  ["a file in the place of a link and the reverse", "rm link a; echo f > link; ln -s src a", /changed back a, link/],
  ["a folder in the place of a file", "rm a; mkdir a; echo 1 > a/b", /brought back a, removed a\/b/],
  ["a file in the place of a folder", "rm -r src; echo f > src", /removed src/],
  [
    "a link in the place of a folder",
    "mv src /tmp/moved$$; ln -s /tmp src; rm -r /tmp/moved$$",
    /brought back src\/deep\/b, removed src/,
  ],
  ["strange names", "echo 1 > 'new\nline 😀'; rm '日本 😀'", /brought back 日本 😀/],
  ["an emptied file", ": > a", /changed back a/],
];

for (const [what, command, message] of commands) {
  Deno.test(`back() takes back what a shell command did: ${what}`, async () => {
    await using at = await scratch();
    await at.put("a", "alpha");
    await at.put("src/deep/b", "beta");
    await at.put("run.sh", "#!/bin/sh");
    await at.put("日本 😀", "x");
    await Deno.chmod(`${at.root}/run.sh`, 0o755);
    await Deno.mkdir(`${at.root}/empty`);
    await Deno.symlink("a", `${at.root}/link`);
    await Deno.symlink("/nowhere", `${at.root}/dangling`);
    const before = await at.tree();
    at.undo.mark("turn 1");
    await at.shell(command);
    await at.undo.settle();
    const changed = await at.tree();
    ok(JSON.stringify(changed) !== JSON.stringify(before), "the command did change something");
    const back = await at.undo.back();
    match(back.ok ? back.value : back.error, message);
    match(back.ok ? back.value : back.error, /Took back "turn 1"/);
    ok(!/Not restored/.test(back.ok ? back.value : back.error), JSON.stringify(back));
    equal(await at.tree(), before);
    equal(at.logged, [["undo", { label: "turn 1" }]]);
  });
}

Deno.test("back() leaves what a person did after the turn, and says what it left; a turn that was cut off takes all", async () => {
  for (const settled of [true, false]) {
    await using at = await scratch();
    for (const path of ["model", "person", "both"]) await at.put(path, "before");
    at.undo.mark("turn 1");
    await at.shell("echo model > model; echo model > both; mkdir made; echo model > made/new");
    if (settled) await at.undo.settle();
    await Promise.all([at.put("person", "mine"), at.put("both", "mine"), at.put("made/own", "mine")]);
    const back = await at.undo.back(), said = back.ok ? back.value : back.error;
    const texts = async (...paths: string[]) =>
      await Promise.all(paths.map((path) => Deno.readTextFile(`${at.root}/${path}`).catch(() => "none")));
    const left = settled ? "mine" : "before";
    equal(await texts("model", "person", "both", "made/new"), ["before", left, left, "none"]);
    equal(await texts("made/own"), settled ? ["mine"] : ["none"]);
    match(said, settled ? /Left as it is, since it was changed after that turn: both\./ : /That turn was cut off/);
    match(JSON.stringify(await at.undo.back()), /Cannot undo/);
  }
});

Deno.test("back() goes turn by turn, skips turns that changed nothing, and ends with a clear sentence", async () => {
  await using at = await scratch();
  equal(await at.undo.back(), { ok: false, error: "Cannot undo: no turn of this session changed a file" });
  const states = [await at.tree()];
  for (const turn of [1, 2, 3]) {
    at.undo.mark(`turn ${turn}`);
    equal((await at.workspace.write("a", `version ${turn}`)).ok, true);
    await at.workspace.write(`only-${turn}`, "x");
    states.push(await at.tree());
    at.undo.mark("idle");
    await at.shell("true");
  }
  for (const turn of [3, 2, 1]) {
    equal(await at.tree(), states[turn]);
    const back = await at.undo.back();
    match(back.ok ? back.value : back.error, new RegExp(`Took back "turn ${turn}"`));
  }
  equal(await at.tree(), states[0]);
  match(JSON.stringify(await at.undo.back()), /no turn of this session changed a file/);
});

Deno.test("back() works in a new process, and a session does not take back another's turns", async () => {
  await using at = await scratch();
  await at.put("a", "one");
  at.undo.mark("turn 1");
  await at.shell("echo two > a");
  equal((await at.open("s2").back()).ok, false);
  equal((await at.open().back()).ok, true);
  equal(await Deno.readTextFile(`${at.root}/a`), "one");
});

Deno.test("what back() replaces is kept, and it says where", async () => {
  await using at = await scratch();
  await at.put("a", "one");
  at.undo.mark("turn");
  await at.shell("echo two > a; mkdir d; echo new > d/n");
  await at.put("a", "the user's own words");
  const back = await at.undo.back();
  const kept = back.ok && back.value.match(/kept in (\S+)\. /)?.[1];
  ok(kept);
  equal(await Deno.readTextFile(`${kept}/a`), "the user's own words");
  equal(await Deno.readTextFile(`${kept}/d/n`), "new\n");
});

Deno.test("ignored files are neither restored nor removed, also when .gitignore itself changed in the turn", async () => {
  await using at = await scratch();
  await at.put(".gitignore", "dist/\n.env\n");
  await at.put("dist/big", "built");
  await at.put(".env", "KEY=1");
  await at.put("a.log", "log");
  at.undo.mark("turn");
  await at.shell("echo '*.log' > .gitignore; echo grown >> a.log; echo rebuilt > dist/big");
  const back = await at.undo.back();
  match(back.ok ? back.value : back.error, /Not covered: ignored files, \.git and node_modules/);
  equal(await Deno.readTextFile(`${at.root}/.env`), "KEY=1", "it was not covered then and must not be removed now");
  equal(await Deno.readTextFile(`${at.root}/dist/big`), "rebuilt\n");
  at.undo.mark("only ignored");
  await at.shell("echo 'a.log' >> .gitignore; sleep 0");
  const again = await at.undo.back();
  match(again.ok ? again.value : again.error, /only ignored": changed back .gitignore\./, "a.log is as it was");
  equal(await Deno.readTextFile(`${at.root}/a.log`), "log");
  equal(await Deno.readTextFile(`${at.root}/.gitignore`), "dist/\n.env\n");
});

Deno.test("a file over 5 MB is named as not covered and never removed", async () => {
  await using at = await scratch();
  await Deno.writeFile(`${at.root}/big`, new Uint8Array(5_000_001));
  at.undo.mark("turn");
  await at.shell("echo small > big; echo 1 > other");
  const back = await at.undo.back();
  match(back.ok ? back.value : back.error, /removed other.*Not covered:.*over 5 MB.*\(big\)/s);
  equal(await Deno.readTextFile(`${at.root}/big`), "small\n");
});

Deno.test("a change that keeps the size and the time of an old, known file is seen", async () => {
  await using at = await scratch();
  await at.put("a", "alpha");
  await at.put("b", "beta");
  await new Promise((done) => setTimeout(done, 3100));
  at.undo.mark("turn 1");
  await at.undo.capture();
  await at.shell(
    "touch -r a t; printf ALPHA > a; touch -r t a; rm t; touch -r b t; printf BETA > c; touch -r t c; mv c b; rm t",
  );
  const back = await at.undo.back();
  match(back.ok ? back.value : back.error, /changed back a, b\./);
});

Deno.test("diff() is unified, against the first snapshot of the session", async () => {
  await using at = await scratch();
  equal(await at.undo.diff(), { ok: true, value: "" });
  await at.put("a", "1\n2\n3\n");
  await at.put("gone", "x\n");
  await at.put("mode", "x");
  await Deno.writeFile(`${at.root}/bin`, new Uint8Array([0, 1]));
  at.undo.mark("turn 1");
  await at.shell("printf '1\\n2é\\n3\\n' > a; rm gone; printf '\\000\\002' > bin; chmod 700 mode");
  at.undo.mark("turn 2");
  await at.shell("printf new > new");
  const expected = "--- a/a\n+++ b/a\n@@ -1,3 +1,3 @@\n 1\n-2\n+2é\n 3\n" +
    "Binary files a/bin and b/bin differ\n" +
    "--- a/gone\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-x\n" +
    "Mode or encoding of mode changed (644 -> 700)\n" +
    "--- /dev/null\n+++ b/new\n@@ -0,0 +1,1 @@\n+new\n\\ No newline at end of file\n";
  equal(await at.undo.diff(), { ok: true, value: expected });
});

Deno.test("a turn is captured once, before its first change, and contents are stored once", async () => {
  await using at = await scratch();
  await at.put("a", "same");
  await at.put("b", "same");
  at.undo.mark("turn");
  await Promise.all([at.undo.capture(), at.undo.capture()]);
  await at.put("a", "changed");
  await at.undo.capture();
  const state = JSON.parse(await Deno.readTextFile(`${at.store}/state.json`));
  equal(state.turns.length, 1);
  const blobs = await new Deno.Command("find", { args: [`${at.root}/.evo/undo/blobs`, "-type", "f"] }).output();
  equal(new TextDecoder().decode(blobs.stdout).trim().split("\n").length, 2, "one content and one snapshot");
});

Deno.test("a store that is killed at any instant still takes back the last whole capture", async () => {
  await using at = await scratch();
  const text = (index: number) => `${index} `.repeat(20_000);
  for (let index = 0; index < 40; index++) await at.put(`f${index}`, text(index));
  at.undo.mark("turn");
  await at.shell("echo changed > f0");
  const code = `
    import { createUndo } from "${new URL("./undo.ts", import.meta.url)}";
    const undo = createUndo({ root: Deno.args[0], store: Deno.args[1], log: { write() {} } });
    for (let i = 0; ; i++) {
      undo.mark("killed");
      for (let f = 1; f < 20; f++) Deno.writeTextFileSync(Deno.args[0] + "/f" + f, i + "-" + f + "x".repeat(50000));
      await undo.capture();
      await Deno.stdout.write(new Uint8Array(1));
    }`;
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(file, code);
  const config = new URL("../../deno.json", import.meta.url).pathname;
  for (let round = 0; round < 6; round++) {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", `--config=${config}`, file, at.root, at.store],
      stdout: "piped",
    }).spawn();
    const reader = child.stdout.getReader();
    await reader.read();
    for (let spin = 0; spin < round * 3; spin++) await Deno.lstat(at.root);
    child.kill("SIGKILL");
    await child.status;
    await reader.cancel();
    const undo = at.open();
    for (let back = await undo.back(); back.ok; back = await undo.back()) {
      ok(!/Not restored/.test(back.value), back.value);
    }
    for (let index = 0; index < 40; index++) equal(await Deno.readTextFile(`${at.root}/f${index}`), text(index));
    undo.mark("again");
    await undo.capture();
    await at.put("f0", "changed");
  }
  await Deno.remove(file);
});

Deno.test("a damaged content is not restored as if it were right", async () => {
  await using at = await scratch();
  await at.put("a", "one");
  at.undo.mark("turn");
  await at.shell("echo two > a; rm -f gone");
  const { stdout } = await new Deno.Command("grep", { args: ["-rlx", "one", `${at.root}/.evo/undo/blobs`] }).output();
  const blob = new TextDecoder().decode(stdout).trim();
  await Deno.writeTextFile(blob, "eno");
  const back = await at.undo.back();
  match(back.ok ? back.value : back.error, /Not restored: a: .*damaged/);
  equal(await Deno.readTextFile(`${at.root}/a`), "two\n");
});

Deno.test("a store that cannot be written never stops the work, and back() says what is missing", async () => {
  await using at = await scratch();
  await at.put("a", "one");
  await at.put(".evo", "a file where the folder should be");
  at.undo.mark("turn");
  equal((await at.workspace.write("a", "two")).ok, true);
  const back = await at.undo.back();
  match(back.ok ? back.value : back.error, /^Cannot undo( "turn": its files could not be captured)?/);
  match(JSON.stringify(at.logged), /Cannot capture the files: /);
});
