import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { createWorkshop } from "./pool.ts";
import { findTasks } from "./tasks.ts";

const SELF = [Deno.execPath(), "run", "-A", new URL("../boot.ts", import.meta.url).pathname];
const PARTS = {
  name: `name: "double"`,
  description: `description: "Doubles"`,
  functions: `functions: { double: { parameters: [["n", "i32"]], result: "i32" } }`,
  limits: "limits: { fuel: 1000, pages: 1, deadlineMs: 500, source: 100 }",
  evaluate: "evaluate() { return { score: 1, feedback: [] }; }",
};
const taskText = (parts: Partial<typeof PARTS> = {}) =>
  `import type { TaskFile } from "nowhere";\nexport default (({ task }) => task({ ${
    Object.values({ ...PARTS, ...parts }).filter(Boolean).join(", ")
  } })) satisfies TaskFile;`;

const broken: [name: string, files: Record<string, string>, problem: RegExp][] = [
  ["named", { "task.ts": taskText() }, /it is named "double" in the folder "named"/],
  ["noname", { "task.ts": taskText({ name: `name: "No Name"` }) }, /its name is not lower snake case/],
  [
    "badtype",
    { "task.ts": taskText({ functions: `functions: { f: { parameters: [["n", "f46"]], result: "i32" } }` }) },
    /its functions\.f\.parameters\[0\]\[1\] has the unknown type "f46"/,
  ],
  [
    "badresult",
    { "task.ts": taskText({ functions: `functions: { f: { parameters: [], result: "number" } }` }) },
    /its functions\.f\.result has the unknown type "number"/,
  ],
  ["nofunction", { "task.ts": taskText({ functions: "functions: {}" }) }, /its functions declares no function/],
  ["noevaluator", { "task.ts": taskText({ evaluate: "" }) }, /it has no evaluator/],
  ["nolimits", { "task.ts": taskText({ limits: "" }) }, /its limits is missing/],
  [
    "fuelless",
    { "task.ts": taskText({ limits: "limits: { fuel: 0, pages: 1, deadlineMs: 5, source: 5 }" }) },
    /its limits\.fuel is below 1/,
  ],
  ["throws", { "task.ts": `export default () => { throw new Error("oh no"); };` }, /: oh no$/],
  ["loose", { "task.ts": "export const task = 1;" }, /default export is not a function/],
  ["syntax", { "task.ts": "export default (" }, /Cannot load the task ".*syntax\/task\.ts": /],
  ["imports", { "task.ts": `import { x } from "./x.ts";\n${taskText()}` }, /imports a value; only type imports/],
  ["async", { "task.ts": "export default async () => ({});" }, /asynchronously/],
  ["empty", {}, /it has no task\.ts/],
  ["bodyless", { "task.ts": taskText(), "function.ts": "" }, /it has no function\.ts/],
  ["huge", { "task.ts": taskText(), "function.ts": "x".repeat(5_000_000) }, /function\.ts has 5000000 bytes/],
  [
    "long",
    { "task.ts": taskText({ name: `name: "long"` }), "function.ts": "x".repeat(101) },
    /function\.ts has 101 characters, 100 is its limit/,
  ],
];

Deno.test("tasks are found, broken ones are one sentence each, and twins are refused", async (t) => {
  const dir = await Deno.realPath(await Deno.makeTempDir());
  const workshop = createWorkshop({ self: SELF, size: 2 });
  let declared = 0;
  const declare = (file: string) => {
    declared++;
    return workshop.declare(file);
  };
  const write = async (folder: string, files: Record<string, string>) => {
    await Deno.mkdir(`${dir}/${folder}`, { recursive: true });
    for (const [name, text] of Object.entries({ "function.ts": "body", ...files })) {
      if (text !== "") await Deno.writeTextFile(`${dir}/${folder}/${name}`, text);
    }
  };
  const shipped = new URL(`file://${dir}/shipped/`);
  const cache = `${dir}/cache.json`;
  try {
    await write("shipped/double", { "task.ts": taskText(), "cassette.jsonl": "{}\n" });
    await write("own folder 100%/triple", { "task.ts": taskText({ name: `name: "triple"` }) });
    await write("own folder 100%/plain", {
      "task.js": `export default ({ task }) => task({ ${Object.values({ ...PARTS, name: `name: "plain"` })} });`,
    });
    await write("own folder 100%/double", { "task.ts": taskText() });
    const folders = [`${dir}/own folder 100%`, `${dir}/missing`];

    await t.step("shipped ones first, then those of trusted folders; the shipped one keeps its name", async () => {
      const { tasks, problems } = await findTasks({ shipped, folders, declare, cache });
      equal(tasks.map(({ name, shipped, source }) => [name, shipped, source]), [
        ["double", true, "body"],
        ["plain", false, "body"],
        ["triple", false, "body"],
      ]);
      equal([tasks[0]?.cassette, tasks[0]?.file], ["{}\n", `${shipped}double/task.ts`]);
      equal(tasks[2]?.file, `${dir}/own folder 100%/triple/task.ts`);
      equal(problems.length, 1, problems.join("\n"));
      match(
        problems[0] ?? "",
        /"double\/double\/task\.ts"|double\/task\.ts": "shipped\/double\/task\.ts" has its name; rename/,
      );
      equal(declared, 4);
    });

    await t.step("what was declared once is not run again, until its text changes", async () => {
      equal((await findTasks({ shipped, folders, declare, cache })).tasks.length, 3);
      equal(declared, 4);
      await Deno.writeTextFile(
        `${dir}/own folder 100%/triple/task.ts`,
        taskText({ name: `name: "triple"`, description: `description: "Trebles"` }),
      );
      const { tasks } = await findTasks({ shipped, folders, declare, cache });
      equal([tasks[2]?.description, declared], ["Trebles", 5]);
      await Deno.writeTextFile(cache, "{torn");
      equal((await findTasks({ shipped, folders, declare, cache })).tasks.length, 3);
      equal(declared, 5);
      match(await Deno.readTextFile(cache), /"Trebles".*\}$/s);
    });

    await t.step("each broken task is one sentence, and the good one beside them is found", async () => {
      const folder = `${dir}/broken`;
      for (const [name, files] of broken) await write(`broken/${name}`, files);
      await write("broken/triple", { "task.ts": taskText({ name: `name: "triple"` }) });
      const { tasks, problems } = await findTasks({ shipped, folders: [folder], declare });
      equal(tasks.map(({ name }) => name), ["double", "triple"]);
      for (const [name, , problem] of broken) {
        const said = problems.filter((line) => line.includes(`broken/${name}`));
        equal(said.length, 1, `${name}: ${problems.join("\n")}`);
        match(said[0] ?? "", problem);
        ok(!said[0]?.includes("\n") && !said[0]?.endsWith("."), said[0]);
      }
      equal(problems.length, broken.length);
    });

    for (const [where, cache] of [["on disk", `${dir}/evo/functions/kept.json`], ["in memory", undefined]] as const) {
      await t.step(
        `a task whose text spins is waited for once (${where}), until it changes or is asked for`,
        async () => {
          const error = "Cannot load the task: it did not end", folder = `${dir}/spinning ${where}`;
          let spins = true, lasting = false, asked = -1;
          const declare = (file: string) => {
            asked++;
            return spins ? Promise.resolve({ ok: false as const, error, lasting }) : workshop.declare(file);
          };
          const find = (only?: string) =>
            findTasks({ shipped, folders: [folder], declare, ...(cache && { cache }), ...(only && { only }) });
          const text = (description: string) => taskText({ name: `name: "spins"`, description });
          await Deno.mkdir(`${dir}/evo`, { recursive: true });
          await write(`spinning ${where}/spins`, { "task.ts": text(`description: "${where}"`) });
          equal((await find()).problems, [error]); // as when its process was killed: nothing is learned from that
          lasting = true;
          for (const _ of "twice") equal((await find()).problems, [error]);
          equal(asked, 1);
          equal((await find("spins")).problems, [error]);
          equal(asked, 2);
          await write(`spinning ${where}/spins`, { "task.ts": text(`description: "${where}, edited"`) });
          equal([(await find()).problems, asked], [[error], 3]);
          spins = false;
          equal([(await find()).problems, asked], [[error], 3]);
          equal([(await find("spins")).tasks.length, asked], [1, 4]);
          equal([(await find()).problems, asked], [[], 4]);
          if (cache) match(await Deno.readTextFile(cache), /on disk, edited/);
        },
      );
    }

    await t.step("a folder that disappears has no tasks", async () => {
      await Deno.remove(`${dir}/broken`, { recursive: true });
      equal((await findTasks({ shipped, folders: [`${dir}/broken`], declare, cache })).problems, []);
    });
  } finally {
    await workshop.close();
    await Deno.remove(dir, { recursive: true });
  }
});
