import { type Job, runPeriodically } from '../core/run-periodically'
import type { Deps, Runtime } from '../deps'
import * as audit from '../modules/audit/service'
import * as realtime from '../modules/realtime/service'
import * as sessions from '../modules/sessions/service'
import { withAdvisoryLock } from '../postgres/advisory-lock'

// Nothing here is worth slowing a start.
const firstPauseMilliseconds = 60_000
const pauseMilliseconds = 10 * 60_000
// Small enough that a batch holds no lock anyone would notice.
const batchRows = 500
const betweenBatchesMilliseconds = 50

/** Deletes what has expired, a minute from now and then every ten, in one instance at a time. */
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

/** One batch. A database that is away has its own log line; the next round comes. */
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
