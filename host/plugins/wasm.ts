/** A `.wasm` file as a plugin: each exported function becomes a tool; its calls run in a plugin's process, killed at the deadline. */
// @ts-types="../config/jsonc.d.ts"
import { parse } from "@std/jsonc";
import { Buffer } from "node:buffer";
import * as z from "zod";
import { no, ok, type Outcome } from "../../actors/types.ts";
import { reason } from "../session/files.ts";
import { openModule, type WasmCall } from "./call_wasm.ts";
import { readModule, type WasmFunction, type WasmModule } from "./module.ts";
import type { Tool } from "./registry.ts";

const PLAIN = /^(?:[iu](?:8|16|32|64)|f32|f64|bool|string)$/;
const ARRAY = /^(?:(?:Int|Uint)(?:8|16|32)|Float(?:32|64)|Big(?:Int|Uint)64)Array$/;
const Type = z.string().refine((type) => PLAIN.test(type) || ARRAY.test(type), "it is no type that JSON can carry");

const description = z.string().max(2000).optional();
const Note = z.strictObject({
  tool: z.string().optional(),
  description,
  parameters: z.record(z.string(), z.union([Type, z.strictObject({ type: Type, description })])).optional(),
  result: z.union([Type, z.literal("void")]).optional(),
});
const Notes = z.strictObject({ description, exports: z.record(z.string(), Note).optional() });

/** What AssemblyScript must export before strings and arrays can be handed over. */
const RUNTIME = ["memory", "__new", "__pin", "__rtti_base"];
const INTERNAL = /^(?:__|_start$|_initialize$)/;
const TOOL = /^[a-z](?:[a-z0-9_]{0,62}[a-z0-9])?$/;

/** Most tools of one module, and most bytes of it: it travels as text. */
export const MOST_OF_MODULE = { tools: 64, bytes: 380_000 };

/**
 * Makes a plugin of a module without imports: its source in JavaScript, and the tools that share its process. `notes` is the text
 * of the `.jsonc` beside it: with `exports`, only those it names become tools. A bad outcome is the end of a sentence.
 */
export function wrapModule(
  { stem, bytes, notes }: { stem: string; bytes: Uint8Array; notes: string | undefined },
): Outcome<{ source: string; tools: Tool[] }> {
  const module = readModule(bytes);
  if (!module.ok) return module;
  const { tools: most, bytes: largest } = MOST_OF_MODULE;
  if (bytes.length > largest) return no(`its module has ${bytes.length} bytes, ${largest} is the limit`);
  try {
    const { description, exports } = readNotes(stem, notes);
    const functions = new Map(module.value.functions.map((one) => [one.name, one]));
    const named = exports ? Object.keys(exports) : [...functions.keys()].filter((name) => !INTERNAL.test(name));
    const tools = named.flatMap((name) => {
      const one = functions.get(name), note = exports?.[name];
      if (!one) {
        throw new Error(`${stem}.jsonc describes ${JSON.stringify(name)}, which is no function that it exports`);
      }
      const about = note?.description ?? description ?? `The function ${name} of the module ${stem}.wasm`;
      const strange = [...one.parameters, ...one.results].includes("other");
      return strange && !note ? [] : [makeTool(one, note ?? {}, { stem, about, module: module.value })];
    });
    const fit = tools.length > 0 && tools.length <= most;
    if (!fit) return no(`it exports ${tools.length} functions of numbers, 1 to ${most} may be tools`);
    return ok({ source: sourceOf(stem, module.value.bytes), tools });
  } catch (error) {
    return no(reason(error));
  }
}

function readNotes(stem: string, text = "{}"): z.infer<typeof Notes> {
  try {
    const { data, error } = Notes.safeParse(parse(text.replace(/^\uFEFF/, "")));
    if (data) return data;
    throw new Error(`at "${error.issues[0]?.path.join(".")}": ${error.issues[0]?.message}`);
  } catch (error) {
    throw new Error(`${stem}.jsonc beside it is wrong: ${reason(error)}`);
  }
}

function makeTool(
  { name, parameters, results }: WasmFunction,
  note: z.infer<typeof Note>,
  { stem, about, module }: { stem: string; about: string; module: WasmModule },
): Tool {
  const check = (fine: boolean, why: string) => {
    if (!fine) throw new Error(`its export ${JSON.stringify(name)} ${why}`);
  };
  const tool = note.tool ?? `${snake(stem)}_${snake(name)}`;
  check(TOOL.test(tool), 'cannot name a tool; give it a "tool" in lower snake case in the .jsonc');
  const names = note.parameters ?? Object.fromEntries(parameters.map((type, at) => [`p${at}`, type]));
  const given = Object.entries(names).map(([key, of]) => ({ key, ...(typeof of === "string" ? { type: of } : of) }));
  const result = note.result === undefined ? results : note.result === "void" ? [] : [note.result];
  const fits = given.length === parameters.length && result.length === results.length;
  check(fits, `takes ${parameters.length} and gives ${results.length} values, its .jsonc says otherwise`);
  const types = [...given.map(({ type }) => type), ...result];
  for (const [at, real] of [...parameters, ...results].entries()) {
    check(carrier(types[at] ?? "") === real, `has a value of type ${real} that cannot be ${types[at]}`);
  }
  const lacking = types.some((type) => !/^[iufb]/.test(type)) && RUNTIME.find((one) => !module.exports.has(one));
  check(!lacking, `has strings or arrays, but the module exports no ${lacking}; compile it with --exportRuntime`);
  const shape = given.map(({ key, description }, at) => [key, schemaOf(types[at] ?? "", description)] as const);
  const input = z.strictObject(Object.fromEntries(shape));
  const { $schema: _, ...schema } = z.toJSONSchema(input, { io: "input" });
  return {
    ...{ name: tool, description: about, parameters: schema, readOnly: true },
    convert(value): Outcome<WasmCall> {
      const { data, error } = input.safeParse(value);
      if (!data) return no(z.prettifyError(error));
      return ok({ name, types: types.slice(0, given.length), values: given.map(({ key }) => data[key]), result });
    },
  };
}

/** What carries a type in WebAssembly. */
const carrier = (type: string): string => /^[iu]64$/.test(type) ? "i64" : /^f/.test(type) ? type : "i32";

function schemaOf(type: string, about?: string): z.ZodType {
  if (about) return schemaOf(type).describe(about);
  const item = /^(?:Big)?(I|U|F)[a-z]+(\d+)Array$/.exec(type);
  if (item) return z.array(schemaOf(`${item[1]}${item[2]}`.toLowerCase())).max(100_000);
  if (type === "string" || type === "bool") return type === "bool" ? z.boolean() : z.string().max(250_000);
  if (type.startsWith("f")) return z.number();
  const bits = BigInt(type.slice(1)), least = type.startsWith("i") ? -(2n ** (bits - 1n)) : 0n;
  const most = least + 2n ** bits - 1n,
    fits = (value: string | number) => BigInt(value) >= least && BigInt(value) <= most;
  if (bits < 64n) return z.int().min(Number(least)).max(Number(most));
  const digits = z.string().regex(/^-?\d{1,20}$/).describe(`a whole number in decimal, ${least} to ${most}`);
  return z.union([digits, z.int()]).refine(fits, `not of type ${type}`);
}

/** `addTwo` and `Add-two` as `add_two`. */
function snake(name: string): string {
  const parted = name.replace(/([a-z0-9])([A-Z])/g, "$1_$2").replace(/[^A-Za-z0-9]+/g, "_").toLowerCase();
  return parted.replace(/^_+|_+$/g, "");
}

function sourceOf(stem: string, bytes: Uint8Array): string {
  return `const openModule = ${openModule.toString()};
const bytes = Uint8Array.from(atob("${Buffer.from(bytes).toString("base64")}"), (letter) => letter.charCodeAt(0));
const call = openModule(bytes);
const name = ${JSON.stringify(`wasm_${snake(stem)}`.slice(0, 64))};
const description = "A WebAssembly module";
export default ({ z, tool }) => tool({ name, description, readOnly: true, input: z.looseObject({}), run: call });
`;
}
