import { failureIn } from '../core/errors'
import { migrate } from '../db/migrate'
import { migrations } from '../db/migrations'
import type { Deps } from '../deps'
import { bootstrap } from './bootstrap'

type Start = { url: string; startedAt: number }

const firstRetryMilliseconds = 100
const longestRetryMilliseconds = 2000

/**
 * Applies migrations, creates the first admin and opens the service for requests. A database that is not there yet is
 * waited for, so that the order in which machines start does not matter. Throws MigrationRefused.
 */
export async function becomeReady(deps: Deps, { url, startedAt }: Start): Promise<void> {
  const { config, database, lifecycle, log } = deps
  log.info({ url }, 'service.listening')
  let wait = firstRetryMilliseconds
  while (!lifecycle.isDraining) {
    try {
      const applied = await migrate(database.sql, migrations)
      if (applied.length > 0) log.info({ applied }, 'database.migrated')
      await bootstrap(deps)
      lifecycle.isMigrated = true
      const readyAfterMs = Math.round(performance.now() - startedAt)
      log.info(
        { url, docs: config.hasDocs ? `${url}/docs` : null, durability: lifecycle.durability, readyAfterMs },
        'service.ready',
      )
      return
    } catch (error) {
      if (failureIn(error)?.code !== 'database_unavailable') throw error
      log.warn({ err: error, retryAfterMs: wait }, 'database.unavailable')
      database.renew()
      await Bun.sleep(wait)
      wait = Math.min(wait * 2, longestRetryMilliseconds)
    }
  }
}
