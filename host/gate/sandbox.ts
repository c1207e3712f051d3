/** Tests of a draft, run where they can do no harm, and believed only with evidence. */
import * as z from "zod";
import { cut, LOCKED, relative, run } from "./run.ts";

/** How a command is confined by the operating system; returns the command itself where it cannot be. */
export type SandboxArgv = (command: string[], access: { ro: string[]; rw: string[] }) => string[];

/** What a run of tests needs. `files` are relative to `root`. */
export interface TestRun {
  deno: string;
  root: string;
  files: string[];
  scratch: string;
  ms: number;
  signal: AbortSignal;
  sandboxArgv: SandboxArgv;
}

/** One test as the runner reported it. */
export const Ran = z.object({ file: z.string(), line: z.number(), title: z.string(), pass: z.boolean() });
export type Ran = z.infer<typeof Ran>;

/** What came of a run: `report` is undefined if the runner did not live to write it. */
export interface Tested {
  code: number;
  report: Ran[] | undefined;
  output: string;
  timedOut: boolean;
}

const SYSTEM = "/usr /lib /lib64 /bin /nix/store /proc /sys /dev /etc/ld.so.cache".split(" ");
const FLAGS =
  ("test --no-check --cached-only --no-remote --deny-import --no-prompt --deny-write --deny-net --deny-run " +
    "--deny-ffi --deny-env --deny-sys --v8-flags=--disallow-code-generation-from-strings").split(" ");
let runs = 0;

/** Runs test files below a root: reads only there, writes nothing, no network, no child, no environment, no code from strings. */
export async function runTests({ deno, files, scratch, ms, signal, sandboxArgv, ...given }: TestRun): Promise<Tested> {
  const root = await Deno.realPath(given.root);
  const folder = `${scratch}/run-${Deno.pid}-${runs++}`;
  await Deno.mkdir(folder, { recursive: true });
  try {
    const entry = `${folder}/entry_test.ts`, junit = `${folder}/junit.xml`;
    await Deno.writeTextFile(
      entry,
      files.map((file) => `import ${JSON.stringify(`file://${encodeURI(`${root}/${file}`)}`)};\n`).join(""),
    );
    const own = [`--allow-read=${root}`, `--config=${root}/deno.json`, `--junit-path=${junit}`, entry];
    const cache = await denoDir(), access = { ro: [...SYSTEM, await Deno.realPath(deno), root], rw: [folder, cache] };
    const confined = sandboxArgv([deno, ...FLAGS, ...LOCKED, ...own], access);
    const env = { DENO_DIR: cache, TMPDIR: folder };
    const ended = await run(confined, { cwd: root, ms, signal, env });
    const xml = await Deno.readTextFile(junit).catch(() => undefined);
    const output = cut(relative(`${ended.stdout}\n${ended.stderr}`, root).trim());
    return {
      code: ended.code,
      report: xml === undefined ? undefined : readJunit(xml),
      output,
      timedOut: ended.timedOut,
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Deno's cache folder. */
export async function denoDir(): Promise<string> {
  const home = Deno.env.get("HOME") ?? "/nonexistent",
    mac = Deno.build.os === "darwin" ? `${home}/Library/Caches` : `${home}/.cache`;
  const folder = Deno.env.get("DENO_DIR") ?? `${Deno.env.get("XDG_CACHE_HOME") ?? mac}/deno`;
  return await Deno.realPath(folder).catch(() => folder);
}

function readJunit(xml: string): Ran[] {
  const text = (value = "") =>
    value.replace(
      /&(lt|gt|quot|apos|#39|amp);/g,
      (_, name) => ({ lt: "<", gt: ">", quot: '"', apos: "'", "#39": "'", amp: "&" })[String(name)] ?? "",
    );
  const cases = xml.matchAll(
    /<testcase name="([^"]*)" classname="([^"]*)" [^>]*?line="(\d+)"[^>]*?(?:\/>|>([\s\S]*?)<\/testcase>)/g,
  );
  return [...cases].map(([, name, file, line, inside]) => ({
    file: text(file).replace(/^\.\//, ""),
    line: Number(line),
    title: text(name),
    pass: !/<(failure|error|skipped)\b/.test(inside ?? ""),
  }));
}
