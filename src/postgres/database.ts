import { drizzle } from 'drizzle-orm/postgres-js'
import postgres, { type Options, type Sql } from 'postgres'
import type { Load } from '../core/semaphore'
import type { Step } from '../core/tracing'
import type { Client } from './client'
import { createPool, fixedPool, type Pool } from './pool'
import { admit } from './query-admission'
import type { Db } from './rows'
import { traced } from './traced-queries'

export type Database = {
  db: Db
  /** The driver over the connections of the moment, without admission: for migrations and backups. */
  readonly sql: Sql
  /** True when the server answers within a second. One probe serves everyone who asks within half a second. */
  ping(): Promise<boolean>
  /** The connections that `db` may use at a time. */
  readonly poolSize: number
  /** How many of them are used, and how many queries and transactions wait for one. */
  readonly load: Load
  /** Takes fresh connections: something outside `db` failed on those of the moment. */
  reconnect(): void
  /** Calls `listener` when it is not known whether a transaction took effect: its COMMIT was sent and not confirmed. */
  onInDoubtCommit(listener: () => void): void
  /** Ends every connection; waits at most a second for those in use. */
  close(): Promise<void>
}

type Target =
  | { url: string; poolSize: number; statementTimeoutMilliseconds: number }
  | { socketPath: string; statementTimeoutMilliseconds: number }

// A lock is waited for less long than a statement may take, so that the error names the lock.
const lockTimeoutShare = 0.5
const idleInTransactionMilliseconds = 10_000
const deadlineSlackMilliseconds = 500
// The caller of close() has finished its own work; other work hangs.
const closeSeconds = 1

/**
 * Opens a pool on PostgreSQL, or the one connection on the embedded database. Connects with the first query; with `step`,
 * queries are followed.
 */
export function openDatabase(target: Target, step: Step | null = null): Database {
  const { statementTimeoutMilliseconds } = target
  const isEmbedded = 'socketPath' in target
  const connections = isEmbedded ? 1 : target.poolSize
  const options = {
    max: connections,
    // Seconds: quick at first, since most outages are restarts, and never longer than one.
    backoff: (attempt: number) => Math.min(0.05 * 2 ** attempt, 1),
    connect_timeout: 5,
    onnotice: ignored,
    // Nothing here sends arrays, and a connection that dies while it asks for their types rejects what nobody awaits.
    // Without it `reserve` never answers on a new connection; `begin` does.
    fetch_types: false,
    connection: isEmbedded ? { application_name: 'fastkit' } : limits(statementTimeoutMilliseconds),
  } satisfies Options<Record<string, never>>
  const pool = isEmbedded
    ? fixedPool(postgres({ ...options, path: target.socketPath, user: 'postgres', database: 'postgres' }))
    : createPool(() => postgres(target.url, options))
  // A connection of its own, so that a probe neither waits for a busy pool nor takes a connection of it.
  const probed = isEmbedded
    ? pool
    : createPool(() => postgres(target.url, { ...options, max: 1, idle_timeout: probeIdleSeconds }))
  const deadlineMilliseconds = statementTimeoutMilliseconds + deadlineSlackMilliseconds
  const listeners: (() => void)[] = []
  const onInDoubtCommit = () => {
    for (const listener of listeners) listener()
  }
  const { client, load } = admit(pool, { connections, deadlineMilliseconds, onInDoubtCommit })
  return {
    db: drizzle(driverOver(step ? traced(client, step) : client)),
    get sql() {
      return pool.sql
    },
    poolSize: connections,
    load,
    ping: probe(probed),
    reconnect: pool.reconnect,
    onInDoubtCommit: (listener) => void listeners.push(listener),
    close: async () => {
      await Promise.all([pool, probed].map(({ end }) => end({ timeout: closeSeconds })))
    },
  }
}

// Drizzle 0.45 (postgres-js/driver.js and session.js) uses of its driver what a Client has, and nothing else.
const driverOver = (client: Client) => client as Sql

const ignored = () => {
  // Notices such as "relation exists, skipping" are for people at a prompt.
}

const limits = (statementTimeoutMilliseconds: number) => ({
  application_name: 'fastkit',
  statement_timeout: statementTimeoutMilliseconds,
  lock_timeout: Math.ceil(statementTimeoutMilliseconds * lockTimeoutShare),
  // The locks of a client that is cut off must not outlive it for long; by itself the server waits two hours.
  idle_in_transaction_session_timeout: idleInTransactionMilliseconds,
  tcp_keepalives_idle: 10,
  tcp_keepalives_interval: 5,
  tcp_keepalives_count: 3,
})

const probeTimeoutMilliseconds = 1000
const probeCacheMilliseconds = 500
const probeIdleSeconds = 60
// After this long the connection counts as lost and is replaced.
const probeOverdueMilliseconds = 3000

/** One query at a time, however long it takes: what hangs must not gather more behind it. */
function probe(pool: Pool) {
  let underway: Promise<boolean> | null = null
  let latest: Promise<boolean> | null = null
  const ask = () =>
    pool
      .use((sql) => abandonWhenOverdue(pool, sql))
      .then(
        () => true,
        () => false,
      )
      .finally(() => {
        underway = null
      })
  return () => {
    if (latest) return latest
    underway ??= ask()
    const current = Promise.race([underway, Bun.sleep(probeTimeoutMilliseconds).then(() => false)])
    latest = current
    void current.then(() => setTimeout(() => (latest = null), probeCacheMilliseconds).unref())
    return current
  }
}

async function abandonWhenOverdue(pool: Pool, sql: Sql) {
  const timer = setTimeout(() => pool.abandon(sql), probeOverdueMilliseconds)
  try {
    await sql`select 1`
  } finally {
    clearTimeout(timer)
  }
}
