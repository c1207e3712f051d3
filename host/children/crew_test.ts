import { getEventListeners } from "node:events";
import { deepStrictEqual as equal, ok, rejects } from "node:assert/strict";
import type { Process } from "./ask.ts";
import { createCrew } from "./crew.ts";

/** A crew of processes that are none, each with a name; `ended` is who was ended. */
function fakeCrew(size: number) {
  const names = new Map<Process, string>(), ended: string[] = [];
  const start = () => {
    const name = `p${names.size}`;
    let alive = true;
    const process: Process = {
      ask: () => Promise.reject(new Error("nobody asks")),
      alive: () => alive,
      end: () => (alive && ended.push(name), alive = false, Promise.resolve()),
    };
    names.set(process, name);
    return Promise.resolve(process);
  };
  const crew = createCrew({ size, idleMs: 60_000, start });
  const name = (process: Process) => Promise.resolve(names.get(process) ?? "");
  return { crew, ended, name };
}
const turn = () => new Promise((done) => setTimeout(done, 1));

Deno.test("a job has a process of its key that is warm, then one that is new, then that of the longest unused", async () => {
  const { crew, ended, name } = fakeCrew(2), { signal } = new AbortController();
  const run = (key: string) => crew.run(key, name, signal);
  equal([await run("a"), await run("a"), await run("b"), await run("a"), await run("c"), await run("a")], [
    ...["p0", "p0", "p1", "p0", "p2", "p0"],
  ]);
  equal(ended, ["p1"]);
  equal(getEventListeners(signal, "abort").length, 0);
  await crew.close();
  equal(ended, ["p1", "p0", "p2"]);
});

Deno.test("a job that waits leaves the queue at its abort, and those behind it go on in order", async () => {
  const { crew, name } = fakeCrew(1), stop = new AbortController(), { signal } = new AbortController();
  const first = Promise.withResolvers<string>(), done: string[] = [];
  const running = crew.run("", () => first.promise, signal);
  const left = crew.run("", name, stop.signal);
  const others = ["a", "b"].map((which) => crew.run("", () => Promise.resolve(done.push(which)), signal));
  await turn();
  stop.abort(new Error("enough"));
  await rejects(left, /enough/);
  equal(done, []);
  first.resolve("first");
  equal(await running, "first");
  await Promise.all(others);
  equal(done, ["a", "b"]);
  await crew.close();
});

Deno.test("the process of a job that throws is ended, and close() rejects what runs and what waits", async () => {
  const { crew, ended, name } = fakeCrew(1), { signal } = new AbortController();
  await rejects(crew.run("", () => Promise.reject(new Error("odd")), signal), /odd/);
  equal([await crew.run("", name, signal), ended], ["p1", ["p0"]]);
  const never = Promise.withResolvers<void>();
  const both = [crew.run("", () => never.promise, signal), crew.run("", name, signal)];
  await turn();
  const told = Promise.allSettled(both), closing = crew.close();
  never.resolve();
  await closing;
  ok((await told).every(({ status }) => status === "rejected"));
  equal(ended, ["p0", "p1"]);
  await rejects(crew.run("", name, signal), /closed/);
});
