/**
 * The source check: a lint plugin that lets evolvable code have no effect but through its ports. Names that are not declared in
 * the file must be on a list of pure globals; names of doors are refused wherever they are used as a value or a binding, so
 * even a local variable may not be called `process`. Tests may use `Deno.test(title, body)` and a timer. This is a fence, not
 * a wall: what builds names at run time is stopped by `--disallow-code-generation-from-strings` and by the sandbox.
 */

import { withoutComments } from "./lines.ts";

const words = (text: string) => text.split(" ");
const PURE = new Set(words(
  "undefined NaN Infinity Object Array Number Boolean String Symbol BigInt Math JSON Intl Date Map Set WeakMap WeakSet Iterator " +
    "Promise RegExp Error AggregateError RangeError SyntaxError TypeError URIError DOMException parseFloat parseInt isFinite isNaN " +
    "encodeURI encodeURIComponent decodeURI decodeURIComponent ArrayBuffer DataView Uint8Array Int8Array Uint16Array Int16Array " +
    "Uint32Array Int32Array BigUint64Array BigInt64Array Uint8ClampedArray Float32Array Float64Array AbortController AbortSignal " +
    "TextEncoder TextDecoder Proxy URL URLSearchParams structuredClone queueMicrotask Event EventTarget atob btoa",
));
const TIMERS = ["setTimeout", "clearTimeout"];
const DOORS = new Set(words(
  "Deno globalThis self window global process eval Function fetch XMLHttpRequest WebSocket EventSource Worker SharedWorker " +
    "WebAssembly require importScripts Reflect navigator localStorage sessionStorage",
));
const GADGETS = new Set(words(
  "constructor prototype __proto__ __defineGetter__ __defineSetter__ __lookupGetter__ __lookupSetter__ prepareStackTrace callee " +
    "caller getPrototypeOf setPrototypeOf defineProperty defineProperties getOwnPropertyDescriptor getOwnPropertyDescriptors Doc",
));
const NAMED = new Set(words("constructor prototype __proto__ Deno globalThis eval Function WebAssembly"));
const TIME = new Set(words("Math.random Date.now AbortSignal.timeout"));
const LIBRARIES = words("zod xstate xstate/graph diff marked ignore get-east-asian-width @std/cli/parse-args");
const PRAGMA =
  /deno-(lint|fmt|coverage)-ignore|@ts-(ignore|nocheck|expect-error)|@(ts|deno)-types="(?!\.\/)|@jsx|^\/\s*<(reference|amd)/;

// deno-lint-ignore no-explicit-any -- nodes of the linter's AST differ by kind; the plugin reads them by name
type Node = any;
type Fault = string | false | undefined;

const isFunction = (node: Node) => /^(Function|ArrowFunction)/.test(node.type);
const opensScope = (node: Node) =>
  isFunction(node) || /^(Program|BlockStatement|For|SwitchStatement|StaticBlock|CatchClause|Class)/.test(node.type);
const key = (node: Node) => `${node.type}:${node.range}`;
const isPattern = (node: Node) => /^(ArrayPattern|ObjectPattern|RestElement|TSParameterProperty)$/.test(node.type);

/** The text of an expression made of literals only, or undefined. */
function fold(node: Node): string | undefined {
  if (node.type === "Literal") return typeof node.value === "string" ? node.value : undefined;
  if (node.type === "TemplateLiteral") return node.expressions.length === 0 ? node.quasis[0]?.cooked : undefined;
  if (node.type !== "BinaryExpression" || node.operator !== "+") return undefined;
  const left = fold(node.left), right = fold(node.right);
  return left === undefined || right === undefined ? undefined : left + right;
}

/** The scope in which an identifier is declared, or undefined where it is only used. */
function declaredIn(id: Node): Node | undefined {
  let node = id, above = id.parent;
  while (
    isPattern(above) || (above.type === "Property" && above.value === node && isPattern(above.parent)) ||
    (above.type === "AssignmentPattern" && above.left === node)
  ) [node, above] = [above, above.parent];
  if (isFunction(above)) {
    if (above.params.includes(node)) return above;
    return above.id === node ? (above.type === "FunctionDeclaration" ? scopeOf(above.parent) : above) : undefined;
  }
  if (above.type === "VariableDeclarator" && above.id === node) {
    const all = above.parent.kind === "var";
    return scopeOf(above.parent.parent.type.startsWith("For") ? above.parent.parent : above.parent, all);
  }
  if (above.type === "CatchClause" && above.param === node) return above;
  if (/^Class/.test(above.type) && above.id === node) {
    return above.type === "ClassDeclaration" ? scopeOf(above.parent) : above;
  }
  if (/^Import.*Specifier$/.test(above.type) && above.local === node) return scopeOf(above);
  return /^TS(Enum|TypeAlias|Interface)Declaration$/.test(above.type) && above.id === node
    ? scopeOf(above.parent)
    : undefined;
}

function scopeOf(node: Node, whole = false): Node {
  while (node.type !== "Program" && !(whole ? isFunction(node) : opensScope(node))) node = node.parent;
  return node;
}

/** True where an identifier is a mere word: a key, a member's name, a label, the far side of an import or export. */
function isWord(id: Node): boolean {
  const above = id.parent;
  if (above.type === "MemberExpression") return above.property === id && above.object !== id && !above.computed;
  if (/^(Property|MethodDefinition|PropertyDefinition|AccessorProperty|TS\w+Signature)$/.test(above.type)) {
    return above.key === id && above.value !== id && !above.computed;
  }
  if (above.type === "ImportSpecifier") return above.local !== id;
  if (above.type === "ExportSpecifier") return above.local !== id || Boolean(above.parent.source);
  return /^(LabeledStatement|BreakStatement|ContinueStatement|MetaProperty|ImportAttribute|TSEnumMember)$/.test(
    above.type,
  ) &&
    above.initializer !== id;
}

const isType = (id: Node) => {
  const { type } = id.parent.type === "RestElement" ? id.parent.parent : id.parent;
  return type.startsWith("TS") && !/^TS(As|Satisfies|NonNull|Enum|Parameter|Export|TypeAss|Instantiation)/.test(type);
};
const isDenoTest = ({ parent }: Node) =>
  parent.type === "MemberExpression" && parent.object.name === "Deno" && !parent.computed &&
  parent.property.name === "test" &&
  parent.parent.type === "CallExpression" && parent.parent.callee === parent && parent.parent.arguments.length === 2 &&
  parent.parent.arguments[0].type !== "ObjectExpression";

function importFault(node: Node, { root, file }: { root: string; file: string }): Fault {
  const to: string | undefined = node.source?.value, test = file.endsWith("_test.ts");
  if (to === undefined || LIBRARIES.includes(to) || (test && to === "node:assert/strict")) return;
  if (!/^\.\.?\//.test(to)) return `May not import "${to}": the mind may use only ${LIBRARIES.join(", ")}`;
  const path = new URL(to, `file://${file}`).pathname.slice(new URL(`file://${root}/`).pathname.length);
  const inward = test || !file.startsWith(`${root}/plugins/`)
    ? /^(actors\/|main\.ts$)/.test(path) || (test && path.startsWith("plugins/"))
    : /^(plugins\/|actors\/(types|ports|growing|functions|plugins)\.ts$)/.test(path);
  return !(inward && path.endsWith(".ts")) && `May not import "${to}" from here: imports point inward`;
}

function memberFault({ object, property, computed }: Node): Fault {
  const name = computed ? fold(property) : property.name;
  if (GADGETS.has(name)) return `May not use ".${name}": it leads out of the language's safe part`;
  if (TIME.has(`${object.name}.${name}`)) {
    return `May not use ${object.name}.${name}: take time from ports.clock, and no chance at all`;
  }
  if (!computed) return;
  if (PURE.has(object.name) || isFunction(object)) {
    return "May not reach into a global or a function by a computed name";
  }
  const built = name === undefined && /^(BinaryExpression|TemplateLiteral)$/.test(property.type);
  return built && fold(property.left ?? property) !== undefined &&
    "May not compute a member's name from text; use a Map";
}

/** The linter's tree ends at a hole of an array: what comes after it would go unseen. */
function holeFault({ elements, range }: Node, text: string): Fault {
  const last = elements.at(-1), end = Math.max(last?.range[1] ?? range[0] + 1, last?.argument?.range[1] ?? 0);
  const closed = /^[\s)]*,?\s*\]/.test(withoutComments(text.slice(end, range[1])));
  return !closed && "May not leave a hole in an array: name the element, as in [_, x]";
}

function textFault(node: Node): Fault {
  const text = fold(node);
  return text !== undefined && NAMED.has(text) && `May not hold the text "${text}": it names a door`;
}

function takenFault({ computed, key, parent }: Node): Fault {
  const name = computed ? fold(key) : key.name;
  return parent.type === "ObjectPattern" && GADGETS.has(name) && `May not take "${name}" out of an object`;
}

/** Faults of all names of a file: doors anywhere, and what is neither declared where it is used nor pure. */
function nameFaults(ids: Node[], test: boolean): [Node, Fault][] {
  const scopes = new Map<string, Set<string>>(), uses: Node[] = [], faults: [Node, Fault][] = [];
  for (const id of ids.filter((id) => !isWord(id))) {
    const scope = declaredIn(id);
    if (scope) scopes.set(key(scope), (scopes.get(key(scope)) ?? new Set()).add(id.name));
    if (test && isDenoTest(id)) continue;
    if (DOORS.has(id.name)) faults.push([id, `May not use "${id.name}": effects come in through ports`]);
    else if (!scope && !isType(id) && !PURE.has(id.name) && !(test && TIMERS.includes(id.name))) uses.push(id);
  }
  for (const id of uses) {
    let node = id.parent;
    while (node && !scopes.get(key(node))?.has(id.name)) node = node.parent;
    if (!node) faults.push([id, `May not use the global "${id.name}": effects come in through ports`]);
  }
  return faults;
}

const create: Deno.lint.Rule["create"] = (context) => {
  const root = decodeURIComponent(new URL("../../", import.meta.url).pathname).replace(/\/$/, ""),
    file = context.filename;
  const ids: Node[] = [], said = new Set<string>();
  const report = ({ range }: Node, message: Fault) => {
    if (message && !said.has(`${range}${message}`)) context.report({ range, message });
    said.add(`${range}${message}`);
  };
  const on = (fault: (node: Node) => Fault) => (node: Node) => report(node, fault(node));
  const no = (what: string) => on(() => `May not use ${what}`);
  const imports = on((node) => importFault(node, { root, file })),
    holes = on((node) => holeFault(node, context.sourceCode.text));
  const ambient = on((node) => node.declare && "May not declare what is defined elsewhere");
  const isDate = ({ callee }: Node) => callee.name === "Date" && "May not read the time: use ports.clock";
  return {
    Identifier: (id: Node) => void ids.push(id),
    ImportDeclaration: imports,
    ExportNamedDeclaration: imports,
    ExportAllDeclaration: imports,
    ImportExpression: no("import(): import at the top of the file"),
    MetaProperty: no("import.meta or new.target"),
    TSImportType: no("import() in a type: import the type at the top of the file"),
    TSImportEqualsDeclaration: no("import ="),
    TSModuleDeclaration: no("namespaces or ambient modules"),
    VariableDeclaration: ambient,
    FunctionDeclaration: ambient,
    ClassDeclaration: ambient,
    TSDeclareFunction: ambient,
    MemberExpression: on(memberFault),
    ArrayPattern: holes,
    ArrayExpression: holes,
    Literal: on(textFault),
    TemplateLiteral: on(textFault),
    BinaryExpression: on(textFault),
    Property: on(takenFault),
    NewExpression: on((node) => node.arguments.length === 0 && isDate(node)),
    CallExpression: on(isDate),
    AssignmentExpression: on(({ left }) =>
      left.type === "MemberExpression" && PURE.has(left.object.name) && "May not change a global"
    ),
    "Program:exit": (program: Node) => {
      const steering = program.comments.filter(({ value }: Node) => PRAGMA.test(value));
      for (const comment of steering) {
        report(comment, "May not hold a comment that steers the tools: mend what they complain of");
      }
      for (const [id, fault] of nameFaults(ids, file.endsWith("_test.ts"))) report(id, fault);
    },
  };
};

const plugin: Deno.lint.Plugin = { name: "evo", rules: { source: { create } } };
export default plugin;
