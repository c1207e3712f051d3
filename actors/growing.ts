/** The ports of what grows while Evo runs. */
import type { ToolPlugin } from "./ports.ts";
import type { Outcome } from "./types.ts";

/** Plugins that were dropped in. */
export interface Plugins {
  /** Begins to watch the folders; what appears is live within a second. Called once. */
  start(): Promise<void>;
  /** The tools that are live now, in a stable order. */
  tools(): ToolPlugin[];
  /** Runs one command line: list (nothing said), new NAME. The text is for people. */
  run(words: string[], signal: AbortSignal): Promise<Outcome<string>>;
}

/** Evolvable functions of this directory and of the executable. */
export interface Functions {
  /**
   * Runs one command line: list, show, evolve, activate, history, bench. The text is for people; a bad outcome is one
   * sentence. An abort ends an evolution in good order: what was found stays,
   * and `exit` is the exit code that tells it.
   */
  run(
    words: string[],
    how: { signal: AbortSignal; update(text: string): void },
  ): Promise<Outcome<string> & { exit?: number }>;
}
