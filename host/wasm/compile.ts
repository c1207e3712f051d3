/** The warm compiler: a body in AssemblyScript becomes a metered module without imports, or words that say how to mend it. */
import type { Limits, Signatures } from "../../actors/functions.ts";
import { meter } from "../assembly/fuel.ts";
import { addLines } from "./lines.ts";
import type { CompilerModules, Diagnostic, Module, Program, Source } from "../assembly/asc.d.ts";
import { loadCompilerModules } from "../assembly/modules.ts";
import { checkModule, checkPolicy, checkText } from "../assembly/policy.ts";
import { importMemory } from "./memories.ts";
import { inMemory, LIBRARY, makeGlue, RUNTIME } from "./runtime.ts";
import { checkSignature } from "../assembly/signature.ts";
import { at } from "../assembly/syntax.ts";
import type { Compiled, Compiler, CompileRequest } from "./types.ts";

/** The file a model's source is compiled as: nothing is put before it, so its lines are the model's. */
const FILE = "function.ts";
const PREFIX = "~lib/";
/** Messages that one answer holds. */
const MESSAGES = 8;
/** Parts of the standard library that reach for a host or keep state: they are not even there. */
const HOST = /^(console|crypto|date|performance|process|symbol)$/;

type Refused = Extract<Compiled, { ok: false }>;

/**
 * Loads and warms the compiler, which takes about a second and 250 MB; it lives in a child that can be killed. A compiler
 * that crashes on a body answers so, and works on as before.
 */
export async function createCompiler(): Promise<Compiler> {
  const modules = await loadCompilerModules();
  let library = parseLibrary(modules);
  const compile = (request: CompileRequest): Compiled => {
    const started = performance.now();
    try {
      const made = compileBody(modules, library, request);
      return "kind" in made ? made : { ok: true, ...made, ms: performance.now() - started };
    } catch (error) {
      library = parseLibrary(modules); // a crash may leave marks in the shared tree
      const why = error instanceof Error ? error.message : String(error);
      const advice = "write it more simply: less nesting, shorter expressions, plain types";
      return { ok: false, kind: "compile", diagnostics: `The compiler failed on this body (${why}); ${advice}` };
    }
  };
  return { compile: (request) => Promise.resolve(compile(request)) };
}

/** The standard library is parsed once: that is most of a compilation. A compilation does not change its tree. */
function parseLibrary({ assemblyscript: asc, library }: CompilerModules): Source[] {
  const program = asc.newProgram(asc.newOptions());
  for (const [path, text] of Object.entries(library)) {
    if (!path.includes("/") && !HOST.test(path)) asc.parse(program, text, `${PREFIX}${path}.ts`, false);
  }
  asc.parse(program, LIBRARY, `${RUNTIME}.ts`, false);
  for (let path = asc.nextFile(program); path !== null; path = asc.nextFile(program)) {
    const file = [path, `${path}/index`].map((name) => name.slice(PREFIX.length)).find((name) => name in library);
    asc.parse(program, file === undefined ? null : library[file] ?? null, `${PREFIX}${file}.ts`, false);
  }
  const broken = errorsOf(asc, program);
  if (broken.length > 0) throw new Error(`Cannot parse AssemblyScript's library: ${broken.join("; ")}`);
  return [...program.sources];
}

function compileBody(modules: CompilerModules, library: Source[], request: CompileRequest) {
  const { assemblyscript: asc, binaryen } = modules;
  const { source, functions, limits, optimize } = request;
  const tooMuch = checkText(source, limits);
  if (tooMuch) return refuse("policy", [tooMuch]);
  const options = asc.newOptions();
  asc.setRuntime(options, 0);
  asc.setDebugInfo(options, true);
  asc.setSourceMap(options, true);
  asc.setMaximumMemory(options, limits.pages);
  asc.addGlobalAlias(options, "abort", `${RUNTIME}/abort`);
  asc.setOptimizeLevelHints(options, optimize, 0);
  const program = asc.newProgram(options);
  asc.parse(program, source, FILE, true);
  const unparsed = errorsOf(asc, program);
  const file = program.sources.find(({ normalizedPath }) => normalizedPath === FILE);
  if (unparsed.length > 0 || !file) return refuse("parse", unparsed);
  const forbidden = checkPolicy(file);
  if (forbidden.length > 0) return refuse("policy", forbidden);
  const unlike = checkSignature(file, functions);
  if (unlike.length > 0) return refuse("signature", unlike);
  asc.parse(program, makeGlue(functions), "glue.ts", true);
  addLibrary(program, library);
  asc.initializeProgram(program);
  const early = errorsOf(asc, program);
  if (early.length > 0) return refuse("compile", early);
  const compiled = asc.compile(program);
  const m = binaryen.wrapModule(asc.getBinaryenModuleRef(compiled));
  try {
    const errors = errorsOf(asc, program);
    if (errors.length > 0) return refuse("compile", errors);
    const glue = exportRuntime(m, functions);
    asc.optimize(compiled, optimize, 0, true, false);
    if (optimize === 1) inline(modules, m);
    return finish(modules, m, { functions: Object.keys(functions), glue, limits });
  } finally {
    m.dispose();
  }
}

/** Inlines small functions as level 3 does: else fuel is mostly the calls of array accessors, and another one than at level 3. */
function inline({ binaryen }: CompilerModules, m: Module): void {
  binaryen.setOptimizeLevel(3);
  binaryen.setAlwaysInlineMaxSize(12);
  binaryen.setFlexibleInlineMaxSize(70);
  binaryen.setOneCallerInlineMaxSize(200);
  m.runPasses(["inlining"]);
}

/** Exports what the host reads after a trap; a module that never allocates needs no arena, and none of its exports. */
function exportRuntime(m: Module, functions: Signatures): string[] {
  if (m.getGlobal(`${RUNTIME}/message`) !== 0) m.addGlobalExport(`${RUNTIME}/message`, "$message");
  const types = Object.values(functions).flatMap((
    { parameters, result },
  ) => [...parameters.map(([, type]) => type), result]);
  const makers = [...new Set(Object.values(functions).flatMap(({ parameters }) => parameters.map(([, type]) => type)))];
  if (m.getFunction(`${RUNTIME}/__new`) !== 0 || types.some(inMemory)) {
    return ["$reset", ...makers.filter(inMemory).map((type) => `$${type}`)];
  }
  m.removeExport("$reset");
  return [];
}

/** The module without its metering and its names, and with them. */
function finish(
  { binaryen }: CompilerModules,
  m: Module,
  { limits, ...exported }: { functions: string[]; glue: string[]; limits: Limits },
) {
  if (exported.glue.length === 0 && m.getNumDataSegments() === 0) m.removeExport("memory");
  m.runPasses(["remove-unused-module-elements"]);
  binaryen.setDebugInfo(false);
  const plain = m.emitBinary();
  const wrong = checkModule(plain, { ...exported, pages: limits.pages });
  if (wrong) return refuse("policy", [wrong]);
  meter(binaryen, m, { ...exported, limit: limits.fuel });
  binaryen.setDebugInfo(true);
  importMemory(m);
  const { binary, sourceMap } = m.emitBinary("m");
  return { wasm: addLines(binary, sourceMap, FILE), plain };
}

function addLibrary(program: Program, library: Source[]): void {
  const own = program.sources.splice(0, Infinity);
  for (const source of library) {
    source.debugInfoIndex = -1;
    program.parser.donelog.add(source.internalPath);
    program.parser.seenlog.add(source.internalPath);
  }
  program.sources.push(...library, ...own);
}

function errorsOf({ nextDiagnostic }: CompilerModules["assemblyscript"], program: Program): string[] {
  const errors: string[] = [];
  for (let found = nextDiagnostic(program); found; found = nextDiagnostic(program)) {
    if (found.category === 3) errors.push(describe(found));
  }
  return errors;
}

function describe({ message, range, relatedRange }: Diagnostic): string {
  const place = [range, relatedRange].find((place) => place?.source.normalizedPath === FILE);
  if (place) return at(place, message);
  return range ? `${message} (in the standard library, ${range.source.normalizedPath})` : message;
}

function refuse(kind: Refused["kind"], sentences: string[]): Refused {
  const unique = [...new Set(sentences)];
  const more = unique.length > MESSAGES ? [`and ${unique.length - MESSAGES} more`] : [];
  return { ok: false, kind, diagnostics: [...unique.slice(0, MESSAGES), ...more].join("\n") };
}
