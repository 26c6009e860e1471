import type { TransactionSql } from 'postgres'
import type { Chunk, Row } from './export'
import { type Sequence, type Table, tablesOf } from './tables'

// Larger statements are not faster, and memory holds several copies of one.
const maxStatementCharacters = 256 * 1024

/**
 * Fills the empty tables of a schema. Foreign keys are dropped first and added again at the end, which checks them: rows
 * may come in any order, cycles included. `sql` is a transaction. Throws for rows that break a constraint.
 */
export async function importChunks(sql: TransactionSql, chunks: AsyncIterable<Chunk>) {
  const tables = new Map((await tablesOf(sql)).map((table) => [table.name, table]))
  const foreignKeys = await sql.unsafe<{ remove: string; add: string }[]>(foreignKeysOfTables)
  for (const { remove } of foreignKeys) await sql.unsafe(remove)
  for (const { name } of tables.values()) await sql.unsafe(`alter table ${name} disable trigger user`)
  for await (const chunk of chunks) {
    if ('sequence' in chunk) await setSequence(sql, chunk.sequence)
    else await insert(sql, requireTable(tables, chunk.table), chunk.rows)
  }
  for (const { name } of tables.values()) await sql.unsafe(`alter table ${name} enable trigger user`)
  for (const { add } of foreignKeys) await sql.unsafe(add)
}

const foreignKeysOfTables = `
  select format('alter table %s drop constraint %I', conrelid::regclass, conname) as remove,
    format('alter table %s add constraint %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) as add
  from pg_constraint where contype = 'f' and conparentid = 0 order by conname`

/** Accepts only tables and columns of this database: names from a backup become part of SQL statements. */
function requireTable(tables: Map<string, Table>, { name, columns }: Table): Table {
  const table = tables.get(name)
  const isSame =
    table !== undefined &&
    table.columns.length === columns.length &&
    table.columns.every((column) => columns.includes(column))
  if (!isSame) throw new Error(`${name} is not a table of this schema with the same columns`)
  return { name, columns }
}

// COPY would be faster: see docs/workarounds.md#pglite-socket-copy.
async function insert(sql: TransactionSql, { name, columns }: Table, rows: Row[]) {
  if (columns.length === 0) {
    for (const _ of rows) await sql.unsafe(`insert into ${name} default values`)
    return
  }
  const into = `insert into ${name} (${columns.join()}) overriding system value values `
  let values: string[] = []
  let size = 0
  const flush = async () => {
    if (values.length > 0) await sql.unsafe(into + values.join())
    values = []
    size = 0
  }
  for (const row of rows) {
    const value = `(${row.map(literal).join()})`
    values.push(value)
    size += value.length
    if (size > maxStatementCharacters) await flush()
  }
  await flush()
}

/** Quotes a value. With `standard_conforming_strings` only the quote needs an escape. */
const literal = (value: string | null) => (value === null ? 'null' : `'${value.replaceAll("'", "''")}'`)

const setSequence = (sql: TransactionSql, { name, value }: Sequence) =>
  sql`select setval(${name}::text::regclass, ${value}::text::bigint)`
