import type { Sql } from 'postgres'

/** The text of a statement, its parameters, and whether it is prepared. */
export type Query = Parameters<Sql['unsafe']>

/** A query that runs when it is awaited. `values()` runs it and returns rows as arrays. */
export type Statement = PromiseLike<unknown> & { values(): PromiseLike<unknown> }

/** The client inside a transaction or a savepoint. */
export type Transaction = {
  unsafe(...query: Query): Statement
  savepoint<T>(work: (savepoint: Transaction) => Promise<T>): Promise<T>
}

/** The part of postgres.js that Drizzle uses. Admission and tracing are functions from one client to another. */
export type Client = {
  unsafe(...query: Query): Statement
  begin<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>
  /** Drizzle replaces parsers and serializers in here. */
  options: Pick<Sql['options'], 'parsers' | 'serializers'>
}

/** Awaits a statement for rows as objects or as arrays. */
type Fetch = (statement: Statement) => PromiseLike<unknown>

/** Defers `run` until the statement is awaited: Drizzle chooses the form of the rows after it created the statement. */
export function lazyStatement(run: (fetch: Fetch) => Promise<unknown>): Statement {
  return {
    // biome-ignore lint/suspicious/noThenProperty: Drizzle awaits a statement as it awaits one of postgres.js.
    then: (...handlers) => run((statement) => statement).then(...handlers),
    values: () => run((statement) => statement.values()),
  }
}
