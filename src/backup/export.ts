import type { TransactionSql } from 'postgres'
import { type Sequence, sequencesOf, type Table } from './tables'

/** The values of a row in the text format of PostgreSQL; `null` is NULL. */
export type Row = (string | null)[]

/** A part of a database: rows of a table, or the last value of a sequence. An empty table has a chunk without rows. */
export type Chunk = { table: Table; rows: Row[] } | { sequence: Sequence }

// The approximate result of one query. Memory holds several copies of it.
const chunkBytes = 1024 * 1024

/** Yields rows, table by table, and then sequences. `sql` is a transaction with the settings of `pinSettings`. */
export async function* exportTables(sql: TransactionSql, tables: Table[]): AsyncGenerator<Chunk> {
  for (const table of tables) {
    yield { table, rows: [] }
    yield* rowsOf(sql, table)
  }
  for (const sequence of await sequencesOf(sql)) yield { sequence }
}

/** Reads ranges of pages: this needs no sort and no index, and reads each page once. */
async function* rowsOf(sql: TransactionSql, table: Table): AsyncGenerator<Chunk> {
  const { pages, bytesPerPage } = await extentOf(sql, table)
  const step = Math.max(1, Math.floor(chunkBytes / bytesPerPage))
  for (let page = 0; page < pages; page += step) {
    const rows = await sql
      .unsafe(
        `select ${table.columns.join()} from only ${table.name}
         where ctid >= '(${page},0)'::tid and ctid < '(${page + step},0)'::tid`,
      )
      .raw()
    if (rows.length > 0) yield { table, rows: rows.map((row) => row.map(decode)) }
  }
}

/** The bytes of a page include its share of the TOAST table, which holds long values. */
async function extentOf(sql: TransactionSql, { name }: Table) {
  const [extent] = await sql<{ bytes: number; pageBytes: number; allBytes: number }[]>`
    select pg_relation_size(${name}::text::regclass)::float8 as bytes, pg_table_size(${name}::text::regclass)::float8 as "allBytes",
      current_setting('block_size')::float8 as "pageBytes"`
  if (!extent) throw new Error(`${name} has no size`)
  const pages = Math.ceil(extent.bytes / extent.pageBytes)
  return { pages, bytesPerPage: extent.allBytes / Math.max(1, pages) }
}

const decode = (value: Uint8Array | null) => (value === null ? null : Buffer.from(value).toString())
