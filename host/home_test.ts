import { deepStrictEqual as equal } from "node:assert/strict";
import { join } from "node:path";
import { findHome } from "./home.ts";

Deno.test("EVO_HOME is as set, else of the checkout, else the user's data folder", async () => {
  const checkout = await Deno.makeTempDir();
  try {
    await Deno.mkdir(join(checkout, "host"));
    await Deno.writeTextFile(join(checkout, "host/boot.ts"), "");
    const inside = join(checkout, "bin/evo");
    const cases: [Record<string, string>, string | undefined, Awaited<ReturnType<typeof findHome>>][] = [
      [{ EVO_HOME: "/h", HOME: "/u" }, inside, { home: "/h", checkout }],
      [{ EVO_HOME: "/h", HOME: "/u" }, "/opt/bin/evo", { home: "/h" }],
      [{ HOME: "/u" }, inside, { home: join(checkout, ".evo"), checkout }],
      [{ HOME: "/u" }, join(checkout, "evo"), { home: "/u/.local/share/evo" }],
      [{ HOME: "/u", XDG_DATA_HOME: "/d" }, "/opt/bin/evo", { home: "/d/evo" }],
      [{ HOME: "/u" }, undefined, { home: "/u/.local/share/evo" }],
    ];
    for (const [values, exe, expected] of cases) equal(await findHome({ env: (name) => values[name], exe }), expected);
  } finally {
    await Deno.remove(checkout, { recursive: true });
  }
});
