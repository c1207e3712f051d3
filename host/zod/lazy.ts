/** Stands in for zod in the executable, which makes many schemas at a start and uses none of them: zod loads when one is used. */
import { createRequire } from "node:module";
import { createLater } from "./later.ts";

// Every entry of the bundle shares this file, so it lies in a chunk at the bundle's root.
const { schema, now } = createLater(() => createRequire(import.meta.url)("./host/zod/real.js"));

export const any = schema("any"), array = schema("array"), bigint = schema("bigint"), boolean = schema("boolean");
export const custom = schema("custom"), date = schema("date"), discriminatedUnion = schema("discriminatedUnion");
export const email = schema("email"), exactOptional = schema("exactOptional"), int = schema("int");
export const intersection = schema("intersection"),
  json = schema("json"),
  keyof = schema("keyof"),
  lazy = schema("lazy");
export const literal = schema("literal"), looseObject = schema("looseObject"), map = schema("map");
export const nativeEnum = schema("nativeEnum"), never = schema("never"), nullable = schema("nullable");
export const nullish = schema("nullish"), number = schema("number"), object = schema("object");
export const optional = schema("optional"), partialRecord = schema("partialRecord"), pipe = schema("pipe");
export const preprocess = schema("preprocess"), record = schema("record"), set = schema("set");
export const strictObject = schema("strictObject"), string = schema("string"), stringbool = schema("stringbool");
export const templateLiteral = schema("templateLiteral"), transform = schema("transform"), tuple = schema("tuple");
export const union = schema("union"), unknown = schema("unknown"), url = schema("url"), uuid = schema("uuid");
export const config = now("config"), prettifyError = now("prettifyError"), toJSONSchema = now("toJSONSchema");
export const treeifyError = now("treeifyError");

const words = (space: string, names: string[]) => Object.fromEntries(names.map((name) => [name, schema(name, space)]));
export const coerce = words("coerce", ["string", "number", "boolean", "bigint", "date"]);
export const iso = words("iso", ["date", "time", "datetime", "duration"]);

const names = {
  enum: schema("enum"),
  instanceof: schema("instanceof"),
  null: schema("null"),
  undefined: schema("undefined"),
  void: schema("void"),
};
const { enum: anEnum, instanceof: anInstance, null: aNull, undefined: anUndefined, void: aVoid } = names;
export { anEnum as enum, anInstance as instanceof, aNull as null, anUndefined as undefined, aVoid as void };
