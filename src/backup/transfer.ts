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

/** The contents of a database at one moment. */
export type Contents = {
  migrations: AppliedMigration[]
  tables: Table[]
  sums: TableChecksum[]
  chunks: AsyncIterable<Chunk>
}

/** Reads a database. `sql` is a transaction with one snapshot, and `chunks` can be read only while it is open. */
export async function exportContents(sql: TransactionSql): Promise<Contents> {
  await pinSettings(sql)
  const migrations = await migrationsOf(sql)
  const tables = await tablesOf(sql)
  const sums: TableChecksum[] = []
  for (const table of tables) sums.push(await tableChecksum(sql, table))
  return { migrations, tables, sums, chunks: exportTables(sql, tables) }
}

/** Called after each chunk was processed, with the checksums of all tables. */
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

/** Fills the empty tables of a schema. Throws unless the counts and checksums agree with `sums` afterwards. */
export async function importContents(
  sql: TransactionSql,
  { chunks, sums }: Pick<Contents, 'chunks' | 'sums'>,
) {
  await pinSettings(sql)
  await importChunks(sql, chunks)
  const expectedSums = new Map(sums.map((sum) => [sum.name, sum]))
  for (const table of await tablesOf(sql)) {
    const actual = await tableChecksum(sql, table)
    const expected = expectedSums.get(table.name)
    if (actual.rows !== expected?.rows || actual.checksum !== expected.checksum)
      throw new Error(`${table.name} differs after the copy: ${actual.rows} of ${expected?.rows ?? 0} rows`)
    expectedSums.delete(table.name)
  }
  if (expectedSums.size > 0) throw new Error(`the schema has no table ${[...expectedSums.keys()].join(', ')}`)
}
