/** Walks a candidate's machine: is there a way to promotion that goes around proof or build? Guards other than `passed` are ignored, so the answer holds whatever the context is. */

/** What is read of a state of a machine. */
export interface StateNode {
  id: string;
  key: string;
  initial: { target: readonly StateNode[] | undefined };
  states: Record<string, StateNode>;
  transitions: ReadonlyMap<string, readonly Edge[]>;
  always?: readonly Edge[] | undefined;
  invoke: readonly { src: unknown }[];
}

/** What is read of a transition. */
export interface Edge {
  source: StateNode;
  target: readonly StateNode[] | undefined;
  guard?: unknown;
}

const DOOR = "promoting";
const GATES: Record<string, string> = { proving: "prove", building: "build" };
const all = (node: StateNode): StateNode[] => [node, ...Object.values(node.states).flatMap(all)];
const edgesOf = (node: StateNode): Edge[] => [...[...node.transitions.values()].flat(), ...node.always ?? []];

function isPassed(guard: unknown): boolean {
  return guard === "passed" ||
    (typeof guard === "object" && guard !== null && "type" in guard && guard.type === "passed");
}

/** Ways around the gate, one sentence each; none means that promotion is reached only through a passed proof and a passed build. */
export function bypasses(root: StateNode): string[] {
  const nodes = all(root), found: string[] = [];
  for (const name of [...Object.keys(GATES), DOOR]) {
    const named = nodes.filter(({ key }) => key === name);
    if (named.length !== 1) found.push(`There must be one state "${name}", there are ${named.length}`);
  }
  for (const [state, src] of [...Object.entries(GATES), [DOOR, "promote"] as const]) {
    const where = nodes.filter(({ invoke }) => invoke.some((one) => one.src === src)).map(({ key }) => key);
    if (where.length !== 1 || where[0] !== state) {
      found.push(`"${src}" must be invoked in "${state}" alone, it is in [${where.join(", ")}]`);
    }
    const invoked = nodes.find(({ key }) => key === state)?.invoke.length ?? 0;
    if (invoked !== 1) found.push(`"${state}" must invoke one actor, it invokes ${invoked}`);
  }
  for (const gate of Object.keys(GATES)) {
    if (reached(root, gate).has(DOOR)) found.push(`"${DOOR}" is reachable without passing "${gate}"`);
  }
  return found;
}

/** Keys of the states that can be entered without a `passed` transition out of `gate`. */
function reached(root: StateNode, gate: string): Set<string> {
  const everywhere = edgesOf(root), seen = new Set<StateNode>(), todo: StateNode[] = [root];
  for (let node = todo.pop(); node; node = todo.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    const here = node;
    const edges = [...edgesOf(here), ...everywhere].filter(({ guard }) => !(here.key === gate && isPassed(guard)));
    todo.push(...edges.flatMap(({ target }) => target ?? []), ...here.initial?.target ?? []);
    for (let above = parentOf(root, here); above; above = parentOf(root, above)) todo.push(above);
  }
  return new Set([...seen].map(({ key }) => key));
}

function parentOf(root: StateNode, child: StateNode): StateNode | undefined {
  return all(root).find(({ states }) => Object.values(states).includes(child));
}
