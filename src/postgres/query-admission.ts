import type { Sql } from 'postgres'
import { fail } from '../core/errors'
import { createSemaphore, type Load, type Semaphore } from '../core/semaphore'
import { type Client, lazyStatement, type Transaction } from './client'
import { translate } from './database-errors'
import { beginTransaction } from './driver-transaction'
import type { Pool } from './pool'

type Options = {
  connections: number
  deadlineMilliseconds: number
  /** Called when a COMMIT was sent whose outcome did not arrive in time, or not at all. */
  onInDoubtCommit(): void
}
type Admitted = { client: Client; load: Load }

// Enough to ride out a burst; what would wait longer than the deadline is refused at once.
const maxQueuedQueries = 1000

/**
 * The client of a pool with a bounded queue and a deadline around every query and transaction: postgres.js has neither,
 * and would let requests pile up without end while the server hangs. Throws `database_unavailable`.
 */
export function admit(pool: Pool, { connections, deadlineMilliseconds, onInDoubtCommit }: Options): Admitted {
  const semaphore = createSemaphore({
    permits: connections,
    maxQueued: maxQueuedQueries,
    maxWaitMilliseconds: deadlineMilliseconds,
    errorCode: 'database_unavailable',
  })
  const admitted = <T>(work: (sql: Sql, deadline: Deadline) => Promise<T>) =>
    underDeadline(semaphore, deadlineMilliseconds, (deadline) => pool.use((sql) => work(sql, deadline)))

  const client: Client = {
    options: pool.sql.options,
    unsafe: (...query) =>
      lazyStatement((fetch) =>
        admitted(async (sql, deadline) => {
          const pending = sql.unsafe(...query)
          // The server's own limit has passed: one that still owes the result is not there any more.
          deadline.onExpiry = () => withdraw(pending) || pool.abandon(sql)
          return await fetch(pending)
        }),
      ),
    begin: (work) =>
      admitted((sql, deadline) => {
        const transaction = openTransaction(sql, work, { deadline, onInDoubtCommit })
        deadline.onExpiry = () => {
          transaction.reportInDoubtCommit()
          // Its last statement may have begun just now.
          const timer = setTimeout(() => pool.abandon(sql), deadlineMilliseconds)
          void transaction.done.catch(nothing).finally(() => clearTimeout(timer))
        }
        return transaction.done
      }),
  }
  return { client, load: semaphore }
}

type Watch = { deadline: Deadline } & Pick<Options, 'onInDoubtCommit'>

/** A COMMIT that was sent and is not confirmed in time is in doubt. */
function openTransaction<T>(
  sql: Sql,
  work: (transaction: Transaction) => Promise<T>,
  { deadline, onInDoubtCommit }: Watch,
) {
  let isCommitting = false
  const reportInDoubtCommit = () => {
    if (isCommitting) onInDoubtCommit()
  }
  // A transaction whose caller was told 503 must not go on to commit: its next statement fails, which rolls back.
  const assertInTime = () => {
    if (deadline.isOver) throw fail('database_unavailable')
  }
  const done = beginTransaction(sql, assertInTime, async (transaction) => {
    const result = await work(transaction)
    // The deadline may have passed during the last statement.
    assertInTime()
    isCommitting = true
    return result
  })
  void done.then(() => deadline.isOver && reportInDoubtCommit(), reportInDoubtCommit)
  return { done, reportInDoubtCommit }
}

type Deadline = { isOver: boolean; onExpiry(): unknown }

async function underDeadline<T>(
  semaphore: Semaphore,
  milliseconds: number,
  work: (deadline: Deadline) => Promise<T>,
) {
  const deadline: Deadline = { isOver: false, onExpiry: nothing }
  const { promise: expiry, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    deadline.isOver = true
    reject(fail('database_unavailable'))
    deadline.onExpiry()
  }, milliseconds)
  try {
    return await semaphore.run(() => Promise.race([work(deadline), expiry]))
  } catch (error) {
    throw translate(error)
  } finally {
    clearTimeout(timer)
  }
}

/**
 * A query that no connection has taken up must not run after its caller was told 503: it becomes a harmless one. Not
 * `cancel`: a connection that opens for a cancelled query waits for it for ever. False when it is under way.
 */
function withdraw(pending: ReturnType<Sql['unsafe']>): boolean {
  if (Reflect.get(pending, 'state') !== null) return false
  Reflect.set(pending, 'strings', ['select 1'])
  Reflect.set(pending, 'args', [])
  return true
}

const nothing = () => {
  // A query that has not started needs no withdrawal.
}
