/** The entry of the executable, which no self-edit can touch: recover first, then start the mind in a try. */
import { type Body, readFacts, versionText } from "./facts.ts";
import { findHome, generationOf, Told } from "./home.ts";
import { attempt } from "./session/files.ts";

const FAILED = 1, INTERNAL = 9;

/** Starts Evo with these arguments; returns the exit code. */
export async function boot(args: string[]): Promise<number> {
  const root = new URL("../", import.meta.url);
  const standalone = Deno.build.standalone;
  const here = decodeURIComponent(root.pathname);
  const executable = standalone ? Deno.execPath() : `${here}bin/evo`;
  const self = standalone ? [executable] : [Deno.execPath(), "run", "-A", `${here}host/boot.ts`];
  if (args[0] === "--evo-sandboxed") return await sandboxed(args.slice(1));
  if (args[0] === "--evo-functions") return await (await import("./evaluation/child.ts")).runChild();
  if (args[0] === "--evo-plugin") return await (await import("./workers/child.ts")).runWorkerChild();
  const env = (name: string) => Deno.env.get(name);
  const { home, checkout } = await findHome({ env, exe: executable });
  if (/^(--version|-[vV])$/.test(args[0] ?? "")) return await version({ root, home, executable });
  const { recover } = await import("./lineage/recover.ts");
  const start = await recover({ home, executable });
  if (start.relaunch) {
    for (const notice of start.notices) say(notice);
    const { execute } = await import("./sandbox/exec.ts");
    say(execute(executable, args));
  }
  const body: Body = { root, home, checkout, executable, self, facts: await readFacts(root), start, closing: [] };
  try {
    const { createOpen } = await import("./open.ts");
    const { main } = await import("../main.ts");
    const end = await main(await withStdin(args), createOpen(body));
    for (const close of body.closing) await close();
    if (end.out) await write(Deno.stdout, `${end.out}\n`);
    if (end.err !== undefined) say(end.err);
    await start.leave();
    return end.exit;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const told = error instanceof Told;
    for (const close of body.closing) await close().catch(() => {}); // the terminal, above all
    say(told ? text : `Evo stopped on a fault of its own: ${text}`);
    if (env("EVO_DEBUG") && error instanceof Error) say(error.stack ?? "");
    return told ? FAILED : INTERNAL;
  }
}

async function version({ root, home, executable }: Pick<Body, "root" | "home" | "executable">): Promise<number> {
  await write(Deno.stdout, `${versionText(await readFacts(root), await generationOf(home, executable))}\n`);
  return 0;
}

async function sandboxed(args: string[]): Promise<number> {
  const { runSandboxed } = await import("./sandbox/landlock.ts");
  say(runSandboxed(args));
  return 126;
}

/** `-p -` takes the prompt from stdin; below another prompt goes what a pipe or a file brings. */
async function withStdin(args: string[]): Promise<string[]> {
  const at = args.findIndex((arg) => /^(-p|--print)(=|$)/.test(arg));
  if (at < 0 || Deno.stdin.isTerminal()) return args;
  if (args[at + 1] === "-") {
    const text = await new Response(Deno.stdin.readable).text();
    return [...args.slice(0, at), `--print=${text.trimEnd()}`, ...args.slice(at + 2)];
  }
  const text = (await readPiped()).trimEnd();
  return text === "" ? args : [...args, ...args.includes("--") ? [] : ["--"], `\n\n${text}`];
}

/** What a pipe or a file brings over stdin; nothing of a pipe that is silent for a second: it may just have been left open. */
async function readPiped(): Promise<string> {
  const { fstatSync } = await import("node:fs");
  const info = attempt(() => fstatSync(0)); // there may be no stdin
  if (!info?.isFIFO() && !info?.isFile()) return "";
  const [first, rest] = Deno.stdin.readable.tee();
  const silent = new Promise<"silent">((done) => setTimeout(done, 1000, "silent"));
  if (await Promise.race([first.getReader().read(), silent]) !== "silent") return await new Response(rest).text();
  say("Nothing came over stdin within a second, so it is not read; evo -p - waits for it");
  return "";
}

const say = (text: string): void => void (text && Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`)));

async function write(to: typeof Deno.stdout, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at)).catch(() => bytes.length);
}

if (import.meta.main) boot(Deno.args).then((code) => Deno.exit(Deno.exitCode || code)); // set where a reader went away
