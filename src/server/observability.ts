import { version } from '../../package.json'
import type { Config } from '../core/config'
import { createLog, type Log, type LogDestination } from '../core/log'
import { type RunningTracing, startTracing } from '../telemetry/start-tracing'

/** The log and the tracing of a process. They exist before everything else. */
export type Observability = { log: Log; tracing: RunningTracing | null }

/** Creates the log and, when a collector is configured, the tracing. Each log line has the id of its trace. */
export async function createObservability(
  config: Config,
  destination?: LogDestination,
): Promise<Observability> {
  const tracing = await startTracing(config, version, () => log)
  const log = createLog({
    level: config.logLevel,
    format: config.logFormat,
    destination,
    traceId: tracing?.traceId,
  })
  return { log, tracing }
}
