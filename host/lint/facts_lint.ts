/** What the examiner must know of a source file, read from its syntax tree: a lint plugin that reports facts as JSON, one message a file. */
import type { Facts } from "./inspect.ts";
import { countLines } from "./lines.ts";

const LIMIT = 60;
const ASSERT_MODULE = /^(node:assert|@std\/assert)/;

// deno-lint-ignore no-explicit-any -- nodes of the linter's AST differ by kind; the plugin reads them by name
type Node = any;

/** Lines of a function without those of the functions inside it. */
export function ownLines(text: string, range: [number, number], inner: [number, number][]): number {
  const inside = inner.filter((a) => range[0] <= a[0] && a[1] <= range[1] && a[1] - a[0] < range[1] - range[0]);
  const outermost = inside.filter((a) => !inside.some((b) => b !== a && b[0] <= a[0] && a[1] <= b[1]));
  const lines = ([from, to]: [number, number]) => countLines(text.slice(from, to));
  return outermost.reduce((sum, part) => sum - Math.max(0, lines(part) - 1), lines(range));
}

function names(node: Node): string[] {
  if (!node) return [];
  if (node.type === "Identifier") return [node.name];
  if (node.type === "VariableDeclaration") return node.declarations.flatMap((one: Node) => names(one.id));
  if (node.type === "ObjectPattern") return node.properties.flatMap((one: Node) => names(one.value ?? one.argument));
  if (node.type === "ArrayPattern") return node.elements.flatMap(names);
  return names(node.id ?? node.left ?? node.argument);
}

function exportsOf(node: Node): string[] {
  if (node.type === "ExportDefaultDeclaration") return ["default"];
  if (node.type === "ExportAllDeclaration") return [node.exported ? node.exported.name : `* of ${node.source.value}`];
  return [
    ...names(node.declaration),
    ...(node.specifiers ?? []).map((one: Node) => one.exported.name ?? one.exported.value),
  ];
}

function titleOf(node: Node, text: string): string {
  if (node?.type === "Literal") return String(node.value);
  if (node?.type === "TemplateLiteral") return node.quasis.map((part: Node) => part.cooked).join("*");
  return node ? `*${text.slice(...node.range)}` : "*";
}

function importsOf(node: Node): [string, string][] {
  return node.specifiers.map((one: Node) => [
    one.local.name,
    `${node.source.value}#${one.imported?.name ?? (one.type === "ImportDefaultSpecifier" ? "default" : "*")}`,
  ]);
}

const isTestCall = ({ callee }: Node) =>
  callee.type === "MemberExpression" && callee.object.name === "Deno" && callee.property.name === "test";

const rule: Deno.lint.Rule = {
  create(context) {
    const text = context.sourceCode.text;
    const functions: Node[] = [],
      calls: Node[] = [],
      ids: Node[] = [],
      exported: string[] = [],
      imports: [string, string][] = [];
    const inside = (node: Node, range: [number, number]) => range[0] <= node.range[0] && node.range[1] <= range[1];
    const seen = (node: Node) => void functions.push(node);
    const exporting = (node: Node) => void exported.push(...exportsOf(node));
    function finish(program: Node) {
      const asserting = new Set(imports.filter(([, from]) => ASSERT_MODULE.test(from)).map(([name]) => name));
      const lineAt = (at: number) => text.slice(0, at).split("\n").length;
      const words = (node: Node) => node && text.slice(...node.range);
      // what looks at nothing, as `equal(1, 1)` or `ok(true)`, asserts nothing
      const asserts = calls.filter(({ callee, range, arguments: [a, b] }) =>
        (asserting.has(callee.name) || asserting.has(callee.object?.name)) && words(a) !== words(b) &&
        ids.some((id) => inside(id, [a.range[0], range[1]]))
      );
      const ranges = functions.map(({ range }) => range);
      const facts: Facts = {
        tests: calls.filter(isTestCall).map((call) => ({
          title: titleOf(call.arguments[0], text),
          line: lineAt(call.range[0]),
          body: call.arguments.slice(1).map((one: Node) => text.slice(...one.range)).join().replace(/\s+/g, ""),
          asserts: asserts.filter((one) => inside(one, call.range)).length,
          uses: [...new Set(ids.filter((id) => inside(id, call.range)).map(({ name }) => name as string))],
        })),
        exports: exported,
        imports: Object.fromEntries(imports),
        asserts: asserts.length,
        long: functions.map((node) => ({
          name: node.id?.name ?? node.parent.id?.name ?? node.parent.key?.name ?? "function",
          line: lineAt(node.range[0]),
          lines: ownLines(text, node.range, ranges),
        })).filter(({ lines }) => lines > LIMIT),
      };
      context.report({ range: program.range, message: JSON.stringify(facts) });
    }
    return {
      Identifier: (id: Node) => void ids.push(id),
      FunctionDeclaration: seen,
      FunctionExpression: seen,
      ArrowFunctionExpression: seen,
      CallExpression: (node: Node) => void calls.push(node),
      ExportNamedDeclaration: exporting,
      ExportDefaultDeclaration: exporting,
      ExportAllDeclaration: exporting,
      ImportDeclaration: (node: Node) => void imports.push(...importsOf(node)),
      "Program:exit": finish,
    };
  },
};

const plugin: Deno.lint.Plugin = { name: "facts", rules: { all: rule } };
export default plugin;
