import type { Shell } from "../../actors/ports.ts";

/** A shell in which a command that the person typed as `!command` needs no second approval; each typing counts once. */
export function typedShell(shell: Shell, approved: Shell, typed: Set<string>): Shell {
  return {
    readOnly: shell.readOnly,
    run: (command, options) => (typed.delete(command) ? approved : shell).run(command, options),
  };
}
