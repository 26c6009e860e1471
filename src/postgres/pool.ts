import type { Sql, TransactionSql } from 'postgres'
import { fail } from '../core/errors'
import { connectionFault } from './database-errors'
import { begin } from './driver-transaction'

/** Connections that are replaced, all of them, when one turns out to be of no use. */
export type Pool = {
  /** The driver over the connections of the moment. */
  sql: Sql
  /** Runs `work` on them and judges by its failure. Throws `database_unavailable` while it is too early to try again. */
  use<T>(work: (sql: Sql) => Promise<T>): Promise<T>
  /** Replaces connections on which an answer is long overdue: nobody knows whether the other side still has them. */
  abandon(sql: Sql): void
  /** Replaces those of the moment: something that does not go through `use` failed. */
  reconnect(): void
  end(options: { timeout: number }): Promise<void>
}

// For work on connections that are replaced while others of them may be well.
const leaveMilliseconds = 5000
// Pause after a second failure in a row, and the longest: a server that is down, or full, is not stormed.
const firstRestMilliseconds = 50
const maxRestMilliseconds = 1000
const readOnlyRetryMilliseconds = 1000

/**
 * A connection of postgres.js that dies in the middle of a query keeps it, and takes what the server says to its next
 * start for the answer: it then connects again and again without a pause, and tells nobody. So none is used again.
 */
export function createPool(make: () => Sql): Pool {
  let current = make()
  let madeAt = performance.now()
  let failures = 0
  let restsUntil = 0
  const retire = createRetirement()

  function replace(sql: Sql) {
    current = likewise(make(), sql)
    madeAt = performance.now()
    retire.later(sql)
  }
  /** A second failure in a row is followed by a pause. */
  function replaceLost(sql: Sql) {
    replace(sql)
    const pause = failures === 0 ? 0 : firstRestMilliseconds * 2 ** (failures - 1)
    restsUntil = performance.now() + Math.min(pause, maxRestMilliseconds)
    failures++
  }
  function judge(sql: Sql, error: unknown) {
    const fault = connectionFault(error)
    if (fault === null || sql !== current) return
    if (fault === 'lost') return replaceLost(sql)
    // What a server lets only read may be written to by new sessions, or elsewhere by now.
    if (performance.now() - madeAt > readOnlyRetryMilliseconds) replace(sql)
  }
  async function use<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    if (performance.now() < restsUntil) throw fail('database_unavailable')
    const sql = current
    try {
      const result = await retire.after(sql, () => work(sql))
      if (sql === current) failures = 0
      return result
    } catch (error) {
      judge(sql, error)
      throw error
    }
  }

  return {
    sql: facade(() => current),
    use,
    abandon(sql) {
      if (sql === current) replaceLost(sql)
      retire.now(sql)
    },
    reconnect: () => replace(current),
    end: (options) => current.end(options),
  }
}

/** Ends connections that were replaced once nothing is done on them; `end` itself would strand open transactions. */
function createRetirement() {
  const uses = new Map<Sql, number>()
  const timers = new Map<Sql, Timer>()
  const now = (sql: Sql) => {
    clearTimeout(timers.get(sql))
    timers.delete(sql)
    void sql.end({ timeout: 0 })
  }
  return {
    now,
    later(sql: Sql) {
      if (!uses.has(sql)) return now(sql)
      timers.set(
        sql,
        setTimeout(() => now(sql), leaveMilliseconds),
      )
    },
    /** Does `work` first. */
    async after<T>(sql: Sql, work: () => Promise<T>): Promise<T> {
      uses.set(sql, (uses.get(sql) ?? 0) + 1)
      try {
        return await work()
      } finally {
        const left = (uses.get(sql) ?? 0) - 1
        if (left > 0) uses.set(sql, left)
        else uses.delete(sql)
        if (left === 0 && timers.has(sql)) now(sql)
      }
    },
  }
}

/** Drizzle writes into a driver's options how it wants values. */
function likewise(sql: Sql, { options: { parsers, serializers } }: Sql): Sql {
  Object.assign(sql.options.parsers, parsers)
  Object.assign(sql.options.serializers, serializers)
  return sql
}

function facade(current: () => Sql): Sql {
  const transact = (work: (transaction: TransactionSql) => Promise<unknown>) => begin(current(), work)
  return new Proxy(current(), {
    apply: (_, self, values) => Reflect.apply(current(), self, values),
    get: (_, key) => (key === 'begin' ? transact : Reflect.get(current(), key)),
  })
}

/** The one connection to the embedded database: it fails only with the database, and the process with that. */
export const fixedPool = (sql: Sql): Pool => ({
  sql,
  use: (work) => work(sql),
  abandon: nothing,
  reconnect: nothing,
  end: (options) => sql.end(options),
})

function nothing() {
  // There is no other to turn to.
}
