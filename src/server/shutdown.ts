import type { Server } from 'bun'
import type { Job } from '../core/run-periodically'
import type { Lifecycle } from '../core/service-lifecycle'
import type { Runtime } from '../deps'
import type { Realtime } from '../modules/realtime/sockets'
import type { MetricsServer } from '../telemetry/metrics-server'
import type { RunningTracing } from '../telemetry/start-tracing'
import type { ControlServer } from './control-server'
import type { Storage } from './storage'

/** The running parts of the service. A part is absent while the start has not reached it, or when it is not configured. */
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
 * Stops the service, in the only order there is: send clients elsewhere, refuse requests until none arrives, close the
 * listener when everything under way is done, then end what the requests needed. A start that fails midway stops the
 * parts that it has made.
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

/** Serves on for the delay, so that load balancers see `/readyz` fail before connections are refused. */
async function drain({ deps, lifecycle }: Runtime, parts: Parts, delayMilliseconds: number) {
  lifecycle.startDraining()
  deps.log.info({ delayMs: delayMilliseconds }, 'service.stopping')
  const jobsStopped = parts.jobs?.stop()
  await Bun.sleep(delayMilliseconds)

  lifecycle.startClosing()
  const socketsClosed = parts.realtime?.stop()
  await untilQuiet(lifecycle)
  await Promise.all([parts.server?.stop(), socketsClosed, jobsStopped, parts.control?.close()])
}

const checkMilliseconds = 10
const maxChecks = 200
// Few when no request was refused. A refused client returns after a second, and others may be on their way.
const quietChecks = 10
const quietChecksAfterRefusal = 40

/**
 * Waits until no request arrives: the kernel resets connections that are not accepted when the listener closes. It counts
 * checks and not time, because a process that was kept from running has not seen who connected.
 */
async function untilQuiet(lifecycle: Lifecycle) {
  let seen = 0
  let quiet = 0
  for (let checks = 0; checks < maxChecks; checks++) {
    await Bun.sleep(checkMilliseconds)
    quiet = lifecycle.refusals === seen ? quiet + 1 : 0
    seen = lifecycle.refusals
    if (quiet >= (seen === 0 ? quietChecks : quietChecksAfterRefusal)) return
  }
}
