import { deepStrictEqual as equal, match, ok, rejects } from "node:assert/strict";
import { no, ok as good } from "../../actors/types.ts";
import { createDoctor } from "./doctor.ts";
import type { DoctorOptions } from "./doctor.ts";
import { loadSettings } from "./settings.ts";

const { signal } = new AbortController();

async function examine(
  change: Partial<DoctorOptions> = {},
  env: Record<string, string> = { OPENROUTER_API_KEY: "key" },
) {
  const folder = await Deno.makeTempDir();
  try {
    const options: DoctorOptions = {
      findDeno: () => Promise.resolve(good({ path: "/bin/deno", version: Deno.version.deno })),
      baseRuntime: () => Promise.resolve(good("own base")),
      settings: await loadSettings({ flags: {}, env, home: folder, granted: {} }),
      terminal: { interactive: true, columns: 80, type: "xterm" },
      granted: { trusted: false, guides: [], said: "", admit: () => Promise.resolve(false) },
      journal: () => good("journal.db"),
      folders: [folder],
      landlock: () => true,
      probe: () => Promise.resolve(good("answers")),
      ...change,
    };
    const found = await createDoctor(options)(signal);
    equal([...await Array.fromAsync(Deno.readDir(folder))], [], "the doctor leaves nothing behind");
    return found;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("A healthy installation is ok in every line, in a fixed order", async () => {
  const { text, healthy } = await examine();
  equal(healthy, true);
  const names = text.split("\n").map((line) => /^ok {4}(\S+(?: \S+)?) {2}/.exec(line)?.[1]);
  equal(names, [
    "toolchain",
    "git",
    "base runtime",
    "config",
    "terminal",
    "trust",
    "journal",
    "disk",
    "sandbox",
    "model",
  ]);
});

const never = () => new Promise<never>(() => {});
const ills: [string, Partial<DoctorOptions>, RegExp, boolean][] = [
  [
    "no Deno",
    { findDeno: () => Promise.resolve(no("no Deno found")) },
    /^warn {2}toolchain +no Deno found\n +-> \/evolve needs Deno/m,
    true,
  ],
  [
    "another Deno",
    { findDeno: () => Promise.resolve(good({ path: "/d", version: "2.6.8" })) },
    /^warn {2}toolchain +Deno 2\.6\.8 at \/d/m,
    true,
  ],
  ["no base runtime", { baseRuntime: () => Promise.resolve(no("no base")) }, /^warn {2}base runtime {2}no base/m, true],
  ["a wrong config", { settings: no('Cannot use "c", line 3') }, /^FAIL {2}config +Cannot use "c", line 3$/m, false],
  [
    "a narrow terminal",
    { terminal: { interactive: true, columns: 19, type: "" } },
    /^warn {2}terminal +unknown type, 19 columns\n +-> make/m,
    true,
  ],
  [
    "a directory that is not trusted",
    { granted: { trusted: false, guides: [], said: "Did not load x", admit: () => Promise.resolve(false) } },
    /^warn {2}trust +Did not load x/m,
    true,
  ],
  ["a broken journal", { journal: () => no("Cannot use the journal") }, /^warn {2}journal +Cannot use/m, true],
  ["a full disk", { folders: ["/dev/full/x"] }, /^FAIL {2}disk +Cannot write in "\/dev\/full\/x".*\n +-> free/m, false],
  ["no Landlock", { landlock: () => false }, /^warn {2}sandbox/m, true],
  [
    "a dead endpoint",
    { probe: () => Promise.resolve(no("Cannot reach x")) },
    /^FAIL {2}model +Cannot reach x$/m,
    false,
  ],
  [
    "a check that throws",
    { probe: () => Promise.reject(new Error("boom")) },
    /^FAIL {2}model +boom\n +-> mend/m,
    false,
  ],
  [
    "a check that never ends",
    { probe: never, folders: [], deadlineMs: 5 },
    /^FAIL {2}model +no answer in time/m,
    false,
  ],
];
for (const [name, change, line, healthy] of ills) {
  Deno.test(`The doctor tells of ${name}`, async () => {
    const found = await examine(change);
    match(found.text, line);
    if (!("deadlineMs" in change)) equal(found.healthy, healthy);
  });
}

Deno.test("The model is asked only if a key is set or the endpoint is on this machine", async () => {
  let asked = 0;
  const probe = () => Promise.resolve(good(`answer ${asked += 1}`));
  const without = await examine({ probe }, {});
  match(without.text, /^FAIL {2}model +no model is set\n +-> No model is set: export OPENROUTER_API_KEY/m);
  equal([asked, without.healthy], [0, false]);
  await examine({ probe }, { INFERENCE_BASE_URL: "http://127.0.0.1:1/v1" });
  await examine({ probe });
  equal(asked, 2);
  ok(!(await examine({ probe })).text.includes("FAIL"));
});

Deno.test("An abort ends the examination", async () => {
  const stop = new AbortController();
  stop.abort();
  const settings = await loadSettings({ flags: {}, env: { OPENROUTER_API_KEY: "k" }, home: "/nowhere", granted: {} });
  const doctor = createDoctor({
    findDeno: never,
    baseRuntime: never,
    settings,
    terminal: { interactive: false, columns: 0, type: "" },
    granted: { trusted: true, guides: [], said: "", admit: () => Promise.resolve(false) },
    journal: () => good(""),
    folders: [],
    landlock: () => true,
    probe: never,
  });
  await rejects(doctor(stop.signal), { name: "AbortError" });
});
