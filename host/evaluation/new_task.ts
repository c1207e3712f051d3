/** `fn new`: a function of this directory's own to start from. */
import { join } from "node:path";
import { no, ok, type Outcome } from "../../actors/types.ts";
import { reason } from "../session/files.ts";

const task = (name: string) =>
  `import type { FunctionApi } from "../functions.d.ts"; // types, and nothing else, may be imported

export default ({ task }: FunctionApi) =>
  task({
    name: "${name}",
    description: "The integer square root of n, rounded down.",
    functions: { ${name}: { parameters: [["n", "u32"]], result: "u32" } },
    limits: { fuel: 100_000, pages: 1, deadlineMs: 5_000, source: 10_000 },
    goal: 1,
    evaluate(candidate, { random }) {
      const wrong: string[] = [];
      for (let at = 0; at < 100; at++) {
        const n = random.integer(2 ** random.integer(33)), wanted = Math.floor(Math.sqrt(n));
        const got = candidate.functions.${name}(n);
        if (got !== wanted) wrong.push(\`${name}(\${n}): expected \${wanted}, got \${got}\`);
      }
      return { score: (100 - wrong.length) / 100, metrics: { fuel: candidate.fuel() }, feedback: wrong };
    },
  });
`;

const body = (name: string) =>
  `/** The starting body, in AssemblyScript: right up to 10,000, and wrong above it. */
export function ${name}(n: u32): u32 {
  let root: u32 = 0;
  while (root < 100 && (root + 1) * (root + 1) <= n) root++;
  return root;
}
`;

/** Writes task.ts and function.ts below `folder`, and the types beside them; never over a file. `shipped` as in FunctionsOptions. */
export async function writeFunction(
  name: string,
  { folder, shipped }: { folder: string; shipped: URL },
): Promise<Outcome<string>> {
  const fail = (why: string) => no(`Cannot make the function ${JSON.stringify(name)}: ${why}`);
  if (!/^[a-z][a-z0-9_]{0,40}$/.test(name)) {
    return fail("a name begins with a letter and holds only a to z, digits and _");
  }
  const taken = await Deno.stat(new URL(`${name}/`, shipped)).then(() => true, () => false);
  if (taken) return fail("a shipped function has that name");
  const types = new URL(Deno.build.standalone ? "functions.txt" : "../../actors/functions.ts", shipped);
  const own = join(folder, name);
  try {
    await Deno.mkdir(folder, { recursive: true });
    await Deno.mkdir(own).catch((error) => {
      throw error instanceof Deno.errors.AlreadyExists ? new Error(`"${own}" exists`) : error;
    });
    await Deno.writeTextFile(join(folder, "functions.d.ts"), await Deno.readTextFile(types));
    await Deno.writeTextFile(join(own, "task.ts"), task(name));
    await Deno.writeTextFile(join(own, "function.ts"), body(name));
    return ok(
      `Wrote "${own}": task.ts says what it must do, function.ts is where it starts; then say: fn evolve ${name}`,
    );
  } catch (error) {
    return fail(reason(error));
  }
}
