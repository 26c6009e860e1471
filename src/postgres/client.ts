import type { Sql } from 'postgres'

/** The text of a statement, its parameters, and whether it is prepared. */
export type Query = Parameters<Sql['unsafe']>

/** Runs when it is awaited; `values()` runs it for rows that are arrays. */
export type Statement = PromiseLike<unknown> & { values(): PromiseLike<unknown> }

/** The client of a transaction, or of a savepoint in it. */
export type Transaction = {
  unsafe(...query: Query): Statement
  savepoint<T>(work: (savepoint: Transaction) => Promise<T>): Promise<T>
}

/** The part of postgres.js that Drizzle uses. Admission and tracing are functions from one client to another. */
export type Client = {
  unsafe(...query: Query): Statement
  begin<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>
  /** Drizzle writes into them how it wants values. */
  options: Pick<Sql['options'], 'parsers' | 'serializers'>
}

/** How the rows of a statement are wanted: as objects or as arrays. */
type Fetch = (statement: Statement) => PromiseLike<unknown>

/** A statement that `run` makes, and reads with what it is given, once somebody awaits it. */
export function lazyStatement(run: (fetch: Fetch) => Promise<unknown>): Statement {
  return {
    // biome-ignore lint/suspicious/noThenProperty: a statement of postgres.js is awaited, too.
    then: (...handlers) => run((statement) => statement).then(...handlers),
    values: () => run((statement) => statement.values()),
  }
}
