import type { Sql } from 'postgres'
import { fail } from '../core/errors'
import { createSemaphore, type Load, type Semaphore } from '../core/semaphore'
import { translate } from './database-errors'
import { begin } from './driver-transaction'
import type { Pool } from './pool'

type Options = {
  connections: number
  deadlineMilliseconds: number
  /** Told when a COMMIT was sent whose answer did not come in time, or not at all. */
  onInDoubtCommit(): void
}
type Admitted = { sql: Sql; load: Load }
type Query = Parameters<Sql['unsafe']>
type Pending = ReturnType<Sql['unsafe']>

// Enough to ride out a burst; what would wait longer than the deadline is refused at once.
const maxQueuedQueries = 1000

/**
 * The client of a pool with a bounded queue and a deadline around every query and transaction: postgres.js has neither,
 * and would let requests pile up without end while the server hangs. Throws `database_unavailable`.
 */
export function admit(pool: Pool, { connections, deadlineMilliseconds, onInDoubtCommit }: Options): Admitted {
  const gate = createSemaphore({
    permits: connections,
    maxQueued: maxQueuedQueries,
    maxWaitMilliseconds: deadlineMilliseconds,
    errorCode: 'database_unavailable',
  })
  const guarded = <T>(work: (sql: Sql, deadline: Deadline) => Promise<T>) =>
    underDeadline(gate, deadlineMilliseconds, (deadline) => pool.use((sql) => work(sql, deadline)))

  const unsafe = (...query: Query) => {
    const run = <T>(shape: (pending: Pending) => PromiseLike<T>) =>
      guarded(async (sql, deadline) => {
        const pending = sql.unsafe(...query)
        // The server's own limit has passed: one that still owes the answer is not there any more.
        deadline.onOver = () => withdraw(pending) || pool.abandon(sql)
        return await shape(pending)
      })
    return lazily(() => run((pending) => pending), { values: () => run((pending) => pending.values()) })
  }
  const transact = (work: Work) =>
    guarded((sql, deadline) => {
      const transaction = openTransaction(sql, work, { deadline, onInDoubtCommit })
      deadline.onOver = () => {
        transaction.overdue()
        // Its last statement may have begun just now.
        const timer = setTimeout(() => pool.abandon(sql), deadlineMilliseconds)
        void transaction.done.catch(nothing).finally(() => clearTimeout(timer))
      }
      return transaction.done
    })

  return { sql: replacing(pool.sql, { unsafe, begin: transact }), load: gate }
}

type Work = (transaction: object) => Promise<unknown>
type Watch = { deadline: Deadline } & Pick<Options, 'onInDoubtCommit'>

/** From its COMMIT on, a transaction that ends in anything but an answer in time is in doubt. */
function openTransaction(sql: Sql, work: Work, { deadline, onInDoubtCommit }: Watch) {
  let isCommitting = false
  const overdue = () => {
    if (isCommitting) onInDoubtCommit()
  }
  const done = begin(sql, async (transaction) => {
    const result = await work(endingAt(deadline, transaction))
    // It may have passed during the last statement, or inside a savepoint, which has a client of its own.
    refuseLate(deadline)
    isCommitting = true
    return result
  })
  void done.then(() => deadline.isOver && overdue(), overdue)
  return { done, overdue }
}

type Deadline = { isOver: boolean; onOver(): unknown }

async function underDeadline<T>(
  gate: Semaphore,
  milliseconds: number,
  work: (deadline: Deadline) => Promise<T>,
) {
  const deadline: Deadline = { isOver: false, onOver: nothing }
  const { promise: expiry, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    deadline.isOver = true
    reject(fail('database_unavailable'))
    deadline.onOver()
  }, milliseconds)
  try {
    return await gate.run(() => Promise.race([work(deadline), expiry]))
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
function withdraw(pending: Pending): boolean {
  if (Reflect.get(pending, 'state') !== null) return false
  Reflect.set(pending, 'strings', ['select 1'])
  Reflect.set(pending, 'args', [])
  return true
}

const nothing = () => {
  // What has not started needs no withdrawing.
}

/** A transaction whose caller was told 503 must not go on to commit: its next statement fails, which rolls back. */
function endingAt<T extends object>(deadline: Deadline, transaction: T): T {
  return new Proxy(transaction, {
    get(target, key) {
      refuseLate(deadline)
      return Reflect.get(target, key)
    },
  })
}

function refuseLate({ isOver }: Deadline) {
  if (isOver) throw fail('database_unavailable')
}

/** A promise that starts its work when awaited, as postgres.js queries do, with other ways to start it beside it. */
export function lazily<T, O extends object>(start: () => Promise<T>, others: O) {
  // biome-ignore lint/suspicious/noThenProperty: being awaitable is what this object is for.
  return { ...others, then: (...handlers: Parameters<Promise<T>['then']>) => start().then(...handlers) }
}

export function replacing<T extends object>(target: T, replacements: Record<string, unknown>): T {
  return new Proxy(target, {
    get: (original, key) => (typeof key === 'string' && replacements[key]) || Reflect.get(original, key),
  })
}
