/** `deno task start`: builds bin/evo if it is stale, then becomes it. */
import { no } from "../../actors/types.ts";
import { reason } from "./executable.ts";
import { execute } from "../sandbox/exec.ts";
import { CHECKOUT, ensure } from "./install.ts";

const say = (line: string) => void Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
const built = await ensure(CHECKOUT, say).catch((error) => no(reason(error)));
if (!built.ok) {
  say(built.error);
  Deno.exit(1);
}
execute(built.value, Deno.args);
// Only where there is no exec: stay behind as its parent.
const { code } = await new Deno.Command(built.value, { args: Deno.args }).spawn().status;
Deno.exit(code);
