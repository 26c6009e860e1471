import { decodeJwt } from 'jose'
import type { Sql } from 'postgres'

type Traces = { sql: Sql; lines: object[]; secrets: Set<string> }

/** Throws when a password, token or jti that passed through the service stands in its log or its database. */
export async function assertNothingLeaked({ sql, lines, secrets }: Traces) {
  assertNothingIn('log', lines, secrets)
  assertNothingIn('database', await persistently(() => dump(sql)), secrets)
}

/** Throws when a secret, or a part of one that is as good, stands in what is written as JSON. */
export function assertNothingIn(place: string, written: object | string, secrets: Set<string>) {
  const text = typeof written === 'string' ? written : JSON.stringify(written)
  for (const secret of secrets) {
    for (const part of [secret, ...partsOf(secret)]) {
      if (text.includes(part)) throw new Error(`a secret of ${part.length} characters stands in the ${place}`)
    }
  }
}

function partsOf(secret: string): string[] {
  if (!secret.startsWith('eyJ')) return []
  try {
    return [decodeJwt(secret).jti ?? '', secret.split('.')[2] ?? ''].filter((part) => part !== '')
  } catch {
    return []
  }
}

/** A test may just have cut every connection of the service: one may still be on its way back. */
async function persistently<T>(work: () => Promise<T>, tries = 3): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (tries === 1) throw error
    return persistently(work, tries - 1)
  }
}

async function dump(sql: Sql): Promise<string> {
  const tables = await sql`select tablename from pg_tables where schemaname = 'public'`
  const rows = await Promise.all(tables.map(({ tablename }) => sql`select t::text from ${sql(tablename)} t`))
  return JSON.stringify(rows)
}
