import type { TransactionSql } from 'postgres'
import { dump, type Piece } from './export'
import { load } from './import'
import {
  type AppliedMigration,
  migrationsOf,
  settle,
  sumOf,
  type Table,
  type TableSum,
  tablesOf,
} from './tables'

/** All that is in a database at one moment, to be kept or to be put elsewhere. */
export type Contents = {
  migrations: AppliedMigration[]
  tables: Table[]
  sums: TableSum[]
  pieces: AsyncIterable<Piece>
}

/** `sql` is a transaction that nobody else's writes get into; `pieces` last as long as it does. */
export async function contentsOf(sql: TransactionSql): Promise<Contents> {
  await settle(sql)
  const migrations = await migrationsOf(sql)
  const tables = await tablesOf(sql)
  const sums: TableSum[] = []
  for (const table of tables) sums.push(await sumOf(sql, table))
  return { migrations, tables, sums, pieces: dump(sql, tables) }
}

/** Fills the empty tables of a schema, and counts and adds up what arrived. Throws unless it is what was sent. */
export async function fill(sql: TransactionSql, { pieces, sums }: Pick<Contents, 'pieces' | 'sums'>) {
  await settle(sql)
  await load(sql, pieces)
  const sent = new Map(sums.map((sum) => [sum.name, sum]))
  for (const table of await tablesOf(sql)) {
    const arrived = await sumOf(sql, table)
    const expected = sent.get(table.name)
    if (arrived.rows !== expected?.rows || arrived.checksum !== expected.checksum)
      throw new Error(
        `${table.name} did not arrive as it was: ${arrived.rows} rows of ${expected?.rows ?? 0}`,
      )
    sent.delete(table.name)
  }
  if (sent.size > 0) throw new Error(`there is no place for ${[...sent.keys()].join(', ')}`)
}
