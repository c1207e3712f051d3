import { dirname, resolve } from "node:path";
import type { Item } from "./rules.ts";

/** True if every file these words name is, with links followed, below `cwd` (a real path), or does not exist. */
export function staysInside(paths: Item[], cwd: string): boolean {
  return paths.every(({ value, glob }) => {
    if (value === "/dev/null") return true;
    const path = value.startsWith("/") ? value : `${cwd}/${value}`;
    if (!glob) return isInside(path, cwd);
    // Whatever the pattern takes, it is in this directory; a link in it may lead anywhere.
    return isInside(dirname(path), cwd) &&
      entries(dirname(path)).every((entry) => isInside(`${dirname(path)}/${entry}`, cwd));
  });
}

function isInside(path: string, cwd: string): boolean {
  try {
    return `${Deno.realPathSync(path)}/`.startsWith(`${cwd}/`);
  } catch (error) {
    return error instanceof Deno.errors.NotFound;
  }
}

function entries(dir: string): string[] {
  try {
    return [...Deno.readDirSync(dir)].filter((entry) => entry.isSymlink).map((entry) => entry.name);
  } catch {
    return []; // No such directory: the pattern stays as it is and names nothing.
  }
}

const PLAIN_SECTION = /^\[(core|user|init|pull|push|color|branch|remote|extensions)( "[^"\\]*")?\]$/;
const PLAIN_KEY =
  /^(repositoryformatversion|filemode|bare|logallrefupdates|ignorecase|precomposeunicode|symlinks|autocrlf|eol|url|pushurl|fetch|remote|merge|rebase|name|email|defaultbranch|default|ff|autosetupremote|ui|worktreeconfig|objectformat|tagopt|prune|pushremote|[\w-]*merge-base)$/i;

/** True if git, run in `cwd`, finds a repository whose own settings cannot make it run another program, or none. */
export function isPlainRepository(cwd: string): boolean {
  for (let dir = resolve(cwd);; dir = dirname(dir)) {
    if (exists(`${dir}/HEAD`) && exists(`${dir}/objects`)) return false;
    const git = `${dir}/.git`;
    if (exists(git)) return isPlainFolder(git) && !exists(`${dir}/.gitmodules`);
    if (dir === dirname(dir)) return true;
  }
}

function isPlainFolder(git: string): boolean {
  try {
    if (exists(`${git}/modules`) || exists(`${git}/config.worktree`)) return false;
    return Deno.readTextFileSync(`${git}/config`).split("\n").map((line) => line.trim()).every((line) => {
      if (line === "" || /^[#;]/.test(line)) return true;
      const [key = "", ...value] = line.split("=");
      return PLAIN_SECTION.test(line) || (PLAIN_KEY.test(key.trim()) && value.length > 0 && !/\\$|::/.test(line));
    });
  } catch {
    return false; // A worktree's link, or not readable: not proven.
  }
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
