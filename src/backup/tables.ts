import type { TransactionSql } from 'postgres'
import { sessionSettings } from '../postgres/database'

/** A table and its columns. The database has quoted all names for SQL. */
export type Table = { name: string; columns: string[] }
/** Proves that a copy of a table is complete. The checksum is a sum over the rows, so it ignores their order. */
export type TableChecksum = { name: string; rows: string; checksum: string }
export type Sequence = { name: string; value: string }
export type AppliedMigration = { name: string; hash: string }

/** Makes the text of values the same on every server, for the rest of the transaction. */
export const pinSettings = (sql: TransactionSql) =>
  sql.unsafe(
    Object.entries({ ...sessionSettings, ...withoutLimits, search_path: 'pg_catalog' })
      .map(([name, value]) => `set local ${name} = '${value}'`)
      .join(';'),
  )

const withoutLimits = { statement_timeout: 0, idle_in_transaction_session_timeout: 0 }

/** Every table but that of migrations. A referenced table comes before those that refer to it, unless there is a cycle. */
export async function tablesOf(sql: TransactionSql): Promise<Table[]> {
  const tables = await sql.unsafe<Table[]>(`
    select format('%I.%I', n.nspname, c.relname) as name,
      array_to_json(array(select quote_ident(attname) from pg_attribute
        where attrelid = c.oid and attnum > 0 and not attisdropped and attgenerated = '' order by attnum)) as columns
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'r' and ${isUserSchema('n.nspname')} and c.relname <> 'fastkit_migrations'
    order by 1`)
  const references = await sql.unsafe<{ from: string; to: string }[]>(`
    select ${qualified('conrelid')} as from, ${qualified('confrelid')} as to
    from pg_constraint where contype = 'f' and conrelid <> confrelid`)
  return inForeignKeyOrder([...tables], [...references])
}

/** The last value of every sequence that was used, including those of identity columns. */
export const sequencesOf = async (sql: TransactionSql): Promise<Sequence[]> => [
  ...(await sql.unsafe<Sequence[]>(`
    select format('%I.%I', schemaname, sequencename) as name, last_value::text as value
    from pg_sequences where ${isUserSchema('schemaname')} and last_value is not null order by 1`)),
]

/** The migrations that made the schema, oldest first. */
export async function migrationsOf(sql: TransactionSql): Promise<AppliedMigration[]> {
  const [list] = await sql`select to_regclass('public.fastkit_migrations') is not null as "isThere"`
  if (!list?.['isThere']) return []
  return [
    ...(await sql<
      AppliedMigration[]
    >`select name, hash from public.fastkit_migrations order by applied_at, name`),
  ]
}

/** Counts the rows of a table and computes its checksum. Throws the error of the database for a damaged table. */
export async function tableChecksum(sql: TransactionSql, { name, columns }: Table): Promise<TableChecksum> {
  const values = columns.length > 0 ? `row(${columns.join()})::text` : `''`
  const [sum] = await sql.unsafe<TableChecksum[]>(`
    select count(*)::text as rows,
      coalesce(sum(('x' || encode(substring(sha256(convert_to(${values}, 'UTF8')) for 8), 'hex'))::bit(64)::bigint), 0)::text
        as checksum from ${name}`)
  if (!sum) throw new Error(`${name} could not be counted`)
  return { name, rows: sum.rows, checksum: sum.checksum }
}

const isUserSchema = (schema: string) => `${schema} !~ '^pg_' and ${schema} <> 'information_schema'`

const qualified = (oid: string) =>
  `(select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = ${oid})`

function inForeignKeyOrder(tables: Table[], references: { from: string; to: string }[]): Table[] {
  const ordered: Table[] = []
  let remaining = tables
  while (remaining.length > 0) {
    const waiting = new Set(remaining.map(({ name }) => name))
    const isFree = ({ name }: Table) => !references.some(({ from, to }) => from === name && waiting.has(to))
    const free = remaining.filter(isFree)
    // A cycle has no first table, so any is taken.
    const next = free.length > 0 ? free : remaining.slice(0, 1)
    ordered.push(...next)
    remaining = remaining.filter((table) => !next.includes(table))
  }
  return ordered
}
