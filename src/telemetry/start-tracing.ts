import type { Config } from '../core/config'
import type { Log } from '../core/log'
import type { Tracing } from '../core/tracing'

/** Traces that are collected, until `stop` has sent what is left or given up. */
export type RunningTracing = Tracing & { stop(): Promise<void> }

/** Follows requests where the configuration names a collector; `null` where it does not. `log` is asked for when needed. */
export async function startTracing(
  { tracing }: Config,
  version: string,
  log: () => Log,
): Promise<RunningTracing | null> {
  if (!tracing) return null
  // Who collects no traces does not load what makes them either.
  const { createTracing } = await import('./tracer')
  return createTracing({ ...tracing, version }, log)
}
