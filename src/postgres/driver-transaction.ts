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
  const begun = sql.begin(async (transaction) => {
    const value = await connection.guard(() => work(transaction, connection))
    return { value, commit: commitOf(transaction) }
  })
  begun.catch(markLost)
  return Promise.race([begun.then(committed), lost])
}

/**
 * Sends the COMMIT ahead of the one of the driver, in the same round trip, because the driver ignores the command tag of
 * its own. `and chain` starts an empty transaction for the driver to end. A pooler cannot lose an unnamed statement.
 */
function commitOf(transaction: TransactionSql) {
  const commit = transaction.unsafe('commit and chain').execute()
  // It may fail before `committed` awaits it.
  commit.catch(ignored)
  return { done: commit }
}

type Committing<T> = { value: T; commit: { done: PromiseLike<{ command: string }> } }

/** Throws when PostgreSQL ended an aborted block: it sends no error then, only the command tag ROLLBACK. */
async function committed<T>({ value, commit }: Committing<T>): Promise<T> {
  const { command } = await commit.done
  if (command !== 'COMMIT') throw fail('database_unavailable')
  return value
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

const ignored = () => {
  // `committed` throws the error.
}

/** The pending caller is garbage-collected together with its transaction. */
const neverSettle = () => Promise.withResolvers<never>().promise
