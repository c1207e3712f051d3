/** For tests of evolution: a scratch copy of Evo's own checkout with the executable in it, and cassettes to play to it. */
import { dirname, join } from "node:path";
import * as z from "zod";
import { mustGit } from "../source/git.ts";
import { listSource, sourceHash } from "../source/source.ts";
import { EVO } from "./evo.ts";

/** How a run ended; `pid` is that of the process, which a relaunch keeps. */
export interface Run {
  code: number;
  signal: Deno.Signal | null;
  out: string;
  err: string;
  pid: number;
}

/** What a run is given. `meanwhile` acts while it goes on; the run is awaited anyway. */
export interface RunOptions {
  stdin?: string;
  env?: Record<string, string>;
  cwd?: string;
  meanwhile?: (child: Deno.ChildProcess) => Promise<void>;
}

/** The copy: `root` is the repository, `exe` its executable, `home` the state of the installation. */
export interface Checkout {
  base: string;
  root: string;
  exe: string;
  home: string;
  env: Record<string, string>;
  run(args: string[], options?: RunOptions): Promise<Run>;
  /** Writes a cassette; returns the value for `--model`. */
  cassette(lines: unknown[], fallback?: Record<string, unknown>): Promise<string>;
  git(...args: string[]): Promise<string>;
  /** Ids of the sessions, oldest first. */
  sessions(): Promise<string[]>;
  /** Events of the newest session, in order; those whose line is whole. */
  events(): Promise<Event[]>;
  /** What does not agree among tree, executable and lineage, and what is not as the user left it; empty if all is well. */
  faults(status?: string): Promise<string[]>;
  clean(): Promise<void>;
}

const Event = z.object({ seq: z.number(), kind: z.string(), data: z.record(z.string(), z.unknown()) });
/** One line of a trajectory. */
export type Event = z.infer<typeof Event>;

const DEADLINE_MS = 150_000;

/** Copies source and executable to a folder of their own; `bare` leaves the source out. */
export async function openCheckout({ bare = false } = {}): Promise<Checkout> {
  const exe = EVO ?? "", from = dirname(dirname(exe));
  const base = await Deno.realPath(await Deno.makeTempDir({ prefix: "evo-evolve-" }));
  const root = join(base, "evo"), own = join(root, bare ? "evo" : "bin/evo");
  await Deno.mkdir(dirname(own), { recursive: true });
  await Deno.mkdir(join(base, "tmp"));
  await Deno.copyFile(exe, own);
  if (!bare) await copySource(from, root);
  const home = bare ? join(base, "data/evo") : join(root, ".evo");
  const env = {
    PATH: Deno.env.get("PATH") ?? "",
    HOME: join(base, "home"),
    XDG_STATE_HOME: join(base, "state"),
    XDG_CONFIG_HOME: join(base, "config"),
    XDG_DATA_HOME: join(base, "data"),
    TMPDIR: join(base, "tmp"),
    DENO_DIR: await denoFolder(),
    EVO_DENO: Deno.execPath(),
    NO_COLOR: "1",
  };
  const run = (args: string[], options: RunOptions = {}) => start(own, args, { cwd: root, env }, options);
  const git = (...args: string[]) => mustGit(root, args);
  const sessions = async () => {
    const names = await Array.fromAsync(Deno.readDir(join(root, ".evo/sessions"))).catch(() => []);
    const at = (name: string) => Deno.stat(join(root, ".evo/sessions", name, "traj.jsonl")).catch(() => undefined);
    const dated = await Promise.all(
      names.map(async ({ name }) => ({ name, ms: (await at(name))?.mtime?.getTime() ?? 0 })),
    );
    return dated.sort((a, b) => a.ms - b.ms).map(({ name }) => name);
  };
  let made = 0;
  return {
    base,
    root,
    exe: own,
    home,
    env,
    run,
    git,
    async cassette(lines, fallback = {}) {
      const header = {
        cassette: 1,
        model: "test",
        window: 200_000,
        lanes: true,
        fallback: { ...FALLBACK, ...fallback },
      };
      const path = join(base, `${made++}.jsonl`);
      await Deno.writeTextFile(path, [header, ...lines].map((line) => `${JSON.stringify(line)}\n`).join(""));
      return `cassette:${path}`;
    },
    sessions,
    async events() {
      const path = join(root, ".evo/sessions", (await sessions()).at(-1) ?? "none", "traj.jsonl");
      const text = await Deno.readTextFile(path).catch(() => "");
      return text.split("\n").slice(0, -1).map((line) => Event.parse(JSON.parse(line)));
    },
    async faults(status = "") {
      const [list, verify, version] = [
        await run(["lineage"]),
        await run(["lineage", "verify"]),
        await run(["--version"]),
      ];
      const repository = bare ? join(home, "source") : root;
      const found: string[] = [];
      if (verify.code !== 0) found.push(`verify: ${verify.out}${verify.err}`);
      const last = /^ *(\d+) .*(?![^]*\n *\d)/m.exec(list.out)?.[1];
      const [, generation, source] = /^generation (.*)\nsource (.*)$/m.exec(version.out) ?? [];
      if (generation !== last) {
        found.push(`the executable is generation ${generation}, the lineage ends at ${list.out}`);
      }
      const tree = await hashOfHead(repository, join(base, "tmp/head"));
      if (tree !== source) found.push(`HEAD is source ${tree}, the executable is ${source}`);
      const state = await mustGit(repository, ["status", "--porcelain"]);
      if (state !== status) found.push(`git status: ${state}`);
      return found;
    },
    clean: () => Deno.remove(base, { recursive: true }),
  };
}

const FALLBACK = {
  task: { text: "CONTINUE" },
  reflect: { text: "[]" },
  evolve: { text: "SKIP: nothing more" },
  refine: { text: "I do not know better." },
  judge: { text: '{"veto": false, "reason": "as its goal says"}' },
  document: { text: "Nothing to edit." },
};

/** Source as the executable was built from, as a repository of its own. */
async function copySource(from: string, to: string): Promise<void> {
  for (const path of await listSource(from)) {
    await Deno.mkdir(dirname(join(to, path)), { recursive: true });
    await Deno.copyFile(join(from, path), join(to, path));
  }
  await mustGit(to, ["init", "-q"]);
  await mustGit(to, ["add", "-A"]);
  await mustGit(to, ["commit", "-q", "-m", "The source as it is"]);
}

async function hashOfHead(repository: string, scratch: string): Promise<string> {
  await mustGit(repository, ["worktree", "add", "--quiet", "--force", "--detach", scratch, "HEAD"]);
  const hash = await sourceHash(scratch);
  await mustGit(repository, ["worktree", "remove", "--force", scratch]);
  return hash;
}

/** Packages come from where this Deno keeps them, whatever the home of the run. */
async function denoFolder(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  return z.object({ denoDir: z.string() }).parse(JSON.parse(new TextDecoder().decode(stdout))).denoDir;
}

async function start(
  exe: string,
  args: string[],
  at: { cwd: string; env: Record<string, string> },
  { stdin = "", env, cwd = at.cwd, meanwhile }: RunOptions,
): Promise<Run> {
  const child = new Deno.Command(exe, {
    args,
    cwd,
    env: { ...at.env, ...env },
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), DEADLINE_MS);
  try {
    const writer = child.stdin.getWriter();
    const written = writer.write(new TextEncoder().encode(stdin)).then(() => writer.close()).catch(() => {});
    const [out, err, status] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.status,
      written,
      meanwhile?.(child),
    ]);
    return { code: status.code, signal: status.signal, out, err, pid: child.pid };
  } finally {
    clearTimeout(timer);
  }
}

/** Waits for something to become true; throws after a minute or so. */
export async function until(what: string, seen: () => Promise<boolean>, pauseMs = 5): Promise<void> {
  for (let left = 90_000; left > 0; left -= pauseMs) {
    if (await seen()) return;
    await new Promise((done) => setTimeout(done, pauseMs));
  }
  throw new Error(`Cannot wait any longer: ${what} has not come`);
}

/** A line of a cassette: a reply in words. */
export const say = (purpose: string, text: string, expect: Record<string, unknown> = {}) => ({
  expect: { purpose, ...expect },
  reply: { text },
});

/** A line of a cassette: a reply that calls tools. */
export const use = (purpose: string, calls: [string, unknown][], expect: Record<string, unknown> = {}) => ({
  expect: { purpose, ...expect },
  reply: { text: "", calls: calls.map(([name, args]) => ({ name, arguments: args })) },
});

/** The goal that a change states. */
export const goal = (title: string, verify = "") =>
  JSON.stringify({ title, suggestion: title, predicted: `better: ${title}`, verify });

/** A change of words alone: a new memory note. */
export const note = (name: string, expect: Record<string, unknown> = {}) => [
  use("evolve", [["write_file", {
    path: `prompts/memory/${name}.md`,
    content: `---\ndescription: ${name}\n---\n\nThis is ${name}.\n`,
  }]], expect),
  say("evolve", goal(`Note ${name}`)),
];

/** Runs rows as steps of one test, two at a time; each gets a checkout of its own. */
export async function each(
  t: Deno.TestContext,
  rows: { name: string; bare?: boolean; run: (checkout: Checkout) => Promise<void> }[],
): Promise<void> {
  const left = rows.values();
  const worker = async () => {
    for (const { name, bare = false, run } of left) {
      const fn = async () => {
        const checkout = await openCheckout({ bare });
        await run(checkout).finally(checkout.clean);
      };
      await t.step({ name, fn, sanitizeOps: false, sanitizeResources: false, sanitizeExit: false });
    }
  };
  await Promise.all([worker(), worker()]);
}
