import type { Server } from 'bun'
import type { Job } from '../core/repeat'
import type { Deps, Lifecycle } from '../deps'
import type { Realtime } from '../modules/realtime/start'
import type { Control } from './control/server'

type Parts = {
  server: Pick<Server<unknown>, 'stop'>
  realtime: Realtime
  control: Control | null
  jobs: Job
  /** How long to serve on, so that balancers see `/readyz` fail before connections are refused. */
  delayMilliseconds: number
}

/** Sends clients elsewhere, finishes what has begun, and ends every part. */
export async function drain(deps: Deps, { server, realtime, control, jobs, delayMilliseconds }: Parts) {
  const { lifecycle, listener, log } = deps
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

const quietMilliseconds = 100
const longestMilliseconds = 1000
const lookMilliseconds = 10

/** The kernel resets who has connected and was not accepted when the listener closes, so that nobody may be coming then. */
async function untilQuiet(lifecycle: Lifecycle) {
  const startedAt = performance.now()
  const quietFor = () => performance.now() - Math.max(startedAt, lifecycle.refusedAt)
  while (quietFor() < quietMilliseconds && performance.now() - startedAt < longestMilliseconds)
    await Bun.sleep(lookMilliseconds)
}
