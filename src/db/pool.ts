import type { Sql } from 'postgres'
import { fail } from '../core/errors'
import { connectionFault } from './errors'

/** Connections that are replaced, all of them, when one turns out to be of no use. */
export type Pool = {
  /** The driver over the connections of the moment. */
  sql: Sql
  /** Runs `work` on them and judges by its failure. Throws `database_unavailable` while it is too early to try again. */
  use<T>(work: (sql: Sql) => Promise<T>): Promise<T>
  /** Replaces connections on which an answer is long overdue: nobody knows whether the other side still has them. */
  abandon(sql: Sql): void
  /** Replaces those of the moment: something that does not go through `use` failed. */
  renew(): void
  end(options: { timeout: number }): Promise<void>
}

// For work on connections that are replaced while others of them may be well.
const leaveSeconds = 5
// Pause after a second failure in a row, and the longest: a server that is down, or full, is not stormed.
const firstRestMilliseconds = 50
const longestRestMilliseconds = 1000
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
  const leaving = new Set<Promise<void>>()

  function replace(sql: Sql, timeout: number) {
    if (sql !== current) return
    current = likewise(make(), sql)
    madeAt = performance.now()
    const left = sql.end({ timeout }).finally(() => leaving.delete(left))
    leaving.add(left)
  }
  function judge(sql: Sql, error: unknown) {
    const fault = connectionFault(error)
    // What a server of its own accord allows only to read may be written to elsewhere, or by new sessions.
    if (fault === 'read_only' && performance.now() - madeAt > readOnlyRetryMilliseconds)
      replace(sql, leaveSeconds)
    if (fault === 'lost') rest(sql, leaveSeconds)
  }
  function rest(sql: Sql, timeout: number) {
    if (sql !== current) return
    replace(sql, timeout)
    const pause = failures === 0 ? 0 : firstRestMilliseconds * 2 ** (failures - 1)
    restsUntil = performance.now() + Math.min(pause, longestRestMilliseconds)
    failures++
  }

  return {
    sql: facade(() => current),
    async use(work) {
      if (performance.now() < restsUntil) throw fail('database_unavailable')
      const sql = current
      try {
        const result = await work(sql)
        if (sql === current) failures = 0
        return result
      } catch (error) {
        judge(sql, error)
        throw error
      }
    },
    abandon: (sql) => rest(sql, 0),
    renew: () => replace(current, leaveSeconds),
    async end(options) {
      await Promise.all([current.end(options), ...leaving])
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
  return new Proxy(current(), {
    apply: (_, self, values) => Reflect.apply(current(), self, values),
    get: (_, key) => Reflect.get(current(), key),
  })
}

/** The one connection to the embedded database: it fails only with the database, and the process with that. */
export const fixedPool = (sql: Sql): Pool => ({
  sql,
  use: (work) => work(sql),
  abandon: nothing,
  renew: nothing,
  end: (options) => sql.end(options),
})

function nothing() {
  // There is no other to turn to.
}
