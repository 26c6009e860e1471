import type { Sql } from 'postgres'
import { fail } from '../core/errors'
import { connectionFault } from './database-errors'

/** Connections that are replaced, all of them, when one turns out to be of no use. */
export type Pool = {
  /** The driver over the connections of the moment; ask again after a failure. */
  readonly sql: Sql
  /** Runs `work` on them and judges by its failure. Throws `database_unavailable` while it is too early to try again. */
  use<T>(work: (sql: Sql) => Promise<T>): Promise<T>
  /** Replaces connections on which an answer is long overdue: nobody knows whether the other side still has them. */
  abandon(sql: Sql): void
  /** Replaces those of the moment: something that does not go through `use` failed. */
  reconnect(): void
  end(options: { timeout: number }): Promise<void>
}

// For work on connections that are replaced while others of them may be well.
const drainMilliseconds = 5000
// Pause after a second failure in a row, and the longest: a server that is down, or full, is not stormed.
const minBackoffMilliseconds = 50
const maxBackoffMilliseconds = 1000
const readOnlyRetryMilliseconds = 1000

/**
 * A connection of postgres.js that dies in the middle of a query keeps it, and takes what the server says to its next
 * start for the answer: it then connects again and again without a pause, and tells nobody. So none is used again.
 */
export function createPool(make: () => Sql): Pool {
  let current = make()
  let madeAt = performance.now()
  let failures = 0
  let retryAt = 0
  const drain = createDrain()

  function replace(sql: Sql) {
    current = withTypesOf(make(), sql)
    madeAt = performance.now()
    drain.later(sql)
  }
  /** A second failure in a row is followed by a pause. */
  function replaceLost(sql: Sql) {
    replace(sql)
    const pause = failures === 0 ? 0 : minBackoffMilliseconds * 2 ** (failures - 1)
    retryAt = performance.now() + Math.min(pause, maxBackoffMilliseconds)
    failures++
  }
  function handleFault(sql: Sql, error: unknown) {
    const fault = connectionFault(error)
    if (fault === null || sql !== current) return
    if (fault === 'lost') return replaceLost(sql)
    // A new session may be allowed to write again, on this server or on the one that was promoted.
    if (performance.now() - madeAt > readOnlyRetryMilliseconds) replace(sql)
  }
  async function use<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    if (performance.now() < retryAt) throw fail('database_unavailable')
    const sql = current
    try {
      const result = await drain.track(sql, () => work(sql))
      if (sql === current) failures = 0
      return result
    } catch (error) {
      handleFault(sql, error)
      throw error
    }
  }

  return {
    get sql() {
      return current
    },
    use,
    abandon(sql) {
      if (sql === current) replaceLost(sql)
      drain.now(sql)
    },
    reconnect: () => replace(current),
    end: (options) => current.end(options),
  }
}

/** Ends connections that were replaced once nothing is done on them; `end` itself would strand open transactions. */
function createDrain() {
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
        setTimeout(() => now(sql), drainMilliseconds),
      )
    },
    /** Counts `work` as a use of the connections. */
    async track<T>(sql: Sql, work: () => Promise<T>): Promise<T> {
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
function withTypesOf(sql: Sql, { options: { parsers, serializers } }: Sql): Sql {
  Object.assign(sql.options.parsers, parsers)
  Object.assign(sql.options.serializers, serializers)
  return sql
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
