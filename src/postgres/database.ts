import { drizzle } from 'drizzle-orm/postgres-js'
import postgres, { type Options, type Sql } from 'postgres'
import type { Load } from '../core/semaphore'
import type { Step } from '../core/tracing'
import type { Client } from './client'
import { createPool, fixedPool } from './pool'
import { probe, probeIdleSeconds } from './probe'
import { admit } from './query-admission'
import type { Db } from './rows'
import { traced } from './traced-queries'

export type Database = {
  db: Db
  /** The driver over the current pool, without admission control: for migrations and backups. */
  readonly sql: Sql
  /** True when the server answers within a second. Calls within half a second share one probe. */
  ping(): Promise<boolean>
  /** The connections that `db` may use at a time. */
  readonly poolSize: number
  /** How many connections are in use, and how many queries and transactions wait for one. */
  readonly load: Load
  /** Replaces the pool: work outside `db` lost a connection. */
  reconnect(): void
  /** Calls `listener` when a COMMIT was sent and not confirmed: the transaction may have taken effect. */
  onInDoubtCommit(listener: () => void): void
  /** Calls `listener` when the server had no room for another connection, at most once a minute. */
  onConnectionRefused(listener: (connections: number) => void): void
  /** Closes every connection; waits at most a second for those in use. */
  close(): Promise<void>
}

type Target =
  | { url: string; poolSize: number; statementTimeoutMilliseconds: number }
  | { socketPath: string; statementTimeoutMilliseconds: number }

/** An instance has one connection for its listener and one for its probe. */
export const connectionsBesidePool = 2

// The lock timeout is shorter than the statement timeout, so that the error names the lock.
const lockTimeoutShare = 0.5
const idleInTransactionMilliseconds = 10_000
const deadlineSlackMilliseconds = 500
// The caller of close() has finished its work. A query that is still open then is stuck.
const closeSeconds = 1

/**
 * Opens a pool on PostgreSQL, or one connection on the embedded database. It connects with the first query. With `step`,
 * queries are traced. See docs/workarounds.md#pglite-socket-one-connection.
 */
export function openDatabase(target: Target, step: Step | null = null): Database {
  const { statementTimeoutMilliseconds } = target
  const isEmbedded = 'socketPath' in target
  const connections = isEmbedded ? 1 : target.poolSize
  const options = {
    max: connections,
    // Seconds. The first retries are quick, since most outages are restarts.
    backoff: (attempt: number) => Math.min(0.05 * 2 ** attempt, 1),
    connect_timeout: 5,
    onnotice: ignoreNotice,
    // See docs/workarounds.md#postgres-fetch-types.
    fetch_types: false,
    // PGlite has no statement timeout: see docs/workarounds.md#pglite-statement-timeout.
    connection: isEmbedded ? { application_name: 'fastkit' } : limits(statementTimeoutMilliseconds),
  } satisfies Options<Record<string, never>>
  const pool = isEmbedded
    ? fixedPool(postgres({ ...options, path: target.socketPath, user: 'postgres', database: 'postgres' }))
    : createPool(() => postgres(target.url, options))
  // The probe has its own connection, so it neither waits for a busy pool nor takes a connection from it.
  const probePool = isEmbedded
    ? pool
    : createPool(() => postgres(target.url, { ...options, max: 1, idle_timeout: probeIdleSeconds }))
  const deadlineMilliseconds = statementTimeoutMilliseconds + deadlineSlackMilliseconds
  const inDoubtCommits = createListeners<[]>()
  const refusals = createListeners<[connections: number]>()
  // After a failover the old server may stay up, and new connections reach its successor.
  const reconnectAll = () => {
    for (const { reconnect } of [pool, probePool]) reconnect()
  }
  const { client, load } = admit(pool, {
    connections,
    deadlineMilliseconds,
    onInDoubtCommit: inDoubtCommits.call,
    onConnectionRefused: atMostOnceAMinute(refusals.call),
  })
  return {
    db: drizzle(asDriver(step ? traced(client, step) : client)),
    get sql() {
      return pool.sql
    },
    poolSize: connections,
    load,
    ping: probe({ client, probePool, onReadOnly: isEmbedded ? null : reconnectAll }),
    reconnect: pool.reconnect,
    onInDoubtCommit: inDoubtCommits.add,
    onConnectionRefused: refusals.add,
    close: async () => {
      await Promise.all([pool, probePool].map(({ end }) => end({ timeout: closeSeconds })))
    },
  }
}

// Guarantee: Drizzle 0.45 (postgres-js/driver.js and session.js) uses only the members that a Client has.
const asDriver = (client: Client) => client as Sql

const ignoreNotice = () => {
  // Notices such as "relation exists, skipping" are for interactive use.
}

/** Settings that the queries and the driver rely on, whatever the server, the database or the role sets. */
export const sessionSettings = {
  client_encoding: 'UTF8',
  DateStyle: 'ISO, YMD',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  bytea_output: 'hex',
  extra_float_digits: 1,
  standard_conforming_strings: 'on',
  default_transaction_isolation: 'read committed',
} as const

const limits = (statementTimeoutMilliseconds: number) => ({
  ...sessionSettings,
  application_name: 'fastkit',
  statement_timeout: statementTimeoutMilliseconds,
  lock_timeout: Math.ceil(statementTimeoutMilliseconds * lockTimeoutShare),
  // Frees the locks of a client that the network cut off. By default the server would keep them for two hours.
  idle_in_transaction_session_timeout: idleInTransactionMilliseconds,
  tcp_keepalives_idle: 10,
  tcp_keepalives_interval: 5,
  tcp_keepalives_count: 3,
})

function createListeners<A extends unknown[]>() {
  const listeners: ((...args: A) => void)[] = []
  return {
    add: (listener: (...args: A) => void) => void listeners.push(listener),
    call(...args: A) {
      for (const listener of listeners) listener(...args)
    },
  }
}

function atMostOnceAMinute<A extends unknown[]>(call: (...args: A) => void) {
  let calledAt = Number.NEGATIVE_INFINITY
  return (...args: A) => {
    if (performance.now() - calledAt < 60_000) return
    calledAt = performance.now()
    call(...args)
  }
}
