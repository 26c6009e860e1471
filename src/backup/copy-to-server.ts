import postgres, { type Sql, type TransactionSql } from 'postgres'
import { begin } from '../postgres/driver-transaction'
import { applyOnce, assertEncoding, migrationsBehind } from '../postgres/migrate'
import { migrations } from '../postgres/migrations'
import { migrationsOf, type TableChecksum, tablesOf } from './tables'
import { type Contents, exportContents, importContents, type OnChunk, observed } from './transfer'

// The target database is empty, so no other client waits behind the locks of the copy.
const lockTimeoutMilliseconds = 60_000

/** Connects to the target server. */
export const connectServer = (url: string): Sql =>
  postgres(url, {
    max: 1,
    connect_timeout: 10,
    // See docs/workarounds.md#postgres-fetch-types.
    fetch_types: false,
    connection: { application_name: 'fastkit migrate-to' },
    onnotice: () => {
      // Notices are for interactive use.
    },
  })

/** Copies a database in one transaction; returns the checksums of its tables. Throws unless the target is empty. */
export const copyToServer = (from: Sql, to: Sql, onChunk: OnChunk): Promise<TableChecksum[]> =>
  from.begin('isolation level repeatable read read only', (source) =>
    begin(to, async (target) => {
      // The target transaction is idle while the checksums of the source are computed.
      await target`set local idle_in_transaction_session_timeout = 0`
      const contents = await exportContents(source)
      const { sums } = contents
      await prepareSchema(target, contents)
      await importContents(target, { sums, chunks: observed(contents, onChunk) })
      return sums
    }),
  )

/** Creates the schema, or accepts an existing one that is the same and empty. Throws otherwise. */
async function prepareSchema(target: TransactionSql, { migrations: applied }: Contents) {
  await assertEncoding(target)
  const wanted = migrationsBehind('the embedded database', applied, migrations)
  const tables = await tablesOf(target)
  const present = await migrationsOf(target)
  const isSame =
    present.length === 0 ||
    JSON.stringify(present.toSorted(byName)) === JSON.stringify(applied.toSorted(byName))
  if ((present.length === 0 && tables.length > 0) || !isSame)
    throw new Error(`the target database has other tables, such as ${tables[0]?.name}; name an empty one`)
  for (const migration of wanted) await applyOnce(target, migration, { lockTimeoutMilliseconds })
  for (const { name } of tables) {
    await target.unsafe(`lock table ${name} in access exclusive mode`)
    const rows = await target.unsafe(`select from ${name} limit 1`)
    if (rows.length > 0) throw new Error(`the target database is not empty: ${name} has rows`)
  }
}

const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1)
