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

const sweeps = {
  sessions: sessions.sweepSessions,
  tokens: sessions.sweepTokens,
  audit_events: audit.sweep,
  ws_tickets: realtime.sweepTickets,
  channel_messages: realtime.sweepMessages,
  channels: realtime.sweepChannels,
}

/** Deletes expired rows, one minute after the start and then every ten, in one instance at a time. */
export function startCleanupJob({ deps, lifecycle }: Pick<Runtime, 'deps' | 'lifecycle'>): Job {
  let isFirst = true
  let round: AsyncGenerator<number> | null = null
  return runPeriodically(async () => {
    if (isFirst) {
      isFirst = false
      return firstPauseMilliseconds
    }
    if (!lifecycle.isMigrated) return pauseMilliseconds
    round ??= sweep(deps)
    const { done } = await round.next()
    if (!done) return betweenBatchesMilliseconds
    round = null
    return pauseMilliseconds
  })
}

/** Sweeps each table until nothing in it is expired. Yields the number of rows of each batch. */
export async function* sweep(deps: Deps): AsyncGenerator<number> {
  for (const [table, sweepTable] of Object.entries(sweeps)) {
    let rows = batchRows
    while (rows === batchRows) {
      rows = await sweepBatch(deps, table, sweepTable)
      yield rows
    }
  }
}

/** Deletes one batch of one table. A failure is only logged, so that it does not stop the other tables. */
async function sweepBatch(
  deps: Deps,
  table: string,
  sweepTable: (deps: Deps, limit: number) => Promise<number>,
): Promise<number> {
  try {
    const rows = await withAdvisoryLock(deps, (deps) => sweepTable(deps, batchRows))
    if (rows) deps.log.debug({ table, rows }, 'cleanup.deleted')
    return rows ?? 0
  } catch (err) {
    deps.log.warn({ table, err }, 'cleanup.failed')
    return 0
  }
}
