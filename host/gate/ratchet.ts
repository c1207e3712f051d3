/** The ratchet: tests and assertions do not go away, except with the export they test. */
import type { Facts } from "../lint/inspect.ts";

type Known = Map<string, Facts>;
type Test = Facts["tests"][number];

/**
 * What a candidate lost of its parent's tests, one sentence each. A test whose body stayed may have a new title or file; with
 * `fixed`, where no code changed, no body may: whether a test was weakened cannot be seen from what passes.
 */
export function checkRatchet(parent: Known, candidate: Known, fixed = false): string[] {
  const left = new Map([...candidate].flatMap(([file, { tests }]) => tests.map((test) => [test, file] as const)));
  const take = (same: (test: Test, file: string) => boolean) => {
    const found = [...left].find(([test, file]) => same(test, file))?.[0];
    if (found) left.delete(found);
    return found;
  };
  const lost: string[] = [], missing: [string, Facts, Test][] = [], removed = new Map<string, number>();
  const compare = (file: string, old: Test, now: Test) => {
    if (now.asserts < old.asserts) {
      lost.push(`"${file}": the test "${old.title}" had ${old.asserts} assertions and has ${now.asserts}`);
    } else if (fixed && now.body !== old.body) {
      lost.push(`"${file}": the test "${old.title}" changed, but no code did; leave it and add another`);
    }
  };
  for (const [file, facts] of parent) {
    for (const old of facts.tests) {
      const now = take((test, at) => at === file && test.title === old.title);
      if (now) compare(file, old, now);
      else missing.push([file, facts, old]);
    }
  }
  for (const [file, facts, old] of missing) {
    const now = take((test) => test.title === old.title) ?? take((test) => test.body === old.body);
    if (now) compare(file, old, now);
    else if (!testsGone(facts, { test: old, candidate })) {
      lost.push(`"${file}": the test "${old.title}" is gone, but what it tests is still there; keep it`);
    }
    if (!now) removed.set(file, (removed.get(file) ?? 0) + old.asserts);
  }
  const before = sum(parent) - [...removed.values()].reduce((a, b) => a + b, 0);
  if (sum(candidate) < before) lost.push(`The tests had ${before} assertions and have ${sum(candidate)}; keep them`);
  return lost;
}

const sum = (known: Known) => [...known.values()].reduce((total, { asserts }) => total + asserts, 0);

/** True if one of the exports that a test uses is exported by no file of the candidate any more. */
function testsGone(facts: Facts, { test, candidate }: { test: Test; candidate: Known }): boolean {
  const own = Object.entries(facts.imports).filter(([, from]) => from.startsWith("."));
  const used = own.filter(([name]) => test.uses.includes(name));
  const exported = new Set([...candidate.values()].flatMap((one) => one.exports));
  const gone = (from: string) => {
    const name = from.slice(from.lastIndexOf("#") + 1);
    return name === "*" || name === "default"
      ? ![...candidate.keys()].some((path) => path.endsWith(baseOf(from)))
      : !exported.has(name);
  };
  return (used.length > 0 ? used : own).some(([, from]) => gone(from));
}

const baseOf = (from: string) => from.slice(0, from.lastIndexOf("#")).replace(/^(\.\.?\/)+/, "/");

/** True if code was only made smaller: fewer lines, and no export lost. */
export function onlySmaller(
  parent: { facts: Known; lines: number },
  candidate: { facts: Known; lines: number },
): boolean {
  const kept = [...parent.facts].every(([file, { exports }]) =>
    exports.every((name) => candidate.facts.get(file)?.exports.includes(name))
  );
  return kept && candidate.lines < parent.lines;
}
