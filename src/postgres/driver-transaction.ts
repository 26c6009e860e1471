import type { Sql, TransactionSql } from 'postgres'
import { fail } from '../core/errors'
import { connectionFault } from './database-errors'

type Work<T> = (transaction: TransactionSql) => Promise<T>

/**
 * `sql.begin` that leaves a lost connection alone. postgres.js goes on with it: what comes next, be it the rollback, throws
 * where nobody can catch it, or runs on its own when somebody else has opened the connection again.
 */
export function begin<T>(sql: Sql, work: Work<T>): Promise<T> {
  const { promise: lost, reject } = Promise.withResolvers<never>()
  let isLost = false
  const lose = (error: unknown) => {
    isLost = true
    reject(error)
  }
  const shielded = (work: Work<T>) => async (transaction: TransactionSql) => {
    const outcome = await settled(work(shield(transaction)))
    if ('error' in outcome && connectionFault(outcome.error) === 'lost') lose(outcome.error)
    if (isLost) return forever()
    if ('error' in outcome) throw outcome.error
    return outcome.value
  }
  const shield = (transaction: TransactionSql): TransactionSql =>
    new Proxy(transaction, {
      get(target, key) {
        if (isLost) throw fail('database_unavailable')
        if (key === 'savepoint') return (work: Work<T>) => target.savepoint(shielded(work))
        return Reflect.get(target, key)
      },
    })

  const begun = sql.begin(shielded(work))
  begun.catch(lose)
  // Its type differs for a list of queries alone, and work answers what it has awaited.
  const result = begun as Promise<T>
  return Promise.race([result, lost])
}

const settled = <T>(work: Promise<T>) =>
  work.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )

/** What waits here is forgotten with the transaction it belongs to. */
const forever = () => Promise.withResolvers<never>().promise
