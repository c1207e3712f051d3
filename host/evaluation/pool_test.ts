import { deepStrictEqual as equal, doesNotMatch, match, ok, rejects } from "node:assert/strict";
import { landlockAvailable } from "../sandbox/landlock.ts";
import { createWorkshop, type WorkshopOptions } from "./pool.ts";
import type { Workshop } from "./types.ts";

const SELF = [Deno.execPath(), "run", "-A", new URL("../boot.ts", import.meta.url).pathname];
/** A module whose `double` answers by call count, 2, 4, 6: the compiler would refuse the source of it. */
const COUNTING = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 1, 127, 1, 127, 3, 2, 1, 0, 6, 6, 1, 127, 1, 65, 0, 11, 7, 10, 1, 6],
  ...new TextEncoder().encode("double"),
  ...[0, 0, 10, 13, 1, 11, 0, 35, 0, 65, 2, 106, 36, 0, 35, 0, 11],
);
const never = new AbortController().signal;
const LIMITS = "{ fuel: 1e8, pages: 64, deadlineMs: 1500, source: 10000 }";

/** A task file for \`double(n)\`, with this evaluator. */
const taskText = (evaluate: string, extra = "") =>
  `import type { TaskFile } from "evo";
export default (({ task }) => task({
  name: "double", description: "Doubles a number", limits: ${LIMITS}, ${extra}
  functions: { double: { parameters: [["n", "i32"]], result: "i32" } },
  evaluate(candidate, run) { const call = (n: number): number => candidate.functions.double(n); ${evaluate} },
})) satisfies TaskFile;
`;
const HONEST = `let right = 0; const feedback: string[] = [];
  for (let i = 0; i < 20; i++) { const n = run.random.integer(1000), got = call(n); if (got === 2 * n) right++; else feedback.push(\`double(\${n}): expected \${2 * n}, got \${got}\`); }
  return { score: right, feedback };`;
const body = (expression: string, before = "") => `${before}\nexport function double(n: i32): i32 { ${expression} }`;

interface Fixture {
  dir: string;
  workshop: Workshop;
  task(evaluate: string, extra?: string): Promise<string>;
  wasm(source: string): Promise<Uint8Array>;
}
const functions = { double: { parameters: [["n", "i32"]], result: "i32" } } as const;
const limits = { fuel: 1e8, pages: 64, deadlineMs: 1500, source: 10_000 };

async function withWorkshop(
  fn: (fixture: Fixture) => Promise<void>,
  options: Partial<WorkshopOptions> = {},
): Promise<void> {
  const dir = await Deno.realPath(await Deno.makeTempDir());
  others = new Set(await children());
  const workshop = createWorkshop({ self: SELF, size: 2, ...options });
  let count = 0;
  const task = async (evaluate: string, extra = "") => {
    const file = `${dir}/task${count++}.ts`;
    await Deno.writeTextFile(file, taskText(evaluate, extra));
    return file;
  };
  const wasm = async (source: string) => {
    const compiled = await workshop.compile({ source, functions, limits, optimize: 1 }, never);
    ok(compiled.ok, compiled.ok ? "" : compiled.diagnostics);
    return compiled.wasm;
  };
  try {
    await fn({ dir, workshop, task, wasm });
  } finally {
    await workshop.close();
    await Deno.remove(dir, { recursive: true });
  }
}

/** Processes that other test files left behind. */
let others = new Set<number>();

/** The children of every thread: a test file runs in one of its own. */
async function children(pid = Deno.pid): Promise<number[]> {
  const found: number[] = [];
  for await (const { name } of Deno.readDir(`/proc/${pid}/task`)) {
    const text = await Deno.readTextFile(`/proc/${pid}/task/${name}/children`).catch(() => "");
    found.push(...text.trim().split(" ").filter(Boolean).map(Number));
  }
  return found;
}
const own = async () => (await children()).filter((pid) => !others.has(pid));
/** True once the process is gone or a zombie. */
async function isGone(pid: number): Promise<boolean> {
  for (let round = 0; round < 600; round++) {
    const stat = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => ") Z");
    if (/\) [ZX]/.test(stat)) return true;
    await new Promise((done) => setTimeout(done, 25));
  }
  return false;
}

Deno.test("the workshop: declares, compiles, scores, evaluates, and survives what bodies and evaluators do", async (t) => {
  await withWorkshop(async ({ workshop, task, wasm }) => {
    const file = await task(HONEST, "goal: 20,");
    const good = await wasm(body("return n + n;")), bad = await wasm(body("return n;"));
    const works = async () => {
      const scored = await workshop.score({ file, candidate: good, trainingSeed: 1 }, never);
      ok(scored.ok && scored.score.score === 20, JSON.stringify(scored));
    };

    await t.step("a dropped-in task is declared", async () => {
      const declared = await workshop.declare(file);
      equal(declared, {
        ok: true,
        value: { name: "double", description: "Doubles a number", functions, limits, goal: 20 },
      });
    });

    await t.step(
      "a body is scored, and evaluated against an incumbent; only a look has a held-out result",
      async () => {
        const worse = await workshop.score({ file, candidate: bad, trainingSeed: 1 }, never);
        ok(worse.ok && worse.score.score < 2 && worse.fuel > 0, JSON.stringify(worse));
        match(worse.score.feedback[0] ?? "", /^double\(\d+\): expected \d+, got \d+$/);
        const on = { file, trainingSeed: 1, heldOutSeed: 2 };
        const better = await workshop.evaluate(
          { ...on, candidate: good, incumbents: [{ wasm: bad }], best: [worse.score] },
          never,
        );
        ok(
          better.ok && better.score.score === 20 && better.beatsTraining && better.beatsHeldOut,
          JSON.stringify(better),
        );
        const same = await workshop.evaluate(
          { ...on, candidate: good, incumbents: [{ wasm: good }], best: [better.score] },
          never,
        );
        ok(same.ok && !same.beatsTraining && !("beatsHeldOut" in same), JSON.stringify(same));
      },
    );

    await t.step(
      "a body that memorised the training set does not beat on held-out, and nothing of that set is told",
      async () => {
        const secret = await task(
          `if (run.set === "held_out") { const got = call(777777); return { score: got, feedback: ["held out 777777"] }; }
         return { score: call(1), feedback: ["case 1"] };`,
        );
        const memorised = await wasm(body("return n == 1 ? 99 : 0;"));
        const result = await workshop.evaluate({
          ...{ file: secret, candidate: memorised, incumbents: [{ wasm: good }] },
          ...{ trainingSeed: 1, best: [{ score: 2, feedback: [] }], heldOutSeed: 2 },
        }, never);
        ok(result.ok && result.beatsTraining && result.beatsHeldOut === false);
        doesNotMatch(JSON.stringify(result), /777777|held out/);
      },
    );

    for (
      const [what, heldOut] of [
        ["traps", "call(-1)"],
        ["throws a held-out value", `throw new Error("held out " + call(777777))`],
        ["does not end", "for (;;) call(1)"],
      ]
    ) {
      await t.step(`a held-out run that ${what} is only a bit`, async () => {
        const trapping = await wasm(body("if (n < 0) unreachable(); return n;"));
        const own = await task(`if (run.set === "held_out") { ${heldOut}; } return { score: 5, feedback: [] };`);
        const result = await workshop.evaluate(
          { file: own, candidate: trapping, incumbents: [], trainingSeed: 1, best: [], heldOutSeed: 2 },
          never,
        );
        ok(result.ok);
        equal({ ...result, fuel: 0, ms: 0 }, {
          ...{ ok: true, score: { score: 5, feedback: [] }, fuel: 0, ms: 0, beatsTraining: true, beatsHeldOut: false },
        });
      });
    }

    const bodies: [what: string, source: string, kind: string, feedback: RegExp][] = [
      ["loops", body("while (true) {} return n;"), "fuel", /double ran out of fuel/],
      ["recurses without end", body("return double(n + 1) + 1;"), "trap|fuel", /double/],
      [
        "allocates without end",
        body("let all: i32[][] = []; while (true) all.push(new Array<i32>(4096)); return n;"),
        "memory|fuel|trap",
        /double/,
      ],
      ["traps", body("return n / (n - n);"), "trap", /line \d+/],
    ];
    for (const [what, source, kind, feedback] of bodies) {
      await t.step(`a body that ${what} is rejected with feedback: ${kind}`, async () => {
        const candidate = await wasm(source);
        const scored = await workshop.score({ file, candidate, trainingSeed: 1 }, never);
        ok(!scored.ok, JSON.stringify(scored));
        match(scored.kind, new RegExp(`^(${kind})$`), JSON.stringify(scored));
        match(scored.feedback, feedback);
        await works();
      });
    }

    await t.step(
      "a module that keeps state between calls is rejected, though it counts up to the right answers",
      async () => {
        const lenient = await task(
          "let right = 0; for (let n = 1; n < 20; n++) if (call(n) === 2 * n) right++; return { score: right, feedback: [] };",
        );
        const on = { file: lenient, candidate: COUNTING, trainingSeed: 1 };
        const scored = await workshop.score(on, never);
        ok(!scored.ok && scored.kind === "inconsistent", JSON.stringify(scored));
        match(scored.feedback, /keep no state/);
        const honest = await workshop.score({ ...on, candidate: good }, never);
        ok(honest.ok && honest.score.score === 19);
      },
    );

    const evaluators: [what: string, evaluate: string, kind: string, feedback: RegExp][] = [
      ["throws", `throw new Error("broken " + call(2));`, "evaluator", /The evaluator of "double" failed: broken 0/],
      ["loops", "for (;;);", "timeout", /did not end within 1500 ms and was stopped/],
      ["loops and catches all", "for (;;) { try { call(1); } catch { continue; } }", "timeout", /did not end/],
      [
        "fills the heap",
        "const all = []; for (;;) all.push({ a: [all.length] });",
        "crash|timeout",
        /ended its process|did not end/,
      ],
      ["gives NaN", "return { score: NaN, feedback: [] };", "nan", /NaN/],
      [
        "reads a file",
        `return { score: Deno.readTextFileSync("/etc/hostname").length, feedback: [] };`,
        "evaluator",
        /Deno/,
      ],
      ["looks at the clock", "return { score: Date.now(), feedback: [] };", "evaluator", /Date/],
      ["throws dice of its own", "return { score: Math.random(), feedback: [] };", "evaluator", /run\.random/],
      [
        "starts a thread",
        `new Worker("data:text/javascript,"); return { score: 1, feedback: [] };`,
        "evaluator",
        /Worker/,
      ],
    ];
    const modes = evaluators.map(([, evaluate]) => `() => { ${evaluate} }`);
    const moody = await task(`const modes: (() => Score)[] = [${modes}]; return modes[call(0)]!();`);
    for (const [mode, [what, , kind, feedback]] of evaluators.entries()) {
      await t.step(`an evaluator that ${what} ends as ${kind}, and the next evaluation works`, async () => {
        const candidate = await wasm(body(`return ${mode};`));
        const scored = await workshop.score({ file: moody, candidate, trainingSeed: 1 }, never);
        ok(!scored.ok, JSON.stringify(scored));
        match(scored.kind, new RegExp(`^(${kind})$`), JSON.stringify(scored));
        match(scored.feedback, feedback);
        await works();
      });
    }

    await t.step("an evaluator may print as it likes: it is heard by nobody", async () => {
      const own = await task(
        `for (let i = 0; i < 500; i++) console.log("noise", i); return { score: call(3), feedback: [] };`,
      );
      const scored = await workshop.score({ file: own, candidate: good, trainingSeed: 1 }, never);
      ok(scored.ok && scored.score.score === 6, JSON.stringify(scored));
    });

    await t.step("an abort kills the evaluation, rejects with its reason, and frees the place", async () => {
      const own = await task("for (;;);");
      const stop = new AbortController();
      const before = await children();
      const running = rejects(workshop.score({ file: own, candidate: good, trainingSeed: 1 }, stop.signal), /enough/);
      setTimeout(() => stop.abort(new Error("enough")), 300);
      await running;
      ok((await children()).length <= before.length);
      await works();
      await rejects(
        workshop.score({ file, candidate: good, trainingSeed: 1 }, AbortSignal.abort(new Error("no"))),
        /no/,
      );
    });

    await t.step("an edited task file is the one that runs", async () => {
      const own = await task("return { score: 1, feedback: [] };");
      const score = async () => {
        const scored = await workshop.score({ file: own, candidate: good, trainingSeed: 1 }, never);
        return scored.ok && scored.score.score;
      };
      equal(await score(), 1);
      await Deno.writeTextFile(own, taskText("return { score: 2, feedback: [] };"));
      equal(await score(), 2);
      await Deno.remove(own);
      const gone = await workshop.score({ file: own, candidate: good, trainingSeed: 1 }, never);
      ok(!gone.ok && /it is gone/.test(gone.feedback), JSON.stringify(gone));
    });

    await t.step("a body with a syntax error, one too long and one that is no module are values", async () => {
      const compile = (source: string) => workshop.compile({ source, functions, limits, optimize: 1 }, never);
      const broken = await compile("export function double(n: i32): i32 { return ");
      ok(!broken.ok && broken.kind === "parse", JSON.stringify(broken));
      const long = await compile(`//${"x".repeat(5_000_000)}`);
      ok(!long.ok && /5000002 characters, 10000 is the limit/.test(long.diagnostics));
      const scored = await workshop.score({ file, candidate: Uint8Array.of(0, 1, 2), trainingSeed: 1 }, never);
      ok(
        !scored.ok && scored.kind === "missing" && /Cannot run the module/.test(scored.feedback),
        JSON.stringify(scored),
      );
      const wrong = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0);
      const empty = await workshop.score({ file, candidate: wrong, trainingSeed: 1 }, never);
      ok(!empty.ok && /does not export/.test(empty.feedback), JSON.stringify(empty));
      await works();
    });

    await t.step(
      "many questions at once are answered each by its own, in at most two processes of a kind",
      async () => {
        const seen: number[] = [];
        const scores = await Promise.all(Array.from({ length: 12 }, async (_, at) => {
          const scored = await workshop.score({ file, candidate: at % 2 ? good : bad, trainingSeed: at }, never);
          seen.push((await children()).length);
          return scored.ok && scored.score.score === 20;
        }));
        equal(scores, Array.from({ length: 12 }, (_, at) => at % 2 === 1));
        ok(Math.max(...seen) <= 4, `${seen}`);
      },
    );
  });
});

Deno.test("close() ends every process and rejects what runs; later questions are refused", async () => {
  let running: Promise<void> | undefined, pids: number[] = [], left: Workshop | undefined;
  await withWorkshop(async ({ workshop, task }) => {
    left = workshop;
    const file = await task("return { score: 1, feedback: [] };");
    const spinning = await task("", "get goal() { for (;;); },");
    ok((await workshop.declare(file)).ok);
    running = rejects(workshop.declare(spinning), /closed/);
    await new Promise((done) => setTimeout(done, 600));
    pids = await own();
    ok(pids.length > 0);
  });
  await running;
  for (const pid of pids) ok(await isGone(pid));
  const late = async () => await left?.compile({ source: "", functions, limits, optimize: 1 }, never);
  await rejects(late(), /closed/);
});

Deno.test("an evaluation has so much memory and no more", async () => {
  const hungry = `const all = []; for (let i = 0; i < 40; i++) all.push(new Float64Array(1 << 20).fill(1));
    return { score: all.length, feedback: [] };`;
  for (const [memory, enough] of [[128 << 20, false], [1024 << 20, true]] as const) {
    await withWorkshop(async ({ workshop, task }) => {
      const scored = await workshop.score({ file: await task(hungry), candidate: COUNTING, trainingSeed: 1 }, never);
      equal(scored.ok, enough, JSON.stringify(scored));
      if (!scored.ok) match(scored.feedback, /allocation failed|out of memory/);
    }, { memory: { compile: 2048 << 20, evaluate: memory } });
  }
});

Deno.test("a process that has nothing to do ends", () =>
  withWorkshop(async ({ workshop, task }) => {
    ok((await workshop.declare(await task(HONEST))).ok);
    const pids = await own();
    equal(pids.length, 1);
    ok(await isGone(pids[0] ?? 0));
    ok((await workshop.declare(await task(HONEST))).ok);
  }, { idleMs: 50 }));

const LANDLOCK = landlockAvailable();

/** A parent with a spinning child: once with the workshop, once (the control) with a plain child. */
const PARENT = `
const [what, file] = Deno.args;
if (what === "plain") new Deno.Command(Deno.execPath(), { args: ["eval", "for (;;);"], stdin: "piped" }).spawn();
else {
  const { createWorkshop } = await import("${new URL("./pool.ts", import.meta.url).href}");
  const workshop = createWorkshop({ self: ${JSON.stringify(SELF)}, size: 1 });
  const wasm = Uint8Array.of(${COUNTING});
  workshop.score({ file, candidate: wasm, trainingSeed: 1 }, new AbortController().signal);
}
setTimeout(() => {}, 1e6);
`;
async function withParent(what: string, fn: (on: { parent: number; child: number }) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir();
  await Deno.writeTextFile(`${dir}/parent.ts`, PARENT);
  const spin = taskText("for (;;);").replace("deadlineMs: 1500", "deadlineMs: 9000");
  await Deno.writeTextFile(`${dir}/task.ts`, spin);
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const args = ["run", "-A", "--config", config, `${dir}/parent.ts`, what, `${dir}/task.ts`];
  const parent = new Deno.Command(Deno.execPath(), { args, stdout: "null", stderr: "null" }).spawn();
  let child = 0;
  try {
    const confined = async () => {
      const status = await Deno.readTextFile(`/proc/${child}/status`).catch(() => "");
      return what === "plain" || !LANDLOCK || /NoNewPrivs:\s+1/.test(status);
    };
    /** Processor time so far, in ticks; none before it has a question, which it confines itself for: starting takes some, too. */
    const spinning = async () => {
      child = (await children(parent.pid))[0] ?? 0;
      if (!await confined()) return 0;
      const [, user = "0"] = /\) \S(?: \S+){10} (\d+)/.exec(
        await Deno.readTextFile(`/proc/${child}/stat`).catch(() => ""),
      ) ?? [];
      return Number(user);
    };
    let used = 0, from = 0;
    for (let round = 0; round < 300 && used - from <= 60; round++) {
      await new Promise((done) => setTimeout(done, 100));
      used = await spinning();
      from ||= used;
    }
    ok(used - from > 60, "the child never span");
    await fn({ parent: parent.pid, child });
  } finally {
    for (const pid of [child, parent.pid]) {
      try {
        if (pid > 0) Deno.kill(pid, "SIGKILL");
      } catch { /* gone, as it should be */ }
    }
    await parent.status;
    await Deno.remove(dir, { recursive: true });
  }
}

const linux = { ignore: Deno.build.os !== "linux" };
Deno.test("a spinning evaluation dies with its parent, which a plain child does not", linux, async () => {
  await withParent("workshop", async ({ parent, child }) => {
    Deno.kill(parent, "SIGKILL");
    ok(await isGone(child));
  });
  await withParent("plain", async ({ parent, child }) => {
    Deno.kill(parent, "SIGKILL");
    await new Promise((done) => setTimeout(done, 500));
    match(await Deno.readTextFile(`/proc/${child}/stat`), /\) R/);
  });
});

Deno.test(
  "a spinning evaluation ends at its deadline though its parent stands still",
  linux,
  () =>
    withParent("workshop", async ({ parent, child }) => {
      Deno.kill(parent, "SIGSTOP");
      ok(await isGone(child));
      match(await Deno.readTextFile(`/proc/${parent}/stat`), /\) T/);
    }),
);
