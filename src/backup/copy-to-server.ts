import postgres, { type Sql, type TransactionSql } from 'postgres'
import { begin } from '../postgres/driver-transaction'
import { applyOnce, migrationsBehind } from '../postgres/migrate'
import { migrations } from '../postgres/migrations'
import { migrationsOf, type TableChecksum, tablesOf } from './tables'
import { type Contents, exportContents, importContents, type OnChunk, observed } from './transfer'

// The database there is empty, so nobody waits behind the copy for its locks.
const lockTimeoutMilliseconds = 60_000

/** Connects to the server that is copied to. */
export const connectServer = (url: string): Sql =>
  postgres(url, {
    max: 1,
    connect_timeout: 10,
    fetch_types: false,
    connection: { application_name: 'fastkit migrate-to' },
    onnotice: () => {
      // Notices are for people at a prompt.
    },
  })

/** Copies a database in one transaction; returns the checksums of its tables. Throws unless the target is empty. */
export const copyToServer = (from: Sql, to: Sql, onChunk: OnChunk): Promise<TableChecksum[]> =>
  from.begin('isolation level repeatable read read only', (source) =>
    begin(to, async (target) => {
      // Counting here may take longer than the server lets a transaction wait.
      await target`set local idle_in_transaction_session_timeout = 0`
      const contents = await exportContents(source)
      const { sums } = contents
      await prepareSchema(target, contents)
      await importContents(target, { sums, chunks: observed(contents, onChunk) })
      return sums
    }),
  )

/** Makes the schema, or takes one that is there if it is the same and empty. Throws otherwise. */
async function prepareSchema(target: TransactionSql, { migrations: applied }: Contents) {
  const wanted = migrationsBehind('the embedded database', applied, migrations)
  const tables = await tablesOf(target)
  const present = await migrationsOf(target)
  const isSame =
    present.length === 0 ||
    JSON.stringify(present.toSorted(byName)) === JSON.stringify(applied.toSorted(byName))
  if ((present.length === 0 && tables.length > 0) || !isSame)
    throw new Error(`the database there has other tables, such as ${tables[0]?.name}; name an empty one`)
  for (const migration of wanted) await applyOnce(target, migration, { lockTimeoutMilliseconds })
  for (const { name } of tables) {
    await target.unsafe(`lock table ${name} in access exclusive mode`)
    const rows = await target.unsafe(`select from ${name} limit 1`)
    if (rows.length > 0) throw new Error(`the database there is not empty: ${name} has rows`)
  }
}

const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1)
