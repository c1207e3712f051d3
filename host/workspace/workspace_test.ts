import { deepStrictEqual as equal, match, ok, rejects } from "node:assert/strict";
import type { Outcome } from "../../actors/types.ts";
import { whyProtected } from "../source/source.ts";
import { replaceFile } from "./replace.ts";
import { createWorkspace, type WorkspaceOptions } from "./workspace.ts";

const signal = new AbortController().signal;

/** A scratch folder with a workspace on it. */
async function scratch(options: Partial<WorkspaceOptions> = {}) {
  const root = await Deno.realPath(await Deno.makeTempDir());
  const workspace = createWorkspace({ root, ...options });
  const names = async (folder = root) => (await Array.fromAsync(Deno.readDir(folder), (entry) => entry.name)).sort();
  return { root, workspace, names, [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }) };
}

function error(outcome: Outcome<unknown>): string {
  return outcome.ok ? "no error" : outcome.error;
}

Deno.test("read() gives text without its byte order mark, with the hash of the bytes", async () => {
  await using at = await scratch();
  await Deno.writeTextFile(`${at.root}/a`, "\uFEFFé\r\n😀");
  equal(await at.workspace.read("a"), {
    ok: true,
    value: {
      path: "a",
      text: "é\r\n😀",
      bom: true,
      hash: "ee691444eb3c7841240f6a568c6b988dace33687e500404a53bed806bd4d4a5a",
    },
  });
});

const unreadable: [title: string, bytes: number[], why: RegExp][] = [
  ["a NUL byte", [65, 0, 66], /binary \(a NUL byte at offset 1\)/],
  ["UTF-16", [0xff, 0xfe, 65, 0], /UTF-16/],
  ["Latin-1", [65, 66, 0xe9, 67], /not UTF-8 \(byte 0xe9 at offset 2\), perhaps Latin-1/],
  ["a cut character at the end", [65, 0xf0, 0x9f, 0x98], /byte 0xf0 at offset 1/],
  ["a surrogate as UTF-8", [0xed, 0xa0, 0x80], /byte 0xed at offset 0/],
];

for (const [title, bytes, why] of unreadable) {
  Deno.test(`read() refuses ${title}`, async () => {
    await using at = await scratch();
    await Deno.writeFile(`${at.root}/a`, new Uint8Array(bytes));
    match(error(await at.workspace.read("a")), why);
  });
}

Deno.test("read() refuses what is not a plain file without opening it, and a FIFO never blocks", async () => {
  await using at = await scratch();
  await new Deno.Command("mkfifo", { args: [`${at.root}/fifo`] }).output();
  await Deno.mkdir(`${at.root}/folder`);
  const server = Deno.listen({ transport: "unix", path: `${at.root}/socket` });
  match(error(await at.workspace.read("fifo")), /it is a FIFO/);
  match(error(await at.workspace.write("fifo", "x")), /it is a FIFO/);
  match(error(await at.workspace.read("folder")), /it is a folder/);
  match(error(await at.workspace.remove("folder")), /it is a folder/);
  match(error(await at.workspace.read("socket")), /it is a socket/);
  match(error(await createWorkspace({ root: "/dev" }).read("null")), /it is a device/);
  match(error(await at.workspace.read("none")), /no such file; use list_files/);
  equal((await at.workspace.search({ pattern: "x", limit: 5, signal })).ok, true);
  server.close();
});

Deno.test("a file over the limit is neither read nor written", async () => {
  await using at = await scratch({ maxBytes: 10 });
  await Deno.writeTextFile(`${at.root}/a`, "12345678901");
  match(error(await at.workspace.read("a")), /over the limit/);
  match(error(await at.workspace.write("b", "12345678901")), /over the limit/);
  ok((await at.workspace.write("b", "1234567890")).ok);
  ok((await at.workspace.read("b")).ok);
});

Deno.test("write() makes folders, keeps mode and byte order mark, and leaves no other file", async () => {
  await using at = await scratch();
  equal(await at.workspace.write("x/y/a.sh", "1"), { ok: true, value: { path: "x/y/a.sh", created: true } });
  await Deno.chmod(`${at.root}/x/y/a.sh`, 0o750);
  equal(await at.workspace.write("x/y/a.sh", "2", { bom: true }), {
    ok: true,
    value: { path: "x/y/a.sh", created: false },
  });
  equal([...await Deno.readFile(`${at.root}/x/y/a.sh`)], [0xef, 0xbb, 0xbf, 50]);
  equal(((await Deno.stat(`${at.root}/x/y/a.sh`)).mode ?? 0) & 0o7777, 0o750);
  equal(await at.names(`${at.root}/x/y`), ["a.sh"]);
});

Deno.test("write() refuses half of a character and names where; plain Deno would write something else", async () => {
  await using at = await scratch();
  match(error(await at.workspace.write("a", "ab\ud83d c")), /half of a character at position 2/);
  match(error(await at.workspace.write("a", "😀\ude00")), /half of a character at position 2/);
  equal(await at.names(), []);
  await Deno.writeTextFile(`${at.root}/raw`, "ab\ud83d c");
  equal(await Deno.readTextFile(`${at.root}/raw`), "ab\uFFFD c");
});

Deno.test("write() and remove() refuse a file that changed since it was read, by content and not by time", async () => {
  await using at = await scratch();
  await Deno.writeTextFile(`${at.root}/a`, "one");
  await at.workspace.read("a");
  const { mtime } = await Deno.stat(`${at.root}/a`);
  await Deno.writeTextFile(`${at.root}/a`, "two");
  await Deno.utime(`${at.root}/a`, mtime ?? 0, mtime ?? 0);
  match(error(await at.workspace.write("a", "three")), /changed on disk since it was last read; read it again/);
  match(error(await at.workspace.remove("a")), /changed on disk/);
  equal(await Deno.readTextFile(`${at.root}/a`), "two");
  await at.workspace.read("a");
  ok((await at.workspace.write("a", "three")).ok);
  await Deno.utime(`${at.root}/a`, 1, 1);
  ok((await at.workspace.write("a", "four")).ok, "a new time alone is no change");
  const unseen = createWorkspace({ root: at.root });
  ok((await unseen.write("a", "five")).ok, "a file that was never read may be overwritten");
});

Deno.test("mayWrite and beforeWrite stand before every change, and a refused change captures nothing", async () => {
  const events: string[] = [];
  await using at = await scratch({
    mayWrite: (path) => path.startsWith("host/") ? "host/ is protected" : undefined,
    beforeWrite: () => (events.push("before"), Promise.resolve()),
  });
  await Deno.mkdir(`${at.root}/host`);
  await Deno.symlink("host", `${at.root}/alias`);
  match(error(await at.workspace.write("host/a", "x")), /host\/ is protected/);
  match(error(await at.workspace.write("alias/a", "x")), /host\/ is protected/);
  match(error(await at.workspace.write("none/../host/a", "x")), /host\/ is protected/);
  equal(events, []);
  await at.workspace.write("a", "x");
  await at.workspace.remove("a");
  equal(events, ["before", "before"]);
  equal(await at.names(), ["alias", "host"]);
  ok((await createWorkspace({ root: at.root }).write("host/a", "x")).ok, "without mayWrite it is written");
  const refused = await createWorkspace({ root: at.root, mayWrite: whyProtected }).write("host/a.ts", "");
  match(refused.ok ? "" : refused.error, /^Cannot write "host\/a\.ts": a self-edit may change only main\.ts, /);
});

Deno.test("links that leave are refused for reading, writing and deleting, and nothing outside changes", async () => {
  await using at = await scratch();
  await using out = await scratch();
  await Deno.writeTextFile(`${out.root}/secret`, "secret");
  await Deno.symlink(out.root, `${at.root}/folder`);
  await Deno.symlink(`${out.root}/secret`, `${at.root}/file`);
  await Deno.symlink(`${out.root}/new`, `${at.root}/dangling`);
  for (const path of ["folder/secret", "file", "dangling", "folder/new", "folder/x/y"]) {
    match(error(await at.workspace.read(path)), new RegExp(out.root));
    match(error(await at.workspace.write(path, "x")), new RegExp(out.root));
    match(error(await at.workspace.remove(path)), new RegExp(out.root));
  }
  match(error(await at.workspace.list({ path: "folder", limit: 5, signal })), /outside/);
  equal(await out.names(), ["secret"]);
  equal(await at.workspace.list({ limit: 5, signal }), { ok: true, value: { files: [], truncated: false } });
  equal(await at.workspace.search({ pattern: "secret", limit: 5, signal }), {
    ok: true,
    value: { hits: [], truncated: false },
  });
});

Deno.test("a folder that is swapped for a link between the check and the write does not lead outside", async () => {
  await using out = await scratch();
  let swap = async () => {};
  await using at = await scratch({ beforeWrite: () => swap() });
  await Deno.mkdir(`${at.root}/folder`);
  await Deno.writeTextFile(`${at.root}/folder/a`, "old");
  swap = async () => {
    await Deno.rename(`${at.root}/folder`, `${at.root}/moved`);
    await Deno.symlink(out.root, `${at.root}/folder`);
  };
  match(error(await at.workspace.write("folder/a", "new")), /swapped/);
  await Deno.remove(`${at.root}/folder`);
  await Deno.rename(`${at.root}/moved`, `${at.root}/folder`);
  await Deno.writeTextFile(`${out.root}/a`, "theirs");
  match(error(await at.workspace.remove("folder/a")), /swapped/);
  equal(await Deno.readTextFile(`${out.root}/a`), "theirs");
  await Deno.remove(`${out.root}/a`);
  match(String(await replaceFile(`${at.root}/folder/b`, new Uint8Array([65]), {})), /swapped/);
  equal(await out.names(), []);
  await Deno.writeTextFile(`${at.root}/folder/a`, "plain");
  equal(await out.names(), ["a"], "a plain write does lead outside");
  equal(await Deno.readTextFile(`${at.root}/moved/a`), "old");
});

Deno.test("while a folder is swapped for a link to and fro, no read and no write touches the outside", async () => {
  await using out = await scratch();
  await using at = await scratch();
  await Deno.writeTextFile(`${out.root}/a`, "secret");
  for (const folder of ["swapped", "real"]) {
    await Deno.mkdir(`${at.root}/${folder}`);
    await Deno.writeTextFile(`${at.root}/${folder}/a`, "inside");
  }
  await Deno.symlink(out.root, `${at.root}/away`);
  await Deno.symlink("real", `${at.root}/link`);
  const code = `
    const [at, out] = Deno.args;
    for (let i = 0; ; i++) {
      Deno.renameSync(at + "/swapped", at + "/aside");
      Deno.renameSync(at + "/away", at + "/swapped");
      Deno.renameSync(at + "/swapped", at + "/away");
      Deno.renameSync(at + "/aside", at + "/swapped");
      Deno.symlinkSync(i % 2 ? "real" : out, at + "/next");
      Deno.renameSync(at + "/next", at + "/link");
    }`;
  const file = `${at.root}/swap.js`;
  await Deno.writeTextFile(file, code);
  const args = ["run", "-A", "--no-config", file, at.root, out.root];
  const swapper = new Deno.Command(Deno.execPath(), { args }).spawn();
  const seen = new Set<string>();
  try {
    for (let round = 0; round < 1500 || (seen.size < 2 && round < 50_000); round++) {
      const read = await at.workspace.read("swapped/a");
      seen.add(read.ok ? read.value.text : "refused");
      if (round % 5 === 0) await at.workspace.write("link/b", String(round));
    }
  } finally {
    swapper.kill("SIGKILL");
    await swapper.status;
  }
  equal([...seen].sort(), ["inside", "refused"]);
  equal(await out.names(), ["a"]);
});

Deno.test("a write that fails leaves the old file, no temporary file and no new folder", async (t) => {
  await t.step({
    name: "in a folder where nothing can be made",
    ignore: Deno.build.os !== "linux",
    fn: async () => {
      const workspace = createWorkspace({ root: "/sys/kernel" });
      match(
        error(await workspace.write("evo-test", "x")),
        /^Cannot write "evo-test": (permission denied|the system|the file system)/,
      );
    },
  });
  await t.step("over a file that is marked read-only", async () => {
    await using at = await scratch();
    await Deno.writeTextFile(`${at.root}/a`, "old", { mode: 0o444 });
    match(error(await at.workspace.write("a", "new")), /marked read-only/);
    equal(await Deno.readTextFile(`${at.root}/a`), "old");
  });
  await t.step("below a file", async () => {
    await using at = await scratch();
    await Deno.writeTextFile(`${at.root}/a`, "old");
    match(error(await at.workspace.write("a/b", "new")), /is a file, not a folder/);
  });
  await t.step("with a name that is too long", async () => {
    await using at = await scratch();
    match(error(await at.workspace.write(`x/y/${"n".repeat(250)}`, "fits")), /no error/);
    match(error(await at.workspace.write(`p/q/${"n".repeat(300)}`, "does not")), /too long/);
    equal(await at.names(), ["x"]);
  });
  const full = await Deno.makeTempDir();
  const mounted = await new Deno.Command("mount", {
    args: ["-t", "tmpfs", "-o", "size=64k", "tmpfs", full],
    stderr: "null",
  }).output()
    .catch(() => ({ success: false }));
  await t.step({
    name: "on a full disk",
    ignore: !mounted.success,
    fn: async () => {
      const workspace = createWorkspace({ root: full });
      ok((await workspace.write("a", "old")).ok);
      match(error(await workspace.write("a", "x".repeat(200_000))), /the disk is full/);
      match(error(await workspace.write("new/b", "x".repeat(200_000))), /the disk is full/);
      equal(await Deno.readTextFile(`${full}/a`), "old");
      equal(await Array.fromAsync(Deno.readDir(full), (entry) => entry.name), ["a"]);
    },
  });
  if (mounted.success) await new Deno.Command("umount", { args: [full] }).output();
  await Deno.remove(full);
});

Deno.test("writes to one file happen one after the other, the last one stays", async () => {
  await using at = await scratch();
  await Promise.all(Array.from({ length: 30 }, (_, index) => at.workspace.write("a", String(index))));
  equal(await Deno.readTextFile(`${at.root}/a`), "29");
  equal(await at.names(), ["a"]);
});

Deno.test("a listing or search ends when its signal aborts", async () => {
  await using at = await scratch();
  await Deno.writeTextFile(`${at.root}/a`, "x");
  await rejects(at.workspace.list({ limit: 5, signal: AbortSignal.abort() }), { name: "AbortError" });
  await rejects(at.workspace.search({ pattern: "x", limit: 5, signal: AbortSignal.abort() }), { name: "AbortError" });
});
