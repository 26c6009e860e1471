import type { TransactionSql } from 'postgres'
import { type Sequence, sequencesOf, type Table } from './tables'

/** Values as PostgreSQL writes them; `null` is NULL. */
export type Row = (string | null)[]

/** A part of a database: some rows of a table (none, where it is empty), or the last value of a sequence. */
export type Chunk = { table: Table; rows: Row[] } | { sequence: Sequence }

// About what one query brings: it is in memory several times.
const chunkBytes = 1024 * 1024

/** Rows and sequences, a table at a time, in chunks of about a megabyte. `sql` is a transaction, see `pinSettings`. */
export async function* exportTables(sql: TransactionSql, tables: Table[]): AsyncGenerator<Chunk> {
  for (const table of tables) {
    yield { table, rows: [] }
    yield* rowsOf(sql, table)
  }
  for (const sequence of await sequencesOf(sql)) yield { sequence }
}

/** In the order of the disk: no sorting, no index, and each page is read once. */
async function* rowsOf(sql: TransactionSql, table: Table): AsyncGenerator<Chunk> {
  const { pages, bytesOfPage } = await extentOf(sql, table)
  const step = Math.max(1, Math.floor(chunkBytes / bytesOfPage))
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

/** A page counts with its share of what is stored apart because it is long. */
async function extentOf(sql: TransactionSql, { name }: Table) {
  const [extent] = await sql<{ bytes: number; pageBytes: number; allBytes: number }[]>`
    select pg_relation_size(${name}::text::regclass)::float8 as bytes, pg_table_size(${name}::text::regclass)::float8 as "allBytes",
      current_setting('block_size')::float8 as "pageBytes"`
  if (!extent) throw new Error(`${name} has no size`)
  const pages = Math.ceil(extent.bytes / extent.pageBytes)
  return { pages, bytesOfPage: extent.allBytes / Math.max(1, pages) }
}

const decode = (value: Uint8Array | null) => (value === null ? null : Buffer.from(value).toString())
