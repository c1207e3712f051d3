/** What dropped-in tool plugins look like from the host: declared in a sandbox, called in a sandbox. */
import type { Permissions } from "../../actors/plugins.ts";
import type { Clock } from "../../actors/ports.ts";
import type { ToolResult } from "../../actors/types.ts";

/** What a plugin file says about itself. */
export interface Declared {
  name: string;
  description: string;
  /** JSON Schema of the arguments; the plugin's own zod schema checks them in the worker. */
  parameters: Record<string, unknown>;
  permissions: Permissions;
  readOnly: boolean;
  deadlineMs: number;
  /** The plugin as JavaScript, so that later starts need no TypeScript. Not for people. */
  code: string;
}

/** What is needed to start a plugin's process. `self` starts this executable. */
export interface Place {
  self: string[];
  cwd: string;
  /** False only in tests that show what Landlock stops. */
  landlock?: boolean;
}

/** A plugin's file, an absolute path, as it was read; `signal` says that it is not wanted any more. */
export interface Dropped {
  file: string;
  source: string;
  signal: AbortSignal;
}

/** What is needed to run a plugin. */
export interface ToolWorkerOptions extends Place {
  file: string;
  granted: Permissions;
  /** What it said about itself. */
  declared: Declared;
  /** Carries a call to another plugin. `chain`: the names of the plugins that wait for it, outermost first: hand it to that plugin's `call`. */
  call(tool: string, input: unknown, on: { signal: AbortSignal; chain: string[] }): Promise<ToolResult>;
  /** Said once for each crash and each stop: one sentence for people. */
  notice?(text: string): void;
  clock?: Clock;
}

/** What a call is given. */
export interface CallOptions {
  signal: AbortSignal;
  update(text: string): void;
  /** The plugins that wait for this call; from `ToolWorkerOptions.call`. */
  chain?: string[];
}

/** One plugin, in a process of its own that starts at the first call and ends when it is idle. */
export interface ToolWorker {
  readonly declared: Declared;
  /** Never rejects but on an abort: whatever goes wrong is a result for the model. */
  call(input: unknown, on: CallOptions): Promise<ToolResult>;
  /** `running` also at rest: the next call starts it. */
  state(): "running" | "restarting" | "stopped";
  readonly calls: number;
  readonly failures: number;
  /** Ends the process and all that it started; calls in flight are told so. */
  end(): Promise<void>;
}
