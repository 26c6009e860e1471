import { type SQL, type SQLWrapper, sql } from 'drizzle-orm'
import type { PgDatabase } from 'drizzle-orm/pg-core'
import type { PostgresJsQueryResultHKT } from 'drizzle-orm/postgres-js'

/** A connection pool or a transaction: repositories cannot tell which. */
export type Db = PgDatabase<PostgresJsQueryResultHKT>

/** The only row, or `null`. */
export const first = <T>(rows: T[]): T | null => rows[0] ?? null

/** The row that a write must have returned. */
export function only<T>(rows: T[]): T {
  const [row] = rows
  if (rows.length !== 1 || row === undefined) throw new Error(`expected one row, got ${rows.length}`)
  return row
}

/**
 * True of a key that `query` finds, for a batch of a cleanup: `in (…)` is planned as a join, which may read the whole table
 * even if the query finds nothing.
 */
export const isAmong = (key: SQLWrapper, query: SQLWrapper): SQL => sql`${key} = any(array(${query}))`

/** Builds a query once for each connection pool: only a prepared one saves the second round trip. */
export function prepared<T>(build: (db: Db) => T): (db: Db) => T {
  const made = new WeakMap<Db, T>()
  return (db) => {
    const query = made.get(db) ?? build(db)
    made.set(db, query)
    return query
  }
}
