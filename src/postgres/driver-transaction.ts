import type { Sql, TransactionSql } from 'postgres'
import { fail } from '../core/errors'
import type { Transaction } from './client'
import { connectionFault } from './database-errors'

/** The connection of one transaction. */
type Connection = {
  /** Throws `database_unavailable` when the connection is lost. */
  assertOpen(): void
  /** Runs the work of a transaction or savepoint. Never settles once the connection is lost. */
  guard<T>(work: () => Promise<T>): Promise<T>
}

/**
 * `sql.begin` that sends nothing more on a lost connection: a rollback there would throw uncaught, or a statement would
 * run outside of the transaction. See docs/workarounds.md#postgres-lost-transaction.
 */
export function begin<T>(
  sql: Sql,
  work: (transaction: TransactionSql, connection: Connection) => Promise<T>,
): Promise<T> {
  const { promise: lost, reject } = Promise.withResolvers<never>()
  let isLost = false
  const markLost = (error: unknown) => {
    isLost = true
    reject(error)
  }
  const connection: Connection = {
    assertOpen() {
      if (isLost) throw fail('database_unavailable')
    },
    async guard(work) {
      try {
        const result = await work()
        return isLost ? await neverSettle() : result
      } catch (error) {
        if (connectionFault(error) === 'lost') markLost(error)
        if (isLost) return await neverSettle()
        throw error
      }
    },
  }
  const begun = sql.begin(async (transaction) => ({
    value: await connection.guard(() => work(transaction, connection)),
  }))
  begun.catch(markLost)
  return Promise.race([begun.then(({ value }) => value), lost])
}

/** A transaction for Drizzle. It starts no statement once its connection is lost or `assertInTime` throws. */
export const beginTransaction = <T>(
  sql: Sql,
  assertInTime: () => void,
  work: (transaction: Transaction) => Promise<T>,
): Promise<T> =>
  begin(sql, (driver, { assertOpen, guard }) => {
    const transactionOf = (driver: TransactionSql): Transaction => ({
      unsafe(...query) {
        assertOpen()
        assertInTime()
        return driver.unsafe(...query)
      },
      async savepoint(work) {
        assertOpen()
        assertInTime()
        const run = async (inner: TransactionSql) => ({
          value: await guard(() => work(transactionOf(inner))),
        })
        return (await driver.savepoint(run)).value
      },
    })
    return work(transactionOf(driver))
  })

/** The pending caller is garbage-collected together with its transaction. */
const neverSettle = () => Promise.withResolvers<never>().promise
