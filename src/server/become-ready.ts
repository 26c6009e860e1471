import { sleep } from '../core/abort-signal'
import { failureIn } from '../core/errors'
import type { Log } from '../core/log'
import type { Runtime } from '../deps'
import { connectionsBesidePool, type Database } from '../postgres/database'
import { migrate } from '../postgres/migrate'
import { migrations } from '../postgres/migrations'
import { bootstrap } from './bootstrap-admin'

type ReadyParts = Pick<Runtime, 'deps' | 'database' | 'lifecycle'>
type Start = { url: string; startedAt: number; stop: AbortSignal }

const firstRetryMilliseconds = 100
const maxRetryMilliseconds = 2000

/**
 * Applies migrations, creates the first admin and marks the service as ready. It retries until the database is available,
 * so that machines may start in any order. `stop` rolls a running migration back. Throws MigrationRefused or
 * EncodingRefused.
 */
export async function becomeReady(runtime: ReadyParts, start: Start): Promise<void> {
  const { database } = runtime
  const { log } = runtime.deps
  const { url, stop } = start
  log.info({ url }, 'service.listening')
  let delay = firstRetryMilliseconds
  while (!stop.aborted) {
    try {
      return await prepare(runtime, start)
    } catch (error) {
      if (stop.aborted) return
      if (failureIn(error)?.code !== 'database_unavailable') throw error
      log.warn({ err: error, retryAfterMs: delay }, 'database.unavailable')
      database.reconnect()
      await sleep(delay, stop)
      delay = Math.min(delay * 2, maxRetryMilliseconds)
    }
  }
}

async function prepare({ deps, database, lifecycle }: ReadyParts, { url, startedAt, stop }: Start) {
  const { config, log } = deps
  // Without a signal for the embedded database: it ends with the process.
  const applied = await migrate(database.sql, migrations, {
    stop: config.databaseUrl ? stop : undefined,
    maxWaitMilliseconds: Number.POSITIVE_INFINITY,
    onBlocked: (err, retryAfterMs) => log.warn({ err, retryAfterMs }, 'database.migration_blocked'),
  })
  if (config.databaseUrl) await warnOfPoolSize(database, log)
  if (applied.length > 0) log.info({ applied }, 'database.migrated')
  await bootstrap(deps)
  lifecycle.markMigrated()
  const readyAfterMs = Math.round(performance.now() - startedAt)
  const docs = config.hasDocs ? `${url}/docs` : null
  log.info(
    { url, docs, schema: await schemaOf(database), durability: lifecycle.durability, readyAfterMs },
    'service.ready',
  )
}

/** The schema of the tables: the first of the search path that exists. */
async function schemaOf({ sql }: Database) {
  const [row] = await sql<{ schema: string | null }[]>`select current_schema() as schema`
  return row?.schema ?? null
}

/** Warns when the server has fewer connections than this instance alone may open. */
async function warnOfPoolSize({ sql, poolSize }: Database, log: Log) {
  const [row] = await sql<{ available: number }[]>`
    select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as available`
  const available = row?.available ?? 0
  if (poolSize + connectionsBesidePool > available)
    log.warn({ poolSize, available }, 'database.pool_too_large')
}
