/** Zod itself, as far as Evo may use it. Without code generation: compiling a parser costs more than the few values that it parses. */
import { config } from "zod";

export { any, array, bigint, boolean, coerce, config, custom, date, discriminatedUnion, email, enum } from "zod";
export { exactOptional, instanceof, int, intersection, iso, json, keyof, lazy, literal, looseObject, map } from "zod";
export {
  nativeEnum,
  never,
  null,
  nullable,
  nullish,
  number,
  object,
  optional,
  partialRecord,
  pipe,
  preprocess,
} from "zod";
export {
  prettifyError,
  record,
  set,
  strictObject,
  string,
  stringbool,
  templateLiteral,
  toJSONSchema,
  transform,
} from "zod";
export { treeifyError, tuple, undefined, union, unknown, url, uuid, void } from "zod";

config({ jitless: true });
