import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { API_TYPES, checkTypes } from "./check.ts";

const plugin = (input: string, run: string, from = "./evo.d.ts") =>
  `import type { PluginApi } from "${from}";
export default ({ z, tool }: PluginApi) =>
  tool({ name: "probe", description: "d", input: z.object({ ${input} }), readOnly: true,
    ${run} });`;

const deno = [Deno.execPath()];
/** Checks in a folder that is gone afterwards. */
async function check(source: string, file = "/x/a.ts", how: { deno?: string[]; ms?: number } = {}) {
  const folder = await Deno.makeTempDir();
  try {
    return await checkTypes({ folder, file, source, deno, ...how });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a plugin that fits the API passes, wherever it takes the types from", async () => {
  const rich = plugin(
    `who: z.string().min(1).regex(/x/).describe("who"), n: z.number().int().default(3), kind: z.enum(["a", "b"]).optional(),
     list: z.array(z.object({ at: z.coerce.date() })), or: z.union([z.literal(1), z.string()])`,
    `async run({ who, n, kind, list, or }, { signal, update, call, cwd }) {
       const one: string = who.trim() + n.toFixed() + (kind === "a"), two: "a" | "b" | undefined = kind, three: 1 | string = or;
       update(cwd); signal.throwIfAborted(); const { ok, text } = await call("other", { list });
       return ok ? { ok, text } : one + two + three; }`,
    "../actors/plugins.ts",
  );
  equal(await check(rich), { ok: true, value: "checked" });
  const bare =
    'export default ({ tool, z }) => tool({ name: "a", description: "d", input: z.object({}), run: () => "" });';
  equal(await check(bare), { ok: true, value: "checked" }, "types may be left out");
});

const WRONG: [name: string, source: string, why: RegExp][] = [
  ["a misspelt name", plugin("n: z.number()", "run: ({ m }) => String(m)"), /line 4: Property 'm' does not exist/],
  ["a wrong use", plugin("n: z.number()", "run: ({ n }) => n.trim()"), /line 4: .*'trim'/],
  ["a wrong result", plugin("n: z.number()", "run: ({ n }) => n"), /number/],
  ["a type from elsewhere", `import type { A } from "npm:zod";\n${plugin("", "run: (a: A) => String(a)")}`, /npm|zod/],
  ["no plugin", "export default 5;", /its default export: .*number/],
];

Deno.test("a plugin with wrong types is refused in one line that says where", async () => {
  await Promise.all(WRONG.map(async ([name, source, why]) => {
    const checked = await check(source);
    ok(!checked.ok, name);
    match(checked.error, why, name);
    match(checked.error, /^Cannot accept "\/x\/a\.ts": [^\n]+[^.\n]$/, name);
  }));
});

Deno.test("what cannot be checked goes live unchecked, and says why", async () => {
  const source = plugin("", `run: () => ""`);
  equal(await check(source, "/x/a.js"), { ok: true, value: { unchecked: "it is JavaScript" } });
  const gone = await check(source, "/x/a.ts", { deno: ["/nowhere/deno"] });
  ok(gone.ok && typeof gone.value === "object");
  const late = await check(source, "/x/a.ts", { deno: ["/bin/sh", "-c", "sleep 60"], ms: 300 });
  ok(late.ok && typeof late.value === "object");
  const full = await checkTypes({ folder: "/dev/null", file: "/x/a.ts", source, deno });
  ok(full.ok && typeof full.value === "object");
});

Deno.test("the types given to plugins name every word of the contract, and nothing of zod's own types", async () => {
  const contract = await Deno.readTextFile(new URL("../../actors/plugins.ts", import.meta.url));
  const words = [...contract.matchAll(/^export (?:interface|type) (\w+)/gm)].map(([, name]) => name);
  ok(words.length >= 5);
  equal(words.filter((name) => !new RegExp(`^export (?:interface|type) ${name}\\b`, "m").test(API_TYPES)), []);
  ok(!/\bz\.|typeof z\b|^import /m.test(API_TYPES));
});
