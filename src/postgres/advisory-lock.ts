import { sql } from 'drizzle-orm'
import { locks } from './lock-keys'
import type { Db } from './rows'
import { withTransaction } from './transaction'

/**
 * Runs `work` in a transaction under an advisory lock. Returns `null` when another instance holds the lock. The lock
 * ends with the transaction, so an instance that dies cannot keep it.
 */
export function withAdvisoryLock<D extends { db: Db; afterCommit(work: () => void): void }, T>(
  deps: D,
  work: (deps: D) => Promise<T>,
) {
  return withTransaction(deps, async (deps) => {
    const [lock] = await deps.db.execute<{ isAcquired: boolean }>(
      sql`select pg_try_advisory_xact_lock(${locks.cleanup}) as "isAcquired"`,
    )
    return lock?.isAcquired ? await work(deps) : null
  })
}
