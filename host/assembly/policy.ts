/** What a body must not hold, each named with advice. What comes out of the compiler is checked again, on the module itself. */
import type { Limits } from "../../actors/functions.ts";
import type { Node, Source } from "./asc.d.ts";
import { mostPages } from "../wasm/sections.ts";
import { at, Flag, hasFlag, kindOf, nameOf, nodesOf, walk } from "./syntax.ts";

/** No body is longer, whatever its task allows. */
const LONGEST = 1_000_000;
/** Brackets within brackets, and nodes within nodes of the tree, that the compiler takes without running out of stack. */
const BRACKETS = 100, DEPTH = 600;

const RAW = "it works on raw memory; use arrays";
const HOST = "a function has no host to call; it has only its arguments";
const CHANGING = "the same input must always give the same result; take what you need as an argument";
const named = (names: string, why: string) => Object.fromEntries(names.split(" ").map((name) => [name, why]));
/** Functions of the language, when they are called and the body has none of that name. */
const CALLS: Record<string, string> = {
  ...named("load store changetype offsetof idof call_indirect instantiate eval asm", RAW),
  ...named("trace", HOST),
  ...named("seed", CHANGING),
  unchecked: "bounds are always checked; write the access without it",
};
/** Objects of the language, wherever the body has nothing of that name. */
const OBJECTS: Record<string, string> = {
  ...named("console process crypto performance JSMath", HOST),
  ...named("Date Symbol", CHANGING),
  ...named("v128 externref Reflect", RAW),
};
/** Members, on any object. */
const MEMBERS: [form: RegExp, why: string][] = [
  [/^(load|store)(\d+(x\d+)?)?(_\w+)?$|^__|Unsafe$|^dataStart$/, RAW],
  [/^(random|seedRandom)$/, CHANGING],
];
/** Members of raw memory, even where a variable has its name. */
const MEMORY = /^(memory|atomic|v128)\.|^heap\.(alloc|realloc|free|reset)$/;
/** Assignments among AssemblyScript's tokens, from `=` to `|=`; `++` and `--`. */
const ASSIGN = [101, 113] as const, STEP = [87, 88];

/** Refuses a text before it is parsed: its length, and nesting that would overflow the parser. */
export function checkText(source: string, limits: Pick<Limits, "source">): string | undefined {
  const most = Math.min(limits.source, LONGEST);
  if (source.length > most) return `The body has ${source.length} characters; at most ${most} are allowed: shorten it`;
  let depth = 0;
  for (const character of source) {
    if ("([{".includes(character)) depth++;
    if (")]}".includes(character)) depth--;
    if (depth > BRACKETS) return `Brackets are nested more than ${BRACKETS} deep; split the expression into several`;
  }
  return undefined;
}

/** What a body breaks, nothing if all is well. */
export function checkPolicy(file: Source): string[] {
  const wrong: string[] = [];
  const say = (node: Node, sentence: string) => wrong.push(at(node.range, sentence));
  for (const node of file.statements) checkTop(node, say);
  const tables = constantArrays(file), own = declaredNames(file);
  const deepest = walk(file, (node, above) => {
    checkNode(node, say);
    checkName(node, above, { own, say });
    checkTable(node, above, { tables, say });
  });
  return deepest > DEPTH ? [`The body is nested more than ${DEPTH} deep; split its longest expression`] : wrong;
}

type Say = (node: Node, sentence: string) => void;

/** Only declarations, and nothing that a later call could find changed. */
function checkTop(node: Node, say: Say): void {
  const kind = kindOf(node);
  if (kind === "Variable") return nodesOf(node.declarations).forEach((declared) => checkConstant(declared, say));
  if (kind === "NamespaceDeclaration") return nodesOf(node.members).forEach((member) => checkTop(member, say));
  if (kind === "Import" || kind === "ExportImport" || (kind === "Export" && node.path !== null)) {
    return say(node, "import is not allowed; the body must hold all that it needs");
  }
  const declares = /Declaration$|^(Export|ExportDefault|Empty)$/.test(kind);
  if (!declares) say(node, "a statement outside of a function; only declarations may stand there");
}

function checkConstant(node: Node, say: Say): void {
  const name = nameOf(node);
  if (!hasFlag(node, Flag.const)) {
    return say(node, `${name} keeps state between calls; make it a const, or a variable within the function`);
  }
  const [value] = nodesOf(node.initializer);
  if (!value || !isConstant(value, true)) {
    say(
      node,
      `${name} is computed or mutable; a const outside of functions holds a number, a string or a list of them`,
    );
  }
}

const LITERAL = { float: 0, integer: 1, string: 2, template: 3, array: 5 };
/** Numbers, strings, what operators and other constants make of them; and lists of these. */
function isConstant(node: Node, listAllowed: boolean): boolean {
  const inner = (field: unknown) => nodesOf(field).every((part) => isConstant(part, false));
  switch (kindOf(node)) {
    case "Literal":
      if (node.literalKind === LITERAL.array) return listAllowed && inner(node.elementExpressions);
      return node.literalKind !== LITERAL.template || inner(node.expressions);
    case "Identifier":
    case "True":
    case "False":
      return true;
    case "PropertyAccess":
      return kindOf(nodesOf(node.expression)[0] ?? node) === "Identifier";
    case "Assertion":
    case "Parenthesized":
      return nodesOf(node.expression).every((part) => isConstant(part, listAllowed));
    case "UnaryPrefix":
      return inner(node.operand) && !STEP.includes(Number(node.operator));
    case "Binary":
      return inner(node.left) && inner(node.right) && Number(node.operator) < ASSIGN[0];
    default:
      return false;
  }
}

function checkNode(node: Node, say: Say): void {
  const kind = kindOf(node);
  if (kind === "Decorator") say(node, `@${nameOf(node)} is not allowed; remove it`);
  else if (kind === "Import") say(node, "import is not allowed; the body must hold all that it needs");
  else if (kind === "Module") say(node, "declare module is not allowed; remove it");
  else if (hasFlag(node, Flag.declare)) say(node, "declare is not allowed; a function has only what is written in it");
  else if (kind === "FieldDeclaration" && hasFlag(node, Flag.static)) {
    say(node, `static ${nameOf(node)} keeps state between calls; use a const outside of the class`);
  }
}

/** Every name that a body gives to something of its own. */
function declaredNames(file: Source): { all: Set<string>; functions: Set<string> } {
  const all = new Set<string>();
  walk(file, (node) => void (/Declaration$|^(Parameter|TypeParameter)$/.test(kindOf(node)) && all.add(nameOf(node))));
  const functions = file.statements.filter((node) => kindOf(node) === "FunctionDeclaration").map(nameOf);
  return { all, functions: new Set(functions) };
}

/** A name is judged where it is used: a variable called `load` harms nobody. */
function checkName(
  node: Node,
  above: readonly Node[],
  { own, say }: { own: ReturnType<typeof declaredNames>; say: Say },
): void {
  if (kindOf(node) !== "Identifier") return;
  const name = nameOf(node), parent = above.at(-1), kind = parent ? kindOf(parent) : "";
  const isMember = kind === "PropertyAccess" && parent?.property === node;
  let why: string | undefined;
  if (isMember || name.startsWith("__")) why = MEMBERS.find(([form]) => form.test(name))?.[1];
  if (isMember && MEMORY.test(`${nameOf(parent?.expression)}.${name}`)) why = RAW;
  if (kind === "Call" && parent?.expression === node && !own.functions.has(name)) why ??= lookUp(CALLS, name);
  if (!isMember && !own.all.has(name)) why ??= lookUp(OBJECTS, name);
  if (why !== undefined) say(node, `${name} is not allowed: ${why}`);
  else if (name.startsWith("$")) say(node, `${name} is not allowed: names that begin with $ are the host's`);
}

const lookUp = (rules: Record<string, string>, name: string) => Object.hasOwn(rules, name) ? rules[name] : undefined;

/** The names of module-level lists. */
function constantArrays(file: Source): Set<string> {
  const names = new Set<string>();
  walk(file, (node, above) => {
    const outside = !above.some((outer) => /^(Function|FunctionDeclaration|MethodDeclaration)$/.test(kindOf(outer)));
    if (kindOf(node) !== "VariableDeclaration" || !outside) return;
    if (nodesOf(node.initializer).some((value) => hasList(value))) names.add(nameOf(node));
  });
  return names;
}

function hasList(value: Node): boolean {
  let found = false;
  walk(value, (node) => void (found ||= kindOf(node) === "Literal" && node.literalKind === LITERAL.array));
  return found;
}

/** A module-level list is only ever read, as LIST[i] or LIST.length: nothing else can be told from changing it. */
function checkTable(node: Node, above: readonly Node[], { tables, say }: { tables: Set<string>; say: Say }): void {
  if (kindOf(node) !== "Identifier" || !tables.has(nameOf(node))) return;
  const [parent, outer] = [above.at(-1), above.at(-2)];
  const kind = parent ? kindOf(parent) : "";
  if (parent && kind === "VariableDeclaration" && parent.name === node) return;
  const isLength = kind === "PropertyAccess" && parent?.expression === node && nameOf(parent.property) === "length";
  const isElement = kind === "ElementAccess" && parent?.expression === node;
  const index = kind === "ElementAccess" && parent?.elementExpression === node;
  if ((isLength || isElement) && outer && parent && !isChanged(outer, parent)) return;
  const name = nameOf(node);
  say(
    node,
    `${name} is a list outside of functions, and may only be read, as ${name}[i]${
      index ? "" : " or .length"
    }; copy it into the function to do more`,
  );
}

/** True if the outer node writes to the inner one. */
function isChanged(outer: Node, inner: Node): boolean {
  const operator = Number(outer.operator);
  if (kindOf(outer).startsWith("Unary")) return STEP.includes(operator);
  return kindOf(outer) === "Binary" && outer.left === inner && operator >= ASSIGN[0] && operator <= ASSIGN[1];
}

/** What is wrong with a compiled module; nothing if it imports nothing and exports what it must, and no more. */
export function checkModule(
  wasm: Uint8Array<ArrayBuffer>,
  { functions, pages }: { functions: readonly string[]; pages: number },
): string | undefined {
  const module = new WebAssembly.Module(wasm);
  const imports = WebAssembly.Module.imports(module).map(({ module, name }) => `${module}.${name}`);
  if (imports.length > 0) return `The module imports ${imports.join(", ")}; a function has no host to call`;
  const exports = WebAssembly.Module.exports(module);
  const own = (name: string) => name.startsWith("$") || name === "memory";
  const extra = exports.filter(({ name }) => !own(name) && !functions.includes(name)).map(({ name }) => name);
  if (extra.length > 0) return `The module exports ${extra.join(", ")}, which the signature does not name`;
  const missing = functions.filter((name) => !exports.some((one) => one.name === name && one.kind === "function"));
  if (missing.length > 0) return `The module does not export ${missing.join(", ")}`;
  const most = mostPages(wasm);
  return most <= pages ? undefined : `The module may grow to ${most} pages of memory; at most ${pages} are allowed`;
}
