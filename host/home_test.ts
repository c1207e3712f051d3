import { deepStrictEqual as equal, match, rejects } from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findHome, openHome } from "./home.ts";

Deno.test("EVO_HOME is as set, else of the checkout, else the user's data folder", async () => {
  const checkout = await Deno.makeTempDir();
  try {
    await Deno.mkdir(join(checkout, "host"));
    await Deno.writeTextFile(join(checkout, "host/boot.ts"), "");
    const inside = join(checkout, "bin/evo");
    const cases: [Record<string, string>, string | undefined, Awaited<ReturnType<typeof findHome>>][] = [
      [{ EVO_HOME: "/h", HOME: "/u" }, inside, { home: "/h", checkout }],
      [{ EVO_HOME: "/h", HOME: "/u" }, "/opt/bin/evo", { home: "/h" }],
      [{ HOME: "/u" }, inside, { home: join(checkout, ".evo"), checkout }],
      [{ HOME: "/u" }, join(checkout, "evo"), { home: "/u/.local/share/evo" }],
      [{ HOME: "/u", XDG_DATA_HOME: "/d" }, "/opt/bin/evo", { home: "/d/evo" }],
      [{ HOME: "/u" }, undefined, { home: "/u/.local/share/evo" }],
    ];
    for (const [values, exe, expected] of cases) equal(await findHome({ env: (name) => values[name], exe }), expected);
  } finally {
    await Deno.remove(checkout, { recursive: true });
  }
});

Deno.test("a home that cannot be written is said in one sentence; one that can is made", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await openHome(join(folder, "new/home"));
    await openHome(join(folder, "new/home"));
    equal((await Deno.stat(join(folder, "new/home"))).isDirectory, true);
    await Deno.writeTextFile(join(folder, "file"), "");
    await rejects(
      openHome(join(folder, "file/home")),
      /^Error: Cannot use EVO_HOME ".*file\/home": .*; set it to a folder/,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("what Deno closes, devices and the state of the system, is refused in words of ours", async () => {
  const files = fileURLToPath(new URL("session/files.ts", import.meta.url));
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    const code = `import { reason } from ${JSON.stringify(`file://${files}`)};
      try { await Deno.readFile("/dev/mem"); } catch (error) { console.log(error.message); console.log(reason(error)); }`;
    await Deno.writeTextFile(path, code);
    const args = ["run", "--quiet", "--no-check", "--no-prompt", "--no-config", "--allow-read", path];
    const { stdout } = await new Deno.Command(Deno.execPath(), { args }).output();
    const [raw = "", ours = ""] = new TextDecoder().decode(stdout).split("\n");
    match(raw, /^Requires all access to "\/dev\/mem"/);
    match(ours, /^it lies in \/dev, \/proc or \/sys, .*; use a path elsewhere$/);
  } finally {
    await Deno.remove(path);
  }
});
