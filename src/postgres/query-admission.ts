import type { Sql } from 'postgres'
import { fail } from '../core/errors'
import { createSemaphore, type Load, type Semaphore } from '../core/semaphore'
import { type Client, lazyStatement, type Transaction } from './client'
import { isConnectionRefused, translate } from './database-errors'
import { beginTransaction } from './driver-transaction'
import type { Pool } from './pool'

type Options = {
  connections: number
  deadlineMilliseconds: number
  /** Called when a COMMIT was sent and its result did not arrive in time. */
  onInDoubtCommit(): void
  /** Called when the server had no room for another connection. `connections` is how many are used from now on. */
  onConnectionRefused(connections: number): void
}
type Admitted = { client: Client; load: Load }

// Enough for a burst. Queries that would wait longer than the deadline are refused at once.
const maxQueuedQueries = 1000
// The pauses between two attempts of a query, and of the pool to use one connection more.
const refusedRetryMilliseconds = 20
const regrowMilliseconds = 1000

/**
 * Puts a bounded queue and a deadline around every query and transaction, so that requests do not pile up while the
 * server hangs. Throws `database_unavailable`. See docs/workarounds.md#postgres-no-deadline.
 */
export function admit(pool: Pool, options: Options): Admitted {
  const { connections, deadlineMilliseconds, onInDoubtCommit } = options
  const semaphore = createSemaphore({
    permits: connections,
    maxQueued: maxQueuedQueries,
    maxWaitMilliseconds: deadlineMilliseconds,
    errorCode: 'database_unavailable',
  })
  const room = createRoom(semaphore, options)
  const admitted = <T>(work: (sql: Sql, deadline: Deadline) => Promise<T>) =>
    underDeadline(semaphore, deadlineMilliseconds, (deadline) =>
      room.use(deadline, () => pool.use((sql) => work(sql, deadline))),
    )

  const client: Client = {
    options: pool.sql.options,
    unsafe: (...query) =>
      lazyStatement((fetch) =>
        admitted(async (sql, deadline) => {
          const pending = sql.unsafe(...query)
          // The statement timeout of the server has passed too. A server that still owes the result is lost.
          deadline.onExpiry = () => withdraw(pending) || pool.abandon(sql)
          return await fetch(pending)
        }),
      ),
    begin: (work) =>
      admitted((sql, deadline) => {
        const transaction = openTransaction(sql, work, { deadline, onInDoubtCommit })
        deadline.onExpiry = () => {
          transaction.reportInDoubtCommit()
          // Its last statement may have started a moment ago, and gets the time that any statement has.
          const timer = setTimeout(() => pool.abandon(sql), deadlineMilliseconds)
          void transaction.done.catch(noop).finally(() => clearTimeout(timer))
        }
        return transaction.done
      }),
  }
  return { client, load: semaphore }
}

/**
 * Uses fewer connections while the server has no room for more, so that the driver opens none, and one more each second.
 * A query whose connection was refused was not sent, so it tries again until its deadline.
 */
function createRoom(semaphore: Semaphore, { connections, onConnectionRefused }: Options) {
  let resizedAt = 0
  const resize = (permits: number) => {
    semaphore.resize(permits)
    resizedAt = performance.now()
  }
  const regrow = () => {
    if (semaphore.permits === connections || performance.now() - resizedAt < regrowMilliseconds) return
    resize(semaphore.permits + 1)
  }
  async function use<T>(deadline: Deadline, work: () => Promise<T>): Promise<T> {
    regrow()
    try {
      return await work()
    } catch (error) {
      if (!isConnectionRefused(error)) throw error
      resize(Math.max(1, semaphore.permits - 1))
      onConnectionRefused(semaphore.permits)
    }
    deadline.onExpiry = noop
    await Bun.sleep(refusedRetryMilliseconds)
    if (deadline.isExpired) throw fail('database_unavailable')
    return use(deadline, work)
  }
  return { use }
}

type CommitWatch = { deadline: Deadline } & Pick<Options, 'onInDoubtCommit'>

/** Starts a transaction and reports its COMMIT as in doubt when it was sent and not confirmed in time. */
function openTransaction<T>(
  sql: Sql,
  work: (transaction: Transaction) => Promise<T>,
  { deadline, onInDoubtCommit }: CommitWatch,
) {
  let isCommitting = false
  const reportInDoubtCommit = () => {
    if (isCommitting) onInDoubtCommit()
  }
  // The caller already got a 503, so the transaction must not commit. Its next statement throws, which rolls back.
  const assertInTime = () => {
    if (deadline.isExpired) throw fail('database_unavailable')
  }
  const done = beginTransaction(sql, assertInTime, async (transaction) => {
    const result = await work(transaction)
    // The deadline may have passed during the last statement.
    assertInTime()
    isCommitting = true
    return result
  })
  void done.then(() => deadline.isExpired && reportInDoubtCommit(), reportInDoubtCommit)
  return { done, reportInDoubtCommit }
}

type Deadline = { isExpired: boolean; onExpiry(): unknown }

async function underDeadline<T>(
  semaphore: Semaphore,
  milliseconds: number,
  work: (deadline: Deadline) => Promise<T>,
) {
  const deadline: Deadline = { isExpired: false, onExpiry: noop }
  const { promise: expiry, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    deadline.isExpired = true
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
 * Turns a query that no connection has sent yet into `select 1`, since its caller already got a 503. Returns false for a
 * query that was sent. `cancel()` does not work here: see docs/workarounds.md#postgres-cancel.
 */
function withdraw(pending: ReturnType<Sql['unsafe']>): boolean {
  if (Reflect.get(pending, 'state') !== null) return false
  Reflect.set(pending, 'strings', ['select 1'])
  Reflect.set(pending, 'args', [])
  return true
}

const noop = () => {
  // A query that has not started needs no withdrawal.
}
