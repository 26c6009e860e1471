import type { Config } from '../core/config'
import { DataDirInUse } from '../embedded/data-dir'
import { runningService } from './control-client'

const maxWaitMilliseconds = 10_000
const pauseMilliseconds = 100

/**
 * Opens `DATA_DIR` when its lock is free, or else connects to the service that holds the lock. A holder without a control
 * socket is starting, stopping or itself a command, so both are retried for ten seconds.
 */
export async function openOrConnect<T>(
  config: Config,
  open: () => Promise<T> | T,
): Promise<{ opened: T } | { socket: string }> {
  const deadline = performance.now() + maxWaitMilliseconds
  for (;;) {
    try {
      return { opened: await open() }
    } catch (error) {
      if (!(error instanceof DataDirInUse)) throw error
    }
    const socket = await runningService(config)
    if (socket) return { socket }
    if (performance.now() > deadline)
      throw new Error(`the service on DATA_DIR ${config.dataDir} does not answer`)
    await Bun.sleep(pauseMilliseconds)
  }
}
