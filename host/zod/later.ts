/** Schemas that are made at their first use. */
import type * as real from "./real.ts";

type Zod = typeof real;
type Make = (...given: unknown[]) => unknown;

/** Makers of schemas and functions over them, by their names in zod. */
export interface Later {
  /** Makes a maker: its schema, and those that grow from it, wait until one of them is asked for anything else. */
  schema(name: string, space?: string): Make;
  /** Makes a function that acts at once. */
  now(name: keyof Zod): Make;
}

/** Words of a schema that make another one. A word that is missing here works too, only at once. */
const WORDS = new Set([
  ...[
    "optional",
    "nullable",
    "nullish",
    "exactOptional",
    "default",
    "prefault",
    "catch",
    "describe",
    "meta",
    "readonly",
  ],
  ...[
    "min",
    "max",
    "length",
    "nonempty",
    "regex",
    "trim",
    "startsWith",
    "endsWith",
    "includes",
    "lowercase",
    "uppercase",
  ],
  ...[
    "int",
    "positive",
    "negative",
    "nonnegative",
    "nonpositive",
    "gt",
    "gte",
    "lt",
    "lte",
    "multipleOf",
    "finite",
    "safe",
  ],
  ...["array", "or", "and", "pipe", "transform", "refine", "superRefine", "check", "overwrite", "brand"],
  ...["extend", "safeExtend", "partial", "required", "pick", "omit", "strict", "loose", "passthrough", "catchall"],
]);

/** Makes the makers; `load` gives zod itself and is called once, at the first use of any schema. */
export function createLater(load: () => Zod): Later {
  let loaded: Zod | undefined;
  const zod = () => loaded ??= load();
  const waiting = new WeakMap<object, () => object>();

  const later = (make: () => object): object => {
    let made: object | undefined;
    const schema = () => made ??= make();
    const proxy = new Proxy({}, {
      get(_, name) {
        if (made !== undefined || typeof name !== "string" || !WORDS.has(name)) return Reflect.get(schema(), name);
        return (...given: unknown[]) => later(() => call(Reflect.get(schema(), name), schema(), given));
      },
      set: (_, name, value) => Reflect.set(schema(), name, value),
      has: (_, name) => Reflect.has(schema(), name),
      getPrototypeOf: () => Reflect.getPrototypeOf(schema()),
    });
    waiting.set(proxy, schema);
    return proxy;
  };

  /** What zod is given: the schemas themselves; a getter stays one, for schemas that hold themselves. */
  const settled = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null) return value;
    const schema = waiting.get(value);
    if (schema) return schema();
    if (Array.isArray(value)) return value.map(settled);
    if (Object.getPrototypeOf(value) !== Object.prototype) return value;
    const copy = Object.entries(Object.getOwnPropertyDescriptors(value)).map(([name, { get, value: held }]) => {
      const common = { enumerable: true, configurable: true };
      return [name, get ? { ...common, get: () => settled(get.call(value)) } : { ...common, value: settled(held) }];
    });
    return Object.defineProperties({}, Object.fromEntries(copy));
  };
  const call = (act: unknown, on: unknown, given: unknown[]) => {
    if (typeof act !== "function") throw new TypeError("Cannot make a schema: zod has no such word");
    return Reflect.apply(act, on, given.map(settled));
  };
  return {
    schema: (name, space) => (...given) =>
      later(() => {
        const on = space === undefined ? zod() : Reflect.get(zod(), space);
        return call(Reflect.get(on, name), on, given);
      }),
    now: (name) => (...given) => call(zod()[name], undefined, given),
  };
}
