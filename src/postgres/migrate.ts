import type { PendingQuery, Row, Sql, TransactionSql } from 'postgres'
import { translate } from './database-errors'
import { begin } from './driver-transaction'
import { locks } from './lock-keys'
import type { Migration } from './migrations'

/** The schema and this executable do not match: the schema is newer, or a migration was edited. */
export class MigrationRefused extends Error {
  override readonly name = 'MigrationRefused'
}

// Long enough for another instance to finish its migrations.
const lockTimeout = '60s'

type Applied = Map<string, string>

/**
 * Applies the missing migrations, each in its own transaction, and returns their names. Safe on many machines at once.
 * Aborting `signal` rolls back the current one. Throws MigrationRefused or `database_unavailable`.
 * See docs/workarounds.md#drizzle-migrate.
 */
export async function migrate(sql: Sql, migrations: Migration[], signal?: AbortSignal): Promise<string[]> {
  try {
    const applied = await readApplied(sql)
    assertKnown(applied, migrations)
    const missing = migrations.filter(({ name }) => !applied.has(name))
    for (const migration of missing)
      await begin(sql, (transaction) => applyOnce(transaction, migration, signal))
    return missing.map(({ name }) => name)
  } catch (error) {
    throw translate(error)
  }
}

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

/** Applies a migration once. The lock is one of the transaction, so it works through a transaction-pooling proxy. */
export async function applyOnce(transaction: TransactionSql, { name, sql }: Migration, signal?: AbortSignal) {
  await transaction.unsafe(`set local statement_timeout = 0; set local lock_timeout = '${lockTimeout}'`)
  await cancelOnAbort(transaction`select pg_advisory_xact_lock(${locks.migration})`, signal)
  await transaction`create table if not exists fastkit_migrations
    (name text primary key, hash text not null, applied_at timestamptz not null default now())`
  const [applied] = await transaction`select 1 from fastkit_migrations where name = ${name}`
  if (applied) return
  await cancelOnAbort(transaction.unsafe(sql), signal)
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
