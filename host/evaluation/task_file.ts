/** A task file, read into a task: in the child only, since reading it runs it. */
import type { FunctionApi, Task } from "../../actors/functions.ts";
import { no, ok, type Outcome } from "../../actors/types.ts";
import { strip } from "../workers/strip.ts";
import { Declared } from "./protocol.ts";
import type { Declaration } from "./types.ts";

/** A task that can be run, with its declaration as data. */
export interface Loaded {
  task: Task;
  declaration: Declaration;
}

/** Imports one of Evo's own task files by its URL, or a dropped-in one by its text: types stripped, nothing imported. */
export async function loadTask(file: string, text?: string): Promise<Outcome<Loaded>> {
  const refuse = (why: string) => no(`Cannot load the task "${shown(file)}": ${why}`);
  let url = file;
  try {
    if (text !== undefined) {
      const code = await strip(text, shown(file));
      if (!code.ok) return refuse(code.error.replace(/^Cannot load "[^"]*": /, ""));
      url = `data:text/javascript;charset=utf-8,${encodeURIComponent(code.value)}`;
    }
    const { default: make } = await import(url);
    if (typeof make !== "function") {
      return refuse("its default export is not a function; write: export default (({ task }) => task({ ... }))");
    }
    const api: FunctionApi = { task: (task) => task };
    return check(make(api), refuse);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return refuse(message.replaceAll(/data:text\/javascript[^\s"']*/g, "it").split("\n", 1)[0]?.slice(0, 300) ?? "");
  }
}

function check(given: unknown, refuse: (why: string) => { ok: false; error: string }): Outcome<Loaded> {
  if (typeof given !== "object" || given === null) return refuse("it declares no task; return task({ ... })");
  if (given instanceof Promise) return refuse("it declares its task asynchronously; return it at once");
  const parsed = Declared.safeParse(given);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const path = issue?.path.map((key) => typeof key === "number" ? `[${key}]` : `.${String(key)}`).join("").slice(1);
    return refuse(`its ${path || "declaration"} ${issue?.message ?? "is wrong"}`);
  }
  if (!("evaluate" in given) || typeof given.evaluate !== "function") {
    return refuse("it has no evaluator; give it a method evaluate(candidate, run)");
  }
  const evaluate = given.evaluate.bind(given);
  return ok({ task: Object.freeze({ ...parsed.data, evaluate }), declaration: parsed.data });
}

/** The last folders of a path or URL. */
export function shown(file: string): string {
  return file.split("/").slice(-3).join("/");
}
