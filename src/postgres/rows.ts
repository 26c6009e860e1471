import { lt, sql } from 'drizzle-orm'
import type { PgColumn, PgDatabase, PgTable } from 'drizzle-orm/pg-core'
import type { PostgresJsQueryResultHKT } from 'drizzle-orm/postgres-js'

/** A pool or a transaction. Repositories work with both alike. */
export type Db = PgDatabase<PostgresJsQueryResultHKT>

/** The first row, or `null`. */
export const first = <T>(rows: T[]): T | null => rows[0] ?? null

/** The one row of a write that must return exactly one. Throws otherwise. */
export function only<T>(rows: T[]): T {
  const [row] = rows
  if (rows.length !== 1 || row === undefined) throw new Error(`expected one row, got ${rows.length}`)
  return row
}

type Batch = { key: PgColumn; column: PgColumn; before: Date | string; limit: number }

/**
 * Deletes up to `limit` rows of a table whose `column` is less than `before`, the lowest first. Returns their number.
 * PostgreSQL plans `in (…)` as a join, which may read the whole table even when the query finds nothing.
 */
export async function deleteBatch(db: Db, table: PgTable, { key, column, before, limit }: Batch) {
  const old = db.select({ key }).from(table).where(lt(column, before)).orderBy(column).limit(limit)
  const deleted = await db.delete(table).where(sql`${key} = any(array(${old}))`).returning({ key })
  return deleted.length
}

/** Builds a query once for each pool or transaction. Only a prepared query saves the second round trip. */
export function prepared<T>(build: (db: Db) => T): (db: Db) => T {
  const made = new WeakMap<Db, T>()
  return (db) => {
    const query = made.get(db) ?? build(db)
    made.set(db, query)
    return query
  }
}
