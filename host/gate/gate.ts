/** The gate: what a candidate must pass, run by this generation, never by the candidate. */
import type { Candidate, Outcome, Verdict } from "../../actors/types.ts";
import type { Gate } from "../../actors/ports.ts";
import { mustGit, stageTree } from "../source/git.ts";
import { DOCS } from "../source/source.ts";
import type { Bundled } from "../build/compile.ts";
import * as tools from "./checks.ts";
import { type Check, examine, type Witness } from "./examine.ts";
import { changes, checkPolicy, checkProtected, checkSize } from "./policy.ts";
import type { SandboxArgv } from "./sandbox.ts";

/** What the gate needs. `parentFiles` is the running generation's own source; `canary` starts an executable and says what it saw. */
export interface GateOptions extends Witness {
  draftRoot: string;
  parentRoot: string;
  scratch: string;
  parentFiles: () => Promise<Map<string, string>>;
  deno: () => Promise<Outcome<string>>;
  /** Bundles code beside the tests; what it made is compiled later, if only documents changed since. */
  bundle: (root: string, signal: AbortSignal) => Promise<Outcome<Bundled>>;
  compile: (
    root: string,
    bundled: Bundled | undefined,
    signal: AbortSignal,
  ) => Promise<Outcome<{ executable: string; notes: string }>>;
  canary: (executable: string, signal: AbortSignal) => Promise<Outcome<string>>;
  sandboxArgv: SandboxArgv;
}

/** The gate port, and what promotion asks: which halves a tree has passed in this process, and its executable. */
export interface Examiner extends Gate {
  passed(tree: string): { proof: boolean; build: boolean };
  executable(tree: string): string | undefined;
  /** Checks the types of the draft as it is, until something is proved: the first check of all takes several times as long. */
  warm(): Promise<void>;
  /** Ends that. */
  cool(): void;
}

/** Creates the gate. Its memory of what passed is the lock on promotion: nothing else can write it. */
export function createGate(options: GateOptions): Examiner {
  const { draftRoot: draft, parentRoot: parent, scratch, sandboxArgv } = options;
  const built = new Map<string, string>();
  let proved: string | undefined, inherited: string | undefined, packaged = false, told = false;
  let bundled: Bundled | undefined;
  let warming = new AbortController();

  /** Says once that the operating system does not confine the tests. */
  function warn(deno: string) {
    if (told || sandboxArgv([deno], { ro: [], rw: [] }).length > 1) return;
    told = true;
    const text = "Tests of a self-edit can import files from outside the draft here: this system has no Landlock";
    options.show({ type: "notice", level: "warning", text });
  }

  const newBench = (deno: string): tools.Bench => {
    const found = { changed: [], facts: new Map(), before: new Map(), tested: undefined, ran: [] };
    return { deno, draft, parent, scratch, sandboxArgv, ...found };
  };

  /** One examination: `tree` is what the checks are about; only the format step of a proof may move it. */
  function begin({ tree }: Candidate) {
    const bench = newBench(""), at = { tree };
    const same: Check = {
      name: "unchanged",
      ms: 10_000,
      run: async () =>
        await stageTree(draft) === at.tree ? [] : ["The draft is not the candidate: it changed meanwhile"],
    };
    const policy: Check = { name: "policy", ms: 10_000, run: () => checkPolicy(draft, at.tree) };
    const cheap: Check[] = [
      { name: "protected", ms: 10_000, run: async () => await checkProtected(draft, await options.parentFiles()) },
      { name: "size", ms: 10_000, run: () => checkSize(draft) },
    ];
    const format = (fix: boolean): Check => ({
      name: "format",
      ms: 60_000,
      async run(signal) {
        const deno = await options.deno();
        if (!deno.ok) return [deno.error];
        warn(bench.deno = deno.value);
        bench.changed = await changes(draft, at.tree);
        const faults = await tools.checkFormat(bench, { fix, signal });
        if (fix) at.tree = await stageTree(draft);
        return faults;
      },
    });
    return { bench, at, same, policy, cheap, format };
  }

  const packages = (bench: tools.Bench): Check => ({
    name: "packages",
    ms: 90_000,
    async run(signal) {
      const faults = packaged ? [] : await tools.checkPackages(bench, signal);
      packaged = faults.length === 0;
      return faults;
    },
  });

  const bundle: Check = {
    name: "bundle",
    ms: 90_000,
    async run(signal) {
      const made = await options.bundle(draft, signal);
      if (made.ok) bundled = made.value;
      return made.ok ? [] : [made.error];
    },
  };

  const whole = (bench: tools.Bench): Check[][] => [
    [{ name: "source", ms: 60_000, run: (signal) => tools.checkSource(bench, signal) }],
    [packages(bench)],
    [
      { name: "types", ms: 95_000, run: (signal) => tools.checkTypes(bench, signal) },
      { name: "tests", ms: 125_000, run: (signal) => tools.checkTests(bench, { sealed: false, signal }) },
      { name: "sealed", ms: 125_000, run: (signal) => tools.checkTests(bench, { sealed: true, signal }) },
      { name: "ratchet", ms: 125_000, run: (signal) => tools.checkKept(bench, signal) },
      bundle,
    ],
    [{ name: "cases", ms: 10_000, run: () => tools.checkCases(bench) }, {
      name: "red-green",
      ms: 60_000,
      run: (signal) => tools.checkRedGreen(bench, signal),
    }],
  ];

  async function onlyDocuments(from: string, to: string): Promise<boolean> {
    const names = await mustGit(draft, ["diff-tree", "-r", "-z", "--no-renames", "--name-only", from, to]);
    return names.split("\0").filter(Boolean).every((name) => DOCS.includes(name));
  }

  const compile = (tree: string): Check => ({
    name: "compile",
    ms: 180_000,
    async run(signal) {
      const made = await options.compile(draft, bundled, signal);
      bundled = undefined;
      if (made.ok) built.set(tree, made.value.executable);
      return made.ok ? [] : [made.error];
    },
  });
  const canary = (tree: string): Check => ({
    name: "canary",
    ms: 30_000,
    async run(signal) {
      const seen = await options.canary(built.get(tree) ?? "", signal);
      return seen.ok ? [] : [seen.error];
    },
  });

  return {
    async warm() {
      warming.abort();
      const { signal } = warming = new AbortController(), deno = await options.deno();
      if (deno.ok) await tools.checkTypes(newBench(deno.value), signal);
    },
    cool: () => warming.abort(),
    async prove(candidate, signal) {
      warming.abort();
      [proved, inherited, bundled] = [undefined, undefined, undefined];
      built.clear();
      const { bench, at, same, policy, cheap, format } = begin(candidate);
      const groups = [[same, policy, ...cheap], [format(true)], ...whole(bench), [same]];
      const ended = await examine(groups, { witness: options, root: draft, signal });
      if (ended.pass) proved = at.tree;
      return { half: "proof", tree: at.tree, ...ended } satisfies Verdict;
    },
    async build(candidate, signal) {
      inherited = undefined;
      built.clear();
      const { tree } = candidate, proof = proved;
      const { bench, same, policy, cheap, format } = begin(candidate);
      const known: Check = {
        name: "proof",
        ms: 10_000,
        run: () => Promise.resolve(proof ? [] : ["Cannot build what was not proved; prove it first"]),
      };
      const again = proof && await onlyDocuments(proof, tree) ? [] : whole(bench);
      const groups = [[known, same, policy, ...cheap], [format(false)], ...again, [compile(tree)], [canary(tree)], [
        same,
      ]];
      const ended = await examine(groups, { witness: options, root: draft, signal });
      if (ended.pass) inherited = tree;
      else built.clear();
      return { half: "build", tree, ...ended } satisfies Verdict;
    },
    passed: (tree) => ({ proof: tree === proved || tree === inherited, build: tree === inherited && built.has(tree) }),
    executable: (tree) => tree === inherited ? built.get(tree) : undefined,
  };
}
