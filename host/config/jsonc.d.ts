/** The part of @std/jsonc that is used: the package on npm carries no types. */
export function parse(text: string): unknown;
