/** The types that plugins take their words from. */

/**
 * The text of `evo.d.ts`: the contract of plugins (the text of actors/plugins.ts) over a plain description of the part of zod
 * that they use (`zod`: the text of zod_part.d.ts), so that neither an installation nor a network is needed.
 */
export function apiTypes(zod: string, contract: string): string {
  const words = contract.slice(contract.indexOf("/**\n * What a plugin may do"));
  return `${zod}\n${words.replaceAll("z.ZodType<I>", "Schema<I>").replaceAll("z: typeof z", "z: Z")}`;
}
