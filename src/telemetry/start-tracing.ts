import type { Config } from '../core/config'
import type { Log } from '../core/log'
import type { Tracing } from '../core/tracing'

/** Tracing until `stop`, which flushes the remaining spans or gives up. */
export type RunningTracing = Tracing & { stop(): Promise<void> }

/** Starts tracing; `null` without a collector. `log` is a function because the log is created later. */
export async function startTracing(
  { tracing }: Config,
  version: string,
  log: () => Log,
): Promise<RunningTracing | null> {
  if (!tracing) return null
  // OpenTelemetry is loaded only when traces are collected.
  const { createTracing } = await import('./tracer')
  return createTracing({ ...tracing, version }, log)
}
