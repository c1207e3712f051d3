/** From what a person agreed to, to what the process, its worker and the kernel are told. */
import { dirname, join, relative, resolve } from "node:path";
import type { Permissions } from "../../actors/plugins.ts";
import { no, ok, type Outcome } from "../../actors/types.ts";
import type { Rules } from "../sandbox/landlock.ts";
import type { Allowed } from "./wire.ts";

/** One start of a plugin: permissions of its worker, rules for Landlock, environment, all paths real. */
export interface Grants {
  cwd: string;
  allowed: Allowed;
  rules: Rules;
  env: Record<string, string>;
}

/** What every Deno needs of a system: libraries, randomness, time zones, nothing of anybody's. */
const SYSTEM = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo", "/dev/urandom", "/dev/random"];
/** The loader's list, the local time, and the bounds of its own stack, without which Deno panics. */
const OTHERS = ["/etc/ld.so.cache", "/etc/localtime", "/proc/self"];
const OF_NETWORK = ["resolv.conf", "hosts", "host.conf", "nsswitch.conf", "gai.conf", "services", "ssl", "pki"];
const CERTIFICATES = ["/usr/share/ca-certificates", "/usr/local/share/ca-certificates"];
const NETWORK = [...OF_NETWORK.map((name) => `/etc/${name}`), ...CERTIFICATES];
const PROGRAMS = ["/bin", "/sbin", "/usr", "/etc", "/opt"];
const PLAIN = ["PATH", "LANG", "LC_ALL", "TZ"];
const PROXIES = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "DENO_TLS_CA_STORE"];
/** Evo's own settings, its model's key among them, and what makes a program run other code than it would. */
const NEVER = /^(OPENROUTER|OPENAI|INFERENCE|EVO|DENO|NODE|NPM|JSR|LD|DYLD)_|^PATH$/;

/**
 * Works out a start. A granted path must lie below the working directory for real, not only by its name. With `run`, the
 * programs bring their own rules: they are held to the granted files and the system's, but not to `net` and `env`.
 */
export async function settle(
  granted: Permissions,
  { cwd: named, self, env = (name) => Deno.env.get(name) }: {
    cwd: string;
    self: string[];
    env?: (name: string) => string | undefined;
  },
): Promise<Outcome<Grants>> {
  const cwd = await Deno.realPath(named).catch(() => "");
  if (!cwd) return no(`Cannot run a plugin in "${named}": the directory is gone; start Evo in one that exists`);
  const wrong = [...(granted.env ?? []), ...(granted.run ?? [])].find((name) => NEVER.test(name));
  if (wrong) return no(`Cannot grant "${wrong}": it belongs to Evo or to the system; ask for something else`);
  const paths: Record<"read" | "write", string[]> = { read: [], write: [] };
  for (const kind of ["read", "write"] as const) {
    for (const path of granted[kind] ?? []) {
      const real = await realOf(resolve(cwd, path));
      if (/^\.\.(\/|$)/.test(relative(cwd, real))) {
        return no(`Cannot grant ${kind} of "${path}": it is outside "${cwd}"`);
      }
      paths[kind].push(real);
    }
  }
  const net = granted.net ?? [], run = granted.run ?? [], names = granted.env ?? [];
  const writable = await Promise.all(paths.write.map(nearest));
  const found = (await Promise.all(run.map((program) => findProgram(program, env("PATH") ?? "")))).flat();
  const programs = run.length > 0 ? [...PROGRAMS, ...found] : [];
  const [network, proxies] = net.length > 0 ? [NETWORK, PROXIES] : [[], []];
  const own = ownFiles(self, env);
  return ok({
    cwd,
    allowed: { read: some(paths.read), write: some(paths.write), net: some(net), env: some(names), run: some(run) },
    rules: {
      ro: [...SYSTEM, ...OTHERS, ...own.files, ...network, ...programs, ...paths.read],
      rw: ["/dev/null", ...writable],
    },
    env: { ...pick([...PLAIN, ...names, ...proxies], env), ...own.env, NO_COLOR: "1" },
  });
}

const some = (list: string[]): false | string[] => list.length > 0 && list;

/** Variables that are set; a proxy's address that holds a password stays out. */
function pick(names: string[], env: (name: string) => string | undefined): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => {
    const value = env(name), hidden = PROXIES.includes(name) && value?.includes("@");
    return value === undefined || hidden ? [] : [[name, value]];
  }));
}

/** What this executable reads of itself; from a checkout also its source and Deno's cache. */
function ownFiles(self: string[], env: (name: string) => string | undefined) {
  const [executable = "", ...words] = self;
  const entry = words.find((word) => word.endsWith("host/boot.ts"));
  if (!entry) return { files: [executable], env: {} };
  const root = dirname(dirname(entry));
  const cache = env("DENO_DIR") ?? join(env("XDG_CACHE_HOME") ?? join(env("HOME") ?? "/", ".cache"), "deno");
  const names = ["host", "actors", "plugins", "deno.json", "imports.json", "deno.lock"];
  return {
    files: [executable, cache, ...names.map((name) => join(root, name))],
    env: { DENO_DIR: cache, DENO_NO_UPDATE_CHECK: "1" },
  };
}

/** A path without links; of one that does not exist yet, as much as does. */
export async function realOf(path: string): Promise<string> {
  const there = await nearest(path);
  return join(await Deno.realPath(there), relative(there, path));
}

async function nearest(path: string): Promise<string> {
  const there = await Deno.lstat(path).then(() => true, () => false);
  return there || dirname(path) === path ? path : await nearest(dirname(path));
}

/** The file of a program, and the one that it links to; where it keeps more of its own outside of the system, it does not work. */
async function findProgram(program: string, path: string): Promise<string[]> {
  for (const folder of path.split(":").filter((folder) => folder.startsWith("/"))) {
    const real = await Deno.realPath(join(folder, program)).catch(() => undefined);
    if (real) return [join(folder, program), real];
  }
  return [];
}
