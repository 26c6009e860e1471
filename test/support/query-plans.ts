import { drizzle } from 'drizzle-orm/postgres-js'
import type { Sql, TransactionSql } from 'postgres'
import { type Client, lazyStatement, type Query, type Transaction } from '../../src/postgres/client'
import type { Db } from '../../src/postgres/rows'

/** One step of a plan, with the names that `explain (analyze, format json)` gives its parts. */
type Step = {
  'Node Type': string
  'Relation Name'?: string
  'Index Name'?: string
  'Actual Rows': number
  'Actual Loops': number
  'Rows Removed by Filter'?: number
  Plans?: Step[]
}

/** How a table is read: by which indexes, in how many scans without one, and how many rows are looked at. */
export type Reads = { indexes: string[]; scans: number; rows: number }

/** Runs the statements of `work` under EXPLAIN ANALYZE and undoes them; tells how they read the table. */
export async function readsOf(sql: Sql, table: string, work: (db: Db) => Promise<unknown>): Promise<Reads> {
  const steps: Step[] = []
  const undone = new Error('undone')
  const explaining = sql.begin(async (transaction) => {
    // Drizzle uses of its driver what a Client has, and nothing else.
    await work(drizzle(explained(sql, transaction, steps) as Sql))
    throw undone
  })
  await explaining.catch((error: unknown) => {
    if (error !== undone) throw error
  })
  return summary(steps, table)
}

function explained(sql: Sql, transaction: TransactionSql, steps: Step[]): Client {
  const unsafe = (...query: Query) =>
    lazyStatement(async (fetch) => {
      await explain(transaction, query, steps)
      return await fetch(transaction.unsafe(...query))
    })
  const inner: Transaction = { unsafe, savepoint: (work) => work(inner) }
  return { unsafe, begin: (work) => work(inner), options: sql.options }
}

/** ANALYZE runs the statement, and what it changed is not there for the real one. */
async function explain(transaction: TransactionSql, [text, parameters]: Query, steps: Step[]) {
  const undone = new Error('undone')
  const explaining = transaction.savepoint(async (savepoint) => {
    const [row] = await savepoint.unsafe(`explain (analyze, format json) ${text}`, parameters)
    steps.push(...flat(row?.['QUERY PLAN'][0].Plan))
    throw undone
  })
  await explaining.catch((error: unknown) => {
    if (error !== undone) throw error
  })
}

const flat = (step: Step): Step[] => [step, ...(step.Plans ?? []).flatMap(flat)]

function summary(steps: Step[], table: string): Reads {
  const scans = steps.filter((step) => step['Relation Name'] === table && step['Node Type'].endsWith('Scan'))
  // The index of a bitmap scan is in a step below it, which does not name the table.
  const indexes = steps.flatMap(({ 'Index Name': name }) => (name?.startsWith(`${table}_`) ? [name] : []))
  return {
    indexes: [...new Set(indexes)].toSorted(),
    scans: scans.filter((step) => step['Node Type'] === 'Seq Scan').length,
    rows: scans.reduce((sum, step) => sum + rowsOf(step), 0),
  }
}

const rowsOf = (step: Step) =>
  (step['Actual Rows'] + (step['Rows Removed by Filter'] ?? 0)) * step['Actual Loops']
