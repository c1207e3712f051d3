import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { createMachine } from "xstate";
import { createRoot } from "../../../actors/root.ts";
import { bypasses } from "../../testing/walk.ts";

// deno-lint-ignore no-explicit-any -- the machine is only looked at: no port is ever called
const inert: any = new Proxy(() => inert, {
  get: (_, name) => name === Symbol.toPrimitive ? () => "" : inert,
  apply: () => inert,
});

Deno.test("the machine reaches promotion only through a passed proof and a passed build", () => {
  equal(bypasses(createRoot(inert).root), []);
});

const passed = (target: string, otherwise: string) => ({
  onDone: [{ guard: "passed", target }, { target: otherwise }],
});
const sound = () => ({
  initial: "idle",
  states: {
    idle: { on: { go: "evolving" } },
    evolving: { on: { made: "proving" } },
    proving: { invoke: { src: "prove", ...passed("building", "evolving") } },
    building: { invoke: { src: "build", ...passed("promoting", "evolving") } },
    promoting: { invoke: { src: "promote", onDone: "idle" } },
  },
});

Deno.test("a sound machine has no bypass", () => equal(bypasses(createMachine(sound()).root), []));

// deno-lint-ignore no-explicit-any -- each case damages a plain configuration
const planted: [name: string, damage: (machine: any) => void, said: RegExp][] = [
  ["an event straight to promotion", ({ states }) => states.idle.on = { go: "promoting" }, /without passing "proving"/],
  ["an event of the whole machine", (machine) => machine.on = { hurry: ".promoting" }, /without passing "building"/],
  ["an eventless transition", ({ states }) => states.evolving.always = "promoting", /without passing "proving"/],
  ["a delay", ({ states }) => states.evolving.after = { 10: "promoting" }, /without passing "proving"/],
  ["an error of the proof", ({ states }) => states.proving.invoke.onError = "building", /without passing "proving"/],
  [
    "a build that need not pass",
    ({ states }) => states.building.invoke.onDone = "promoting",
    /without passing "building"/,
  ],
  [
    "a guard of another name",
    ({ states }) => states.building.invoke.onDone[0].guard = "fine",
    /without passing "building"/,
  ],
  ["a proof that is left out", ({ states }) => states.evolving.on.made = "building", /without passing "proving"/],
  [
    "promotion from elsewhere",
    ({ states }) => states.idle.invoke = { src: "promote" },
    /"promote" must be invoked in "promoting" alone/,
  ],
  [
    "another actor that proves",
    ({ states }) => states.proving.invoke.src = "nod",
    /"prove" must be invoked in "proving" alone/,
  ],
  [
    "a second state of that name",
    ({ states }) => states.idle = { initial: "proving", states: { proving: {} } },
    /one state "proving"/,
  ],
  [
    "a way through a nested state",
    ({ states }) => states.idle = { initial: "a", states: { a: { on: { go: "#door" } } } },
    /without passing/,
  ],
];
for (const [name, damage, said] of planted) {
  Deno.test(`the walk finds ${name}`, () => {
    const machine = sound();
    Object.assign(machine.states.promoting, { id: "door" });
    damage(machine);
    match(bypasses(createMachine(machine).root).join("\n"), said);
    ok(bypasses(createMachine(sound()).root).length === 0);
  });
}
