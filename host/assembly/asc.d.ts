/** What is used of the compiler's own modules, AssemblyScript and binaryen. */
/** A node of AssemblyScript's syntax tree: its kind, and whatever fields that kind has. */
export interface Node {
  readonly kind: number;
  readonly range: Range;
  readonly [field: string]: unknown;
}
/** Where a node lies. */
export interface Range {
  readonly start: number;
  readonly end: number;
  readonly source: Source;
}
/** A parsed file. `debugInfoIndex` is the one field a compilation leaves in it. */
export interface Source {
  readonly normalizedPath: string;
  readonly text: string;
  readonly statements: Node[];
  debugInfoIndex: number;
  lineAt(position: number): number;
  columnAt(): number;
  readonly internalPath: string;
}
/** A message of the compiler; category 3 is an error. */
export interface Diagnostic {
  readonly message: string;
  readonly category: number;
  readonly range: Range | null;
  readonly relatedRange: Range | null;
}
/** One compilation. */
export interface Program {
  readonly sources: Source[];
  readonly parser: { donelog: Set<string>; seenlog: Set<string> };
}
type Options = { readonly options: unique symbol };
/** A compiled module that AssemblyScript still owns. */
export type AscModule = { readonly module: unique symbol };

/** What is used of AssemblyScript's compiler. */
export interface AssemblyScript {
  newOptions(): Options;
  setRuntime(options: Options, runtime: 0): void;
  setDebugInfo(options: Options, on: boolean): void;
  setSourceMap(options: Options, on: boolean): void;
  setMaximumMemory(options: Options, pages: number): void;
  addGlobalAlias(options: Options, alias: string, name: string): void;
  setOptimizeLevelHints(options: Options, level: number, shrink: number): void;
  newProgram(options: Options): Program;
  parse(program: Program, text: string | null, path: string, entry: boolean): void;
  nextFile(program: Program): string | null;
  nextDiagnostic(program: Program): Diagnostic | null;
  initializeProgram(program: Program): void;
  compile(program: Program): AscModule;
  optimize(module: AscModule, level: number, shrink: number, debug: boolean, zeroFilled: boolean): void;
  getBinaryenModuleRef(module: AscModule): number;
}

/** An expression, function or export of binaryen. */
export type Ref = number;
type Make = (...operands: Ref[]) => Ref;
type Variable = { get(name: string | number, type: number): Ref; set(name: string | number, value: Ref): Ref };
/** A binaryen module. */
export interface Module {
  readonly ptr: number;
  hasMemory(): boolean;
  addMemoryImport(name: string, fromModule: string, fromName: string, shared: boolean): void;
  block(label: string | null, children: Ref[], type?: number): Ref;
  if(condition: Ref, ifTrue: Ref): Ref;
  unreachable(): Ref;
  call(name: string, operands: Ref[], type: number): Ref;
  readonly local: Variable;
  readonly global: Variable;
  readonly i32: { readonly const: (value: number) => Ref };
  readonly i64:
    & { readonly const: (value: bigint) => Ref }
    & Record<"sub" | "add" | "xor" | "lt_s" | "shr_u" | "extend_u", Make>;
  addFunction(name: string, params: number, results: number, vars: number[], body: Ref): Ref;
  getFunction(name: string): Ref;
  getNumFunctions(): number;
  getFunctionByIndex(index: number): Ref;
  getNumTables(): number;
  getNumDataSegments(): number;
  getGlobal(name: string): Ref;
  getExport(external: string): Ref;
  addGlobal(name: string, type: number, mutable: boolean, init: Ref): Ref;
  addGlobalExport(name: string, external: string): Ref;
  addFunctionExport(name: string, external: string): Ref;
  removeExport(external: string): void;
  runPasses(passes: string[]): void;
  validate(): number;
  dispose(): void;
  emitBinary(): Uint8Array<ArrayBuffer>;
  emitBinary(map: string): { binary: Uint8Array<ArrayBuffer>; sourceMap: string };
}
/** What is used of binaryen. The accessors of each kind of expression are found by the kind's name. */
export interface Binaryen {
  readonly none: number;
  readonly i32: number;
  readonly i64: number;
  readonly unreachable: number;
  readonly Function: {
    getName(f: Ref): string;
    getBody(f: Ref): Ref;
    setBody(f: Ref, body: Ref): void;
    getParams(f: Ref): number;
    getResults(f: Ref): number;
  };
  readonly Call: { getTarget(call: Ref): string };
  getExpressionId(expression: Ref): number;
  getExpressionType(expression: Ref): number;
  getExportInfo(exported: Ref): { name: string; value: string };
  expandType(type: number): number[];
  setDebugInfo(on: boolean): void;
  setOptimizeLevel(level: number): void;
  setAlwaysInlineMaxSize(size: number): void;
  setFlexibleInlineMaxSize(size: number): void;
  setOneCallerInlineMaxSize(size: number): void;
  wrapModule(ref: number): Module;
  _BinaryenFunctionAddVar(f: Ref, type: number): number;
  readonly [kind: string]: unknown;
}

/** The three modules, loaded. `library` is AssemblyScript's standard library by path, without its prefix. */
export interface CompilerModules {
  readonly assemblyscript: AssemblyScript;
  readonly library: Readonly<Record<string, string>>;
  readonly binaryen: Binaryen;
}
