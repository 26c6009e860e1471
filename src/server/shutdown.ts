import type { Server } from 'bun'
import type { Job } from '../core/run-periodically'
import type { Lifecycle } from '../core/service-lifecycle'
import type { Runtime } from '../deps'
import type { Realtime } from '../modules/realtime/sockets'
import type { ControlServer } from './control-server'

type Parts = {
  server: Pick<Server<unknown>, 'stop'>
  realtime: Realtime
  control: ControlServer | null
  jobs: Job
  /** How long to serve on, so that balancers see `/readyz` fail before connections are refused. */
  delayMilliseconds: number
}

/** Sends clients elsewhere, finishes what has begun, and ends every part. */
export async function shutDown(
  { deps, lifecycle, listener }: Runtime,
  { server, realtime, control, jobs, delayMilliseconds }: Parts,
) {
  const { log } = deps
  lifecycle.isDraining = true
  log.info({ delayMs: delayMilliseconds }, 'service.stopping')
  const jobsEnded = jobs.stop()
  await Bun.sleep(delayMilliseconds)

  lifecycle.isClosing = true
  const socketsEnded = realtime.stop()
  await untilQuiet(lifecycle)
  await Promise.all([server.stop(), socketsEnded, jobsEnded, control?.close()])
  await listener.close()
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
