import { deepStrictEqual as equal, ok } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { arrows, arrowViolations, measure, violations } from "./gate/budget.ts";
import { inspect } from "./lint/inspect.ts";
import { isEvolvable, isTest, listSource } from "./source/source.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const TOP = new Set(
  "deno.json imports.json deno.lock main.ts actors host plugins prompts README.md AGENTS.md ARCHITECTURE.md LICENSE .gitignore .evo .ci .github"
    .split(" "),
);

Deno.test("the source keeps its size budget", async () => {
  equal(violations(await measure(ROOT)), []);
});

Deno.test("imports point inward and form no cycle", async () => {
  const found = await arrows(ROOT);
  ok(found.length > 100, "the scan sees the imports");
  equal(arrowViolations(found), []);
});

Deno.test("an import that points outward is found", () => {
  const outward = [{ from: "actors/a.ts", to: "host/open.ts", kind: "value" as const }];
  equal(arrowViolations(outward).length, 1);
});

Deno.test("no function is longer than its limit", async () => {
  const files = (await listSource(ROOT)).filter((path) =>
    path.endsWith(".ts") && !path.endsWith(".d.ts") && !isTest(path)
  );
  const scratch = await Deno.makeTempDir();
  try {
    const signal = new AbortController().signal;
    const { facts } = await inspect({ deno: Deno.execPath(), plugins: ROOT, root: ROOT, files, scratch, signal });
    const long = [...facts].flatMap(([path, { long }]) =>
      long.map(({ name, lines }) => `${path}: ${name} has ${lines} lines`)
    );
    equal(long, []);
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
});

Deno.test("the evolvable source passes its own source check", async () => {
  const files = (await listSource(ROOT)).filter((path) =>
    path.endsWith(".ts") && !path.endsWith(".d.ts") && isEvolvable(path)
  );
  const scratch = await Deno.makeTempDir();
  try {
    const signal = new AbortController().signal;
    const { faults } = await inspect({ deno: Deno.execPath(), plugins: ROOT, root: ROOT, files, scratch, signal });
    equal(faults, []);
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
});

Deno.test("nothing lies at the top that the layout does not name", async () => {
  const top = new Set((await listSource(ROOT)).map((path) => path.split("/")[0] ?? ""));
  equal([...top].filter((name) => !TOP.has(name)), []);
});
