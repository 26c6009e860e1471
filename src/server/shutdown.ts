import type { Lifecycle } from '../core/lifecycle'
import type { Job } from '../core/run-periodically'
import type { Deps } from '../deps'
import type { Realtime } from '../modules/realtime/sockets'
import type { MetricsServer } from '../telemetry/metrics-server'
import type { RunningTracing } from '../telemetry/start-tracing'
import type { ControlServer } from './control-server'
import type { Storage } from './storage'

/** The parts of a service, as far as they have started. */
export type Parts = {
  tracing?: RunningTracing | null
  storage?: Storage
  deps?: Deps
  lag?: { stop(): void }
  metrics?: MetricsServer | null
  realtime?: Realtime
  server?: { stop(): Promise<void> }
  control?: ControlServer | null
  cleanup?: Job
}

export type Shutdown = {
  /** How long to serve on, so that balancers see `/readyz` fail before connections are refused. Default: 0. */
  delayMilliseconds?: number
  /** Whether clients may be about to connect; see `untilQuiet`. Default: true. */
  hasClients?: boolean
}

/** Sends clients to other instances, finishes what has begun, and ends every part. */
export async function shutDown(parts: Parts, { delayMilliseconds = 0, hasClients = true }: Shutdown) {
  const { deps, server, realtime, control, cleanup } = parts
  try {
    deps?.lifecycle.startDraining()
    const cleanupEnded = cleanup?.stop()
    await Bun.sleep(delayMilliseconds)

    deps?.lifecycle.startClosing()
    const socketsEnded = realtime?.stop()
    if (deps && hasClients) await untilQuiet(deps.lifecycle)
    await Promise.all([server?.stop(), socketsEnded, cleanupEnded, control?.close()])
    await deps?.listener.close()
    parts.lag?.stop()
    await parts.metrics?.stop()
  } finally {
    await parts.tracing?.stop()
    await parts.storage?.close()
  }
}

const lookMilliseconds = 10
const maxLooks = 200
// Enough when nobody comes at all; who was refused comes back after a second, and others may be on their way.
const fewLooks = 10
const manyLooks = 40

/**
 * The kernel resets who has connected and was not accepted when the listener closes, so nobody may be coming then. Looks
 * are counted and not time: a process that was kept from running has not heard yet who came.
 */
async function untilQuiet(lifecycle: Lifecycle) {
  let refusedAt = 0
  let quietLooks = 0
  for (let looks = 0; looks < maxLooks; looks++) {
    await Bun.sleep(lookMilliseconds)
    quietLooks = lifecycle.refusedAt === refusedAt ? quietLooks + 1 : 0
    refusedAt = lifecycle.refusedAt
    if (quietLooks >= (refusedAt === 0 ? fewLooks : manyLooks)) return
  }
}
