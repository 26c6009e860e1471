import { sleep } from '../core/abort-signal'
import { failureIn } from '../core/errors'
import type { Runtime } from '../deps'
import { migrate } from '../postgres/migrate'
import { migrations } from '../postgres/migrations'
import { bootstrap } from './bootstrap-admin'

type Readying = Pick<Runtime, 'deps' | 'database' | 'lifecycle'>
type Start = { url: string; startedAt: number; stop: AbortSignal }

const firstRetryMilliseconds = 100
const maxRetryMilliseconds = 2000

/**
 * Applies migrations, creates the first admin and opens the service for requests. A database that is not there yet is
 * waited for, so that the order in which machines start does not matter. At `stop` a migration under way is rolled back.
 * Throws MigrationRefused.
 */
export async function becomeReady(runtime: Readying, start: Start): Promise<void> {
  const { database } = runtime
  const { log } = runtime.deps
  const { url, stop } = start
  log.info({ url }, 'service.listening')
  let wait = firstRetryMilliseconds
  while (!stop.aborted) {
    try {
      return await open(runtime, start)
    } catch (error) {
      if (stop.aborted) return
      if (failureIn(error)?.code !== 'database_unavailable') throw error
      log.warn({ err: error, retryAfterMs: wait }, 'database.unavailable')
      database.reconnect()
      await sleep(wait, stop)
      wait = Math.min(wait * 2, maxRetryMilliseconds)
    }
  }
}

async function open({ deps, database, lifecycle }: Readying, { url, startedAt, stop }: Start) {
  const { config, log } = deps
  // The embedded database ends with the process, and whatever it does with it.
  const applied = await migrate(database.sql, migrations, {
    stop: config.databaseUrl ? stop : undefined,
    maxWaitMilliseconds: Number.POSITIVE_INFINITY,
    onBlocked: (err, retryAfterMs) => log.warn({ err, retryAfterMs }, 'database.migration_blocked'),
  })
  if (applied.length > 0) log.info({ applied }, 'database.migrated')
  await bootstrap(deps)
  lifecycle.markMigrated()
  const readyAfterMs = Math.round(performance.now() - startedAt)
  const docs = config.hasDocs ? `${url}/docs` : null
  log.info({ url, docs, durability: lifecycle.durability, readyAfterMs }, 'service.ready')
}
