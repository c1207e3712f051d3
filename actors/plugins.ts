/** Plugins that people drop in: the words a tool plugin is written in. A plugin file imports nothing but these types. */
import type * as z from "zod";
import type { ToolResult } from "./types.ts";

/**
 * What a plugin may do beyond computing. Each is asked for by name and granted once by a person, bound to the file's hash.
 * `read` and `write`: paths below the working directory ("." for all of it). `net`: hosts, each with an optional port.
 * `env`: variable names. `run`: program names.
 */
export interface Permissions {
  read?: string[];
  write?: string[];
  net?: string[];
  env?: string[];
  run?: string[];
}

/** What one call of a plugin may use besides its input. */
export interface PluginContext {
  /** Aborted when the person interrupts the turn; at the deadline the plugin's process is killed. */
  signal: AbortSignal;
  /** The working directory, absolute. */
  cwd: string;
  /** Calls another plugin's tool, through the host. */
  call(tool: string, input: unknown): Promise<ToolResult>;
  /** Shows progress of this call. */
  update(text: string): void;
}

/** A tool that was dropped in. */
export interface DropIn<I = unknown> {
  /** Lower snake case, unlike every other tool's. */
  name: string;
  /** For the model. */
  description: string;
  /** What the call takes; arguments are parsed with it before `run` sees them. */
  input: z.ZodType<I>;
  /** Nothing unless it is named here. */
  permissions?: Permissions;
  /** True if calls change nothing: they may run side by side. */
  readOnly?: boolean;
  /** Milliseconds that one call may take; 30,000 unless told, 600,000 at most. */
  deadlineMs?: number;
  run(input: I, context: PluginContext): Promise<ToolResult | string> | ToolResult | string;
}

/** What the default export of a plugin is called with. `tool` returns what it is given: it is there for its types. */
export interface PluginApi {
  z: typeof z;
  tool<I>(plugin: DropIn<I>): DropIn<I>;
}

/** The default export of a plugin file. */
export type PluginFile = (api: PluginApi) => DropIn;
