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
  const begun = sql.begin(async (transaction) => {
    const value = await connection.hold(() => work(transaction, connection))
    return { value, commit: commitOf(transaction) }
  })
  begun.catch(lose)
  return Promise.race([begun.then(committed), lost])
}

/**
 * The commit that counts, ahead of the driver's own in the same round trip: the driver does not look at what that one is
 * told. Another transaction follows it, for the driver to end. It has no name that a pooler could lose.
 */
function commitOf(transaction: TransactionSql) {
  const commit = transaction.unsafe('commit and chain').execute()
  // It may fail while the driver's is waited for.
  commit.catch(ignored)
  return { done: commit }
}

type Committing<T> = { value: T; commit: { done: PromiseLike<{ command: string }> } }

/** PostgreSQL ends a block that was aborted without an error: the command that it names is ROLLBACK. */
async function committed<T>({ value, commit }: Committing<T>): Promise<T> {
  const { command } = await commit.done
  if (command !== 'COMMIT') throw fail('database_unavailable')
  return value
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

const ignored = () => {
  // `committed` throws it.
}

/** The caller is garbage collected with its transaction. */
const forever = () => Promise.withResolvers<never>().promise
