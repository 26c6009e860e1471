import type { TransactionSql } from 'postgres'
import { type Chunk, exportTables } from './export'
import { importChunks } from './import'
import {
  type AppliedMigration,
  migrationsOf,
  pinSettings,
  type Table,
  type TableChecksum,
  tableChecksum,
  tablesOf,
} from './tables'

/** All that is in a database at one moment, to be kept or to be put elsewhere. */
export type Contents = {
  migrations: AppliedMigration[]
  tables: Table[]
  sums: TableChecksum[]
  chunks: AsyncIterable<Chunk>
}

/** `sql` is a transaction that nobody else's writes get into; `chunks` last as long as it does. */
export async function exportContents(sql: TransactionSql): Promise<Contents> {
  await pinSettings(sql)
  const migrations = await migrationsOf(sql)
  const tables = await tablesOf(sql)
  const sums: TableChecksum[] = []
  for (const table of tables) sums.push(await tableChecksum(sql, table))
  return { migrations, tables, sums, chunks: exportTables(sql, tables) }
}

/** Called with each chunk that has been dealt with, and with the checksums of all tables. */
export type OnChunk = (chunk: Chunk, sums: TableChecksum[]) => void

export async function* observed(
  { chunks, sums }: Pick<Contents, 'chunks' | 'sums'>,
  onChunk: OnChunk,
): AsyncGenerator<Chunk> {
  for await (const chunk of chunks) {
    yield chunk
    onChunk(chunk, sums)
  }
}

/** Fills the empty tables of a schema, and counts and adds up what arrived. Throws unless it is what was sent. */
export async function importContents(
  sql: TransactionSql,
  { chunks, sums }: Pick<Contents, 'chunks' | 'sums'>,
) {
  await pinSettings(sql)
  await importChunks(sql, chunks)
  const sent = new Map(sums.map((sum) => [sum.name, sum]))
  for (const table of await tablesOf(sql)) {
    const arrived = await tableChecksum(sql, table)
    const expected = sent.get(table.name)
    if (arrived.rows !== expected?.rows || arrived.checksum !== expected.checksum)
      throw new Error(
        `${table.name} did not arrive as it was: ${arrived.rows} rows of ${expected?.rows ?? 0}`,
      )
    sent.delete(table.name)
  }
  if (sent.size > 0) throw new Error(`there is no place for ${[...sent.keys()].join(', ')}`)
}
