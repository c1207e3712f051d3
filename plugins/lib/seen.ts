import type { FileText, Workspace } from "../../actors/ports.ts";

const seen = new WeakMap<Workspace, Map<string, string>>();

/** Remembers the content that the model has seen, or made, of a file. */
export function remember(workspace: Workspace, { path, hash }: Pick<FileText, "path" | "hash">): void {
  const hashes = seen.get(workspace) ?? new Map<string, string>();
  seen.set(workspace, hashes.set(path, hash));
}

/** Remembers what the model itself has just written. */
export async function rememberWritten(workspace: Workspace, path: string): Promise<void> {
  const read = await workspace.read(path);
  if (read.ok) remember(workspace, read.value);
}

/** Says so if the file is no longer what the model saw; a file that it never saw is not stale. */
export function stale(workspace: Workspace, { path, hash }: Pick<FileText, "path" | "hash">): string | undefined {
  const known = seen.get(workspace)?.get(path);
  if (known === undefined || known === hash) return undefined;
  return `Cannot change "${path}": it changed on disk since you read it; read it again, then repeat the change`;
}
