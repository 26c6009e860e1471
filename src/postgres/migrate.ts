import type { PendingQuery, Row, Sql, TransactionSql } from 'postgres'
import { translate } from './database-errors'
import { begin } from './driver-transaction'
import { locks } from './lock-keys'
import type { Migration } from './migrations'

/** The database and this executable do not fit together: a newer schema, or a migration that was edited. */
export class MigrationRefused extends Error {
  override readonly name = 'MigrationRefused'
}

// The lock is waited for as long as another instance may need for its migrations.
const lockTimeout = '60s'

type Applied = Map<string, string>

/**
 * Applies what is missing and answers the names. Safe to run on many machines at once. Each migration commits alone.
 * Given `stop`, one that is under way is cancelled and rolled back. Throws MigrationRefused, or `database_unavailable`.
 */
export async function migrate(sql: Sql, migrations: Migration[], stop?: AbortSignal): Promise<string[]> {
  try {
    const applied = await readApplied(sql)
    assertKnown(applied, migrations)
    const missing = migrations.filter(({ name }) => !applied.has(name))
    for (const migration of missing)
      await begin(sql, (transaction) => applyOnce(transaction, migration, stop))
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

/** The migrations that made `what`, so that its schema can be made elsewhere. Throws MigrationRefused. */
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

/** The lock lives and dies with the transaction, so it also holds through a transaction-pooling proxy. */
export async function applyOnce(transaction: TransactionSql, { name, sql }: Migration, stop?: AbortSignal) {
  await transaction.unsafe(`set local statement_timeout = 0; set local lock_timeout = '${lockTimeout}'`)
  await unless(stop, transaction`select pg_advisory_xact_lock(${locks.migration})`)
  await transaction`create table if not exists fastkit_migrations
    (name text primary key, hash text not null, applied_at timestamptz not null default now())`
  const [applied] = await transaction`select 1 from fastkit_migrations where name = ${name}`
  if (applied) return
  await unless(stop, transaction.unsafe(sql))
  await transaction`insert into fastkit_migrations (name, hash) values (${name}, ${hashOf({ name, sql })})`
}

/** Left alone, the server would go on with a statement whose client is gone, and keep its locks. */
async function unless(stop: AbortSignal | undefined, statement: PendingQuery<Row[]>) {
  stop?.throwIfAborted()
  const cancel = () => statement.cancel()
  stop?.addEventListener('abort', cancel)
  try {
    await statement
  } finally {
    stop?.removeEventListener('abort', cancel)
  }
}

const hashOf = ({ sql }: Migration) => new Bun.CryptoHasher('sha256').update(sql).digest('hex')
