import { sql } from 'drizzle-orm'
import { atomically } from './atomically'
import { locks } from './locks'
import type { Db } from './rows'

/**
 * Runs `work` in a transaction unless another instance is running its own just now; answers `null` then. The lock ends
 * with the transaction, so that an instance that dies cannot keep it.
 */
export function alone<D extends { db: Db; afterCommit(work: () => void): void }, T>(
  deps: D,
  work: (deps: D) => Promise<T>,
) {
  return atomically(deps, async (deps) => {
    const [lock] = await deps.db.execute<{ isMine: boolean }>(
      sql`select pg_try_advisory_xact_lock(${locks.cleanup}) as "isMine"`,
    )
    return lock?.isMine ? await work(deps) : null
  })
}
