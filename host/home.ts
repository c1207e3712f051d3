/** Where the installation keeps its state. */
import { dirname, join } from "node:path";
import { reason } from "./session/files.ts";

/** Finds EVO_HOME: as set, else `.evo/` of the checkout that the executable was built in, else the user's data directory. */
export async function findHome(
  options: { env: (name: string) => string | undefined; exe: string | undefined },
): Promise<{ home: string; checkout?: string }> {
  const checkout = options.exe ? await findCheckout(options.exe) : undefined;
  const found = checkout ? { checkout } : {};
  const set = options.env("EVO_HOME");
  if (set) return { home: set, ...found };
  if (checkout) return { home: join(checkout, ".evo"), ...found };
  const data = options.env("XDG_DATA_HOME") || join(options.env("HOME") || "/", ".local/share");
  return { home: join(data, "evo") };
}

/** Makes the folder of the installation; throws one sentence if nothing can be kept there. */
export async function openHome(home: string): Promise<void> {
  try {
    await Deno.mkdir(home, { recursive: true });
    (await Deno.open(join(home, "promote.lock"), { write: true, create: true })).close();
  } catch (error) {
    throw new Told(`Cannot use EVO_HOME "${home}": ${reason(error)}; set it to a folder that can be written`);
  }
}

/** An error that says all there is to say: no fault of Evo's own. */
export class Told extends Error {}

/** A file's identity: changes whenever it is replaced or written; undefined if there is none. */
export async function fingerprint(file: string): Promise<string | undefined> {
  const info = await Deno.stat(file).catch(() => undefined);
  return info && `${info.dev}:${info.ino}:${info.size}:${info.mtime?.getTime()}`;
}

/** The generation of an executable, for display: cheap, and undefined unless the lineage put this very file in place. */
export async function generationOf(home: string, executable: string): Promise<number | undefined> {
  try {
    const { number, file } = JSON.parse(await Deno.readTextFile(join(home, "current.json")));
    return Number.isInteger(number) && file === await fingerprint(executable) ? number : undefined;
  } catch {
    return undefined; // nothing recorded, or damaged: a start says so
  }
}

async function findCheckout(exe: string): Promise<string | undefined> {
  const folder = dirname(exe);
  const checkout = dirname(folder);
  if (folder !== join(checkout, "bin")) return undefined;
  const isCheckout = await Deno.stat(join(checkout, "host/boot.ts")).then((info) => info.isFile, () => false);
  return isCheckout ? checkout : undefined;
}
