import type { Sql, TransactionSql } from 'postgres'
import { fail } from '../core/errors'
import type { Transaction } from './client'
import { connectionFault } from './database-errors'

/** The connection of one transaction. */
type Connection = {
  /** Throws `database_unavailable` when it is lost. */
  assertOpen(): void
  /** Runs the work of a transaction or savepoint; never settles once the connection is lost. */
  hold<T>(work: () => Promise<T>): Promise<T>
}

/**
 * `sql.begin` that leaves a lost connection alone. postgres.js goes on with it: what comes next, be it the rollback, throws
 * where nobody can catch it, or runs on its own when somebody else has opened the connection again.
 */
export function begin<T>(
  sql: Sql,
  work: (transaction: TransactionSql, connection: Connection) => Promise<T>,
): Promise<T> {
  const { promise: lost, reject } = Promise.withResolvers<never>()
  let isLost = false
  const lose = (error: unknown) => {
    isLost = true
    reject(error)
  }
  const connection: Connection = {
    assertOpen() {
      if (isLost) throw fail('database_unavailable')
    },
    async hold(work) {
      try {
        const result = await work()
        return isLost ? await forever() : result
      } catch (error) {
        if (connectionFault(error) === 'lost') lose(error)
        if (isLost) return await forever()
        throw error
      }
    },
  }
  const begun = sql.begin(async (transaction) => ({
    value: await connection.hold(() => work(transaction, connection)),
  }))
  begun.catch(lose)
  return Promise.race([begun.then(({ value }) => value), lost])
}

/** A transaction as Drizzle uses it: nothing begins in it once its connection is lost or `assertInTime` throws. */
export const beginTransaction = <T>(
  sql: Sql,
  assertInTime: () => void,
  work: (transaction: Transaction) => Promise<T>,
): Promise<T> =>
  begin(sql, (driver, { assertOpen, hold }) => {
    const transactionOf = (driver: TransactionSql): Transaction => ({
      unsafe(...query) {
        assertOpen()
        assertInTime()
        return driver.unsafe(...query)
      },
      async savepoint(work) {
        assertOpen()
        assertInTime()
        const run = async (inner: TransactionSql) => ({ value: await hold(() => work(transactionOf(inner))) })
        return (await driver.savepoint(run)).value
      },
    })
    return work(transactionOf(driver))
  })

/** The caller is garbage collected with its transaction. */
const forever = () => Promise.withResolvers<never>().promise
