/** What Evo uses of @std/cli's parseArgs; its npm edition comes without declarations. */
export interface ParseOptions {
  string?: string[];
  boolean?: string[];
  alias?: Record<string, string>;
  stopEarly?: boolean;
  "--"?: boolean;
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}
export function parseArgs(
  args: string[],
  options?: ParseOptions,
): Record<string, unknown> & { _: (string | number)[]; "--"?: string[] };
