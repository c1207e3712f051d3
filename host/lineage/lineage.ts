/** The Lineage port: accepted generations, and the only two ways to a new one, promotion and return. */
import { dirname, join } from "node:path";
import type { Clock, Lineage } from "../../actors/ports.ts";
import { type Candidate, type Generation, no, NO_USAGE, ok, type Outcome } from "../../actors/types.ts";
import { reason } from "../build/executable.ts";
import { git, mustGit } from "../source/git.ts";
import { isThere, removeIfThere, syncPath, waitForLock } from "../build/disk.ts";
import { fingerprint } from "../home.ts";
import { readCurrent, stateOf, writeCurrent } from "./current.ts";
import * as record from "./manifest.ts";
import { type Evidence, messageOf, oneLine } from "./message.ts";
import { carryOut, finish, type Intent, keepBranch, readIntent } from "./promote.ts";
import { planReturn, tempBeside } from "./return.ts";
import { type Embedded, findSourceRoot, hashOfTree, type SourceRoot } from "./source_root.ts";
import { identify, type Payload, storePayload } from "../build/payload.ts";
import { type At, changedPaths, commitTree, findBlock } from "./tree.ts";
import { explain, verifyChain } from "./verify.ts";

/** What the lineage needs. `executable` is the file to be replaced; `at` is called between steps, for tests. */
export interface LineageOptions {
  home: string;
  cwd: string;
  executable: string;
  embedded: Embedded;
  gatePassed: (tree: string) => { proof: boolean; build: boolean };
  builtExecutable: (tree: string) => string | undefined;
  model: () => string;
  clock: Pick<Clock, "now">;
  notice: (text: string) => void;
  at?: At;
}

/** The port, and what the draft starts from: the repository and the commit of the newest generation in it. */
export type OpenLineage = Lineage & { sourceRoot(): Promise<Outcome<SourceRoot & { generation: number }>> };

/** Opens the lineage. A generation that a person built is recorded when it is first needed. */
export function createLineage(options: LineageOptions): OpenLineage {
  const { home, executable, clock } = options;
  const started = fingerprint(Deno.build.standalone && Deno.build.os === "linux" ? "/proc/self/exe" : executable);
  let accepted = options.embedded.sourceHash;
  let start: SourceRoot | undefined;
  let last: Promise<unknown> = Promise.resolve();

  async function sourceRoot(): Promise<Outcome<SourceRoot>> {
    const embedded = { ...options.embedded, sourceHash: accepted };
    const found = await findSourceRoot({ home, cwd: options.cwd, embedded });
    start = found.ok ? found.value : undefined;
    return found;
  }

  /** One at a time in this process, and one process at a time: another one is waited for, as long as a promotion may take. */
  function locked<T>(act: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
    const done = last.then(() => alone(act));
    last = done;
    return done;
  }

  async function alone<T>(act: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
    const lock = await waitForLock(join(home, "promote.lock"), 5000);
    if (!lock) {
      return no(`Cannot change the lineage in "${home}": another Evo is doing so; try again when it has ended`);
    }
    try {
      const open = await readIntent(home);
      const done = open ? await finish(home, open) : ok([]);
      if (!done.ok) return done;
      await sweep(executable);
      return await act();
    } catch (error) {
      return no(reason(error));
    } finally {
      lock.close();
    }
  }

  /** Makes the executable at hand the head, if a person has built it; returns the head's number. */
  async function adopt(): Promise<Outcome<number>> {
    const file = await fingerprint(executable);
    if (!file) return no(`Cannot record "${executable}": there is no such file; run "deno task build" and start it`);
    const [head, current] = [await record.readHead(home), await readCurrent(home)];
    if (head && current?.file === file && current?.number === head.number) {
      const { manifest } = await record.readManifest(home, head.number);
      if (manifest.source === accepted) return ok(head.number);
      const newer = `"${executable}" has become generation ${head.number} while this Evo ran`;
      return no(`Cannot change the lineage in "${home}": ${newer}; leave and start it again`);
    }
    if (file !== await started) {
      return no(`Cannot record "${executable}": it was rebuilt while this Evo ran; leave and start it again`);
    }
    const sha = await identify(executable);
    const known = head ? (await record.readManifest(home, head.number)).manifest : undefined;
    const source = start ? ok(start) : await sourceRoot();
    if (!source.ok) return source;
    const { root, commit } = source.value;
    if (known && known.executable.payload.sha === sha) {
      await writeCurrent(home, executable, { number: known.number, root, source: accepted });
      return ok(known.number);
    }
    const stored = await storePayload(home, executable);
    if (!stored.ok) return stored;
    const tree = (await mustGit(root, ["rev-parse", `${commit}^{tree}`])).trim();
    const facts = { source: accepted, tree, commit, executable: stored.value };
    const told = { goal: "Built by a person", steps: [], usage: NO_USAGE, decision: "made by a person", model: "none" };
    const patch = known ? (await git(root, ["diff", "--no-color", known.commit, commit])).stdout : "";
    const parent = known?.number ?? null;
    const manifest = await record.nextManifest(home, { parent, ...told, ...facts }, { patch, now: clock.now() });
    const rest = { manifest, patch, root, from: commit, executable, temp: tempBeside(executable), bad: [] };
    const done = await carryOut(home, { v: 1, ...rest, before: sha ?? null, confirmed: true });
    return done.ok ? ok(manifest.number) : done;
  }

  async function promote(candidate: Candidate, evidence: Evidence): Promise<Outcome<Generation>> {
    const { tree, goal } = candidate;
    const passed = options.gatePassed(tree);
    const built = options.builtExecutable(tree);
    if (!passed.proof || !passed.build || !built) {
      return no(`Cannot promote tree ${tree.slice(0, 12)}: the gate of this Evo has not passed it; prove and build it`);
    }
    if (!start) return no(`Cannot promote "${goal.title}": no draft was opened in this Evo; start the evolution again`);
    const { root, commit: from } = start;
    const parent = await adopt();
    if (!parent.ok) return parent;
    const previous = await record.readManifest(home, parent.value);
    const paths = await changedPaths(root, from, tree);
    if (paths.toSorted().join("\0") !== candidate.paths.toSorted().join("\0")) {
      return no(`Cannot promote "${goal.title}": the draft was not made from commit ${from}; evolve again`);
    }
    const number = parent.value + 1;
    const message = messageOf(candidate, evidence, { number, parent: parent.value, previous: previous.hash });
    const commit = await commitTree(root, tree, { parent: from, message });
    const blocked = await findBlock(root, from, commit);
    if (blocked) {
      const why = `Cannot promote "${oneLine(goal.title)}" into "${root}": ${blocked}`;
      return no(await keepBranch(root, { name: `evo/candidate-${number}`, commit, why }));
    }
    await options.at?.("checked");
    const temp = tempBeside(executable);
    const placed = await place(built, temp);
    if (!placed.ok) return placed;
    const source = await hashOfTree(root, { tree, home });
    const facts = { source, tree, commit, executable: placed.value };
    const suggestion = goal.suggestion ? { suggestion: goal.suggestion } : {};
    const told = { parent: parent.value, goal: goal.title, predicted: goal.predicted, ...suggestion, ...evidence };
    const [patch, now, model] = [candidate.diff, clock.now(), options.model()];
    const manifest = await record.nextManifest(home, { ...told, ...facts, model }, { patch, now });
    const before = await identify(executable) ?? null;
    return await take({ v: 1, manifest, patch, root, from, executable, temp, before, confirmed: false, bad: [] });
  }

  /** Carries out an intent of this process, which from then on starts from what it made. */
  async function take(intent: Intent): Promise<Outcome<Generation>> {
    const done = await carryOut(home, intent, options.at);
    if (!done.ok) return done;
    done.value.forEach(options.notice);
    accepted = intent.manifest.source;
    start = intent.root === null ? undefined : { root: intent.root, commit: intent.manifest.commit };
    if (intent.root !== null) await advance(join(home, "draft"), intent.from, intent.manifest.commit);
    return ok(await record.toGeneration(home, intent.manifest));
  }

  /** Puts the new executable beside the old one, on the disk, and its parts into the store. */
  async function place(built: string, temp: string): Promise<Outcome<Payload>> {
    try {
      await Deno.link(built, temp).catch(() => Deno.copyFile(built, temp));
      await Deno.chmod(temp, 0o755);
      const [stored] = await Promise.all([storePayload(home, temp), syncPath(temp)]);
      if (!stored.ok) await removeIfThere(temp);
      return stored;
    } catch (error) {
      await removeIfThere(temp);
      return no(`Cannot place the new executable at "${temp}": ${reason(error)}; nothing was changed`);
    }
  }

  async function rollback(number: number): Promise<Outcome<Generation>> {
    const head = await adopt();
    if (!head.ok) return head;
    const refuse = (why: string) => no(`Cannot return to generation ${number}: ${why}`);
    if (!Number.isInteger(number) || number < 0 || number > head.value) {
      return refuse(`there are generations 0 to ${head.value}; see /lineage`);
    }
    const state = await stateOf(home, number);
    if (state === "bad") return refuse("it died before its first prompt; choose another");
    const source = start ? ok(start) : await sourceRoot();
    if (!source.ok) return source;
    const facts = { number, source: source.value, decision: "asked by a person", bad: [], now: clock.now() };
    const plan = await planReturn({ home, executable, ...facts, confirmed: state === "confirmed" });
    return plan.ok ? await take(plan.value) : refuse(plan.error);
  }

  async function list(): Promise<Generation[]> {
    const adopted = await locked(adopt);
    if (!adopted.ok) options.notice(adopted.error);
    const head = await record.readHead(home);
    const numbers = Array.from({ length: head ? head.number + 1 : 0 }, (_, number) => number);
    const show = async (number: number) =>
      await record.toGeneration(home, (await record.readManifest(home, number)).manifest);
    return await Promise.all(numbers.map(show));
  }

  return {
    sourceRoot: () =>
      locked(async () => {
        const found = await sourceRoot();
        if (!found.ok) return found;
        const head = await adopt();
        return head.ok ? ok({ ...found.value, generation: head.value }) : head;
      }),
    promote: (candidate, evidence) => locked(() => promote(candidate, evidence)),
    rollback: (number) => locked(() => rollback(number)),
    list,
    verify: () => verifyChain(home),
    why: (number) => explain(home, number),
  };
}

/** A draft that is what was promoted goes on from there. */
async function advance(draft: string, from: string, to: string): Promise<void> {
  if (!await isThere(join(draft, ".git"))) return;
  await git(draft, ["update-ref", "--no-deref", "HEAD", to, from]);
}

/** What a kill left beside the executable before anything was recorded. Call with the promotion lock held. */
async function sweep(executable: string): Promise<void> {
  const folder = dirname(executable);
  if (!await isThere(folder)) return;
  for await (const { name } of Deno.readDir(folder)) {
    if (/^\.evo-[0-9a-f]{8}\.new$/.test(name)) await removeIfThere(join(folder, name));
  }
}
