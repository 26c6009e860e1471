import type { PendingQuery, Row, Sql, TransactionSql } from 'postgres'
import { sleep } from '../core/abort-signal'
import { isLockConflict, translate } from './database-errors'
import { begin } from './driver-transaction'
import { locks } from './lock-keys'
import type { Migration } from './migrations'

/** The schema and this executable do not match: the schema is newer, or a migration was edited. */
export class MigrationRefused extends Error {
  override readonly name = 'MigrationRefused'
}

/** The database cannot store every text. */
class EncodingRefused extends Error {
  override readonly name = 'EncodingRefused'
}

/** Another transaction held a lock that a migration needs for too long. */
export class MigrationBlocked extends Error {
  override readonly name = 'MigrationBlocked'
}

// Short, because the queries of running instances queue behind a migration that waits for a lock.
const lockTimeoutMilliseconds = 1000
const firstPauseMilliseconds = 250
const maxPauseMilliseconds = 5000
const defaultMaxWaitMilliseconds = 5 * 60_000

// Foreign keys of migrations have it. The tables are in the first schema of the search path, whatever its name is.
const schemaQualifier = '"public".'

type Applied = Map<string, string>

type Options = {
  /** Cancels the migration that is under way and rolls it back. */
  stop?: AbortSignal | undefined
  /** How long locks are tried for, over all attempts: five minutes unless given. */
  maxWaitMilliseconds?: number
  /** Called before each pause after an attempt that did not get its locks. */
  onBlocked?(error: unknown, pauseMilliseconds: number): void
}

/**
 * Applies the missing migrations, each in its own transaction, and returns their names. Safe on many machines at once.
 * Aborting `stop` rolls back the current one. Throws MigrationRefused, EncodingRefused, MigrationBlocked
 * or `database_unavailable`.
 * See docs/workarounds.md#drizzle-migrate.
 */
export async function migrate(sql: Sql, migrations: Migration[], options: Options = {}): Promise<string[]> {
  try {
    await assertEncoding(sql)
    const applied = await readApplied(sql)
    assertKnown(applied, migrations)
    const missing = migrations.filter(({ name }) => !applied.has(name))
    for (const migration of missing) await applyBetweenLocks(sql, migration, options)
    return missing.map(({ name }) => name)
  } catch (error) {
    throw translate(error)
  }
}

/** Throws EncodingRefused. */
export async function assertEncoding(sql: Sql | TransactionSql) {
  const [row] = await sql`select current_setting('server_encoding') as encoding`
  if (row?.['encoding'] === 'UTF8') return
  throw new EncodingRefused(
    `the database has the encoding ${row?.['encoding']}; create one with: createdb --encoding=UTF8 --template=template0`,
  )
}

/** Applies a migration. It waits one second for a lock, so that no query waits behind it for longer, then tries again. */
async function applyBetweenLocks(sql: Sql, migration: Migration, options: Options) {
  const { stop = new AbortController().signal, maxWaitMilliseconds = defaultMaxWaitMilliseconds } = options
  const deadline = performance.now() + maxWaitMilliseconds
  let pause = firstPauseMilliseconds
  for (;;) {
    try {
      return await begin(sql, (transaction) => applyOnce(transaction, migration, { stop }))
    } catch (error) {
      if (!isLockConflict(error)) throw error
      if (performance.now() + pause > deadline) throw blocked(migration)
      options.onBlocked?.(error, pause)
    }
    await sleep(pause, stop)
    pause = Math.min(pause * 2, maxPauseMilliseconds)
  }
}

const blocked = ({ name }: Migration) =>
  new MigrationBlocked(
    `migration ${name} needs a lock that another transaction holds; pg_stat_activity lists open transactions`,
  )

/** True when every migration is applied and no other. Throws `database_unavailable`. */
export async function isMigrated(sql: Sql, migrations: Migration[]): Promise<boolean> {
  try {
    const applied = await readApplied(sql)
    return applied.size === migrations.length && migrations.every(({ name }) => applied.has(name))
  } catch (error) {
    throw translate(error)
  }
}

async function readApplied(sql: Sql): Promise<Applied> {
  const [table] = await sql`select to_regclass('fastkit_migrations') as name`
  if (!table?.['name']) return new Map()
  const rows = await sql<{ name: string; hash: string }[]>`select name, hash from fastkit_migrations`
  return new Map(rows.map(({ name, hash }) => [name, hash]))
}

/** The migrations that a database or backup has, to create the same schema elsewhere. Throws MigrationRefused. */
export function migrationsBehind(
  what: string,
  applied: { name: string; hash: string }[],
  migrations: Migration[],
): Migration[] {
  const names = new Map(applied.map(({ name, hash }) => [name, hash]))
  assertKnown(names, migrations, what)
  return migrations.filter(({ name }) => names.has(name))
}

function assertKnown(applied: Applied, migrations: Migration[], what = 'the database') {
  const known = new Map(migrations.map((migration) => [migration.name, hashOf(migration)]))
  for (const [name, hash] of applied) {
    if (!known.has(name)) {
      throw new MigrationRefused(`${what} is newer than this executable: it has migration ${name}`)
    }
    if (known.get(name) !== hash)
      throw new MigrationRefused(`migration ${name} is not the one that was applied`)
  }
}

type Application = { stop?: AbortSignal; lockTimeoutMilliseconds?: number }

/** Applies a migration once. The lock is one of the transaction, so it works through a transaction-pooling proxy. */
export async function applyOnce(
  transaction: TransactionSql,
  { name, sql }: Migration,
  { stop, lockTimeoutMilliseconds: lockTimeout = lockTimeoutMilliseconds }: Application = {},
) {
  await transaction.unsafe(`set local statement_timeout = 0; set local lock_timeout = ${lockTimeout}`)
  await cancelOnAbort(transaction`select pg_advisory_xact_lock(${locks.migration})`, stop)
  await transaction`create table if not exists fastkit_migrations
    (name text primary key, hash text not null, applied_at timestamptz not null default now())`
  const [applied] = await transaction`select 1 from fastkit_migrations where name = ${name}`
  if (applied) return
  await cancelOnAbort(transaction.unsafe(sql.replaceAll(schemaQualifier, '')), stop)
  await transaction`insert into fastkit_migrations (name, hash) values (${name}, ${hashOf({ name, sql })})`
}

/** Without the cancellation the server would finish the statement after the client is gone, and keep its locks. */
async function cancelOnAbort(statement: PendingQuery<Row[]>, signal: AbortSignal | undefined) {
  signal?.throwIfAborted()
  const cancel = () => statement.cancel()
  signal?.addEventListener('abort', cancel)
  try {
    await statement
  } finally {
    signal?.removeEventListener('abort', cancel)
  }
}

const hashOf = ({ sql }: Migration) => new Bun.CryptoHasher('sha256').update(sql).digest('hex')
