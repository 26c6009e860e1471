import { type Job, runPeriodically } from '../core/run-periodically'
import type { Deps, Runtime } from '../deps'
import * as audit from '../modules/audit/service'
import * as realtime from '../modules/realtime/service'
import * as sessions from '../modules/sessions/service'
import { withAdvisoryLock } from '../postgres/advisory-lock'

// Cleanup must not slow the start down.
const firstPauseMilliseconds = 60_000
const pauseMilliseconds = 10 * 60_000
// Small, so that a batch holds its row locks only for a moment.
const batchRows = 500
const betweenBatchesMilliseconds = 50

/** Deletes expired rows, one minute after the start and then every ten, in one instance at a time. */
export function startCleanupJob({ deps, lifecycle }: Pick<Runtime, 'deps' | 'lifecycle'>): Job {
  let isFirst = true
  return runPeriodically(async () => {
    if (isFirst) {
      isFirst = false
      return firstPauseMilliseconds
    }
    const rows = lifecycle.isMigrated ? await sweep(deps) : 0
    return rows > 0 ? betweenBatchesMilliseconds : pauseMilliseconds
  })
}

/** Deletes one batch. A failure is only logged, because the next run repeats it. */
export async function sweep(deps: Deps): Promise<number> {
  try {
    const rows = await withAdvisoryLock(
      deps,
      async (deps) =>
        (await sessions.sweep(deps, batchRows)) +
        (await audit.sweep(deps, batchRows)) +
        (await realtime.sweep(deps, batchRows)),
    )
    if (rows) deps.log.debug({ rows }, 'cleanup.deleted')
    return rows ?? 0
  } catch (err) {
    deps.log.warn({ err }, 'cleanup.failed')
    return 0
  }
}
