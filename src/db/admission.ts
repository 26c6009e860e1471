import type { Sql } from 'postgres'
import { fail } from '../core/errors'
import { createGate, type Gate, type Load } from '../core/gate'
import { translate } from './errors'

type Limits = { connections: number; deadlineMilliseconds: number }
type Admitted = { sql: Sql; load: Load }
type Query = Parameters<Sql['unsafe']>
type Pending = ReturnType<Sql['unsafe']>

// Enough to ride out a burst; what would wait longer than the deadline is refused at once.
const queuedQueries = 1000

/**
 * The same client with a bounded queue and a deadline around every query and transaction: postgres.js has neither,
 * and would let requests pile up without end while the server hangs. Throws `database_unavailable`.
 */
export function admit(sql: Sql, { connections, deadlineMilliseconds }: Limits): Admitted {
  const gate = createGate({
    places: connections,
    queue: queuedQueries,
    maxWaitMilliseconds: deadlineMilliseconds,
    refusal: 'database_unavailable',
  })
  const guarded = <T>(work: (deadline: Deadline) => Promise<T>) =>
    underDeadline(gate, deadlineMilliseconds, work)

  const unsafe = (...query: Query) => {
    const run = <T>(shape: (pending: Pending) => PromiseLike<T>) =>
      guarded(async (deadline) => {
        const pending = sql.unsafe(...query)
        deadline.onOver = () => withdraw(pending)
        return await shape(pending)
      })
    return lazily(() => run((pending) => pending), { values: () => run((pending) => pending.values()) })
  }
  const begin = (work: (transaction: object) => Promise<unknown>) =>
    guarded((deadline) =>
      sql.begin(async (transaction) => {
        const result = await work(endingAt(deadline, transaction))
        // It may have passed during the last statement, or inside a savepoint, which has a client of its own.
        refuseLate(deadline)
        return result
      }),
    )

  return { sql: replacing(sql, { unsafe, begin }), load: gate }
}

type Deadline = { isOver: boolean; onOver(): void }

async function underDeadline<T>(gate: Gate, milliseconds: number, work: (deadline: Deadline) => Promise<T>) {
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
 * `cancel`: a connection that opens for a cancelled query waits for it for ever. One under way has its own limit.
 */
function withdraw(pending: Pending) {
  if (Reflect.get(pending, 'state') !== null) return
  Reflect.set(pending, 'strings', ['select 1'])
  Reflect.set(pending, 'args', [])
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
function lazily<T, O extends object>(start: () => Promise<T>, others: O) {
  // biome-ignore lint/suspicious/noThenProperty: being awaitable is what this object is for.
  return { ...others, then: (...handlers: Parameters<Promise<T>['then']>) => start().then(...handlers) }
}

function replacing<T extends object>(target: T, replacements: Record<string, unknown>): T {
  return new Proxy(target, {
    get: (original, key) => (typeof key === 'string' && replacements[key]) || Reflect.get(original, key),
  })
}
