/** The signature: every function of the task is there, exported, with its types; nothing else leaves the module. */
import type { ParameterType, ResultType, Signature, Signatures } from "../../actors/functions.ts";
import type { Node, Source } from "./asc.d.ts";
import { nameInSource } from "../wasm/runtime.ts";
import { at, Flag, hasFlag, kindOf, nameOf, nodesOf, typeText } from "./syntax.ts";

/** A function as it has to be written. */
export function declarationOf(name: string, { parameters, result }: Signature): string {
  const list = parameters.map(([parameter, type]) => `${parameter}: ${nameInSource(type)}`).join(", ");
  return `export function ${name}(${list}): ${nameInSource(result)}`;
}

/** What is wrong with a body's signatures, nothing if all is well. Adds and takes away `export` in the tree as needed. */
export function checkSignature(file: Source, functions: Signatures): string[] {
  const wrong: string[] = [];
  const found = new Set<string>();
  file.statements.splice(0, Infinity, ...file.statements.filter((node) => !isLocalExport(node)));
  for (const node of file.statements) {
    const kind = kindOf(node), name = nameOf(node);
    if (kind === "ExportDefault") wrong.push(at(node.range, "export default is not allowed; write export function"));
    const signature = kind === "FunctionDeclaration" && Object.hasOwn(functions, name) ? functions[name] : undefined;
    if (signature) {
      found.add(name);
      setExport(node, true);
      const differs = compare(node, signature);
      const must = `${name} must be declared as: ${declarationOf(name, signature)} { ... }`;
      if (differs !== "") wrong.push(at(node.range, `${differs}; ${must}`));
    } else for (const declared of [node, ...nodesOf(node.declarations)]) setExport(declared, false);
  }
  for (const [name, signature] of Object.entries(functions)) {
    if (!found.has(name)) {
      wrong.push(`function ${name} is missing; write it as: ${declarationOf(name, signature)} { ... }`);
    }
  }
  return wrong;
}

/** `export { a, b }` says nothing here: what must be exported is. */
function isLocalExport(node: Node): boolean {
  return kindOf(node) === "Export" && node.path === null;
}

function setExport(node: Node, on: boolean): void {
  if (typeof node.flags !== "number") return;
  Object.assign(node, { flags: on ? node.flags | Flag.export : node.flags & ~Flag.export });
}

function compare(node: Node, { parameters, result }: Signature): string {
  const [signature] = nodesOf(node.signature);
  const given = nodesOf(signature?.parameters);
  if (!signature || node.body === null || hasFlag(node, Flag.declare)) return "it has no body";
  if (nodesOf(node.typeParameters).length > 0) return "it must not be generic";
  if (given.length !== parameters.length) return `it takes ${given.length} arguments instead of ${parameters.length}`;
  for (const [index, [name, type]] of parameters.entries()) {
    const parameter = given[index], written = typeText(parameter?.type);
    if (!parameter || parameter.parameterKind !== 0 || parameter.initializer !== null) {
      return `its parameter ${index + 1} must be plain, without "?", default value or "..."`;
    }
    if (!fits(written, type)) {
      return `its parameter ${index + 1} (${name}) is ${written || "untyped"} instead of ${nameInSource(type)}`;
    }
  }
  const returned = typeText(signature.returnType);
  return fits(returned, result) ? "" : `its result is ${returned || "untyped"} instead of ${nameInSource(result)}`;
}

function fits(written: string, type: ParameterType | ResultType): boolean {
  return written === nameInSource(type) || written === ALIASES[type];
}
const ALIASES: Record<string, string> = { f64: "number", bool: "boolean", string: "String" };
