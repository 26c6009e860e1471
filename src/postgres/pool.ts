import type { Sql } from 'postgres'
import { fail } from '../core/errors'
import { connectionFault } from './database-errors'

/** Connections that are all replaced when one of them turns out to be lost or read-only. */
export type Pool = {
  /** The driver over the current connections. Read it again after a failure: it may be another. */
  readonly sql: Sql
  /** Runs `work` and replaces the connections if it lost one. Throws `database_unavailable` during the backoff. */
  use<T>(work: (sql: Sql) => Promise<T>): Promise<T>
  /** Replaces connections on which a reply is long overdue: the server may have forgotten them. */
  abandon(sql: Sql): void
  /** Replaces the current connections after work outside `use` failed. */
  reconnect(): void
  end(options: { timeout: number }): Promise<void>
}

// Time for work on replaced connections to finish: one of them failed, the others may be healthy.
const drainMilliseconds = 5000
// The backoff after a second failure in a row, and its limit, so that a server that is down or full is not flooded.
const minBackoffMilliseconds = 50
const maxBackoffMilliseconds = 1000
const readOnlyRetryMilliseconds = 1000

/**
 * A pool that never uses a connection again after it died: postgres.js may take the next reply for the result of the
 * query that died. See docs/workarounds.md#postgres-dead-connection.
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
  /** Waits before the next attempt from the second failure in a row. */
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
    // After a failover, a new connection may reach a server that accepts writes.
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

/** Ends replaced connections once they are idle. See docs/workarounds.md#postgres-end. */
function createDrain() {
  const useCounts = new Map<Sql, number>()
  const timers = new Map<Sql, Timer>()
  const now = (sql: Sql) => {
    clearTimeout(timers.get(sql))
    timers.delete(sql)
    void sql.end({ timeout: 0 })
  }
  return {
    now,
    later(sql: Sql) {
      if (!useCounts.has(sql)) return now(sql)
      timers.set(
        sql,
        setTimeout(() => now(sql), drainMilliseconds),
      )
    },
    /** Counts `work` as a use of the connections. */
    async track<T>(sql: Sql, work: () => Promise<T>): Promise<T> {
      useCounts.set(sql, (useCounts.get(sql) ?? 0) + 1)
      try {
        return await work()
      } finally {
        const remaining = (useCounts.get(sql) ?? 0) - 1
        if (remaining > 0) useCounts.set(sql, remaining)
        else useCounts.delete(sql)
        if (remaining === 0 && timers.has(sql)) now(sql)
      }
    },
  }
}

/** Copies the parsers that Drizzle has set. See docs/workarounds.md#drizzle-driver-options. */
function withTypesOf(sql: Sql, { options: { parsers, serializers } }: Sql): Sql {
  Object.assign(sql.options.parsers, parsers)
  Object.assign(sql.options.serializers, serializers)
  return sql
}

/** The one connection to the embedded database. It fails only when the database does, which ends the process. */
export const fixedPool = (sql: Sql): Pool => ({
  sql,
  use: (work) => work(sql),
  abandon: noop,
  reconnect: noop,
  end: (options) => sql.end(options),
})

function noop() {
  // No other connection exists.
}
