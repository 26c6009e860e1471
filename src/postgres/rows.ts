import { type SQL, type SQLWrapper, sql } from 'drizzle-orm'
import type { PgDatabase } from 'drizzle-orm/pg-core'
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

/**
 * Matches the keys that `query` finds, for a batch of a cleanup. PostgreSQL plans `in (…)` as a join, which may read the
 * whole table even when the query finds nothing.
 */
export const isAmong = (key: SQLWrapper, query: SQLWrapper): SQL => sql`${key} = any(array(${query}))`

/** Builds a query once for each pool or transaction. Only a prepared query saves the second round trip. */
export function prepared<T>(build: (db: Db) => T): (db: Db) => T {
  const made = new WeakMap<Db, T>()
  return (db) => {
    const query = made.get(db) ?? build(db)
    made.set(db, query)
    return query
  }
}
