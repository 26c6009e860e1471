import type { Config } from '../core/config'
import { DataDirInUse } from '../embedded/data-dir'
import { runningService } from './control-client'

const maxWaitMilliseconds = 10_000
const pauseMilliseconds = 100

/**
 * The lock on `DATA_DIR` decides: whoever gets it opens what is there, anyone else asks the holder. A holder that does not
 * listen is starting, ending or itself a command, so both are tried again for ten seconds.
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
