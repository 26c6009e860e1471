import { sql } from 'drizzle-orm'
import { locks } from './lock-keys'
import type { Db } from './rows'
import { withTransaction } from './transaction'

/**
 * Runs `work` in a transaction unless another instance is running its own just now; answers `null` then. The lock ends
 * with the transaction, so that an instance that dies cannot keep it.
 */
export function withAdvisoryLock<D extends { db: Db; afterCommit(work: () => void): void }, T>(
  deps: D,
  work: (deps: D) => Promise<T>,
) {
  return withTransaction(deps, async (deps) => {
    const [lock] = await deps.db.execute<{ isMine: boolean }>(
      sql`select pg_try_advisory_xact_lock(${locks.cleanup}) as "isMine"`,
    )
    return lock?.isMine ? await work(deps) : null
  })
}
