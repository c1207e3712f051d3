/** AssemblyScript's syntax tree, read without its types: kinds by name, names by text, every node by walking. */
import type { Node, Source } from "./asc.d.ts";

/** In the order of AssemblyScript's NodeKind; a test parses one of each that matters here. */
const KINDS =
  `Source NamedType FunctionType TupleType TypeName TypeParameter Parameter Identifier Assertion Binary Call Class
Comma ElementAccess False Function InstanceOf Literal New Null Omitted Parenthesized PropertyAccess Ternary Super This True
Constructor UnaryPostfix UnaryPrefix Compiled Block Break Continue Do Empty Export ExportDefault ExportImport Expression For
ForOf If Import Return Switch Throw Try Variable Void While Module ClassDeclaration EnumDeclaration EnumValueDeclaration
FieldDeclaration FunctionDeclaration ImportDeclaration InterfaceDeclaration MethodDeclaration NamespaceDeclaration
TypeDeclaration VariableDeclaration Decorator ExportMember SwitchCase IndexSignature Comment`.split(/\s+/);

/** A flag of a declaration. */
export const Flag = { export: 2, declare: 4, const: 8, static: 32 } as const;

/** The kind of a node, by name. */
export const kindOf = (node: Node): string => KINDS[node.kind] ?? "unknown";

/** True for a node of a tree. */
export function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "kind" in value && "range" in value;
}

/** The nodes of a field, which may hold one, a list, or none. */
export function nodesOf(value: unknown): Node[] {
  return Array.isArray(value) ? value.filter(isNode) : isNode(value) ? [value] : [];
}

/** The children of a node, in the order of its fields. */
export function childrenOf(node: Node): Node[] {
  return Object.entries(node).flatMap(([field, value]) => field === "range" ? [] : nodesOf(value));
}

/** The text of an identifier; of a named node, its name's. */
export function nameOf(value: unknown): string {
  if (!isNode(value)) return "";
  if (typeof value.text === "string" && kindOf(value) !== "Comment") return value.text;
  return nameOf(value.name ?? value.identifier);
}

/** A type as it was written, without white space. */
export function typeText(type: unknown): string {
  if (!isNode(type)) return "";
  return type.range.source.text.slice(type.range.start, type.range.end).replaceAll(/\s/g, "");
}

/** Whether a declaration has a flag. */
export const hasFlag = (node: Node, flag: number): boolean => (Number(node.flags) & flag) !== 0;

/** Visits every node below one, with its ancestors, nearest last; an explicit stack, so that depth costs no stack. */
export function walk(root: Node | Source, visit: (node: Node, above: readonly Node[]) => void): number {
  let deepest = 0;
  const open: { node: Node; depth: number }[] = nodesOf("statements" in root ? root.statements : root).toReversed()
    .map((node) => ({ node, depth: 0 }));
  const above: Node[] = [];
  for (let next = open.pop(); next; next = open.pop()) {
    above.length = next.depth;
    visit(next.node, above);
    above.push(next.node);
    deepest = Math.max(deepest, next.depth);
    for (const node of childrenOf(next.node).toReversed()) open.push({ node, depth: next.depth + 1 });
  }
  return deepest;
}

/** A sentence at a place, as a model reads it: the line, the column, and the line's text. */
export function at(range: { start: number; source: Source }, sentence: string): string {
  const line = range.source.lineAt(range.start), column = range.source.columnAt();
  const text = (range.source.text.split("\n")[line - 1] ?? "").trim();
  return `line ${line}, column ${column}: ${sentence}\n    ${text.length > 120 ? `${text.slice(0, 117)}...` : text}`;
}
