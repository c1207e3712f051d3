import { deepStrictEqual as equal, ok, throws } from "node:assert/strict";
import { listSource } from "../source/source.ts";
import { createLater } from "./later.ts";
import * as lazy from "./lazy.ts";
import * as real from "./real.ts";

/** The makers, and how often zod was asked for. */
function make() {
  const seen = { loads: 0 };
  const { schema, now } = createLater(() => (seen.loads++, real));
  const z = Object.fromEntries(Object.keys(real).map((name) => [name, schema(name)])) as unknown as typeof real;
  return { z, now, seen };
}

Deno.test("making schemas loads nothing; the first use loads zod once", () => {
  const { z, seen } = make();
  const Name = z.string().min(1);
  const Person = z.object({ name: Name, tags: z.array(z.enum(["a", "b"])).optional() });
  const People = z.record(z.string(), Person.extend({ age: z.number().int().catch(7) }));
  equal(seen.loads, 0);
  equal(People.parse({ x: { name: "n", age: "?" } }), { x: { name: "n", age: 7 } });
  equal(Person.safeParse({ name: "" }).success, false);
  equal(seen.loads, 1);
});

Deno.test("a schema that is asked for its parts is the real one", () => {
  const { z } = make();
  const Base = z.object({ a: z.string(), b: z.int() });
  equal(Object.keys(Base.shape), ["a", "b"]);
  equal(Base.keyof().options, ["a", "b"]);
  equal(z.object({ ...Base.shape, c: z.null() }).parse({ a: "", b: 1, c: null }), { a: "", b: 1, c: null });
  ok("parse" in Base);
});

Deno.test("unions, tuples, transforms and schemas that hold themselves work as zod's", () => {
  const { z, now } = make();
  const Either = z.discriminatedUnion("role", [
    z.object({ role: z.literal("a"), n: z.number() }),
    z.object({ role: z.literal("b"), pair: z.tuple([z.string(), z.unknown()]) }),
  ]);
  equal(Either.parse({ role: "b", pair: ["x", 1] }), { role: "b", pair: ["x", 1] });
  throws(() => Either.parse({ role: "c" }), /invalid/i);
  equal(z.string().transform((text) => z.array(z.number()).parse(JSON.parse(text))).parse("[1]"), [1]);
  const Tree = z.object({
    name: z.string(),
    get children() {
      return z.array(Tree);
    },
  });
  equal(Tree.parse({ name: "r", children: [{ name: "c", children: [] }] }).children[0], { name: "c", children: [] });
  equal(now("toJSONSchema")(z.object({ a: z.string() })), real.toJSONSchema(real.object({ a: real.string() })));
});

Deno.test("what stands in for zod has every name that zod has here, and all that the source uses", async () => {
  equal(Object.keys(lazy).toSorted(), Object.keys(real).toSorted());
  const names = new Set(Object.keys(lazy));
  const root = decodeURIComponent(new URL("../../", import.meta.url).pathname);
  const missing: string[] = [];
  for (const path of await listSource(root)) {
    if (!/\.ts$/.test(path) || /_test\.ts$/.test(path)) continue;
    const text = await Deno.readTextFile(root + path);
    if (!/^import \* as z from "zod"/m.test(text)) continue;
    for (const [, name = ""] of text.matchAll(/\bz\.([a-z]\w*)\(/g)) {
      if (!names.has(name)) missing.push(`${path}: z.${name}; add it to host/zod/lazy.ts and host/zod/real.ts`);
    }
  }
  equal(missing, []);
});
