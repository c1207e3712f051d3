/** Zod without code generation: compiling a parser costs more than the few values that a start parses. Loaded before the first parse. */
import * as z from "zod";

z.config({ jitless: true });
