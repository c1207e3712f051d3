/** What an executable knows of itself: facts put in by the build, files carried inside. */
import type { Start } from "./lineage/recover.ts";

/** Written by the build next to the bundle; carried inside the executable, so it is trusted as code is. */
export interface Facts {
  version: string;
  sourceHash: string;
  deno: string;
}

/** This process: where its files, its state and its executable are. `root` ends in `/` and holds prompts/ and plugins/. */
export interface Body {
  root: URL;
  home: string;
  /** The checkout that the executable was built in, if it lies there. */
  checkout: string | undefined;
  executable: string;
  /** The words that start this program again, for children. */
  self: string[];
  facts: Facts;
  start: Start;
  /** What is to be closed before the process ends, in order. */
  closing: (() => Promise<void>)[];
}

/** Reads the facts; run from source, they are computed. */
export async function readFacts(root: URL): Promise<Facts> {
  if (Deno.build.standalone) return JSON.parse(await Deno.readTextFile(new URL("build.json", root)));
  const { sourceHash } = await import("./source/source.ts");
  const { version } = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));
  return { version, sourceHash: await sourceHash(decodeURIComponent(root.pathname)), deno: Deno.version.deno };
}

/** The packed source that this process runs. */
export async function readSource(root: URL): Promise<Uint8Array<ArrayBuffer>> {
  if (Deno.build.standalone) return await Deno.readFile(new URL("source.gz", root));
  const { packSource } = await import("./source/source.ts");
  return new Uint8Array(await packSource(decodeURIComponent(root.pathname)));
}

/** What `evo --version` prints. */
export function versionText({ version, sourceHash }: Facts, generation: number | undefined): string {
  const { deno, v8 } = Deno.version;
  const number = generation === undefined ? "not recorded" : String(generation);
  return `evo ${version}\ngeneration ${number}\nsource ${sourceHash}\ndeno ${deno}\nv8 ${v8}`;
}
