import { decodeJwt } from 'jose'
import type { Sql } from 'postgres'

type Traces = { sql: Sql; lines: object[]; secrets: Set<string> }

/** Throws when a password, token or jti of a test is in the log or the database of the service. */
export async function assertNothingLeaked({ sql, lines, secrets }: Traces) {
  assertNothingIn('log', lines, secrets)
  assertNothingIn('database', await withRetries(() => dump(sql)), secrets)
}

/** Throws when a secret, or a part that is as valuable, is in a text or in the JSON of an object. */
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

/** Retries: a test may have closed all connections of the service just before. */
async function withRetries<T>(work: () => Promise<T>, tries = 3): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (tries === 1) throw error
    return withRetries(work, tries - 1)
  }
}

async function dump(sql: Sql): Promise<string> {
  const tables = await sql`select tablename from pg_tables where schemaname = 'public'`
  const rows = await Promise.all(tables.map(({ tablename }) => sql`select t::text from ${sql(tablename)} t`))
  return JSON.stringify(rows)
}
