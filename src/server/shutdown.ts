import type { Server } from 'bun'
import type { Job } from '../core/run-periodically'
import type { Lifecycle } from '../core/service-lifecycle'
import type { Runtime } from '../deps'
import type { Realtime } from '../modules/realtime/sockets'
import type { MetricsServer } from '../telemetry/metrics-server'
import type { RunningTracing } from '../telemetry/start-tracing'
import type { ControlServer } from './control-server'
import type { Storage } from './storage'

/** The running parts of the service. A part is missing when it is not configured or not started yet. */
export type Parts = {
  storage: Storage
  tracing: RunningTracing | null
  runtime?: Runtime
  lag?: { stop(): void }
  metrics?: MetricsServer | null
  realtime?: Realtime
  server?: Pick<Server<unknown>, 'stop'>
  control?: ControlServer | null
  jobs?: Job
}

/**
 * Stops the service in this order: clients are sent elsewhere, new requests are refused until none arrives, requests in
 * progress finish, the listener closes, and then the parts that requests needed. A failed start stops what it has started.
 */
export async function shutDown(parts: Parts, { delayMilliseconds }: { delayMilliseconds: number }) {
  const { runtime, server, storage, tracing, metrics, lag } = parts
  try {
    if (runtime && server) await drain(runtime, parts, delayMilliseconds)
    else await parts.realtime?.stop()
    await runtime?.listener.close()
    lag?.stop()
    await metrics?.stop()
  } finally {
    await tracing?.stop()
    await storage.close()
  }
}

/** Serves requests during the delay, so that load balancers see `/readyz` fail before connections are refused. */
async function drain({ deps, lifecycle }: Runtime, parts: Parts, delayMilliseconds: number) {
  lifecycle.startDraining()
  deps.log.info({ delayMs: delayMilliseconds }, 'service.stopping')
  const jobsStopped = parts.jobs?.stop()
  await Bun.sleep(delayMilliseconds)

  lifecycle.startClosing()
  // See docs/workarounds.md#bun-stop-sockets.
  const socketsClosed = parts.realtime?.stop()
  await untilQuiet(lifecycle)
  await Promise.all([parts.server?.stop(), socketsClosed, jobsStopped, parts.control?.close()])
}

const checkMilliseconds = 10
const maxChecks = 200
// More after a refusal, because refused clients retry and others may be connecting.
const quietChecks = 10
const quietChecksAfterRefusal = 40

/**
 * Waits until no request arrives, because the kernel resets unaccepted connections when the listener closes. It counts
 * checks and not time: a process without CPU time has not accepted the connections of that time.
 */
async function untilQuiet(lifecycle: Lifecycle) {
  let previous = 0
  let quiet = 0
  for (let checks = 0; checks < maxChecks; checks++) {
    await Bun.sleep(checkMilliseconds)
    quiet = lifecycle.refusals === previous ? quiet + 1 : 0
    previous = lifecycle.refusals
    if (quiet >= (previous === 0 ? quietChecks : quietChecksAfterRefusal)) return
  }
}
