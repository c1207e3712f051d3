/** `deno task build`. */
import { no } from "../../actors/types.ts";
import { reason } from "./executable.ts";
import { CHECKOUT, install } from "./install.ts";

const say = (line: string) => Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
const built = await install(CHECKOUT, say).catch((error) => no(reason(error)));
if (!built.ok) say(built.error);
Deno.exit(built.ok ? 0 : 1);
