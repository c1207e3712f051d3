/** What Evo's source is: which files belong to it, which of them it may edit, how it is hashed and packed. */
import { createHash } from "node:crypto";
import * as z from "zod";

const FILES = [
  "deno.json",
  "imports.json",
  "deno.lock",
  "main.ts",
  "README.md",
  "AGENTS.md",
  "ARCHITECTURE.md",
  "LICENSE",
  ".gitignore",
  ".evo/config.jsonc",
];
const FOLDERS = ["actors", "host", "plugins", "prompts", ".ci", ".github"];
/** The documents that a self-edit may change. */
export const DOCS = ["README.md", "AGENTS.md", "ARCHITECTURE.md"];
const KINDS: Record<string, string[]> = { actors: [".ts"], plugins: [".ts", ".md"], prompts: [".md"] };
const isHidden = (name: string) => name.startsWith(".") || name.endsWith("~") || name === "node_modules";

/** One file of the source: `/`-separated relative path, text as on disk, `exec` if it may be executed. */
export const SourceFile = z.object({ path: z.string(), text: z.string(), exec: z.boolean().optional() });
export type SourceFile = z.infer<typeof SourceFile>;

/** True if a relative path belongs to the source; hidden files and what was dropped into `plugins/` itself do not. */
export function isSource(path: string): boolean {
  const parts = path.split("/");
  if (parts.some((part) => part === "" || part === "." || part === "..") || path.includes("\\")) return false;
  if (FILES.includes(path)) return true;
  if (parts[0] === "plugins" && parts.length === 2) return false;
  return parts.length > 1 && FOLDERS.includes(parts[0] ?? "") && !parts.slice(1).some(isHidden);
}

/** True if a self-edit may change this path. */
export function isEvolvable(path: string): boolean {
  if (!isSource(path)) return false;
  if (path === "main.ts" || DOCS.includes(path)) return true;
  if (/^plugins\/functions\/[^/]+\/task\.ts$/i.test(path)) return false;
  return Object.hasOwn(KINDS, path.split("/")[0] ?? "") && path.includes("/");
}

/** Why a self-edit may not write this path, as a clause, or undefined if it may. */
export function whyProtected(path: string): string | undefined {
  if (!isEvolvable(path)) {
    return `a self-edit may change only main.ts, actors/, plugins/ (except a function's task.ts), prompts/ and ${
      DOCS.join(", ")
    }`;
  }
  const folder = path.split("/")[0] ?? "", kinds = path.includes("/") ? KINDS[folder] ?? [] : [".ts", ".md"];
  const name = path.split("/").at(-1) ?? "";
  if (kinds.some((kind) => name.endsWith(kind)) && !/\.d\.ts$/i.test(name)) return undefined;
  return `${folder}/ holds only ${kinds.join(" and ")} files`;
}

/** True for a file of tests. */
export const isTest = (path: string): boolean => path.endsWith("_test.ts");

/** The source files below a root, sorted by code unit. Links are left out. */
export async function listSource(root: string): Promise<string[]> {
  const kept = await Promise.all([...FILES, ...FOLDERS].map(async (path) => {
    const info = await Deno.lstat(`${root}/${path}`).catch(() => undefined);
    if (info?.isDirectory && FOLDERS.includes(path)) return listBelow(root, path);
    return info?.isFile && FILES.includes(path) ? [path] : [];
  }));
  return kept.flat().sort((a, b) => a < b ? -1 : 1);
}

/** At once, not piece by piece: a start waits for it, and each wait costs more than a folder. */
function listBelow(root: string, folder: string): string[] {
  return [...Deno.readDirSync(`${root}/${folder}`)].flatMap(({ name, isDirectory, isFile }) => {
    const path = `${folder}/${name}`;
    if (isDirectory && !isHidden(name)) return listBelow(root, path);
    return isFile && isSource(path) ? [path] : [];
  });
}

/** Reads the source below a root; throws on a file that is not UTF-8 text. */
export async function readSource(root: string): Promise<SourceFile[]> {
  return await Promise.all((await listSource(root)).map(async (path) => {
    const [bytes, info] = await Promise.all([Deno.readFile(`${root}/${path}`), Deno.stat(`${root}/${path}`)]);
    try {
      const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
      return (info.mode ?? 0) & 0o100 ? { path, text, exec: true } : { path, text };
    } catch {
      throw new TypeError(`Cannot read "${path}": it is not UTF-8 text; remove it from the source`);
    }
  }));
}

/** The hash of source files: SHA-256 hex over their sorted paths, contents and execute bits. */
export function hashFiles(files: SourceFile[]): string {
  const all = createHash("sha256");
  for (const { path, text, exec } of files.toSorted((a, b) => a.path < b.path ? -1 : 1)) {
    all.update(`${path}\0${createHash("sha256").update(text).digest("hex")}${exec ? "x" : ""}\n`);
  }
  return all.digest("hex");
}

/** The hash of the source below a root. */
export const sourceHash = async (root: string): Promise<string> => hashFiles(await readSource(root));

const through = async (bytes: Uint8Array<ArrayBuffer>, stream: CompressionStream | DecompressionStream) =>
  new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer());

/** Packs the source below a root: gzip of JSON. */
export async function packSource(root: string): Promise<Uint8Array<ArrayBuffer>> {
  const text = JSON.stringify(await readSource(root));
  return await through(new TextEncoder().encode(text), new CompressionStream("gzip"));
}

/** The files of a packed source; throws on bytes that are not one. */
export async function readFiles(bytes: Uint8Array<ArrayBuffer>): Promise<SourceFile[]> {
  const text = new TextDecoder().decode(await through(bytes, new DecompressionStream("gzip")));
  const files = z.array(SourceFile).parse(JSON.parse(text));
  const stray = files.find(({ path }) => !isSource(path));
  if (stray) throw new TypeError(`Cannot unpack the source: "${stray.path}" does not belong to it; build again`);
  return files;
}

/** The texts of a packed source by path. */
export async function readPacked(bytes: Uint8Array<ArrayBuffer>): Promise<Map<string, string>> {
  return new Map((await readFiles(bytes)).map(({ path, text }) => [path, text]));
}

/** Writes a packed source below a folder, which is made if need be. */
export async function unpackSource(bytes: Uint8Array<ArrayBuffer>, into: string): Promise<void> {
  for (const { path, text, exec } of await readFiles(bytes)) {
    const file = `${into}/${path}`;
    await Deno.mkdir(file.slice(0, file.lastIndexOf("/")), { recursive: true });
    await Deno.writeTextFile(file, text);
    await Deno.chmod(file, exec ? 0o755 : 0o644);
  }
}
